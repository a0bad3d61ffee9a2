"""`flexserve serve`: the chat page and the OpenAI-style API in front of one engine."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from flexserve_apps.cli import memory, options
from flexserve_apps.cli.config_file import ConfigFile
from flexserve_apps.cli.console import loading, out, user_errors

if TYPE_CHECKING:
    from flexserve_core import EngineInfo

SERVER_PANEL = "Server"


Host = Annotated[
    str, typer.Option(metavar="ADDRESS", help="Address to listen on.", rich_help_panel=SERVER_PANEL)
]
Port = Annotated[
    int,
    typer.Option(min=0, max=65535, metavar="N", help="0 takes a free port.", rich_help_panel=SERVER_PANEL),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        envvar="FLEXSERVE_API_KEY",
        metavar="KEY",
        help="Ask for this key on every route.",
        show_default=False,
        rich_help_panel=SERVER_PANEL,
    ),
]
AllowUnauthenticated = Annotated[
    bool,
    typer.Option(
        "--allow-unauthenticated",
        metavar="",
        help="Listen to other machines without a key.",
        rich_help_panel=SERVER_PANEL,
    ),
]
NoPage = Annotated[
    bool,
    typer.Option("--no-page", metavar="", help="Only the API, no chat page.", rich_help_panel=SERVER_PANEL),
]
LogRequests = Annotated[
    bool,
    typer.Option(
        "--log-requests", metavar="", help="Log one line for every request.", rich_help_panel=SERVER_PANEL
    ),
]


def serve(
    model: options.Model = "demo",
    grown: options.Grown = None,
    ssm: options.Ssm = None,
    no_speculation: options.NoSpeculation = False,
    speculative_config: options.SpeculativeConfig = None,
    dtype: options.Dtype = None,
    quantize: options.Quantize = None,
    quantize_ssm: options.QuantizeSsm = None,
    quantize_head: options.QuantizeHead = None,
    kv_cache_dtype: options.KVCacheDtype = None,
    device: options.Device = None,
    threads: options.Threads = None,
    host: Host = "127.0.0.1",
    port: Port = 8000,
    api_key: ApiKey = None,
    allow_unauthenticated: AllowUnauthenticated = False,
    no_page: NoPage = False,
    log_requests: LogRequests = False,
    max_requests_per_batch: options.MaxRequests = None,
    max_seq_length: options.MaxSeqLength = None,
    max_tokens_per_batch: options.MaxTokensPerBatch = None,
    offload: memory.Offload = None,
    device_memory: memory.DeviceMemory = None,
    host_memory: memory.HostMemory = None,
    offload_dir: memory.OffloadDir = None,
    percent: memory.Percent = None,
    config: ConfigFile = None,
) -> None:
    """Start the server: chat page at [bold]/[/], OpenAI-style API at [bold]/v1[/].

    Example: [cyan]flexserve serve meta-llama/Llama-3.1-8B-Instruct --ssm meta-llama/Llama-3.2-1B-Instruct[/]
    """
    with user_errors():
        from flexserve_apps.cli import web

        web.check_exposure(host, api_key, allow_unauthenticated)
        settings = options.engine_config(
            model,
            ssm,
            no_speculation,
            speculative_config,
            grown=grown,
            dtype=dtype,
            quantization=quantize,
            ssm_quantization=quantize_ssm,
            quantize_head=quantize_head,
            kv_cache_dtype=kv_cache_dtype,
            device=device,
            threads=threads,
            max_requests_per_batch=max_requests_per_batch,
            max_seq_length=max_seq_length,
            max_tokens_per_batch=max_tokens_per_batch,
            **memory.settings(offload, device_memory, host_memory, offload_dir, percent),
        )
        if log_requests:
            _log_requests()
        with web.bind(host, port) as sock:  # before the model: a busy port should not cost a load
            with loading(model) as progress:
                from flexserve_apps.http import create_app
                from flexserve_core import build_server

                engine = build_server(settings, progress=progress)
                app = create_app(engine, api_key=api_key, page=not no_page)
            address = url(*sock.getsockname()[:2])
            web.run(app, engine, sock, lambda: print_banner(address, engine.info, page=not no_page))
    out.print("Stopped.")


def url(host: str, port: int) -> str:
    """Where a browser on this machine finds the server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)
    return f"http://{host}:{port}"


def print_banner(address: str, info: EngineInfo, *, page: bool) -> None:
    """One line each: where, what, on what, how exact, how fast, how to stop."""
    lines = Table.grid(padding=(0, 2))
    lines.add_column(style="bold")
    if page:
        lines.add_row("Chat page", f"[link={address}/]{address}/[/link]")
    lines.add_row("OpenAI API", f"{address}/v1")
    lines.add_row(
        "Model", escape(f"{info.title} ({info.model_type}, {info.num_parameters / 1e6:.1f} M parameters)")
    )
    lines.add_row("Device", escape(info.device))
    lines.add_row("Precision", escape(info.precision))
    lines.add_row("Speculation", escape(info.speculation))
    lines.add_row("Stop", "Ctrl-C")
    out.print(lines)


def _log_requests() -> None:
    logger = logging.getLogger("flexserve_apps.http")
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
