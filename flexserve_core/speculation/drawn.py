"""What several drafters drew at each place of their trees, for verification="mss".

Places are named by the tokens that lead there from the root, so it does not matter how trees are merged or pruned
afterwards: what was drawn stays complete. Knows nothing of models or verification.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from flexserve_core.sampling.mss import Drawn
from flexserve_core.speculation.tree import TokenTree

Draws = Mapping[tuple[int, ...], Sequence[Drawn]]  # path from the root → draws, in the order they are tried


def draws_of(trees: Sequence[TokenTree]) -> Draws:
    """Of the drafters' own trees, in their order. A tree that notes no draws was proposed with certainty."""
    found: defaultdict[tuple[int, ...], list[Drawn]] = defaultdict(list)
    for tree in trees:
        paths: dict[int, tuple[int, ...]] = {-1: ()}
        for node, (parent, token) in enumerate(zip(tree.parents, tree.tokens, strict=True)):
            paths[node] = (*paths[parent], token)
            if not tree.drawn:
                found[paths[parent]].append(Drawn.certain(token))
        for node, drawn in tree.drawn.items():
            found[paths[node]].append(drawn)
    return found
