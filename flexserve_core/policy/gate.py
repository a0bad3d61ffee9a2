"""Whether a draft goes a level deeper, asked while it grows, for the whole batch at once.

Before drafting only averages are known. After a level the drafter has said how sure it is of every text: what such
nodes have brought is weighed against the price of one more forward of the drafter and of the LLM's rows. Knows nothing
of models. Source: SpecDec++ (Huang et al., 2024) ends a draft by its predicted acceptance; here a price does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from flexserve_core.policy.acceptance import LevelYields
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.speculation.drafter import Front

_MARGIN = 1.1  # what is saved is sure, what is gained is not


@dataclass(frozen=True, slots=True)
class Prices:
    """What a row and a second cost in one step."""

    llm: CostCurve
    handling_s: float  # of a row of the LLM
    keys: int  # that a row attends
    tokens_per_s: float  # that time would bring otherwise

    def row(self, rows: int, more: int) -> float:
        """Tokens that one row costs, of `more` beside `rows` others."""
        seconds = self.llm.seconds(rows + more, more * self.keys) - self.llm.seconds(rows)
        return self.tokens_per_s * (seconds / more + self.handling_s)


@dataclass(slots=True)
class Gate:
    """One drafter's, in one step. Counts what it let through: levels, and the seconds that they should take."""

    drafter: int
    wide: bool
    cost: DrafterCost
    yields: LevelYields
    prices: Prices
    tries: Callable[[float], bool]  # whether so many seconds may be lost, to learn from them
    rows: int  # of the LLM, but for the nodes of the draft
    by_level: Sequence[float]  # tokens that levels bring of one sequence, on average
    draft_s: float  # of the first level, with all that is to be caught up on
    levels: int = field(default=1, init=False)
    closed: bool = field(default=False, init=False)

    def goes_on(self, fronts: Sequence[Front]) -> bool:
        nodes = sum(len(front.log_probs) for front in fronts)
        self.rows += nodes
        level_s = self.cost.of_level(nodes, self.wide)
        lost = _MARGIN * self.prices.tokens_per_s * level_s - self._gain(fronts, nodes)
        self.closed = nodes == 0 or (lost >= 0 and not self.tries(lost / self.prices.tokens_per_s))
        if self.closed:
            return False
        self.levels += 1
        self.draft_s += level_s
        return True

    def _gain(self, fronts: Sequence[Front], nodes: int) -> float:
        """Tokens of another level as large as this one, beyond what its rows cost: where less, none is verified."""
        row = _MARGIN * self.prices.row(self.rows, max(1, nodes))
        average = self.by_level[self.levels] if self.levels < len(self.by_level) else 0.0
        gain = 0.0
        for front in fronts:
            kind = (self.drafter, self.wide, front.sampled)
            for log_prob in front.log_probs:
                expected = self.yields.expected(*kind, log_prob, average / len(front.log_probs))
                gain += max(0.0, expected - row)
        return gain
