"""The options about models larger than memory, and the engine's settings made of them.

Knows nothing of how weights move.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

MEMORY_PANEL = "Models larger than memory"

Offload = Annotated[
    str | None,
    typer.Option(
        "--offload",
        metavar="WHERE",
        help="Where weights live that do not fit: cpu (host memory of a GPU machine), disk, auto, or none. "
        "[dim]\\[default: none; auto when a limit is given][/]",
        rich_help_panel=MEMORY_PANEL,
    ),
]
DeviceMemory = Annotated[
    str | None,
    typer.Option(
        "--device-memory",
        metavar="SIZE",
        help="Limit on the GPU, like 6GiB. [dim]\\[default: most of what is free][/]",
        rich_help_panel=MEMORY_PANEL,
    ),
]
HostMemory = Annotated[
    str | None,
    typer.Option(
        "--host-memory",
        metavar="SIZE",
        help="Limit in host memory, the program included. [dim]\\[default: most of what is free][/]",
        rich_help_panel=MEMORY_PANEL,
    ),
]
OffloadDir = Annotated[
    str | None,
    typer.Option(
        "--offload-dir",
        metavar="FOLDER",
        help="For weights converted at load. [dim]\\[default: the user's cache folder][/]",
        rich_help_panel=MEMORY_PANEL,
    ),
]
Percent = Annotated[
    str | None,
    typer.Option(
        "--percent",
        metavar='"wG wC cG cC aG aC"',
        help="FlexGen's placement by hand: percent of weights, cache and activations on the device and in host "
        "memory, the rest on disk.",
        rich_help_panel=MEMORY_PANEL,
    ),
]


def settings(
    offload: str | None,
    device_memory: str | None,
    host_memory: str | None,
    offload_dir: str | None,
    percent: str | None,
) -> dict[str, Any]:
    """Fields of EngineConfig, without those that were left out. Raises ConfigurationError."""
    from flexserve_core import parse_size

    given = {
        "device_memory": parse_size("device_memory", device_memory),
        "host_memory": parse_size("host_memory", host_memory),
        "offload_dir": offload_dir,
        "percent": percentages(percent),
    }
    given = {name: value for name, value in given.items() if value is not None}
    if offload is not None or given:
        given["offload"] = offload or "auto"
    return given


def percentages(given: str | None) -> tuple[float, ...] | None:
    """The numbers of --percent; what they may be is the core's to say. Raises ConfigurationError."""
    if given is None:
        return None
    from flexserve_core import ConfigurationError

    try:
        return tuple(float(number) for number in given.replace(",", " ").split())
    except ValueError:
        raise ConfigurationError(
            "percent", given, "it is six numbers: wG wC cG cC aG aC", 'Write it like "50 50 100 0 100 0".'
        ) from None
