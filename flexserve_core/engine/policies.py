"""Makes the policy that a configuration asks for, from costs measured on this machine.

Knows nothing of how a policy decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from flexserve_core.config import EngineConfig
from flexserve_core.engine.cost_cache import cached_times
from flexserve_core.policy.adaptive import AdaptivePolicy
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.policy import FixedPolicy, Policy
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.runner.timing import ForwardTimes, confirms, time_forwards
from flexserve_core.types import Choice

_PLACES = ("offload", "host_memory", "device_memory", "percent")
_BUDGET_S = 3.0  # of the start-up, for measuring all models together


def is_adaptive(config: EngineConfig) -> bool:
    """Nobody chose a policy: adaptive, unless somebody chose a shape."""
    shaped = config.tree_shape is not None or config.beam_width is not None
    return config.policy == "adaptive" or (config.policy is None and not shaped)


def measure(config: EngineConfig, runners: Sequence[ModelRunner]) -> tuple[list[ForwardTimes], bool]:
    """Forward times of the LLM and of each SSM in turn, and whether all of them were remembered.

    Every runner has a small cache allocated, which is overwritten."""
    found = [
        cached_times(
            _identity(config, runner),
            lambda r=runner: time_forwards(r, _BUDGET_S / len(runners)),
            lambda known, r=runner: confirms(r, known),
        )
        for runner in runners
    ]
    return [times for times, _ in found], all(remembered for _, remembered in found)


def make_policy(
    config: EngineConfig, times: Sequence[ForwardTimes], num_drafters: int, remembered: bool
) -> tuple[Policy, Choice]:
    """The policy for drafters of which the first have models, timed in `times[1:]`; and why it is that one."""
    if num_drafters == 0 or not is_adaptive(config):
        chosen = "a shape was chosen" if config.policy is None else "as configured"
        return FixedPolicy(num_drafters), Choice(what="policy", chosen="fixed", reason=chosen)
    llm, *ssms = times
    costs = [DrafterCost(CostCurve(ssm.points, ssm.per_key)) for ssm in ssms]
    costs += [DrafterCost(None) for _ in range(num_drafters - len(ssms))]
    depth = len(config.tree_shape) if config.tree_shape else config.max_tree_depth
    policy = AdaptivePolicy(CostCurve(llm.points, llm.per_key), costs, depth)
    return policy, Choice(what="policy", chosen="adaptive", reason=_in_words(times, remembered))


def _in_words(times: Sequence[ForwardTimes], remembered: bool) -> str:
    def speeds(one: ForwardTimes) -> str:
        shown = [rows for rows in (1, 16, 64) if rows in one.points]
        return ", ".join(f"{one.points[rows] * 1e3:.1f} ms for {rows}" for rows in shown)

    llm, *ssms = times
    parts = [f"LLM rows: {speeds(llm)}", *(f"SSM rows: {speeds(ssm)}" for ssm in ssms)]
    return f"{'; '.join(parts)} ({'remembered' if remembered else 'measured now'})"


def _identity(config: EngineConfig, runner: ModelRunner) -> dict[str, str]:
    loaded = runner.loaded
    return {
        "model": loaded.name,
        "parameters": str(loaded.num_parameters),
        "layers": str(len(runner.layers)),
        "dtype": str(loaded.dtype),
        "device": str(loaded.device),
        "placement": repr(
            [
                getattr(config, name, None)
                for name in ("quantization", "ssm_quantization", "kv_cache_dtype", *_PLACES)
            ]
        ),
    }
