"""`flexserve generate`: complete one prompt, or a file of prompts in one batch.

The prompt file (a JSON array of strings) and the output file have FlexFlow Serve's form: for every prompt
a line `[Profile] guid(N) llm_decoding_steps(N) latency(µs) ttft(µs)`, a line `token IDs: …` and the whole
text.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress

from flexserve_apps.cli import memory, options
from flexserve_apps.cli.console import err, loading, out, user_errors

if TYPE_CHECKING:
    from flexserve_core import EngineServer, RequestResult

FIRST_GUID = 1_000_000  # FlexFlow Serve counts its requests from here
PROMPT_PANEL, SAMPLING_PANEL = "Prompt and output", "Sampling"


Prompt = Annotated[
    str | None,
    typer.Option("--prompt", "-p", metavar="TEXT", help="The prompt.", rich_help_panel=PROMPT_PANEL),
]
PromptFile = Annotated[
    Path | None,
    typer.Option(
        metavar="F.json", help="JSON array of prompts, run as a batch.", rich_help_panel=PROMPT_PANEL
    ),
]
OutputFile = Annotated[
    Path | None,
    typer.Option(metavar="F", help="Append results and timings to this file.", rich_help_panel=PROMPT_PANEL),
]
ReceiptFile = Annotated[
    Path | None,
    typer.Option(
        metavar="F.json",
        help="Write what `flexserve replay` needs to compute the answer again.",
        rich_help_panel=PROMPT_PANEL,
    ),
]
Chat = Annotated[
    bool,
    typer.Option(
        "--chat/--raw",
        metavar="",
        help="Ask as a chat turn, or continue the text as it stands.",
        rich_help_panel=PROMPT_PANEL,
    ),
]
Stream = Annotated[
    bool,
    typer.Option("--stream", metavar="", help="Print the text as it comes.", rich_help_panel=PROMPT_PANEL),
]
MaxNewTokens = Annotated[
    int, typer.Option(min=1, metavar="N", help="Length limit.", rich_help_panel=SAMPLING_PANEL)
]
Temperature = Annotated[
    float, typer.Option(min=0.0, metavar="T", help="0 is greedy.", rich_help_panel=SAMPLING_PANEL)
]
TopP = Annotated[
    float, typer.Option(min=0.0, max=1.0, metavar="P", help="1 is off.", rich_help_panel=SAMPLING_PANEL)
]
TopK = Annotated[int, typer.Option(min=0, metavar="K", help="0 is off.", rich_help_panel=SAMPLING_PANEL)]
Seed = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Same seed, same text; drawn when left out.", rich_help_panel=SAMPLING_PANEL
    ),
]
JsonSchema = Annotated[
    Path | None,
    typer.Option(metavar="F.json", help="The text is JSON of this schema.", rich_help_panel=SAMPLING_PANEL),
]
Regex = Annotated[
    str | None,
    typer.Option(metavar="R", help="The text matches this expression.", rich_help_panel=SAMPLING_PANEL),
]


def generate(
    model: options.Model = "demo",
    prompt: Prompt = None,
    prompt_file: PromptFile = None,
    output_file: OutputFile = None,
    receipt_file: ReceiptFile = None,
    chat: Chat = False,
    stream: Stream = False,
    max_new_tokens: MaxNewTokens = 128,
    temperature: Temperature = 0.0,
    top_p: TopP = 1.0,
    top_k: TopK = 0,
    seed: Seed = None,
    json_schema: JsonSchema = None,
    regex: Regex = None,
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
    max_requests_per_batch: options.MaxRequests = None,
    max_seq_length: options.MaxSeqLength = None,
    offload: memory.Offload = None,
    device_memory: memory.DeviceMemory = None,
    host_memory: memory.HostMemory = None,
    offload_dir: memory.OffloadDir = None,
    percent: memory.Percent = None,
) -> None:
    """Complete a prompt, or every prompt of a file.

    Example: [cyan]flexserve generate --chat --prompt "Who are you?" --stream[/]
    """
    with user_errors():
        prompts = read_prompts(prompt, prompt_file)
        if stream and len(prompts) > 1:
            raise _bad(
                "stream", True, f"there are {len(prompts)} prompts", "Leave it out; it goes with one prompt."
            )
        if receipt_file is not None and len(prompts) > 1:
            raise _bad("receipt_file", str(receipt_file), "a receipt is of one prompt", "Use --prompt.")
        output = _Output(output_file)
        settings: dict[str, Any] = {
            "grown": grown,
            "quantization": quantize,
            "ssm_quantization": quantize_ssm,
            "quantize_head": quantize_head,
            "kv_cache_dtype": kv_cache_dtype,
            "dtype": dtype,
            "device": device,
            "max_requests_per_batch": max_requests_per_batch,
            "max_seq_length": max_seq_length,
            **memory.settings(offload, device_memory, host_memory, offload_dir, percent),
        }
        if len(prompts) > 256:
            settings["max_queued_requests"] = len(prompts)
        sampling = {
            "max_new_tokens": max_new_tokens,
            "temperature": temperature,
            "top_p": top_p,
            "top_k": top_k,
            "seed": seed,
            "structured": constraint(json_schema, regex),
        }
        with loading(model) as progress:
            from flexserve_core import build_server, for_many

            config = options.engine_config(model, ssm, no_speculation, speculative_config, **settings)
            if len(prompts) > 1 and max_requests_per_batch is None:
                config = for_many(config, [len(one.encode()) for one in prompts], max_new_tokens)
            engine = build_server(config, progress=progress)
        with engine:
            results = _run(engine, prompts, sampling, chat=chat, stream=stream)
        output.write(prompts, results)
        if receipt_file is not None:
            _write_receipt(receipt_file, engine, results[0])


def _write_receipt(path: Path, engine: EngineServer, result: RequestResult) -> None:
    from flexserve_core import make_receipt

    try:
        path.write_text(make_receipt(engine.info, result).to_json(), encoding="utf-8")
    except OSError as error:
        raise _bad(
            "receipt_file", str(path), f"{error.strerror}", "Name a file that can be written."
        ) from None


def read_prompts(prompt: str | None, prompt_file: Path | None) -> list[str]:
    """The prompts of the command line. Raises ConfigurationError."""
    if (prompt is None) == (prompt_file is None):
        given = "neither" if prompt is None else "both"
        raise _bad("prompt", given, "exactly one of --prompt and --prompt-file is given", "Give one of them.")
    if prompt_file is None:
        return [prompt or ""]
    try:
        prompts = json.loads(prompt_file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        problem = getattr(error, "strerror", None) or f"it is not valid JSON: {error}"
        raise _bad("prompt_file", str(prompt_file), problem, 'It holds ["prompt", …] in UTF-8.') from None
    if not isinstance(prompts, list) or not prompts or not all(isinstance(one, str) for one in prompts):
        raise _bad(
            "prompt_file", str(prompt_file), "it is no non-empty array of strings", 'Write ["prompt", …].'
        )
    return prompts


def constraint(json_schema: Path | None, regex: str | None) -> dict[str, str] | None:
    """What the text must match, if anything. Raises ConfigurationError."""
    if json_schema is None:
        return None if regex is None else {"regex": regex}
    if regex is not None:
        raise _bad("regex", regex, "--json-schema is given too", "Give one of them.")
    try:
        return {"json_schema": json_schema.read_text(encoding="utf-8")}
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or "it is not UTF-8"
        raise _bad("json_schema", str(json_schema), problem, "Name a file with a JSON schema.") from None


def _bad(field: str, value: object, limit: str, remedy: str) -> Exception:
    from flexserve_core import ConfigurationError

    return ConfigurationError(field, value, limit, remedy)


def _run(
    engine: EngineServer, prompts: Sequence[str], sampling: dict[str, Any], *, chat: bool, stream: bool
) -> list[RequestResult]:
    """Submit all prompts at once, print every answer, return the results in order."""
    if engine.info.has_chat_template and not chat:
        err.print("Continuing the text as it stands; --chat asks it as a chat turn.", style="dim")
    named = [{"messages": [{"role": "user", "content": one}]} if chat else {"prompt": one} for one in prompts]
    streams = [
        engine.submit(request) for request in [engine.make_request(**one, **sampling) for one in named]
    ]
    if stream:
        for chunk in iter(streams[0]):
            out.file.write(chunk.text)
            out.file.flush()
            if chunk.result is not None:
                out.file.write("\n")
                return _reported([chunk.result])
    with Progress(console=err, transient=True) as progress:
        bar = progress.add_task("Generating", total=len(streams), visible=len(streams) > 1)
        results = []
        for one in streams:
            results.append(one.result())
            progress.advance(bar)
    for number, result in enumerate(results, 1):
        if len(results) > 1:
            out.print(f"[bold]\\[{number}/{len(results)}][/] {escape(prompts[number - 1])}")
        out.file.write(result.choices[0].text + "\n")
    return _reported(results)


def _reported(results: list[RequestResult]) -> list[RequestResult]:
    """Say on standard error how it went."""
    choices = [result.choices[0] for result in results]
    for result in results:
        if result.error is not None:
            err.print(f"[bold red]Error:[/] {escape(result.error)}")
    tokens = sum(len(one.token_ids) for one in choices)
    steps = sum(one.speculation.llm_steps for one in choices)
    seconds = max(one.timings.total_s for one in choices)
    words = [f"{tokens} tokens in {seconds:.2f} s"]
    if steps:
        words.append(f"{tokens / steps:.2f} tokens per LLM step")
    if len(results) == 1:
        words += [f"seed {results[0].seed}", f"finished: {choices[0].finish_reason.value}"]
    err.print(" · ".join(words), style="dim")
    return results


class _Output:
    """The output file; opened before the model is loaded, so that a bad path costs no load."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        try:
            if path is not None:
                path.open("a", encoding="utf-8").close()
        except OSError as error:
            raise _bad(
                "output_file", str(path), f"{error.strerror}", "Name a file that can be written."
            ) from None

    def write(self, prompts: Sequence[str], results: Sequence[RequestResult]) -> None:
        if self._path is None:
            return
        with self._path.open("a", encoding="utf-8") as file:
            for guid, (prompt, result) in enumerate(zip(prompts, results, strict=True), FIRST_GUID):
                file.write(profile(guid, prompt, result))


def profile(guid: int, prompt: str, result: RequestResult) -> str:
    """One prompt's three parts in FlexFlow Serve's form; token ids and text hold prompt and completion."""
    choice = result.choices[0]
    timings, steps = choice.timings, choice.speculation.llm_steps
    ids = ",".join(str(token) for token in (*result.prompt_token_ids, *choice.token_ids))
    return (
        f"[Profile] guid({guid}) llm_decoding_steps({steps}) "
        f"latency({timings.total_s * 1e6:.1f}) ttft({timings.first_token_s * 1e6:.1f})\n"
        f"token IDs: {ids}\n{prompt}{choice.text}\n"
    )
