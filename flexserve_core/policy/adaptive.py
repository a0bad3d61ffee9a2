"""The policy that measures before it speculates: the most expected tokens per second of the whole batch.

Before drafting it weighs *arms* (sets of drafters) and depths: tokens expected from tracked acceptance against the
drafters' and the LLM's measured cost. A step that computes prompts, too, takes its time anyhow: there a token is worth
what tokens cost in other steps. After drafting, when the drafters have said how sure they are, it keeps the
nodes whose chance of acceptance pays for their row. What is switched off is tried again out of a small budget, a fixed
share of the time spent, so that a bad drafter costs a bounded share and a good one is found again.

Source: the objective is that of Sequoia (Chen et al., 2024) and of SpecDec++ (Huang et al., 2024), taken per batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from flexserve_core.policy.acceptance import Calibration, DepthRates, TextYield, matched_nodes
from flexserve_core.policy.cost import CostCurve, TokenCost, UnitCost
from flexserve_core.policy.drafter_cost import DrafterCost
from flexserve_core.policy.plan import StepLoad, StepPlan
from flexserve_core.policy.policy import Candidate, Outcome, Timing
from flexserve_core.policy.rest import REST_STEPS, Rest
from flexserve_core.speculation.tree import TokenTree

PROBE_SHARE = 0.01  # of all time may go into trying what does not seem to pay
_PROBE_DEPTH = 2
_MOST_BUDGET_S = 2.0
_DOUBT = 0.02  # a gain has to be larger
_RATE = 0.1  # of the running averages below
_NOTHING = StepPlan((), 0, 1.0, 1.0)


class AdaptivePolicy:
    """`llm`: seconds of the LLM's forward. `drafters`: in the engine's order.

    Text drafters are asked in every step that is no rest.
    """

    def __init__(self, llm: CostCurve, drafters: Sequence[DrafterCost], max_depth: int) -> None:
        self._llm = llm
        self._drafters = drafters
        self._max_depth = max_depth
        self._free = tuple(i for i, drafter in enumerate(drafters) if drafter.level is None)
        self._models = tuple(i for i, drafter in enumerate(drafters) if drafter.level is not None)
        arms = [(i,) for i in self._models] + [self._models] * bool(self._models)  # each alone, all together
        self._all = {arm: DepthRates(max_depth) for arm in arms}
        self._requests: dict[int, dict[tuple[int, ...], DepthRates]] = {}
        self._calibration = Calibration()
        self._nodes_per_level = 2.0  # kept by `select`, of one sequence
        self._text = TextYield()
        self._budgets_s = [0.0, 0.0]  # for each kind of probe
        self._probing: int | None = None  # the kind of this step's probe
        self._planned: tuple[StepPlan, list[float]] | None = None  # of this step; seconds per drafter
        self._rest = Rest()
        self._could_speculate = 0  # sequences, in this step
        self._handling, self._plain_handling = (
            UnitCost(),
            UnitCost(),
        )  # a sequence, a node, a token: one unit each
        self._token_cost = TokenCost()
        self._without_ssm = 0  # steps for which that stands, unthought

    def costs(self) -> tuple[dict[int, float], ...]:
        """rows → seconds of a forward as believed now: the LLM's, then of each drafter with a model."""
        curves = [self._llm, *(one.level for one in self._drafters if one.level is not None)]
        return tuple(curve.points() for curve in curves)

    # -- before drafting ------------------------------------------------------------------------------------------

    def rests(self, keys: Sequence[int]) -> bool:
        self._planned, self._probing, self._could_speculate = None, None, len(keys)
        return self._rest.goes_on(list(keys))

    def depths(self, candidates: Sequence[Candidate], other_rows: int) -> list[tuple[int, ...]]:
        if not candidates:
            return []
        if self._without_ssm > 0:
            self._without_ssm -= 1
            return [self._of_one(_NOTHING, candidate) for candidate in candidates]
        load = StepLoad.of(candidates, other_rows)
        best = self._best(load, candidates)
        if self._worth(best, load) <= self._worth(self._plain(load), load):
            if load.other_rows:
                return [(0,) * len(self._drafters) for _ in candidates]
            self._rest.begin([candidate.key for candidate in candidates])
        else:
            self._rest.something_pays()
            self._without_ssm = 0 if best.arm else REST_STEPS
        plan = self._with_probe(best, load, candidates)
        seconds = [
            drafter.seconds(load.debts[i], load.count, plan.depth if i in plan.arm else 0)
            for i, drafter in enumerate(self._drafters)
        ]
        self._planned = plan, seconds
        return [self._of_one(plan, candidate) for candidate in candidates]

    def _worth(self, plan: StepPlan, load: StepLoad) -> float:
        """The more, the better; of plans for the same load."""
        if not load.other_rows:
            return plan.rate
        alone_s = self._llm.seconds(load.count, load.keys) / load.count
        return plan.tokens * self._token_cost.seconds(alone_s) - plan.lasting_s

    def _plain(self, load: StepLoad) -> StepPlan:
        """Nobody is asked; what is to be better than that has to be so by more than nobody can know."""
        seconds = self._llm.seconds(load.other_rows + load.count, load.keys)
        seconds += self._plain_handling.seconds(2 * load.count)
        seconds -= _DOUBT * (seconds - self._llm.seconds(load.other_rows))
        return StepPlan((), 0, load.count, seconds)

    def _of_one(self, plan: StepPlan, candidate: Candidate) -> tuple[int, ...]:
        return tuple(
            candidate.max_depth if i in self._free else min(plan.depth, candidate.max_depth) * (i in plan.arm)
            for i in range(len(self._drafters))
        )

    def _best(self, load: StepLoad, candidates: Sequence[Candidate]) -> StepPlan:
        plans = [
            self._plan(arm, depth, gains[depth - 1], load)
            for arm in self._all
            for gains in [self._gains(arm, candidates)]
            for depth in range(1, self._max_depth + 1)
        ]
        return max([self._text_plan(load), *plans], key=lambda plan: self._worth(plan, load))

    def _gains(self, arm: tuple[int, ...], candidates: Sequence[Candidate]) -> list[float]:
        """[d]: accepted tokens expected of the whole batch at depth d + 1."""
        total = [0.0] * self._max_depth
        for candidate in candidates:
            gains = self._rates(candidate.key, arm).gains()
            for depth in range(self._max_depth):
                total[depth] += gains[min(depth, candidate.max_depth - 1)]
        return total

    def _plan(self, arm: tuple[int, ...], depth: int, gain: float, load: StepLoad) -> StepPlan:
        """Asking these models, and every text drafter, for a gain of so many tokens of the whole batch."""
        seconds = sum(self._drafters[i].seconds(load.debts[i], load.count, depth) for i in arm)
        seconds += self._verifying(self._nodes_per_level * depth, gain, load)
        once_s = sum(self._drafters[i].catching_up(load.debts[i], load.count) for i in arm)
        return StepPlan(arm, depth, load.count + gain, seconds, once_s)

    def _text_plan(self, load: StepLoad) -> StepPlan:
        """Asking text drafters alone."""
        nodes, gain = (self._text.nodes, self._text.tokens * load.count) if self._free else (0.0, 0.0)
        return StepPlan((), 0, load.count + gain, self._verifying(nodes, gain, load))

    def _verifying(self, nodes: float, gain: float, load: StepLoad) -> float:
        """Seconds of a step but for asking models. nodes: of one sequence."""
        rows = load.other_rows + load.count + round(nodes * load.count)
        seconds = self._llm.seconds(rows, round(load.keys * (1 + nodes)))
        seconds += sum(self._drafters[i].seconds(0, load.count, 1) for i in self._free)
        return seconds + self._handling.seconds((2 + nodes) * load.count + gain)

    def _with_probe(self, best: StepPlan, load: StepLoad, candidates: Sequence[Candidate]) -> StepPlan:
        """The best plan, or once in a while a bolder one, paid from that kind's budget."""
        for way, (arm, depth) in enumerate(self._bolder(best)):
            if not arm or (arm, depth) == (best.arm, best.depth):
                continue
            probe = self._plan(arm, depth, self._gains(arm, candidates)[depth - 1], load)
            price = max(0.0, probe.seconds - best.seconds)
            if price <= self._budgets_s[way]:
                self._budgets_s[way] -= price
                self._probing = way
                return probe
        return best

    def _bolder(self, best: StepPlan) -> tuple[tuple[tuple[int, ...], int], tuple[tuple[int, ...], int]]:
        """(arm, depth): a level deeper, and every drafter together."""
        deeper = min(best.depth + bool(best.arm), self._max_depth)
        return (best.arm, deeper), (self._models, max(best.depth, min(_PROBE_DEPTH, self._max_depth)))

    # -- after drafting -------------------------------------------------------------------------------------------

    def select(
        self, candidates: Sequence[Candidate], trees: Sequence[TokenTree], other_rows: int
    ) -> list[TokenTree]:
        if not candidates:
            return []
        reaches = [
            self._calibration.reach(tree, c.sampled) for tree, c in zip(trees, candidates, strict=True)
        ]
        ranked = sorted(
            ((reach, i, node) for i, one in enumerate(reaches) for node, reach in enumerate(one)),
            key=lambda entry: (-entry[0], entry[2]),
        )
        spent, once = (sum(self._planned[1]), self._planned[0].once_s) if self._planned else (0.0, 0.0)
        load = StepLoad.of(candidates, other_rows)
        keep, worth = self._worth_keeping([entry[0] for entry in ranked], load, spent, once)
        if not other_rows and not (self._planned and self._planned[0].arm):
            self._text.observe(sum(entry[0] for entry in ranked[:keep]) / load.count, keep / load.count)
            if worth > self._worth(self._plain(load), load):
                self._rest.something_pays()
        kept: list[list[int]] = [[] for _ in trees]
        for _, index, node in ranked[:keep]:
            kept[index].append(node)
        chosen = [tree.subset(sorted(nodes)) for tree, nodes in zip(trees, kept, strict=True)]
        self._note_size(chosen)
        return chosen

    def _worth_keeping(
        self, reaches: list[float], load: StepLoad, spent_s: float, once_s: float
    ) -> tuple[int, float]:
        """(how many of the nodes, likeliest first, are worth the most, that worth)."""
        tokens = float(load.count)
        spent_s += self._handling.seconds(load.count)
        best, most = 0, -inf
        for number, reach in enumerate([0.0, *reaches]):
            tokens += reach
            keys = load.keys + round(number * load.keys / load.count)
            seconds = self._llm.seconds(load.other_rows + load.count + number, keys)
            seconds += spent_s + self._handling.seconds(number + tokens)
            worth = self._worth(StepPlan((), 0, tokens, seconds, once_s), load)
            if worth > most:
                best, most = number, worth
        return best, most

    def _note_size(self, trees: Sequence[TokenTree]) -> None:
        for tree in trees:
            if len(tree):
                self._nodes_per_level += _RATE * (len(tree) / max(tree.depths) - self._nodes_per_level)

    # -- learning -------------------------------------------------------------------------------------------------

    def observe(self, outcomes: Sequence[Outcome], timing: Timing) -> None:
        self._llm.observe(timing.rows, timing.forward_s, timing.keys)
        total = timing.forward_s + sum(timing.draft_s)
        if self._could_speculate:
            for drafter, seconds in zip(self._drafters, timing.draft_s, strict=True):
                if seconds == 0:
                    drafter.not_asked()
            self._budgets_s = [min(_MOST_BUDGET_S, b + PROBE_SHARE / 2 * total) for b in self._budgets_s]
        self._note_handling(outcomes, timing)
        self._could_speculate = 0
        if outcomes and self._planned is not None:
            if self._probing is not None:  # what it cost beyond its price is paid, too
                over = sum(timing.draft_s) - sum(self._planned[1])
                self._budgets_s[self._probing] -= max(0.0, over)
            for i, (predicted, seconds) in enumerate(zip(self._planned[1], timing.draft_s, strict=True)):
                if seconds > 0:
                    self._drafters[i].observe(predicted, len(outcomes), seconds)
        self._planned = None
        for outcome in outcomes:
            for tree in outcome.drafts:
                self._calibration.learn(tree, outcome.emitted, outcome.candidate.sampled)
            self._learn_depths(outcome)

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

    def _learn_depths(self, outcome: Outcome) -> None:
        """Every arm whose drafters were all asked is seen: each path of a merged tree is a path of one of them."""
        emitted = list(outcome.emitted)
        matched = [len(matched_nodes(tree, emitted)) for tree in outcome.drafts]
        for arm in self._all:
            if all(outcome.depths[i] > 0 for i in arm):
                reached = max(matched[i] for i in (*self._free, *arm))
                drafted = max(outcome.depths[i] for i in arm)
                # the tokens end with the text, not with the draft: what was not reached by then is unknown
                drafted = min(drafted, max(reached, len(emitted)))
                self._rates(outcome.candidate.key, arm).observe(reached, drafted)

    def _rates(self, key: int, arm: tuple[int, ...]) -> DepthRates:
        known = self._requests.setdefault(key, {})
        if arm not in known:
            known[arm] = DepthRates(self._max_depth, self._all[arm])
        return known[arm]

    def forget(self, key: int) -> None:
        self._requests.pop(key, None)
