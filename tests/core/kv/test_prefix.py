"""Sharing of blocks between texts that begin alike."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flexserve_core.kv.blocks import BlockPool
from flexserve_core.kv.prefix import chain_keys

TEXT = list(range(100, 120))


def written(pool, text, keep=False):
    """A table that has held `text` and published it; closed again unless kept."""
    table = pool.open()
    found = table.adopt(text)
    table.slots(len(text))
    table.publish(text, len(text))
    blocks = list(table.blocks)
    if not keep:
        table.close()
    return table, blocks, found


@given(st.lists(st.integers(0, 1), max_size=12), st.lists(st.integers(0, 1), max_size=12), st.integers(1, 4))
def test_keys_are_equal_exactly_where_the_histories_are(one, two, size):
    first, second = list(chain_keys(one, size)), list(chain_keys(two, size))
    assert len(first) == len(one) // size
    for number, (a, b) in enumerate(zip(first, second, strict=False), start=1):
        assert (a == b) == (one[: number * size] == two[: number * size])


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.integers(1, 4), st.integers(0, 3))
def test_keys_can_be_continued(text, size, known):
    keys = list(chain_keys(text, size))
    known = min(known, len(keys))
    before = keys[known - 1] if known else b""
    assert list(chain_keys(text, size, known, before)) == keys[known:]


def test_a_finished_text_is_taken_over():
    pool = BlockPool(10, 4)
    _, blocks, found = written(pool, TEXT)
    assert (found, pool.num_used) == (0, 0)
    table, again, found = written(pool, [*TEXT[:10], 1, 2, 3], keep=True)
    assert found == 8
    assert again[:2] == blocks[:2]
    assert not set(again[2:]) & set(blocks[:2])
    pool.check_integrity([table])


def test_a_running_text_is_shared_and_outlives_either_user():
    pool = BlockPool(20, 4)
    one, blocks, _ = written(pool, TEXT, keep=True)
    two, again, found = written(pool, [*TEXT, 7, 8], keep=True)
    assert found == 20
    assert again[:5] == blocks
    one.close()
    pool.check_integrity([two])
    assert pool.num_used == len(again)
    two.close()
    pool.check_integrity([])


def test_the_last_token_is_never_taken_over():
    pool = BlockPool(20, 4)
    written(pool, TEXT)
    assert written(pool, TEXT)[2] == 16
    assert written(pool, TEXT[:17])[2] == 16
    assert written(pool, TEXT[:16])[2] == 12
    assert written(pool, TEXT[:1])[2] == 0


def test_the_oldest_end_is_forgotten_first():
    pool = BlockPool(6, 4)
    written(pool, TEXT[:12])  # three idle blocks
    written(pool, [1] * 13)  # four more are needed: one idle block goes
    pool.check_integrity([])
    assert written(pool, TEXT[:12])[2] == 8


def test_no_sharing_on_request():
    pool = BlockPool(10, 4, share_prefixes=False)
    written(pool, TEXT)
    assert written(pool, TEXT)[2] == 0
    assert len(pool._free) == 10
