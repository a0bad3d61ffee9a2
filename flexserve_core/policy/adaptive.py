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
from typing import TypeVar

import numpy as np

from flexserve_core.policy.acceptance import Calibration, KeptPart, TextYield
from flexserve_core.policy.arms import NOBODY, Arm, ArmAcceptance, arms_of
from flexserve_core.policy.cost import CostCurve, TokenCost, UnitCost
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.plan import PlannedStep, StepLoad, StepPlan, lasting
from flexserve_core.policy.policy import Candidate, Outcome, Timing
from flexserve_core.policy.probes import Probe, ProbeBudgets
from flexserve_core.policy.rest import REST_STEPS, Rest
from flexserve_core.speculation.tree import TokenTree

_PROBE_DEPTH = 2
_DOUBT = 0.02  # a gain has to be larger
_STANDS = 4  # steps for which a plan stands, unthought: thinking costs time, too
_NOTHING = StepPlan(NOBODY, 0, 1.0, 1.0)

_Number = TypeVar("_Number", float, np.ndarray)


class AdaptivePolicy:
    """`llm`: seconds of the LLM's forward. `drafters`: in the engine's order.

    Text drafters are asked in every step that is no rest.
    """

    def __init__(self, llm: CostCurve, drafters: Sequence[DrafterCost], max_depth: int) -> None:
        self._llm = llm
        self._drafters = drafters
        self._max_depth = max_depth
        self._depths = np.arange(1, max_depth + 1)
        self._free = tuple(i for i, drafter in enumerate(drafters) if drafter.level is None)
        self._models = tuple(i for i, drafter in enumerate(drafters) if drafter.level is not None)
        self._arms = arms_of(self._models)
        self._acceptance = ArmAcceptance(self._arms, self._free, max_depth)
        self._calibration = Calibration()
        self._kept = {wide: KeptPart(1.0 + wide) for wide in (False, True)}
        self._text = TextYield()
        self._probes = ProbeBudgets()
        self._hoped_for = 0.0, 0.0  # tokens per second that would show a hope right; the price of hoping
        self._step: PlannedStep | None = None
        self._rest = Rest()
        self._could_speculate = 0  # sequences, in this step
        self._handling, self._plain_handling = UnitCost(), UnitCost()  # sequences, nodes, tokens: a unit each
        self._token_cost = TokenCost()
        self._standing, self._stands = _NOTHING, 0  # a plan, and for how many steps it stands
        self._stands_for = 0  # sequences

    def costs(self) -> tuple[dict[int, float], ...]:
        """rows → seconds of a forward as believed now: the LLM's, then of each drafter with a model."""
        curves = [self._llm, *(one.level for one in self._drafters if one.level is not None)]
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
        best = self._best(load, gains)
        plain = self._plain_worth(load)
        if self._worth(best.tokens, best.lasting_s, load) > plain:
            self._standing, self._stands_for = best if best.arm.drafters else _NOTHING, load.count
            self._stands = _STANDS - 1 if best.arm.drafters else REST_STEPS
            return self._with_probe(best, load, gains)
        if load.other_rows:
            return None
        self._rest.begin(candidate.key for candidate in candidates)
        return self._hope(best, plain, load, gains)

    def _worth(self, tokens: _Number, lasting_s: _Number, load: StepLoad) -> _Number:
        """The more, the better; of plans for the same load."""
        if not load.other_rows:
            return tokens / lasting_s
        alone_s = self._llm.seconds(load.count, load.keys) / load.count
        return tokens * self._token_cost.seconds(alone_s) - lasting_s

    def _plain_worth(self, load: StepLoad) -> float:
        """Nobody is asked; what is to be better than that has to be so by more than nobody can know."""
        seconds = self._llm.seconds(load.other_rows + load.count, load.keys)
        seconds += self._plain_handling.seconds(2 * load.count)
        seconds -= _DOUBT * (seconds - self._llm.seconds(load.other_rows))
        return self._worth(float(load.count), seconds, load)

    def _of_one(self, plan: StepPlan, candidate: Candidate) -> tuple[int, ...]:
        return tuple(
            candidate.max_depth
            if i in self._free
            else min(plan.depth, candidate.max_depth) * (i in plan.arm.drafters)
            for i in range(len(self._drafters))
        )

    def _best(self, load: StepLoad, gains: Mapping[Arm, np.ndarray]) -> StepPlan:
        plans = [self._text_plan(load)]
        for arm, gain in gains.items():
            tokens, seconds, once_s = self._plans(arm, gain, load)
            best = int(self._worth(tokens, lasting(seconds, once_s), load).argmax())
            plans.append(StepPlan(arm, best + 1, float(tokens[best]), float(seconds[best]), once_s))
        return max(plans, key=lambda plan: self._worth(plan.tokens, plan.lasting_s, load))

    def _plan(
        self, arm: Arm, depth: int, gain: np.ndarray, load: StepLoad, at_start: bool = False
    ) -> StepPlan:
        tokens, seconds, once_s = self._plans(arm, gain, load, at_start)
        return StepPlan(arm, depth, float(tokens[depth - 1]), float(seconds[depth - 1]), once_s)

    def _plans(
        self, arm: Arm, gain: np.ndarray, load: StepLoad, at_start: bool = False
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """(tokens, seconds, of which once) of asking these models, and every text drafter, [d]: d + 1 levels deep.

        gain: tokens of the whole batch, by depth. at_start: as drafting was measured at start, if that was less."""
        kept = self._kept[arm.wide]
        gain = kept.share * gain
        seconds = self._verifying(kept.nodes_per_level * self._depths, gain, load)
        once_s = 0.0
        for drafter, debts in ((self._drafters[i], load.debts[i]) for i in arm.drafters):
            first, second = (drafter.seconds(debts, load.count, depth, arm.wide) for depth in (1, 2))
            share = min(1.0, 1.0 / drafter.overhead) if at_start else 1.0
            seconds = seconds + share * (first + (second - first) * (self._depths - 1))
            once_s += share * drafter.catching_up(debts, load.count)
        return load.count + gain, seconds, once_s

    def _text_plan(self, load: StepLoad) -> StepPlan:
        """Asking text drafters alone."""
        nodes, gain = (self._text.nodes, self._text.tokens * load.count) if self._free else (0.0, 0.0)
        seconds = self._verifying(np.array([nodes]), np.array([gain]), load)
        return StepPlan(NOBODY, 0, load.count + gain, float(seconds[0]))

    def _verifying(self, nodes: np.ndarray, gain: np.ndarray, load: StepLoad) -> np.ndarray:
        """Seconds of a step but for asking models. nodes: of one sequence. Arrays: of alternatives."""
        rows = load.other_rows + load.count + (nodes * load.count).round()
        seconds = self._llm.seconds_each(rows, load.keys * (1 + nodes))
        calls = sum(self._drafters[i].seconds(0, load.count, 1, False) for i in self._free)
        return seconds + calls + self._handling.seconds(1) * ((2 + nodes) * load.count + gain)

    def _with_probe(self, best: StepPlan, load: StepLoad, gains: Mapping[Arm, np.ndarray]) -> StepPlan:
        """The best plan, or once in a while a bolder one."""
        deeper = min(best.depth + bool(best.arm.drafters), self._max_depth)
        bolder = {Probe.DEEPER: (best.arm, deeper), Probe.EVERYONE: self._everyone(best.depth)}
        for kind, (arm, depth) in bolder.items():
            if arm.drafters and (arm, depth) != (best.arm, best.depth):
                probe = self._plan(arm, depth, gains[arm], load)
                if self._probes.affords(kind, probe.seconds - best.seconds):
                    return probe
        return best

    def _hope(
        self, best: StepPlan, plain: float, load: StepLoad, gains: Mapping[Arm, np.ndarray]
    ) -> StepPlan | None:
        """Nothing pays. What would most, or else every drafter, at the price that was measured at start.

        plain: tokens per second without."""
        shapes = ((best.arm, best.depth), self._everyone(0))
        hopes = [
            self._plan(*shape, gains[shape[0]], load, at_start=True) for shape in shapes if shape[0].drafters
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
        load = self._step.load if self._step else StepLoad.of(candidates, other_rows)
        reaches = [
            self._calibration.reach(tree, c.sampled) for tree, c in zip(trees, candidates, strict=True)
        ]
        places = [(i, node) for i, one in enumerate(reaches) for node in range(len(one))]
        reach = np.array([value for one in reaches for value in one])
        nodes = np.array([node for _, node in places])
        ranked = np.lexsort((nodes, -reach))  # the likeliest first, and parents before their children
        keep, worth = self._worth_keeping(reach[ranked], load)
        if not other_rows and self._step and not self._step.plan.arm.drafters:
            self._text.observe(float(reach[ranked[:keep]].sum()) / load.count, keep / load.count)
            if worth > self._plain_worth(load):
                self._rest.end()
        kept: list[list[int]] = [[] for _ in trees]
        for index, node in (places[number] for number in ranked[:keep]):
            kept[index].append(node)
        chosen = [tree.subset(sorted(some)) for tree, some in zip(trees, kept, strict=True)]
        for wide, part in self._kept.items():
            if self._step and self._step.plan.arm.drafters and self._step.plan.arm.wide == wide:
                part.observe(chosen, float(reach[ranked[:keep]].sum() / max(reach.sum(), 1e-9)))
            else:
                part.not_drafted()
        return chosen

    def _worth_keeping(self, reaches: np.ndarray, load: StepLoad) -> tuple[int, float]:
        """(how many of the nodes, likeliest first, are worth the most, that worth)."""
        number = np.arange(len(reaches) + 1)
        tokens = load.count + np.concatenate([[0.0], reaches.cumsum()])
        keys = load.keys + number * load.keys // load.count
        seconds = self._llm.seconds_each(load.other_rows + load.count + number, keys)
        seconds += self._handling.seconds(load.count) + self._handling.seconds(1) * (number + tokens)
        spent_s, once_s = (sum(self._step.draft_s), self._step.plan.once_s) if self._step else (0.0, 0.0)
        worths = self._worth(tokens, lasting(seconds + spent_s, once_s), load)
        best = int(worths.argmax())
        return best, float(worths[best])

    # -- learning -------------------------------------------------------------------------------------------------

    def observe(self, outcomes: Sequence[Outcome], timing: Timing) -> None:
        self._llm.observe(timing.rows, timing.forward_s, timing.keys)
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
            self._handling.observe(len(outcomes) + nodes + tokens, timing.other_s)
        else:
            self._plain_handling.observe(2 * tokens, timing.other_s)
        self._token_cost.observe(tokens, timing.forward_s + sum(timing.draft_s) + timing.other_s)

    def forget(self, key: int) -> None:
        self._acceptance.forget(key)
