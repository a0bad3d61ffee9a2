"""Which drafts go a level deeper, asked while they grow, for the whole batch at once.

Before drafting only averages are known. After a level the drafter has said how sure it is of every text: what such
nodes have brought is weighed against the price of the LLM's rows, text by text, and of one more forward of the drafter,
for all of them. A level that costs more than it brings pays if those below it earn that back: kernels take rows by the
block, so the first rows of a block are dear and the others cheap. Knows nothing of models. Source: SpecDec++ (Huang et
al., 2024) ends a draft by its predicted acceptance; here a price does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, compress

from flexserve_core.policy.acceptance import LevelYields, chance_cell
from flexserve_core.policy.cost import CostCurve
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.probes import Probe
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
        return self.tokens_per_s * self.seconds(rows, more) / more

    def seconds(self, rows: int, more: int) -> float:
        """Of `more` rows beside `rows` others."""
        forward_s = self.llm.seconds(rows + more, more * self.keys) - self.llm.seconds(rows)
        return forward_s + more * self.handling_s


@dataclass(slots=True)
class Gate:
    """One drafter's, in one step. Counts what it let through: rows, and the seconds that they should take."""

    drafter: int
    wide: bool
    cost: DrafterCost
    yields: LevelYields
    prices: Prices
    tries: Callable[[Probe, float], bool]  # whether so many seconds may be lost, to learn from them
    rows: int  # of the LLM, but for the nodes of the draft
    by_level: Sequence[float]  # tokens that levels bring of one sequence, on average
    draft_s: float  # of the first level, with all that is to be caught up on
    fed: list[int] = field(default_factory=list, init=False)  # rows of the drafter's levels below the first
    closed: bool = field(default=False, init=False)

    @property
    def levels(self) -> int:
        return 1 + len(self.fed)

    def going_on(self, fronts: Sequence[Front]) -> list[bool]:
        nodes = [len(front.log_probs) for front in fronts]
        self.rows += sum(nodes)
        row = _MARGIN * self.prices.row(self.rows, max(1, sum(nodes)))
        chosen = self._choose(self._gains(fronts, max(1, sum(nodes)), row), nodes, row)
        self.closed = not any(chosen)
        if not self.closed:
            fed = sum(compress(nodes, chosen))
            self.fed.append(fed)
            self.draft_s += self.cost.of_level(fed, self.wide)
        return chosen

    def _choose(self, gains: Sequence[float], nodes: Sequence[int], row: float) -> list[bool]:
        """Those that gain, if together they pay for the level; or all, if they do; or all, to learn from the others."""
        everyone, paying = [True] * len(gains), [gain > 0 for gain in gains]
        if self._lost(gains, nodes, paying, row) >= 0:
            lost = self._lost(gains, nodes, everyone, row)
            return [lost < 0 or self.tries(Probe.DEEPER, lost)] * len(gains)
        left_out_s = -sum(min(0.0, gain) for gain in gains) / self.prices.tokens_per_s
        return paying if all(paying) or not self.tries(Probe.TEXTS, left_out_s) else everyone

    def _lost(
        self, gains: Sequence[float], nodes: Sequence[int], chosen: Sequence[bool], row: float
    ) -> float:
        """Seconds, by another level for these texts, and by those below it if they earn something back."""
        fed, gain = sum(compress(nodes, chosen)), sum(compress(gains, chosen))
        level_s = _MARGIN * self.cost.of_level(fed, self.wide)
        lost = level_s - gain / self.prices.tokens_per_s
        return lost if lost < 0 else lost - self._earned_below(fed, gain + row * fed, level_s)

    def _earned_below(self, fed: int, brings: float, level_s: float) -> float:
        """Seconds that the levels below the next one earn, as many as are worth it. brings: tokens of the next one."""
        averages = self.by_level[self.levels :]
        if not averages or averages[0] <= 0:
            return 0.0
        worth_s, rows = brings / averages[0] / self.prices.tokens_per_s, self.rows + fed
        earned = [
            tokens * worth_s - _MARGIN * self.prices.seconds(rows, levels * fed) - levels * level_s
            for levels, tokens in enumerate(accumulate(averages[1:]), 1)
        ]
        return max(0.0, max(earned, default=0.0))

    def _gains(self, fronts: Sequence[Front], nodes: int, row: float) -> list[float]:
        """Tokens of another level as large as this one, by text, beyond what its rows cost."""
        average = self.by_level[self.levels] if self.levels < len(self.by_level) else 0.0
        kind, prior = (self.drafter, self.wide), average * len(fronts) / nodes
        worth = {
            sampled: self.yields.expected(*kind, sampled, prior) for sampled in {f.sampled for f in fronts}
        }
        found: list[float] = []
        for front in fronts:
            by_cell = worth[front.sampled]
            brings = [by_cell[chance_cell(log_prob)] - row for log_prob in front.log_probs]
            if len(brings) > 1:  # of those that do not pay, none has a child that is verified
                brings = [gain for gain in brings if gain > 0] or [max(brings)]
            found.append(sum(brings))
        return found
