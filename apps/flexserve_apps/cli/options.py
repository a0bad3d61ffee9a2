"""The options that the commands share, and the engine's settings made of them.

An option left out is left to `EngineConfig`; the defaults shown in `--help` are compared with it by a
test. Knows nothing of models.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from flexserve_core import EngineConfig

MODEL_PANEL = "Model and speculation"
LIMITS_PANEL = "Engine limits"

Model = Annotated[
    str,
    typer.Argument(metavar="MODEL", help="Hugging Face id, local folder, or [bold]demo[/] (embedded)."),
]
Grown = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="100M, 300M or 1.1B: the same answers at the cost of a model of this size, made in memory.",
        rich_help_panel=MODEL_PANEL,
    ),
]
Ssm = Annotated[
    list[str] | None,
    typer.Option(
        "--ssm",
        metavar="MODEL",
        help="Small draft model with the same vocabulary; repeatable. The demo model brings its own.",
        rich_help_panel=MODEL_PANEL,
    ),
]
NoSpeculation = Annotated[
    bool,
    typer.Option(
        "--no-speculation",
        metavar="",
        help="Plain decoding: the same text, one token per LLM step.",
        rich_help_panel=MODEL_PANEL,
    ),
]
SpeculativeConfig = Annotated[
    str | None,
    typer.Option(
        "--speculative-config",
        metavar="JSON",
        help="vLLM's keys: method (draft_model, ngram, suffix or a list), model, num_speculative_tokens, "
        "prompt_lookup_max, …; ours: max_tree_nodes, tree_shape, beam_width, verification (keyed, mss).",
        rich_help_panel=MODEL_PANEL,
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        metavar="DTYPE",
        help="Precision: bfloat16, float16, float32 or auto. [dim]\\[default: auto][/]",
        rich_help_panel=MODEL_PANEL,
    ),
]
Quantize = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="int8 (LLM.int8) or int4 (NF4): quantise the model's linear layers while they are read.",
        rich_help_panel=MODEL_PANEL,
    ),
]
QuantizeSsm = Annotated[
    str | None,
    typer.Option(metavar="KIND", help="The same for the draft models.", rich_help_panel=MODEL_PANEL),
]
QuantizeHead = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="int8: the model's head too. [dim]\\[default: full precision][/]",
        rich_help_panel=MODEL_PANEL,
    ),
]
KVCacheDtype = Annotated[
    str | None,
    typer.Option(
        metavar="KIND",
        help="int8: the model's keys and values in 8 bits. [dim]\\[default: as it computes][/]",
        rich_help_panel=MODEL_PANEL,
    ),
]
Device = Annotated[
    str | None,
    typer.Option(
        metavar="DEVICE",
        help="cpu, cuda, cuda:N or auto. [dim]\\[default: auto][/]",
        rich_help_panel=MODEL_PANEL,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="CPU threads. [dim]\\[default: torch's choice][/]",
        rich_help_panel=MODEL_PANEL,
    ),
]
MaxRequests = Annotated[
    int | None,
    typer.Option(
        "--max-requests-per-batch",
        metavar="N",
        help="Requests that share an LLM step. [dim]\\[default: 16][/]",
        rich_help_panel=LIMITS_PANEL,
    ),
]
MaxSeqLength = Annotated[
    int | None,
    typer.Option(
        "--max-seq-length",
        metavar="N",
        help="Prompt and completion together. [dim]\\[default: the model's limit, at most 4096][/]",
        rich_help_panel=LIMITS_PANEL,
    ),
]
MaxTokensPerBatch = Annotated[
    int | None,
    typer.Option(
        "--max-tokens-per-batch",
        metavar="N",
        help="Rows of an LLM step; longer prompts go in pieces. [dim]\\[default: 512][/]",
        rich_help_panel=LIMITS_PANEL,
    ),
]


def engine_config(
    model: str,
    ssm: list[str] | None,
    no_speculation: bool,
    speculative_config: str | None = None,
    **settings: Any,
) -> EngineConfig:
    """The engine's settings; None leaves one to its default. Raises ConfigurationError."""
    from flexserve_core import ConfigurationError, EngineConfig, engine_fields

    chosen = {name: value for name, value in settings.items() if value is not None}
    if speculative_config is not None:
        if ssm or no_speculation:
            raise ConfigurationError(
                "speculative_config",
                speculative_config,
                "it says all there is to say about speculation",
                "Leave out --ssm and --no-speculation.",
            )
        chosen |= engine_fields(speculative_config)
    if ssm:
        chosen["ssms"] = tuple(ssm)
    return EngineConfig(model=model, speculation=not no_speculation, **chosen)
