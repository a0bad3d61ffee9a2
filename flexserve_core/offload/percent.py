"""FlexGen's `--percent wG wC cG cC aG aC`: shares of weights, cache and activations in device and host memory.

What is left of 100 lies on disk. The cache and activations stay on the device here, and saying otherwise is an error
with its reason (docs/decisions/0010-offload.md). Knows nothing of models.
Source: FlexGen's command line, flex_opt.py.
"""

from __future__ import annotations

from collections.abc import Sequence

from flexserve_core.errors import ConfigurationError

_REMEDY = 'Write it like "50 50 100 0 100 0".'
_FIXED = {
    "cache": "the KV cache of running requests stays where the model computes; sequences that do not fit wait or are "
    "computed again",
    "activations": "a packed batch's activations are a few MiB, so moving them would only cost time",
}


def weight_shares(percent: Sequence[float], host_tier: bool) -> tuple[float, float]:
    """(compute, host) percent of the weights. host_tier: there is a memory between the computing one and the disk.

    ConfigurationError for anything that cannot be done.
    """
    shown = " ".join(f"{value:g}" for value in percent)
    if len(percent) != 6 or any(not 0 <= value <= 100 for value in percent):
        raise ConfigurationError(
            "percent", shown, "it is six numbers from 0 to 100: wG wC cG cC aG aC", _REMEDY
        )
    pairs = {
        name: tuple(percent[i : i + 2]) for i, name in ((0, "weights"), (2, "cache"), (4, "activations"))
    }
    for name, (device, host) in pairs.items():
        if device + host > 100:
            raise ConfigurationError("percent", shown, f"the shares of {name} exceed 100", _REMEDY)
    for name, why in _FIXED.items():
        if pairs[name] != (100, 0):
            raise ConfigurationError("percent", shown, f"{name} can only be 100 0: {why}", _REMEDY)
    if pairs["weights"][1] and not host_tier:
        raise ConfigurationError(
            "percent", shown, "without a GPU the device's memory is host memory, so wC is 0", "Add wC to wG."
        )
    return float(percent[0]), float(percent[1])
