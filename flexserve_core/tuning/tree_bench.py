"""What trees cost and bring on this machine: rows, acceptance, tokens per second by tree size, the policy's own choice.

All sizes run in one server on the same prompts, in turns, so that a machine whose speed drifts is fair to each. Knows
nothing of terminals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from flexserve_core.config import EngineConfig
from flexserve_core.engine.build import build_server
from flexserve_core.errors import ConfigurationError
from flexserve_core.policy.adaptive import AdaptivePolicy
from flexserve_core.policy.policy import Policy
from flexserve_core.policy.static_tree import best_tree
from flexserve_core.tuning.recorder import Acceptance, Recorder, SizedPolicy
from flexserve_core.tuning.workload import Run, run_prompts

SIZES = (0, 1, 2, 4, 8, 16, 24, 32, 48, 64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeSpeed:
    """nodes: of the tree; None: what the adaptive policy chose. tokens_per_s: of the fastest pass, as other work on the
    machine only ever makes one slower."""

    nodes: int | None
    tokens_per_s: float
    tokens_per_step: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeReport:
    """What `bench_tree` found. costs: model → {rows: seconds}."""

    model: str
    speculation: str
    costs: dict[str, dict[int, float]]
    acceptance: tuple[Acceptance, ...]
    speeds: tuple[SizeSpeed, ...]
    planned_shape: str  # Sequoia's tree for the acceptance by rank
    mean_nodes: float  # of the adaptive policy's trees, steps without one included
    mean_depth: float
    token_mismatches: int  # between any two ways; anything but 0 is a defect


def bench_tree(
    config: EngineConfig,
    prompts: Sequence[str],
    *,
    max_new_tokens: int = 64,
    batch: int = 1,
    rounds: int = 3,
    say: Callable[[str], None] = lambda _: None,
) -> TreeReport:
    """Runs every tree size `rounds` times. Raises ModelError, ConfigurationError (also when nothing would draft)."""
    recorder: Recorder | None = None

    def wrapped(policy: Policy) -> Policy:
        nonlocal recorder
        recorder = Recorder(policy)
        return recorder

    server = build_server(replace(config, policy="adaptive"), say, wrap_policy=wrapped)
    if (
        recorder is None
        or server.info.speculation == "off"
        or not isinstance(recorder.current, AdaptivePolicy)
    ):
        raise ConfigurationError(
            "speculation", "off", "trees are measured with a drafter", "Leave out --no-speculation."
        )
    adaptive = recorder.current
    ways: dict[int | None, Policy] = {
        size: SizedPolicy(size) for size in SIZES if size <= config.max_tree_nodes
    }
    ways[None] = adaptive
    runs: dict[int | None, list[Run]] = {way: [] for way in ways}
    with server:
        recorder.current = ways[max(size for size in ways if size is not None)]
        run_prompts(
            server, prompts, max_new_tokens, batch
        )  # warm up, and count acceptance in the largest tree
        acceptance = recorder.acceptance()
        recorder.current = adaptive
        run_prompts(server, prompts, max_new_tokens, batch)  # so that it has learned
        recorder.clear()
        for number in range(rounds):
            for way, policy in ways.items():
                say(f"round {number + 1} of {rounds}: {'adaptive' if way is None else f'{way} nodes'}")
                before = recorder.nodes.copy(), recorder.depth.copy()
                recorder.current = policy
                runs[way].append(run_prompts(server, prompts, max_new_tokens, batch))
                if way is not None:
                    recorder.nodes, recorder.depth = before  # only the adaptive policy's trees are counted
    return TreeReport(
        model=server.info.model,
        speculation=server.info.speculation,
        costs=dict(zip((server.info.model, *server.info.ssms), adaptive.costs(), strict=True)),
        acceptance=acceptance,
        speeds=tuple(_speed(way, found) for way, found in runs.items()),
        planned_shape=_planned(acceptance, config),
        mean_nodes=_mean(recorder.nodes),
        mean_depth=_mean(recorder.depth),
        token_mismatches=_mismatches([run for found in runs.values() for run in found]),
    )


def _speed(way: int | None, runs: Sequence[Run]) -> SizeSpeed:
    return SizeSpeed(
        nodes=way,
        tokens_per_s=max(run.tokens_per_s for run in runs),
        tokens_per_step=runs[0].tokens_per_step,
    )


def _mean(counts: dict[int, int]) -> float:
    total = sum(counts.values())
    return sum(value * count for value, count in counts.items()) / total if total else 0.0


def _mismatches(runs: Sequence[Run]) -> int:
    """Tokens in which any run differs from the first."""
    return sum(
        sum(a != b for a, b in zip(mine, theirs, strict=False)) + abs(len(mine) - len(theirs))
        for run in runs[1:]
        for mine, theirs in zip(runs[0].tokens, run.tokens, strict=True)
    )


def _planned(acceptance: Sequence[Acceptance], config: EngineConfig) -> str:
    """Nodes per level of Sequoia's best tree of the same size, from acceptance by rank over all depths."""
    shares = []
    for rank in sorted({one.rank for one in acceptance}):
        found = [one for one in acceptance if one.rank == rank]
        shares.append(sum(one.accepted for one in found) / sum(one.offered for one in found))
    if not any(shares):
        return "no draft was accepted"
    tree = best_tree(sorted(shares, reverse=True), config.max_tree_nodes, config.max_tree_depth)
    depths: list[int] = []
    for parent in tree.parents:
        depths.append(1 if parent < 0 else depths[parent] + 1)
    levels = ", ".join(str(depths.count(depth)) for depth in range(1, max(depths) + 1))
    return f"{levels} nodes by level, {tree.expected_tokens:.2f} tokens a step expected"
