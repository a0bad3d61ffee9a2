"""The SSM drafter: a small speculative model proposes a branching tree, one forward per level for all sequences.

Owns its model's runner and paged cache. It keeps, per sequence, how many tokens its cache holds and which tree nodes
it fed last time; tokens it has not seen (its *debt*: after a full accept, another source's win, a spell without
speculation) ride in the level-0 forward, in chunks. Knows nothing of the target model or of verification.

Children of a node are the top-k of log q + the request's own keyed noise: the tokens the target would take if it
agreed with the SSM. Under verification="mss" the noise is not the target's, so the same top-k are draws without
replacement from q. Source: SpecInfer section 3, with the noise of docs/decisions/0003.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from flexserve_core.runner.batch import Segment, chain_segment, pack
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.sampling.mss import draw
from flexserve_core.sampling.warp import warp
from flexserve_core.speculation.children import foreseen, likeliest
from flexserve_core.speculation.drafter import DraftView
from flexserve_core.speculation.expansion import Expansion, Proposal
from flexserve_core.speculation.growth import CachedText, Growth
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree

_Numbers = Sequence[float] | np.ndarray
_TOP = 64  # tokens a draft considers at a node; the target decides over all of them


class SSMDrafter:
    """`max_rows`: rows of one forward, which bounds how much debt is fed at once.

    `vocab_size`: the target's. Models with one tokenizer may pad their embeddings differently; ids beyond the
    smaller one never occur in text, so they are not drafted, and fed as token 0 if they do occur.
    """

    def __init__(self, runner: ModelRunner, expansion: Expansion, max_rows: int, vocab_size: int) -> None:
        self.name = runner.loaded.name
        self._runner = runner
        self._expansion = expansion
        self._max_rows = max_rows
        self._own_vocab = runner.loaded.vocab_size
        self._vocab = min(self._own_vocab, vocab_size)
        self._max_positions = runner.loaded.max_positions()
        self._states: dict[int, CachedText] = {}

    def open(self, key: int, max_tokens: int) -> None:
        """Takes no memory yet."""
        self._states[key] = CachedText(self._runner.pool.open())

    def close(self, key: int) -> None:
        state = self._states.pop(key, None)
        if state is not None:
            state.table.close()

    def reset(self) -> None:
        for key in list(self._states):
            self.close(key)

    def check_integrity(self) -> None:
        self._runner.pool.check_integrity([state.table for state in self._states.values()])

    def debt(self, view: DraftView) -> int:
        """Rows of the text to feed before the first level: 1, the last token's, when nothing was missed."""
        state = self._states[view.key]
        known = state.num_cached + len(state.fed_way(view.tokens))
        return len(view.tokens) - min(known, len(view.tokens) - 1)

    def propose(self, views: Sequence[DraftView]) -> list[TokenTree]:
        fitting = self._make_room([view for view in views if self._can_draft(view)])
        growths = [Growth(view, self._states[view.key]) for view in views]
        active = [growth for growth in growths if growth.view.key in fitting]
        for growth in active:
            self._settle(growth)
        level = 0
        while active and self._expansion.width(level) > 0:
            logits = self._catch_up(active) if level == 0 else self._feed_level(active)
            self._expand(active, logits[:, : self._vocab], level)
            level += 1
            active = self._next_level(active)
        return [self._finish(growth) for growth in growths]

    def _next_level(self, active: list[Growth]) -> list[Growth]:
        """Those that have somewhere to go, and that the gate lets go there."""
        fronts = [(growth, growth.front()) for growth in active if growth.has_room()]
        fronts = [(growth, front) for growth, front in fronts if self._expansion.goes_on(front.log_probs)]
        gate = active[0].view.gate
        if gate is None or not fronts:
            return [growth for growth, _ in fronts]
        going_on = gate.going_on([front for _, front in fronts])
        return [growth for (growth, _), goes in zip(fronts, going_on, strict=True) if goes]

    def _can_draft(self, view: DraftView) -> bool:
        fits = len(view.tokens) + view.max_depth <= self._max_positions
        return fits and view.max_nodes > 0 and view.max_depth > 0

    def _make_room(self, views: list[DraftView]) -> set[int]:
        """Keys of the sequences whose text and tree fit into the cache now; the oldest come first.

        When blocks are short the youngest sequences' caches are given up, and the cache of one that does not fit. They
        go without drafts until there is room for them and for the next block of every other one."""
        pool, promised, fitting = self._runner.pool, 0, set()
        missing = {v.key: self._states[v.key].table.num_missing(len(v.tokens) + v.max_nodes) for v in views}
        if sum(missing.values()) + len(self._states) <= pool.num_available:
            return {*missing}
        for view in sorted(views, key=lambda view: view.key):
            holders = [key for key, state in self._states.items() if state.table.blocks]
            table = self._states[view.key].table
            needed = promised + table.num_missing(len(view.tokens) + view.max_nodes)
            spare = 0 if table.blocks else len(holders)
            self._give_up([key for key in holders if key > view.key], needed + spare - pool.num_available)
            if needed + spare <= pool.num_available:
                promised = needed
                fitting.add(view.key)
            else:
                self._restart(view.key)
        return fitting

    def _give_up(self, keys: list[int], shortage: int) -> None:
        """Empty the caches of the youngest of `keys` until `shortage` blocks are free; of none if all are too few."""
        if shortage > sum(len(self._states[key].table.blocks) for key in keys):
            return
        for key in sorted(keys, reverse=True):
            if shortage <= 0:
                return
            shortage -= len(self._states[key].table.blocks)
            self._restart(key)

    def _restart(self, key: int) -> None:
        self.close(key)
        self._states[key] = CachedText(self._runner.pool.open())

    def _settle(self, growth: Growth) -> None:
        """Keep the keys of fed nodes that turned out to be the text; forget the others."""
        state, tokens = growth.state, growth.view.tokens
        if not state.table.blocks:
            state.num_cached = state.table.adopt(tokens)
        # The last token is fed again as the root, so that its logits are computed.
        path = state.fed_way(tokens)
        moved = [(index, place) for place, index in enumerate(path) if index != place]
        if moved:
            slots = state.table.slots(state.num_cached + state.num_fed)
            source, target = (state.num_cached + np.array(side) for side in zip(*moved, strict=True))
            self._runner.store.move(slots[source], slots[target])
        # Not the root, even if it was fed: asked again about the same text, its logits are needed again.
        state.num_cached = min(state.num_cached + len(path), len(tokens) - 1)
        state.tree, state.num_fed = EMPTY_TREE, 0
        state.table.truncate(state.num_cached)

    def _catch_up(self, active: list[Growth]) -> torch.Tensor:
        """Feed every sequence's debt, chunk by chunk; the last token's logits come back in the growths' order."""
        rows: list[torch.Tensor] = []
        order: list[int] = []  # of the rows: the growths that they are of
        pending = list(range(len(active)))
        while pending:
            segments, whole, room = [], [], self._max_rows
            for index in pending:
                if room == 0:
                    break
                state, tokens = active[index].state, active[index].view.tokens
                chunk = [
                    token if token < self._own_vocab else 0
                    for token in tokens[state.num_cached : state.num_cached + room]
                ]
                room -= len(chunk)
                end = state.num_cached + len(chunk)
                last = end == len(tokens)
                segments.append(
                    chain_segment(chunk, state.num_cached, state.table.slots(end), want_last=last)
                )
                state.num_cached = end
                if last:
                    whole.append(index)
            logits = self._runner.forward(pack(segments, self._runner.device))
            rows.append(logits)
            order += whole
            done = {*whole}
            pending = [index for index in pending if index not in done]
        for growth in active:
            # the last token is fed again when the same text is asked about again, so its block is not final yet
            growth.state.table.publish(growth.view.tokens, len(growth.view.tokens) - 1)
        return rows[0] if len(rows) == 1 else torch.cat(rows)[np.argsort(order)]

    def _feed_level(self, active: list[Growth]) -> torch.Tensor:
        segments = [self._level_segment(growth) for growth in active]
        return self._runner.forward(pack(segments, self._runner.device))

    def _level_segment(self, growth: Growth) -> Segment:
        """Rows for the frontier's nodes; their keys go behind the committed tokens, in feeding order."""
        state, frontier, builder = growth.state, growth.frontier, growth.builder
        # nodes are made and fed level by level, so those that were fed are the first ones
        assert frontier[-1] == growth.num_fed + len(frontier) - 1
        start, first = state.num_cached, state.num_cached + growth.num_fed
        slots = state.table.slots(first + len(frontier))
        for node, slot in zip(frontier, slots[first:].tolist(), strict=True):
            growth.tails[node] = (*growth.tails[builder.parent(node)], slot)
        growth.num_fed += len(frontier)
        return Segment(
            [builder.token(node) for node in frontier],
            [start - 1 + growth.depth] * len(frontier),
            slots[first:],
            slots[:start],
            [growth.tails[node] for node in frontier],
            range(len(frontier)),
        )

    def _expand(self, active: list[Growth], logits: torch.Tensor, level: int) -> None:
        """logits [frontier nodes of all sequences, vocabulary]."""
        widths = [_least(self._expansion.width(level), growth.view.max_width) for growth in active]
        chosen = all(growth.view.sampling.greedy for growth in active)
        found = likeliest(logits, max(widths) if chosen else _TOP)
        # a few numbers are quicker to handle one by one, many as arrays
        ids, log_probs = (part.tolist() if chosen else part for part in found)
        rows = iter(zip(ids, log_probs, strict=True))
        for growth, width in zip(active, widths, strict=True):
            proposals = [
                Proposal(index, token, growth.log_probs[node] + log_prob)
                for index, node in enumerate(growth.frontier)
                for token, log_prob in self._children(growth, node, next(rows), width)
            ]
            self._grow(growth, proposals, level)

    def _grow(self, growth: Growth, proposals: list[Proposal], level: int) -> None:
        room = _least(growth.view.max_nodes - len(growth.builder), growth.view.max_width)
        parents, growth.frontier = growth.frontier, []
        for proposal in self._expansion.keep(level, proposals, room):
            node = growth.builder.add(parents[proposal.parent], proposal.token, proposal.log_prob, self.name)
            growth.log_probs[node] = proposal.log_prob
            growth.frontier.append(node)
        growth.depth += 1

    def _children(
        self, growth: Growth, node: int, likely: tuple[_Numbers, _Numbers], width: int
    ) -> list[tuple[int, float]]:
        """Children for `node` out of the likeliest tokens, best first, with their log-probabilities.

        For a sampled request, those it would take here if the target agreed with the SSM. When they are drawn, all of
        them are noted, whichever become nodes."""
        view = growth.view
        if view.sampling.greedy:
            pairs = zip(*(part[:width] for part in likely), strict=True)
            return [(int(token), float(log_prob)) for token, log_prob in pairs]
        ids, log_probs = map(np.asarray, likely)
        position = len(view.tokens) + growth.depth
        ascending = np.argsort(ids)
        law = warp(log_probs[ascending], view.sampling, ids[ascending])
        if not view.draws:
            return foreseen(law, view.noise, position, width)
        drawn = draw(law, view.noise, position, width)
        growth.builder.note_drawn(node, drawn)
        known = dict(zip(law.ids.tolist(), law.log_probs.tolist(), strict=True))
        return [(token, known[token]) for token in drawn.tokens]

    def _finish(self, growth: Growth) -> TokenTree:
        tree = growth.builder.build()
        growth.state.tree, growth.state.num_fed = tree, growth.num_fed
        return tree


def _least(count: int, most: int | None) -> int:
    return count if most is None else min(count, most)
