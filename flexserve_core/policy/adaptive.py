"""The policy that measures before it speculates: the most expected tokens per second of the whole batch.

Before drafting it weighs *arms* (sets of drafters) and depths: tokens expected from tracked acceptance against the
drafters' and the LLM's measured cost. A step that computes prompts, too, takes its time anyhow: there a token is worth
what tokens cost in other steps. After drafting, when the drafters have said how sure they are, it keeps the
nodes whose chance of acceptance pays for their row. What is switched off is tried again out of a small budget, a fixed
share of the time spent, so that a bad drafter costs a bounded share and a good one is found again.

Source: the objective is that of Sequoia (Chen et al., 2024) and of SpecDec++ (Huang et al., 2024), taken per batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from flexserve_core.policy.acceptance import Calibration
from flexserve_core.policy.arms import NOBODY, Arm, ArmAcceptance, arms_of
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.forecast import Forecast
from flexserve_core.policy.plan import PlannedStep, StepLoad, StepPlan
from flexserve_core.policy.policy import Candidate, Outcome, Timing
from flexserve_core.policy.probes import Probe, ProbeBudgets
from flexserve_core.policy.rest import REST_STEPS, Rest
from flexserve_core.speculation.tree import TokenTree

_PROBE_DEPTH = 2
_STANDS = 4  # steps for which a plan stands, unthought: thinking costs time, too
_NOTHING = StepPlan(NOBODY, 0, 1.0, 1.0)

_Gains = Mapping[Arm, np.ndarray]  # tokens of the whole batch, by depth


class AdaptivePolicy:
    """`llm`: seconds of the LLM's forward. `drafters`: in the engine's order.

    Text drafters are asked in every step that is no rest.
    """

    def __init__(self, llm: CostCurve, drafters: Sequence[DrafterCost], max_depth: int) -> None:
        self._forecast = Forecast(llm, drafters)
        self._drafters = drafters
        self._max_depth = max_depth
        self._free = tuple(i for i, drafter in enumerate(drafters) if drafter.level is None)
        self._models = tuple(i for i, drafter in enumerate(drafters) if drafter.level is not None)
        self._arms = arms_of(self._models)
        self._acceptance = ArmAcceptance(self._arms, self._free, max_depth)
        self._calibration = Calibration()
        self._probes = ProbeBudgets()
        self._hoped_for = 0.0, 0.0  # tokens per second that would show a hope right; the price of hoping
        self._step: PlannedStep | None = None
        self._rest = Rest()
        self._could_speculate = 0  # sequences, in this step
        self._standing, self._stands = _NOTHING, 0  # a plan, and for how many steps it stands
        self._stands_for = 0  # sequences

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
        self._step = PlannedStep.of(plan, load, self._drafters)
        return [self._of_one(plan, candidate) for candidate in candidates]

    def max_width(self) -> int | None:
        narrow = self._step is not None and not self._step.plan.arm.wide
        return 1 if narrow else None

    def _standing_plan(self, load: StepLoad) -> StepPlan | None:
        """What was decided for this step, too, unless there is something else to do now."""
        if self._stands == 0 or (self._standing.arm.drafters and load.other_rows):
            return None
        if self._standing.arm.drafters and load.count != self._stands_for:
            return None
        self._stands -= 1
        return self._standing

    def _decide(self, load: StepLoad, candidates: Sequence[Candidate]) -> StepPlan | None:
        """None: ask nobody, in this step."""
        gains = {arm: self._acceptance.gains(arm, candidates) for arm in self._arms}
        plans = [self._forecast.text_plan(load)]
        plans += [self._forecast.best(arm, gain, load) for arm, gain in gains.items()]
        best = max(plans, key=lambda plan: self._forecast.worth(plan.tokens, plan.lasting_s, load))
        plain = self._forecast.plain_worth(load)
        if self._forecast.worth(best.tokens, best.lasting_s, load) > plain:
            self._standing, self._stands_for = best if best.arm.drafters else _NOTHING, load.count
            self._stands = _STANDS - 1 if best.arm.drafters else REST_STEPS
            return self._with_probe(best, load, gains)
        if load.other_rows:
            return None
        self._rest.begin(candidate.key for candidate in candidates)
        return self._hope(best, plain, load, gains)

    def _of_one(self, plan: StepPlan, candidate: Candidate) -> tuple[int, ...]:
        return tuple(
            candidate.max_depth
            if i in self._free
            else min(plan.depth, candidate.max_depth) * (i in plan.arm.drafters)
            for i in range(len(self._drafters))
        )

    def _with_probe(self, best: StepPlan, load: StepLoad, gains: _Gains) -> StepPlan:
        """The best plan, or once in a while a bolder one."""
        deeper = min(best.depth + bool(best.arm.drafters), self._max_depth)
        bolder = {Probe.DEEPER: (best.arm, deeper), Probe.EVERYONE: self._everyone(best.depth)}
        for kind, (arm, depth) in bolder.items():
            if arm.drafters and (arm, depth) != (best.arm, best.depth):
                probe = self._forecast.plan(arm, depth, gains[arm], load)
                if self._probes.affords(kind, probe.seconds - best.seconds):
                    return probe
        return best

    def _hope(self, best: StepPlan, plain: float, load: StepLoad, gains: _Gains) -> StepPlan | None:
        """Nothing pays. What would most, or else every drafter, at the price that was measured at start.

        plain: tokens per second without."""
        shapes = ((best.arm, best.depth), self._everyone(0))
        hopes = [
            self._forecast.plan(*shape, gains[shape[0]], load, at_start=True)
            for shape in shapes
            if shape[0].drafters
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
        load = step.load if step else StepLoad.of(candidates, other_rows)
        reaches = [
            self._calibration.reach(tree, c.sampled) for tree, c in zip(trees, candidates, strict=True)
        ]
        places = [(i, node) for i, one in enumerate(reaches) for node in range(len(one))]
        reach = np.array([value for one in reaches for value in one])
        nodes = np.array([node for _, node in places])
        ranked = np.lexsort((nodes, -reach))  # the likeliest first, and parents before their children
        spent = (sum(step.draft_s), step.plan.once_s) if step else (0.0, 0.0)
        keep, worth = self._forecast.keep(reach[ranked], load, *spent)
        kept: list[list[int]] = [[] for _ in trees]
        for index, node in (places[number] for number in ranked[:keep]):
            kept[index].append(node)
        chosen = [tree.subset(sorted(some)) for tree, some in zip(trees, kept, strict=True)]
        if step is not None:
            gain = float(reach[ranked[:keep]].sum())
            self._note_kept(step, chosen, gain, gain / max(float(reach.sum()), 1e-9), worth)
        return chosen

    def _note_kept(
        self, step: PlannedStep, trees: Sequence[TokenTree], gain: float, share: float, worth: float
    ) -> None:
        """gain: tokens expected of the trees; share: of those expected of all that was drafted."""
        arm, load = step.plan.arm, step.load
        for wide, part in self._forecast.kept.items():
            if arm.drafters and arm.wide == wide:
                part.observe(trees, share)
            else:
                part.not_drafted()
        if not arm.drafters and not load.other_rows:
            self._forecast.text.observe(gain / load.count, sum(map(len, trees)) / load.count)
            if worth > self._forecast.plain_worth(load):
                self._rest.end()

    # -- learning -------------------------------------------------------------------------------------------------

    def observe(self, outcomes: Sequence[Outcome], timing: Timing) -> None:
        self._forecast.llm.observe(timing.rows, timing.forward_s, timing.keys)
        total = timing.forward_s + sum(timing.draft_s)
        if self._could_speculate:
            for drafter, seconds in zip(self._drafters, timing.draft_s, strict=True):
                if seconds == 0:
                    drafter.not_asked()
            self._probes.earn(total)
        self._note_handling(outcomes, timing)
        self._could_speculate = 0
        if outcomes and self._step is not None:
            self._note_drafting(self._step, outcomes, timing)
        self._step = None
        for outcome in outcomes:
            for tree in outcome.drafts:
                self._calibration.learn(tree, outcome.emitted, outcome.candidate.sampled)
            self._acceptance.learn(outcome)

    def _note_drafting(self, step: PlannedStep, outcomes: Sequence[Outcome], timing: Timing) -> None:
        if self._probes.now is Probe.HOPE:
            tokens = sum(len(outcome.emitted) for outcome in outcomes)
            seconds = timing.forward_s + sum(timing.draft_s) + timing.other_s
            plain, price_s = self._hoped_for
            self._probes.charge(seconds - tokens / plain - price_s)
            if tokens > plain * seconds:
                self._rest.end()
        elif self._probes.now is not None:
            self._probes.charge(sum(timing.draft_s) - sum(step.draft_s))
        for i, seconds in enumerate(timing.draft_s):
            if seconds > 0:
                self._drafters[i].observe(step.drafted(i, outcomes), seconds)

    def _note_handling(self, outcomes: Sequence[Outcome], timing: Timing) -> None:
        """Of steps that only decode: a prompt's rows are handled otherwise."""
        nodes = sum(len(outcome.tree) for outcome in outcomes)
        if timing.rows != self._could_speculate + nodes or timing.rows == 0:
            return
        tokens = self._could_speculate
        if outcomes:
            tokens = sum(len(outcome.emitted) for outcome in outcomes)
            self._forecast.handling.observe(len(outcomes) + nodes + tokens, timing.other_s)
        else:
            self._forecast.plain_handling.observe(2 * tokens, timing.other_s)
        self._forecast.token_cost.observe(tokens, timing.forward_s + sum(timing.draft_s) + timing.other_s)

    def forget(self, key: int) -> None:
        self._acceptance.forget(key)
