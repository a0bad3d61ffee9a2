"""`flexserve info`: what would run here, with which implementations and why, and whether the proof holds."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flexserve_apps.cli import memory, options
from flexserve_apps.cli.console import loading, out, user_errors

if TYPE_CHECKING:
    from flexserve_core import EngineInfo

PACKAGES = (
    *("flexserve", "torch", "transformers", "tokenizers", "safetensors", "numpy", "bitsandbytes", "triton"),
    *("fastapi", "uvicorn", "gradio", "langchain-core"),
)


def info(
    model: options.Model = "demo",
    grown: options.Grown = None,
    ssm: options.Ssm = None,
    no_speculation: options.NoSpeculation = False,
    dtype: options.Dtype = None,
    quantize: options.Quantize = None,
    quantize_ssm: options.QuantizeSsm = None,
    quantize_head: options.QuantizeHead = None,
    kv_cache_dtype: options.KVCacheDtype = None,
    device: options.Device = None,
    offload: memory.Offload = None,
    device_memory: memory.DeviceMemory = None,
    host_memory: memory.HostMemory = None,
    offload_dir: memory.OffloadDir = None,
    percent: memory.Percent = None,
    as_json: Annotated[
        bool, typer.Option("--json", metavar="", help="Print one JSON object instead of tables.")
    ] = False,
) -> None:
    """Load a model and show device, chosen implementations and why, the load-time proof, and versions."""
    with user_errors():
        with loading(model) as progress:
            from flexserve_core import build_server, embedded_models

            places = memory.settings(offload, device_memory, host_memory, offload_dir, percent)
            places |= {
                "quantization": quantize,
                "ssm_quantization": quantize_ssm,
                "quantize_head": quantize_head,
                "kv_cache_dtype": kv_cache_dtype,
            }
            places |= {"grown": grown, "dtype": dtype, "device": device}
            config = options.engine_config(model, ssm, no_speculation, **places)
            engine_info = build_server(config, progress=progress).info
        embedded = embedded_models()
    if as_json:
        whole = {"engine": asdict(engine_info), "embedded_models": embedded, "versions": versions()}
        typer.echo(json.dumps(whole, indent=2))
    else:
        print_info(engine_info, embedded)


def versions() -> dict[str, str | None]:
    """Installed versions; None for what is not installed."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def print_info(info: EngineInfo, embedded: tuple[str, ...]) -> None:
    """The same as tables."""
    limits = info.limits
    facts = {
        "model": f"{info.title} ({info.model_type}, {info.num_parameters:,} parameters)",
        "device": info.device,
        "precision": info.precision,
        "draft models": ", ".join(info.ssms) or "none",
        "speculation": info.speculation,
        "chat template": "yes" if info.has_chat_template else "no",
        "sequence length": f"{limits.max_seq_length} tokens",
        "batch": f"{limits.max_requests_per_batch} requests, {limits.max_tokens_per_batch} rows",
        "embedded models": ", ".join(embedded) or "none",
    }
    _print("Engine", ("", ""), list(facts.items()))
    _print(
        "Chosen implementations",
        ("what", "chosen", "why"),
        [(c.what, c.chosen, c.reason) for c in info.choices],
    )
    proof = [("holds" if item.holds else "DOES NOT HOLD", item.what, item.detail) for item in info.proof]
    _print("Load-time proof: a row's result does not depend on its batch", ("", "what", "detail"), proof)
    _print("Versions", ("", ""), [(name, version or "not installed") for name, version in versions().items()])


def _print(title: str, header: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", show_header=any(header), box=None)
    for index, name in enumerate(header):
        table.add_column(name, style="cyan" if index == 0 else None, no_wrap=index == 0)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    out.print(table, soft_wrap=False)
    out.print()
