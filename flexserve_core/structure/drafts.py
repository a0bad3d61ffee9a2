"""What a grammar makes of a draft tree: nodes it does not allow go, the continuation it leaves no choice about comes.

Only speed depends on it: what the LLM takes is decided by the masks, node by node. Knows nothing of drafters.
"""

from __future__ import annotations

from flexserve_core.errors import StructuredOutputError
from flexserve_core.speculation.tree import EMPTY_TREE, TokenTree, TreeBuilder, merge
from flexserve_core.structure.guide import Guide

SOURCE = "grammar"  # of the nodes that it drafts itself


def constrained(tree: TokenTree, guide: Guide, max_depth: int) -> TokenTree:
    """The allowed part of `tree`, behind the forced continuation of at most `max_depth` tokens.

    The guide stays where it is. Empty when the grammar has failed: verification meets that again, and reports it."""
    try:
        return merge([_forced(guide, max_depth), _allowed(tree, guide)])
    except StructuredOutputError:
        return EMPTY_TREE


def _forced(guide: Guide, max_depth: int) -> TokenTree:
    builder = TreeBuilder()
    builder.add_chain(guide.forced(max_depth), 0.0, SOURCE)
    return builder.build()


def _allowed(tree: TokenTree, guide: Guide) -> TokenTree:
    kept: set[int] = set()
    for leaf in set(range(len(tree))) - set(tree.parents):
        path = tree.path(leaf)
        kept.update(path[: guide.num_allowed([tree.tokens[node] for node in path])])
    return tree.subset(sorted(kept))
