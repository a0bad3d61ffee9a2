"""The counting trie against counting by hand."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexserve_core.speculation.suffix_trie import Cursor, SuffixTrie

TEXTS = st.lists(st.lists(st.integers(0, 2), max_size=15), max_size=5)


def grown(texts, depth):
    trie = SuffixTrie(depth)
    for text in texts:
        cursor = Cursor()
        for token in text:
            trie.append(cursor, token)
    trie.check_integrity()
    return trie


def counts(trie):
    found, stack = {}, [((), trie.root)]
    while stack:
        string, node = stack.pop()
        for token, child in node.children.items():
            found[(*string, token)] = child.count
            stack.append(((*string, token), child))
    return found


def counted_by_hand(texts, depth):
    return Counter(
        tuple(text[start:end])
        for text in texts
        for start in range(len(text))
        for end in range(start + 1, min(len(text), start + depth) + 1)
    )


@given(TEXTS, st.integers(1, 5))
def test_counts_every_string(texts, depth):
    assert counts(grown(texts, depth)) == counted_by_hand(texts, depth)


@given(TEXTS, st.integers(1, 5), st.integers(0, 4))
def test_a_removed_text_was_never_there(texts, depth, which):
    trie = grown(texts, depth)
    if which < len(texts):
        trie.remove(texts.pop(which))
    trie.check_integrity()
    assert counts(trie) == counted_by_hand(texts, depth)
    assert trie.num_nodes == len(counts(trie))


def test_a_cursor_holds_the_strings_that_end_at_its_last_token():
    trie, cursor = SuffixTrie(3), Cursor()
    for token in (1, 2, 1, 2):
        trie.append(cursor, token)
    assert [node.count for node in cursor.nodes] == [2, 2, 1]  # 2 · 1 2 · 2 1 2


def test_a_lost_node_is_noticed():
    trie = grown([[1, 2, 3]], 3)
    trie.root.children.pop(1)
    with pytest.raises(AssertionError, match="reachable"):
        trie.check_integrity()
