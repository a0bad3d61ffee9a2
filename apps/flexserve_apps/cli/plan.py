"""`flexserve plan`: what a model would take and how fast it would be here, before it is loaded."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from flexserve_apps.cli import memory, options
from flexserve_apps.cli.console import loading, out, user_errors


def plan(
    model: options.Model = "demo",
    ssm: Annotated[
        str | None, typer.Option("--ssm", metavar="MODEL", help="Draft model; it always stays in memory.")
    ] = None,
    quantize: Annotated[
        str | None, typer.Option(metavar="KIND", help="Weights as they would be kept: int8 or int4.")
    ] = None,
    kv_cache_dtype: options.KVCacheDtype = None,
    dtype: options.Dtype = None,
    device: options.Device = None,
    device_memory: memory.DeviceMemory = None,
    host_memory: memory.HostMemory = None,
    offload_dir: memory.OffloadDir = None,
    percent: memory.Percent = None,
    batch: Annotated[
        int | None,
        typer.Option(min=1, max=1024, metavar="N", help="Requests in a step. [dim]\\[default: 1][/]"),
    ] = None,
    context: Annotated[
        int, typer.Option(min=1, max=10**7, metavar="N", help="Tokens of each request.")
    ] = 1024,
    measure_again: Annotated[
        bool, typer.Option("--measure-again", metavar="", help="Measure this machine's bandwidths once more.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", metavar="", help="Print one JSON object instead of tables.")
    ] = False,
) -> None:
    """Say what would go where, how long a step would take and why, and which tree and batch to use. Loads no weights.

    Example: [cyan]flexserve plan ./Llama-3.1-8B --ssm ./Llama-3.2-1B --host-memory 6GiB[/]
    """
    with user_errors(), loading(model) as progress:
        from flexserve_core import parse_size, plan_model

        progress("measuring this machine, once" if measure_again else "planning")
        report = plan_model(
            model,
            ssm=ssm,
            quantize=quantize,
            kv_cache_dtype=kv_cache_dtype or "auto",
            dtype=dtype or "auto",
            device=device or "auto",
            device_memory=parse_size("device_memory", device_memory),
            host_memory=parse_size("host_memory", host_memory),
            batch=batch,
            context=context,
            percent=memory.percentages(percent),
            offload_dir=offload_dir,
            measure_again=measure_again,
        )
    if as_json:
        typer.echo(json.dumps(report, indent=2))
    else:
        print_plan(report)


def print_plan(report: dict[str, Any]) -> None:
    """The same as tables."""
    on_gpu = report["memory"]["host"]["limit"] is not None
    compute = report["device"] if on_gpu else "memory"
    weights = Table(title="Where the weights go", title_justify="left", box=None)
    for name in ("what", "each", "of them", compute, *(["host"] if on_gpu else []), "disk"):
        weights.add_column(name, justify="left" if name == "what" else "right")
    for share in report["placement"]:
        where = [share["compute"], *([share["host"]] if on_gpu else []), share["disk"]]
        what = share["what"] + (" (read by rows)" if share["by_rows"] and share["disk"] else "")
        weights.add_row(what, _mib(share["nbytes"]), str(share["count"]), *map(str, where))
    out.print(weights)
    out.print()
    out.print(_memory(report, compute, on_gpu))
    out.print()
    out.print(_speed(report))


def _memory(report: dict[str, Any], compute: str, on_gpu: bool) -> Table:
    table = Table(title="Memory", title_justify="left", box=None)
    for name in ("where", "needed", "limit", "of which"):
        table.add_column(name)
    tiers = {compute: report["memory"]["compute"], **({"host": report["memory"]["host"]} if on_gpu else {})}
    for name, tier in tiers.items():
        parts = {key: size for key, size in tier.items() if key not in ("limit", "needed") and size}
        listed = ", ".join(f"{key.replace('_', ' ')} {_mib(size)}" for key, size in parts.items())
        table.add_row(escape(name), _mib(tier["needed"]), _mib(tier["limit"]), listed)
    table.add_row("disk", _mib(report["memory"]["disk"]["weights"]), "", "weights")
    return table


def _speed(report: dict[str, Any]) -> Table:
    table = Table(title="Speed, as expected", title_justify="left", show_header=False, box=None)
    best = report["recommended"]
    tree = f"{best['tree_nodes']} nodes, {best['tree_depth']} deep" if best["tree_nodes"] else "none"
    rates = report["bandwidths"]
    lines = {
        "a step": f"{report['step_s'] * 1000:.1f} ms, moving {_mib(report['bytes_per_step'])}",
        "bottleneck": report["bottleneck"],
        "tokens": f"{report['tokens_per_s']:.2f} a second, {report['tokens_per_step']:.2f} a step and request",
        "recommended": f"tree: {tree}; batch: {best['batch']}",
        "this machine": f"disk {rates['disk'] / 1e9:.2f} GB/s, memory {rates['memory'] / 1e9:.1f} GB/s"
        + (f", host to device {rates['host_to_device'] / 1e9:.1f} GB/s" if rates["host_to_device"] else ""),
    }
    for name, line in lines.items():
        table.add_row(f"[bold]{name}[/]", escape(line))
    return table


def _mib(size: float) -> str:
    return f"{size / 2**20:,.0f} MiB"
