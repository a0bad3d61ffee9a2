"""What a step would bring and cost, for a way to draft in it: tokens and seconds, learned from the steps before.

Knows nothing of which way is taken, or of when to try what.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import add
from typing import TypeVar

import numpy as np

from flexserve_core.policy.acceptance import KeptPart, TextYield
from flexserve_core.policy.arms import NOBODY, Arm
from flexserve_core.policy.cost import MOST, CostCurve, TokenCost, UnitCost
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.plan import PlannedStep, StepLoad, StepPlan, lasting
from flexserve_core.policy.policy import Outcome, Timing

_DOUBT = 0.05  # a gain has to be larger
_Number = TypeVar("_Number", float, np.ndarray)


@dataclass(frozen=True, slots=True)
class ByDepth:
    """What asking an arm would bring and cost, [d]: d + 1 levels deep."""

    arm: Arm
    count: int  # sequences
    gains: Sequence[float]  # tokens of the whole batch that could be accepted
    tokens: Sequence[float]
    seconds: Sequence[float]
    once_s: float  # of the seconds

    def plan(self, depth: int) -> StepPlan:
        by_level = tuple((gain - above) / self.count for above, gain in pairwise((0.0, *self.gains)))
        at = depth - 1
        return StepPlan(self.arm, depth, self.tokens[at], self.seconds[at], self.once_s, by_level)


class Forecast:
    """`llm`: seconds of the LLM's forward. `drafters`: in the engine's order."""

    def __init__(self, llm: CostCurve, drafters: Sequence[DrafterCost]) -> None:
        self.llm = llm
        self.drafters = drafters
        self.text = TextYield()
        self.kept = {wide: KeptPart(1.0 + wide) for wide in (False, True)}
        self.handling, self.plain_handling = UnitCost(), UnitCost()  # sequences, nodes, tokens: a unit each
        self.token_cost = TokenCost()
        self._free = [drafter for drafter in drafters if drafter.level is None]

    def worth(self, tokens: _Number, lasting_s: _Number, load: StepLoad) -> _Number:
        """The more, the better; of plans for the same load. Tokens per second, unless it has other rows."""
        if not load.other_rows:
            return tokens / lasting_s
        return tokens / self.tokens_per_s(load) - lasting_s

    def plain_per_s(self, load: StepLoad) -> float:
        """Tokens if nobody is asked, without other rows; what is better has to be so by more than nobody can know."""
        return 1.0 / ((1 - _DOUBT) * self._plain_token_s(load.count, load.keys))

    def tokens_per_s(self, load: StepLoad) -> float:
        """What a second is worth: what such steps as the last ones bring in one, or a plain step would."""
        return 1.0 / (min(1.0, self.token_cost.share()) * self._plain_token_s(load.count, load.keys))

    def _plain_token_s(self, count: int, keys: int) -> float:
        return (self.llm.seconds(count, keys) + self.plain_handling.seconds(2 * count)) / count

    def text_plan(self, load: StepLoad) -> StepPlan:
        """Asking text drafters alone."""
        nodes, gain = (self.text.nodes, self.text.tokens * load.count) if self._free else (0.0, 0.0)
        seconds = self.asking_text(load) + self._verifying(nodes, gain, load)
        return StepPlan(NOBODY, 0, load.count + gain, seconds)

    def asking_text(self, load: StepLoad) -> float:
        """Seconds, of every text drafter."""
        return sum(drafter.calls.seconds(load.count) for drafter in self._free)

    def best(self, ways: ByDepth, load: StepLoad) -> StepPlan:
        """The depth that is worth the most."""
        worths = [
            self.worth(tokens, lasting(seconds, ways.once_s), load)
            for tokens, seconds in zip(ways.tokens, ways.seconds, strict=True)
        ]
        return ways.plan(worths.index(max(worths)) + 1)

    def by_depth(self, arm: Arm, gains: Sequence[float], load: StepLoad, at_start: bool = False) -> ByDepth:
        """Of asking these models, and every text drafter. gains: tokens of the whole batch, [d]: d + 1 levels deep.

        at_start: as drafting was measured at start, if that was less."""
        kept = self.kept[arm.wide]
        kept_gains = [kept.share * gain for gain in gains]
        text_s = self.asking_text(load)
        seconds = [
            text_s + self._verifying(depth * kept.nodes_per_level, gain, load)
            for depth, gain in enumerate(kept_gains, 1)
        ]
        once_s = 0.0
        for drafter, debts in ((self.drafters[i], load.debts[i]) for i in arm.drafters):
            drafts = drafter.by_depth(debts, load.count, len(gains), arm.wide, at_start)
            seconds = list(map(add, seconds, drafts))
            once_s += drafter.once(debts, load.count)
        return ByDepth(arm, load.count, gains, [load.count + gain for gain in kept_gains], seconds, once_s)

    def _verifying(self, nodes: float, gain: float, load: StepLoad) -> float:
        """Seconds of a step but for drafting. nodes: of one sequence."""
        rows = load.other_rows + load.count + round(nodes * load.count)
        seconds = self.llm.seconds(rows, round(load.keys * (1 + nodes)))
        return seconds + self.handling.seconds((2 + nodes) * load.count + gain)

    def keep(self, reaches: np.ndarray, load: StepLoad, draft_s: float, once_s: float) -> int:
        """How many of the drafted nodes are worth the most. reaches: of all, the likeliest first."""
        number = np.arange(len(reaches) + 1)
        tokens = load.count + np.concatenate([[0.0], reaches.cumsum()])
        rows = load.other_rows + load.count + number
        seconds = self.llm.seconds_each(rows, load.keys + number * load.keys // load.count)
        seconds += self.handling.seconds(load.count) + self.handling.seconds(1) * (number + tokens)
        worths = self.worth(tokens, lasting(seconds + draft_s, once_s), load)
        return int(worths.argmax())

    def note_kept(self, step: PlannedStep, nodes: int, gain: float, whole: float) -> None:
        """What was kept of a step's drafts. gain: tokens expected of it; whole: of all that was drafted."""
        arm, count = step.plan.arm, step.load.count
        for wide, part in self.kept.items():
            if arm.drafters and arm.wide == wide:
                part.observe(nodes / (count * step.levels), gain / max(whole, 1e-9))
            else:
                part.not_drafted()
        if not arm.drafters and not step.load.other_rows:
            self.text.observe(gain / count, nodes / count)

    def calm(self, timing: Timing, draft_s: float) -> Timing:
        """What a step had taken if nothing had interrupted it: else one bad moment outweighs fifty good steps.

        draft_s: that its drafts should have taken."""
        forward_s = min(timing.forward_s, MOST * self.llm.seconds(timing.rows, timing.keys))
        other_s = min(timing.other_s, MOST * self.handling.seconds(3 * timing.rows))
        most, took = MOST * draft_s, sum(timing.draft_s)
        drafts = timing.draft_s if took <= most else tuple(most / took * one for one in timing.draft_s)
        return Timing(timing.rows, timing.keys, forward_s, drafts, other_s)

    def note_handling(
        self, sequences: int, outcomes: Sequence[Outcome], timing: Timing, calm_s: float
    ) -> None:
        """Of steps that only decode: a prompt's rows are handled otherwise. sequences: that could be drafted for.

        calm_s: the step had taken without interruption."""
        nodes = sum(len(outcome.tree) for outcome in outcomes)
        if timing.rows != sequences + nodes or timing.rows == 0:
            return
        tokens = sequences
        if outcomes:
            tokens = sum(len(outcome.emitted) for outcome in outcomes)
            self.handling.observe(len(outcomes) + nodes + tokens, timing.other_s)
        else:
            self.plain_handling.observe(2 * tokens, timing.other_s)
        keys = timing.keys * sequences // timing.rows
        self.token_cost.observe(tokens * self._plain_token_s(sequences, keys), calm_s)
