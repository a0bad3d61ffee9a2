"""What a step would bring and cost, for a way to draft in it: tokens and seconds, learned from the steps before.

Knows nothing of which way is taken, or of when to try what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from flexserve_core.policy.acceptance import KeptPart, TextYield
from flexserve_core.policy.arms import NOBODY, Arm
from flexserve_core.policy.cost import CostCurve, TokenCost, UnitCost
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.plan import StepLoad, StepPlan, lasting

_DOUBT = 0.02  # a gain has to be larger
_Number = TypeVar("_Number", float, np.ndarray)


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
        return tokens * self._token_s(load) - lasting_s

    def _token_s(self, load: StepLoad) -> float:
        """What tokens cost in other steps."""
        return self.token_cost.seconds(self.llm.seconds(load.count, load.keys) / load.count)

    def plain_worth(self, load: StepLoad) -> float:
        """Nobody is asked; what is to be better than that has to be so by more than nobody can know."""
        seconds = self.llm.seconds(load.other_rows + load.count, load.keys)
        seconds += self.plain_handling.seconds(2 * load.count)
        seconds -= _DOUBT * (seconds - self.llm.seconds(load.other_rows))
        return self.worth(float(load.count), seconds, load)

    def text_plan(self, load: StepLoad) -> StepPlan:
        """Asking text drafters alone."""
        nodes, gain = (self.text.nodes, self.text.tokens) if self._free else (0.0, 0.0)
        nodes, gain = nodes * load.count, gain * load.count
        seconds = self._verifying(np.array([nodes]), np.array([gain]), load)
        return StepPlan(NOBODY, (), load.count + gain, float(seconds[0]))

    def best(self, arm: Arm, reach: np.ndarray, load: StepLoad) -> StepPlan:
        """Of asking these models: for all alike, or for none deeper than pays for its own rows.

        reach [candidate, d]: probability that d + 1 drafted tokens come true."""
        alike = self._best_until(arm, reach, reach > 0, load)
        if load.count == 1:
            return alike
        token_s = self._token_s(load) if load.other_rows else alike.lasting_s / alike.tokens
        left_s = max(token_s - self.handling.seconds(1), 1e-9) * max(self.kept[arm.wide].share, 0.1)
        single = self._best_until(arm, reach, reach * left_s > self._row_s(arm, load), load)
        return max(alike, single, key=lambda plan: self.worth(plan.tokens, plan.lasting_s, load))

    def plan(
        self, arm: Arm, depths: np.ndarray, reach: np.ndarray, load: StepLoad, at_start: bool = False
    ) -> StepPlan:
        """Of going so deep. at_start: as drafting was measured at start, if that was less."""
        deep = depths[:, None] > np.arange(reach.shape[1])
        tokens, seconds, once_s = self._by_depth(arm, reach, deep, load, at_start)
        own = tuple(depths.tolist())
        return StepPlan(arm, own, float(tokens[-1]), float(seconds[-1]), once_s)

    def _best_until(self, arm: Arm, reach: np.ndarray, deep: np.ndarray, load: StepLoad) -> StepPlan:
        """deep [candidate, d]: whether it may go to level d + 1; no level alone comes after one that is not."""
        tokens, seconds, once_s = self._by_depth(arm, reach, deep, load)
        d = int(self.worth(tokens, lasting(seconds, once_s), load).argmax())
        depths = tuple(deep[:, : d + 1].sum(axis=1).tolist())
        return StepPlan(arm, depths, float(tokens[d]), float(seconds[d]), once_s)

    def _by_depth(
        self, arm: Arm, reach: np.ndarray, deep: np.ndarray, load: StepLoad, at_start: bool = False
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """(tokens, seconds, of which once), [d]: where no candidate goes deeper than d + 1."""
        asked = deep.sum(axis=0)
        kept = self.kept[arm.wide]
        gain = kept.share * (reach * deep).sum(axis=0).cumsum()
        seconds = self._verifying(kept.nodes_per_level * asked.cumsum(), gain, load)
        once_s, some = 0.0, deep[:, 0]
        for i in arm.drafters:
            drafter, debts = self.drafters[i], int(load.debts[some, i].sum())
            share = min(1.0, 1.0 / drafter.overhead) if at_start else 1.0
            seconds = seconds + share * drafter.seconds(debts, asked, arm.wide)
            once_s += share * drafter.catching_up(debts, int(asked[0]))
        return load.count + gain, seconds, once_s

    def _verifying(self, nodes: np.ndarray, gain: np.ndarray, load: StepLoad) -> np.ndarray:
        """Seconds of a step but for asking models. nodes, gain: of all candidates; arrays: of alternatives."""
        rows = load.other_rows + load.count + nodes.round()
        seconds = self.llm.seconds_each(rows, load.keys + nodes * (load.keys / load.count))
        calls = sum(drafter.calls.seconds(load.count) for drafter in self._free)
        return seconds + calls + self.handling.seconds(1) * (2 * load.count + nodes + gain)

    def _row_s(self, arm: Arm, load: StepLoad) -> float:
        """What it costs to take one candidate a level deeper."""
        nodes = self.kept[arm.wide].nodes_per_level
        rows = load.other_rows + load.count + round(nodes * load.count)
        more = max(1, round(nodes * load.count))
        verified = nodes * (self.llm.seconds(rows + more) - self.llm.seconds(rows)) / more
        drafted = sum(self.drafters[i].row_s(load.count, arm.wide) for i in arm.drafters)
        return verified + drafted + self.handling.seconds(nodes)

    def keep(self, reaches: np.ndarray, load: StepLoad, draft_s: float, once_s: float) -> tuple[int, float]:
        """(how many of the drafted nodes are worth the most, that worth). reaches: of all, the likeliest first."""
        number = np.arange(len(reaches) + 1)
        tokens = load.count + np.concatenate([[0.0], reaches.cumsum()])
        rows = load.other_rows + load.count + number
        seconds = self.llm.seconds_each(rows, load.keys + number * load.keys // load.count)
        seconds += self.handling.seconds(load.count) + self.handling.seconds(1) * (number + tokens)
        worths = self.worth(tokens, lasting(seconds + draft_s, once_s), load)
        best = int(worths.argmax())
        return best, float(worths[best])
