"""Replays recorded drafts through a policy, without models: what it would have chosen, and how long that had taken.

A recording holds, for every position of a text, the tree each drafter proposes there at full depth, so that any choice
of drafters, depth and nodes can be replayed; a `Machine` says what each forward costs. Time is simulated, so a run is
exact and repeatable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.policy import Candidate, Outcome, Policy, Timing
from flexserve_core.speculation.drafter import Front, LevelGate
from flexserve_core.speculation.tree import TokenTree, merge


@dataclass(frozen=True, slots=True)
class Recording:
    """One text: its tokens, and trees[position][drafter] proposed when `position` of them were known."""

    prompt_length: int
    tokens: tuple[int, ...]
    trees: tuple[tuple[TokenTree, ...], ...]
    sampled: bool = False


@dataclass(frozen=True, slots=True)
class Machine:
    """True costs. levels: a drafter's forward by rows, None for one without a model (it costs `call_s`)."""

    llm: CostCurve
    levels: tuple[CostCurve | None, ...]
    call_s: float = 2e-5


@dataclass(frozen=True, slots=True)
class Report:
    """Totals of a simulated run."""

    tokens: int
    seconds: float
    llm_steps: int
    drafted_nodes: int

    @property
    def tokens_per_s(self) -> float:
        return self.tokens / self.seconds


@dataclass(slots=True)
class _Running:
    key: int
    recording: Recording
    position: int
    seen: list[int]  # per drafter: tokens its cache holds


def simulate(policy: Policy, recordings: Sequence[Recording], machine: Machine, batch: int) -> Report:
    """Run all texts, `batch` at a time, through the policy."""
    waiting = list(enumerate(recordings))[::-1]
    running: list[_Running] = []
    tokens = steps = nodes = 0
    seconds = 0.0
    while waiting or running:
        while waiting and len(running) < batch:
            key, recording = waiting.pop()
            running.append(_Running(key, recording, recording.prompt_length, [0] * len(machine.levels)))
        spent, emitted, drafted = _step(policy, running, machine)
        seconds += spent
        tokens += emitted
        nodes += drafted
        steps += 1
        for done in [one for one in running if one.position >= len(one.recording.tokens)]:
            running.remove(done)
            policy.forget(done.key)
    return Report(tokens, seconds, steps, nodes)


def _step(policy: Policy, running: Sequence[_Running], machine: Machine) -> tuple[float, int, int]:
    """(seconds, emitted tokens, verified nodes)."""
    if policy.rests([one.key for one in running]):
        return _plain_step(policy, running, machine)
    candidates = [_candidate(one, machine) for one in running]
    depths = policy.depths(candidates, 0)
    width = policy.max_width()
    drafts = [_drafts(one, allowed, width) for one, allowed in zip(running, depths, strict=True)]
    for drafter in range(len(machine.levels)):
        _stop_at_gate(policy.gate(drafter), drafter, running, drafts)
    draft_s = tuple(
        _draft_seconds(curve, i, candidates, depths, drafts, machine)
        for i, curve in enumerate(machine.levels)
    )
    trees = policy.select(candidates, [merge([t for t in found if len(t)]) for found in drafts], 0)
    rows = len(running) + sum(len(tree) for tree in trees)
    keys = sum(c.length * (1 + len(tree)) for c, tree in zip(candidates, trees, strict=True))
    forward_s = machine.llm.seconds(rows, keys)
    outcomes = []
    for one, candidate, found, allowed, tree in zip(running, candidates, drafts, depths, trees, strict=True):
        path = tuple(tree.way(one.recording.tokens[one.position :]))
        end = min(one.position + len(path) + 1, len(one.recording.tokens))
        emitted = one.recording.tokens[one.position : end]
        outcomes.append(Outcome(candidate, found, allowed, tree, path[: len(emitted)], emitted, width))
        one.seen = [one.position if depth else seen for seen, depth in zip(one.seen, allowed, strict=True)]
        one.position = end
    policy.observe(outcomes, Timing(rows, keys, forward_s, draft_s))
    emitted_total = sum(len(outcome.emitted) for outcome in outcomes)
    return forward_s + sum(draft_s), emitted_total, sum(len(tree) for tree in trees)


def _plain_step(policy: Policy, running: Sequence[_Running], machine: Machine) -> tuple[float, int, int]:
    keys = sum(one.position for one in running)
    forward_s = machine.llm.seconds(len(running), keys)
    for one in running:
        one.position += 1
    policy.observe([], Timing(len(running), keys, forward_s, (0.0,) * len(machine.levels)))
    return forward_s, len(running), 0


def _candidate(one: _Running, machine: Machine) -> Candidate:
    debts = tuple(
        0 if curve is None else max(1, one.position - seen)
        for curve, seen in zip(machine.levels, one.seen, strict=True)
    )
    left = len(one.recording.tokens) - one.position
    deepest = max((max(t.depths, default=1) for t in one.recording.trees[one.position]), default=1)
    generated = one.position - one.recording.prompt_length
    return Candidate(
        one.key, one.recording.sampled, one.position, max(1, min(deepest, left)), debts, generated
    )


def _drafts(one: _Running, allowed: Sequence[int], width: int | None) -> tuple[TokenTree, ...]:
    """Each drafter's recorded tree, as deep and wide as it was allowed to go."""
    return tuple(
        _cut(tree, most, width) for tree, most in zip(one.recording.trees[one.position], allowed, strict=True)
    )


def _stop_at_gate(
    gate: LevelGate | None, drafter: int, running: Sequence[_Running], drafts: list[tuple[TokenTree, ...]]
) -> None:
    """Cuts this drafter's trees where the gate ends them."""
    if gate is None:
        return
    level, asked = 1, _deeper_than(1, drafter, drafts)
    while asked:
        fronts = [
            Front(running[i].recording.sampled, _log_probs_at(drafts[i][drafter], level)) for i in asked
        ]
        for i, goes_on in zip(asked, gate.going_on(fronts), strict=True):
            if not goes_on:
                found = drafts[i]
                drafts[i] = (*found[:drafter], _cut(found[drafter], level, None), *found[drafter + 1 :])
        level += 1
        asked = _deeper_than(level, drafter, drafts)


def _deeper_than(level: int, drafter: int, drafts: Sequence[Sequence[TokenTree]]) -> list[int]:
    """Places of the texts for which this drafter's tree has deeper levels."""
    return [i for i, found in enumerate(drafts) if max(found[drafter].depths, default=0) > level]


def _log_probs_at(tree: TokenTree, level: int) -> list[float]:
    return [log_prob for log_prob, depth in zip(tree.log_probs, tree.depths, strict=True) if depth == level]


def _cut(tree: TokenTree, max_depth: int, width: int | None) -> TokenTree:
    """At each level the likeliest children of what is left of the level above."""
    kept = {-1}
    for depth in range(1, max_depth + 1):
        level = [i for i, parent in enumerate(tree.parents) if tree.depths[i] == depth and parent in kept]
        kept |= set(sorted(level, key=lambda i: -tree.log_probs[i])[:width])
    return tree.subset(sorted(kept - {-1}))


def _draft_seconds(
    curve: CostCurve | None,
    drafter: int,
    candidates: Sequence[Candidate],
    depths: Sequence[Sequence[int]],
    drafts: Sequence[Sequence[TokenTree]],
    machine: Machine,
) -> float:
    """One forward a level for all sequences; the debts ride in the first."""
    asked = [i for i, allowed in enumerate(depths) if allowed[drafter]]
    if not asked:
        return 0.0
    if curve is None:
        return machine.call_s * len(asked)
    total = curve.seconds(sum(candidates[i].debts[drafter] for i in asked))
    level = 1
    while fed := _deeper_than(level, drafter, drafts):
        total += curve.seconds(sum(drafts[i][drafter].depths.count(level) for i in fed))
        level += 1
    return total
