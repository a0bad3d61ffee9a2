"""The policy that measures before it speculates: the most expected tokens per second of the whole batch.

Before drafting it weighs *arms* (sets of drafters, narrow or wide): tokens expected from tracked acceptance against
the drafters' and the LLM's measured cost, and what such steps have brought. Between the levels of a draft, when the
drafters have said how sure they are, gates decide how deep it goes; after it, the nodes are kept whose chance of
acceptance pays for their row. What pays alone pays beside a prompt. What is switched off is tried again out of a small
budget, a fixed share of the time spent, so that a bad drafter costs a bounded share and a good one is found again.

Source: the objective is that of Sequoia (Chen et al., 2024) and of SpecDec++ (Huang et al., 2024), taken per batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from flexserve_core.policy.acceptance import Calibration, Followed, LevelYields
from flexserve_core.policy.arms import NOBODY, Arm, ArmAcceptance, arms_of
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.forecast import ByDepth, Forecast
from flexserve_core.policy.gate import Gate, Prices
from flexserve_core.policy.hindsight import Hindsight
from flexserve_core.policy.plan import PlannedStep, StepLoad, StepPlan
from flexserve_core.policy.policy import Candidate, Outcome, Timing
from flexserve_core.policy.probes import Probe, ProbeBudgets
from flexserve_core.policy.rest import REST_STEPS, Rest
from flexserve_core.speculation.tree import TokenTree

_PROBE_DEPTH = 2
_STANDS = 4  # steps for which a plan stands: thinking costs time, and catching up serves all of them
_TEACH = 4  # texts of a step that are learned from, in turns: more say little that is new
_NOTHING = StepPlan(NOBODY, 0, 1.0, 1.0)

_Gains = Mapping[Arm, Sequence[float]]  # tokens of the whole batch, by depth


class AdaptivePolicy:
    """`llm`: seconds of the LLM's forward. `drafters`: in the engine's order; those of text in each step but rests."""

    def __init__(self, llm: CostCurve, drafters: Sequence[DrafterCost], max_depth: int) -> None:
        self._forecast = Forecast(llm, drafters)
        self._drafters = drafters
        self._max_depth = max_depth
        self._free = tuple(i for i, drafter in enumerate(drafters) if drafter.level is None)
        self._models = tuple(i for i, drafter in enumerate(drafters) if drafter.level is not None)
        self._arms = arms_of(self._models)
        self._acceptance = ArmAcceptance(self._arms, self._free, max_depth)
        self._calibration = Calibration()
        self._yields = LevelYields()
        self._hindsight = Hindsight()
        self._probes = ProbeBudgets()
        self._hoped_for = 0.0, 0.0  # tokens per second without; what has been paid for hoping
        self._step: PlannedStep | None = None
        self._rest = Rest()
        self._could_speculate = 0  # sequences, in this step
        self._standing, self._stands = _NOTHING, 0  # a plan, and for how many steps it stands
        self._stands_for = 0  # sequences, by order of size
        self._text_stands = _STANDS  # steps for which asking text drafters alone is to stand next
        self._hopes = False  # whether what stands is a hope
        self._teaches = 0  # the first of a step's texts that does

    def costs(self) -> tuple[dict[int, float], ...]:
        """rows → seconds of a forward as believed now: the LLM's, then of each drafter with a model."""
        curves = [self._forecast.llm, *(one.level for one in self._drafters if one.level is not None)]
        return tuple(curve.points() for curve in curves)

    # -- before drafting ------------------------------------------------------------------------------------------

    def rests(self, keys: Sequence[int]) -> bool:
        self._step, self._could_speculate = None, len(keys)
        self._probes.begin_step()
        return self._rest.goes_on(keys)

    def depths(self, candidates: Sequence[Candidate], other_rows: int) -> list[tuple[int, ...]]:
        if not candidates:
            return []
        load = StepLoad.of(candidates, other_rows)
        plan = self._standing_plan(load) or self._decide(load, candidates)
        if plan is None:
            return [(0,) * len(self._drafters) for _ in candidates]
        self._step = self._planned(plan, load)
        depths = {depth: self._of_one(plan, depth) for depth in {c.max_depth for c in candidates}}
        return [depths[candidate.max_depth] for candidate in candidates]

    def max_width(self) -> int | None:
        narrow = self._step is not None and not self._step.plan.arm.wide
        return 1 if narrow else None

    def gate(self, drafter: int) -> Gate | None:
        return self._step.gates.get(drafter) if self._step is not None else None

    def _planned(self, plan: StepPlan, load: StepLoad) -> PlannedStep:
        per_s = self._forecast.tokens_per_s(load)
        keys = load.keys // load.count
        prices = Prices(self._forecast.llm, self._forecast.handling.seconds(2), keys, per_s)
        gates = {
            i: Gate(
                drafter=i,
                wide=plan.arm.wide,
                cost=self._drafters[i],
                yields=self._yields,
                prices=prices,
                tries=self._tries,
                rows=load.other_rows + load.count,
                by_level=plan.by_level,
                draft_s=self._drafters[i].first_level(load.debts[i], load.count, plan.arm.wide),
            )
            for i in plan.arm.drafters
        }
        text_s = self._forecast.asking_text(load)
        once_s = sum(self._drafters[i].once(load.debts[i], load.count) for i in plan.arm.drafters)
        return PlannedStep(plan, load, self._forecast.plain_per_s(load), gates, text_s, once_s)

    def _tries(self, probe: Probe, price_s: float) -> bool:
        return self._probes.now is None and self._probes.affords(probe, price_s)

    def _standing_plan(self, load: StepLoad) -> StepPlan | None:
        """What was decided for this step, too, unless there is something else to do now."""
        if self._stands == 0:
            return None
        if self._standing.arm.drafters and load.scale != self._stands_for:
            return None
        self._stands -= 1
        if self._hopes:
            self._probes.now = Probe.HOPE
        return self._standing

    def _decide(self, load: StepLoad, candidates: Sequence[Candidate]) -> StepPlan | None:
        """None: ask nobody, in this step."""
        gains = {arm: self._acceptance.gains(arm, candidates) for arm in self._arms}
        alone = replace(load, other_rows=0)  # what pays then pays beside a prompt, too
        plain = self._forecast.plain_per_s(load)
        ways = {arm: self._forecast.by_depth(arm, gain, alone) for arm, gain in gains.items()}
        plans = [self._forecast.best(one, alone) for one in ways.values()]
        speedups = [(self._speedup(plan, plain, load), plan) for plan in plans]
        if self._free or not plans:
            text = self._forecast.text_plan(alone)
            speedups.append((self._speedup(text, plain, load), text))
        speedup, best = max(speedups, key=lambda one: one[0])
        if speedup > 1:
            self._rest.end()
            if best.arm.drafters:
                self._let_stand(best, load, _STANDS)
            else:
                self._let_stand(_NOTHING, load, self._text_stands)
            self._text_stands = _STANDS if best.arm.drafters else min(REST_STEPS, 2 * self._text_stands)
            return self._with_probe(best, ways)
        self._text_stands = _STANDS
        if load.other_rows:
            return None
        hope = self._hope(best, plain, load, gains)
        if hope is None:
            self._rest.begin(candidate.key for candidate in candidates)
        else:
            self._let_stand(hope, load, _STANDS, hopes=True)
        return hope

    def _let_stand(self, plan: StepPlan, load: StepLoad, steps: int, hopes: bool = False) -> None:
        """For so many steps, with this one."""
        self._standing, self._stands_for, self._stands, self._hopes = plan, load.scale, steps - 1, hopes

    def _speedup(self, plan: StepPlan, plain: float, load: StepLoad) -> float:
        """Over so many tokens a second. What is to be caught up on is no matter of experience."""
        going_s = plan.seconds - plan.once_s
        going = self._hindsight.speedup(_kind(plan, load), plan.tokens / going_s / plain)
        return going * going_s / plan.lasting_s

    def _of_one(self, plan: StepPlan, max_depth: int) -> tuple[int, ...]:
        """As deep as the gates let it; but of a hope nobody knows at first what a level costs now."""
        begins = self._hopes and self._stands == _STANDS - 1
        most = min(plan.depth, max_depth) if begins else max_depth
        return tuple(
            max_depth if i in self._free else most * (i in plan.arm.drafters)
            for i in range(len(self._drafters))
        )

    def _with_probe(self, best: StepPlan, ways: Mapping[Arm, ByDepth]) -> StepPlan:
        """The best plan, or once in a while everyone."""
        everyone, depth = self._everyone(best.depth)
        if everyone.drafters and everyone != best.arm:
            probe = ways[everyone].plan(depth)
            if self._probes.affords(Probe.EVERYONE, probe.seconds - best.seconds):
                return probe
        return best

    def _hope(self, best: StepPlan, plain: float, load: StepLoad, gains: _Gains) -> StepPlan | None:
        """Nothing pays. What would most, or else every drafter, at the price that was measured at start.

        plain: tokens per second without."""
        shapes = ((best.arm, best.depth), self._everyone(0))
        hopes = [
            self._forecast.by_depth(arm, gains[arm], load, at_start=True).plan(depth)
            for arm, depth in shapes
            if arm.drafters
        ]
        for plan in [*hopes, *[best] * bool(self._free)]:
            price_s = max(0.0, plan.lasting_s - plan.tokens / plain)
            if self._probes.affords(Probe.HOPE, price_s):
                self._hoped_for = plain, price_s
                return plan
        return None

    def _everyone(self, depth: int) -> tuple[Arm, int]:
        return Arm(self._models, wide=True), max(depth, min(_PROBE_DEPTH, self._max_depth))

    # -- after drafting -------------------------------------------------------------------------------------------

    def select(
        self, candidates: Sequence[Candidate], trees: Sequence[TokenTree], other_rows: int
    ) -> list[TokenTree]:
        if not candidates:
            return []
        step = self._step
        if step is not None and not step.plan.arm.wide and step.plan.arm.drafters and not self._free:
            self._forecast.note_kept(step, sum(map(len, trees)), 1.0, 1.0)
            return list(trees)  # chains that the gate has weighed, level by level
        load = step.load if step else StepLoad.of(candidates, other_rows)
        reaches = [
            self._calibration.reach(tree, c.sampled) for tree, c in zip(trees, candidates, strict=True)
        ]
        places = [(i, node) for i, one in enumerate(reaches) for node in range(len(one))]
        reach = np.array([value for one in reaches for value in one])
        nodes = np.array([node for _, node in places])
        ranked = np.lexsort((nodes, -reach))  # the likeliest first, and parents before their children
        spent = (step.draft_s, step.once_s) if step else (0.0, 0.0)
        keep = self._forecast.keep(reach[ranked], load, *spent)
        kept: list[list[int]] = [[] for _ in trees]
        for index, node in (places[number] for number in ranked[:keep]):
            kept[index].append(node)
        chosen = [tree.subset(sorted(some)) for tree, some in zip(trees, kept, strict=True)]
        if step is not None:
            gain = float(reach[ranked[:keep]].sum())
            self._forecast.note_kept(step, keep, gain, float(reach.sum()))
        return chosen

    # -- learning -------------------------------------------------------------------------------------------------

    def observe(self, outcomes: Sequence[Outcome], timing: Timing) -> None:
        if self._forecast.llm.observe(timing.rows, timing.forward_s, timing.keys):
            self._no_longer_busy()
        calm = self._forecast.calm(timing, self._step.draft_s if self._step else 0.0)
        if self._could_speculate:
            for drafter, seconds in zip(self._drafters, timing.draft_s, strict=True):
                if seconds == 0:
                    drafter.not_asked()
            self._probes.earn(calm.forward_s + sum(calm.draft_s))
            self._hindsight.step(_kind(self._step.plan, self._step.load) if self._step else None)
        self._forecast.note_handling(self._could_speculate, outcomes, timing, calm.total_s)
        self._could_speculate = 0
        if outcomes and self._step is not None:
            self._note_drafting(self._step, outcomes, timing, calm)
        for number in range(min(_TEACH, len(outcomes))):
            outcome = outcomes[(self._teaches + number) % len(outcomes)]
            self._learn(self._step.let(outcome) if self._step is not None else outcome)
        self._teaches += _TEACH
        self._step = None

    def _no_longer_busy(self) -> None:
        """The machine was, so what drafting cost and lost meanwhile is no guide."""
        for drafter in self._drafters:
            drafter.forget()
        self._probes.forgive()

    def _learn(self, outcome: Outcome) -> None:
        sampled, wide = outcome.candidate.sampled, outcome.max_width is None
        drafts = [Followed.by(tree, outcome.emitted) for tree in outcome.drafts]
        for i, followed in enumerate(drafts):
            self._calibration.learn(followed, sampled)
            if i in self._models:
                self._yields.learn(i, wide, sampled, followed)
        self._acceptance.learn(outcome, drafts)

    def _note_drafting(
        self, step: PlannedStep, outcomes: Sequence[Outcome], timing: Timing, calm: Timing
    ) -> None:
        tokens = sum(len(outcome.emitted) for outcome in outcomes)
        if self._probes.now is Probe.HOPE:
            plain, price_s = self._hoped_for
            self._probes.charge(calm.total_s - tokens / plain - price_s)
            self._hoped_for = plain, 0.0  # it was paid
        elif self._probes.now is not None:
            self._probes.charge(sum(calm.draft_s) - step.draft_s)
        if not step.load.other_rows:
            going_s = max(calm.total_s / 2, calm.total_s - step.once_s)
            self._hindsight.observe(_kind(step.plan, step.load), tokens, going_s * step.plain_per_s)
        for i, seconds in enumerate(timing.draft_s):
            if seconds > 0:
                self._drafters[i].observe(step.drafted(i, outcomes), seconds)

    def forget(self, key: int) -> None:
        self._acceptance.forget(key)


def _kind(plan: StepPlan, load: StepLoad) -> tuple[Arm, int]:
    """What one plan's success says something about: the same arm for about as many sequences."""
    return plan.arm, load.scale
