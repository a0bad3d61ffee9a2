"""How often drafts come true: counts that fade, by depth and by the drafter's own confidence.

Everything here is an estimate with a prior, so that it can be read before anything was seen. Knows nothing of costs.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from flexserve_core.speculation.tree import TokenTree

_FADE = 0.98  # of a count, by each new observation of its kind: the last fifty decide
_PRIOR = 0.6  # acceptance of a draft nobody knows anything about
_PRIOR_COUNT = 3.0
_SLOW_FADE = 0.998
_YIELD_RATE = 0.1
_YIELD_FADE = 0.985
_FORGETTING = 0.003  # in a step
_CHANCE_EDGES = tuple(map(math.log, (0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.96)))
_CONFIDENCE_EDGES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97)


@dataclass(frozen=True, slots=True)
class Followed:
    """A drafter's own tree and the text's way through it."""

    tree: TokenTree
    way: Sequence[int]  # nodes that came true, from the root's child down
    known: int  # tokens of the text after the root: what lies deeper is neither true nor wrong yet

    @classmethod
    def by(cls, tree: TokenTree, emitted: Sequence[int]) -> Followed:
        """The text went on with `emitted`."""
        return cls(tree, tree.way(emitted), len(emitted))


class Rate:
    """A share, estimated from fading counts and a prior."""

    __slots__ = ("_fade", "_hits", "_seen")

    def __init__(self, fade: float = _FADE) -> None:
        self._fade = fade
        self._seen = self._hits = 0.0

    def observe(self, hit: bool) -> None:
        self._seen = self._seen * self._fade + 1.0
        self._hits = self._hits * self._fade + hit

    def value(self, prior: float = _PRIOR) -> float:
        return _estimate(self._hits, self._seen, prior)


class _Rates:
    """A rate for each kind of case."""

    def __init__(self, fade: float) -> None:
        self._fade = fade
        self._rates: dict[Hashable, Rate] = {}

    def value(self, kind: Hashable, prior: float) -> float:
        rate = self._rates.get(kind)
        return prior if rate is None else rate.value(prior)

    def observe(self, kind: Hashable, hit: bool) -> None:
        rate = self._rates.get(kind)
        if rate is None:
            rate = self._rates[kind] = Rate(self._fade)
        rate.observe(hit)


class DepthRates:
    """P(depth d + 1 comes true | depth d did), by depth."""

    def __init__(self, max_depth: int, fade: float = _FADE) -> None:
        self._seen, self._hits = [0.0] * max_depth, [0.0] * max_depth
        self._fade = fade

    def observe(self, reached: int, drafted: int) -> None:
        """Drafts went `drafted` deep and came true down to depth `reached`."""
        for depth in range(min(reached + 1, drafted, len(self._seen))):
            self._seen[depth] = self._fade * self._seen[depth] + 1.0
            self._hits[depth] = self._fade * self._hits[depth] + (depth < reached)

    def conditionals(self, priors: Sequence[float] | None = None, trust: float = 1.0) -> list[float]:
        """[d]: of depth d + 1, given the one above. priors: estimates to start from, of as many depths.

        trust: what an observation still counts for beside them."""
        if priors is not None:
            whole = zip(self._hits, self._seen, priors, strict=True)
            return [_estimate(trust * hits, trust * seen, prior) for hits, seen, prior in whole]
        found: list[float] = []
        above = _PRIOR  # a depth nobody tried is thought to be like the one above it
        for hits, seen in zip(self._hits, self._seen, strict=True):
            above = _estimate(hits, seen, above)
            found.append(above)
        return found


def _estimate(hits: float, seen: float, prior: float) -> float:
    return (hits + prior * _PRIOR_COUNT) / (seen + _PRIOR_COUNT)


class Calibration:
    """What a drafter's confidence is worth: P(accepted | parent accepted) by source, mode and stated probability."""

    def __init__(self) -> None:
        self._rates = _Rates(_SLOW_FADE)

    def conditional(self, source: str, sampled: bool, depth: int, stated: float) -> float:
        """stated: the drafter's own probability of the node given its parent; the prior as long as little is known."""
        return self._rates.value(_cell(source, sampled, depth, stated), stated)

    def observe(self, source: str, sampled: bool, depth: int, stated: float, accepted: bool) -> None:
        self._rates.observe(_cell(source, sampled, depth, stated), accepted)

    def reach(self, tree: TokenTree, sampled: bool) -> list[float]:
        """Per node: probability that the LLM's walk gets there."""
        found: list[float] = []
        for node, parent in enumerate(tree.parents):
            above = found[parent] if parent >= 0 else 1.0
            found.append(
                above * self.conditional(tree.sources[node], sampled, tree.depths[node], stated(tree, node))
            )
        return found

    def learn(self, followed: Followed, sampled: bool) -> None:
        """Every child of a node on the text's way is a case, verified or not.

        If only verified nodes counted, what is once thought too unlikely to verify would be thought so for ever.
        """
        if followed.known == 0:
            return
        tree, way = followed.tree, followed.way
        left = {-1, *way[: followed.known - 1]}  # what came next is known
        for node, parent in enumerate(tree.parents):
            if parent in left:
                self.observe(tree.sources[node], sampled, tree.depths[node], stated(tree, node), node in way)


class LevelYields:
    """How often the children of a drafted node held the text's next token, by how likely the node was itself."""

    def __init__(self) -> None:
        self._rates: defaultdict[tuple[int, bool, bool], list[Rate]] = defaultdict(_rate_by_cell)

    def expected(self, drafter: int, wide: bool, sampled: bool, prior: float) -> list[float]:
        """Tokens that a level below a node brings, by the node's `chance_cell`."""
        return [rate.value(prior) for rate in self._rates[drafter, wide, sampled]]

    def learn(self, drafter: int, wide: bool, sampled: bool, followed: Followed) -> None:
        """Every node with children is a case, verified or not, unless the tokens end before it is known."""
        if followed.known == 0:
            return
        tree, way = followed.tree, followed.way
        unknown = set(way[followed.known - 1 :])
        if unknown:
            for node, parent in enumerate(tree.parents):
                if parent in unknown:
                    unknown.add(node)
        rates = self._rates[drafter, wide, sampled]
        for node in {*tree.parents} - {-1} - unknown:
            rates[chance_cell(tree.log_probs[node])].observe(node in way[:-1])


class KeptPart:
    """What of a drafted tree is kept for verification: nodes for each of its levels, and the share of its gain."""

    def __init__(self, nodes_per_level: float) -> None:
        self.nodes_per_level, self.share = nodes_per_level, 1.0

    def not_drafted(self) -> None:
        """A step with other trees, or none: what was once left out need not be for ever."""
        self.share += _FORGETTING * (1.0 - self.share)

    def observe(self, nodes_per_level: float, share: float) -> None:
        """Of one step's trees. share: tokens expected of what is kept over those expected of all."""
        self.share += _YIELD_RATE * (share - self.share)
        self.nodes_per_level += _YIELD_RATE * (nodes_per_level - self.nodes_per_level)


class TextYield:
    """What a sequence gains in a step from the nodes of text drafters that were kept: tokens, for rows."""

    def __init__(self) -> None:
        self.tokens = self.nodes = 1.0

    def observe(self, tokens: float, nodes: float) -> None:
        """Expected tokens, and nodes, of one sequence, on average over a step's."""
        self.tokens += _YIELD_RATE * (tokens - self.tokens)
        self.nodes += _YIELD_RATE * (nodes - self.nodes)


def stated(tree: TokenTree, node: int) -> float:
    """The drafter's probability of a node given its parent, in [0, 1]."""
    parent = tree.parents[node]
    above = tree.log_probs[parent] if parent >= 0 else 0.0
    return min(1.0, math.exp(min(0.0, tree.log_probs[node] - above)))


def _rate_by_cell() -> list[Rate]:
    return [Rate(_YIELD_FADE) for _ in range(len(_CHANCE_EDGES) + 1)]


def chance_cell(log_prob: float) -> int:
    """log_prob: of a node, cumulative, the drafter's own."""
    return bisect_left(_CHANCE_EDGES, log_prob)


def _cell(source: str, sampled: bool, depth: int, confidence: float) -> tuple[str, bool, bool, int]:
    return source, sampled, depth == 1, bisect_left(_CONFIDENCE_EDGES, confidence)
