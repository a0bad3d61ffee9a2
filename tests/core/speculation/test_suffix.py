"""Suffix drafts: what followed elsewhere, within bounds, from bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexserve_core.errors import ConfigurationError
from flexserve_core.sampling.noise import KeyedNoise
from flexserve_core.speculation.drafter import DraftView
from flexserve_core.speculation.registry import create_drafter, register_drafter
from flexserve_core.speculation.suffix import SuffixDrafter
from flexserve_core.types import SamplingParams


def view(key, tokens, max_nodes=8, max_depth=4):
    return DraftView(key, tokens, SamplingParams(), KeyedNoise(0), max_nodes, max_depth)


def finish(drafter, key, tokens):
    drafter.open(key, 100)
    drafter.propose([view(key, tokens)])
    drafter.close(key)


def propose(drafter, key, tokens, **bounds):
    drafter.open(key, 100)
    [tree] = drafter.propose([view(key, tokens, **bounds)])
    drafter.close(key)
    drafter.check_integrity()
    tree.check_integrity()
    return tree


def paths(tree):
    return {tuple(tree.tokens[node] for node in tree.path(leaf)) for leaf in range(len(tree))}


def test_a_preempted_text_is_learnt_once():
    drafter = SuffixDrafter(max_nodes=1)
    for _ in range(3):
        drafter.open(0, 100)
        drafter.propose([view(0, [1, 2, 3])])
        drafter.close(0)
    assert drafter._trie.num_nodes == 6, "three suffixes"
    finish(drafter, 1, [1])
    assert drafter._trie.num_nodes == 1, "and all of it is forgotten"
    drafter.check_integrity()


def test_a_finished_text_is_continued():
    drafter = SuffixDrafter()
    finish(drafter, 0, [1, 2, 3, 4, 5, 6])
    assert propose(drafter, 1, [9, 2, 3]).tokens == (4, 5, 6)


def test_the_running_text_is_continued_too():
    drafter = SuffixDrafter()
    assert (7, 8) in paths(propose(drafter, 0, [5, 6, 7, 8, 5, 6]))


def test_the_more_frequent_continuation_is_likelier():
    drafter = SuffixDrafter()
    for key, last in enumerate([3, 3, 3, 4]):
        finish(drafter, key, [1, 2, last])
    tree = propose(drafter, 9, [1, 2])
    by_token = dict(zip(tree.tokens, tree.log_probs, strict=True))
    assert by_token[3] > by_token[4]
    assert propose(drafter, 10, [8, 1, 2], max_nodes=1).tokens == (3,)


def test_rare_continuations_are_left_out():
    drafter = SuffixDrafter(min_probability=0.3)
    for key, last in enumerate([3, 3, 3, 4]):
        finish(drafter, key, [1, 2, last])
    assert 4 not in propose(drafter, 9, [1, 2]).tokens


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=12), min_size=1, max_size=4))
def test_every_path_followed_a_matching_suffix_somewhere(texts):
    drafter = SuffixDrafter(max_depth=8)
    for key, text in enumerate(texts[:-1]):
        finish(drafter, key, text)
    tree = propose(drafter, 99, texts[-1], max_nodes=5, max_depth=3)
    assert len(tree) <= 5
    assert all(depth <= 3 for depth in tree.depths)
    for path in paths(tree):
        string = [texts[-1][-1], *path]
        assert any(
            text[start : start + len(string)] == string for text in texts for start in range(len(text))
        )


def test_growth_is_learned_step_by_step():
    stepwise, at_once = SuffixDrafter(), SuffixDrafter()
    text = [1, 2, 3, 1, 2, 3, 1]
    stepwise.open(0, 100)
    for end in range(1, len(text) + 1):
        [last] = stepwise.propose([view(0, text[:end])])
    assert last == propose(at_once, 0, text)


def test_memory_is_bounded_and_the_oldest_goes_first():
    drafter = SuffixDrafter(max_depth=4, max_nodes=60)
    for key in range(30):
        finish(drafter, key, [key * 10 + i for i in range(8)])
    assert drafter._trie.num_nodes <= 60 + 8 * 4
    assert len(propose(drafter, 100, [0, 1])) == 0
    assert propose(drafter, 101, [290, 291]).tokens[:1] == (292,)


def test_reset_keeps_what_was_finished_and_ends_what_ran():
    drafter = SuffixDrafter()
    finish(drafter, 0, [1, 2, 3])
    drafter.open(1, 100)
    drafter.reset()
    drafter.close(1)
    assert propose(drafter, 1, [1, 2]).tokens == (3,)


def test_registry_names_what_it_knows():
    assert create_drafter("suffix").name == "suffix"
    with pytest.raises(ConfigurationError, match="Did you mean suffix"):
        create_drafter("sufix")
    with pytest.raises(ConfigurationError, match="is registered"):
        register_drafter("suffix", SuffixDrafter)
