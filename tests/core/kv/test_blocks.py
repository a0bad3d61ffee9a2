"""The block pool under random use: nothing is lost, nothing owned twice, no reservation overrun."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, precondition, rule

from flexserve_core.kv.blocks import BlockPool


class PoolMachine(RuleBasedStateMachine):
    tables = Bundle("tables")

    def __init__(self):
        super().__init__()
        self.pool = BlockPool(13, 3)
        self.open_tables: dict[int, tuple] = {}

    @precondition(lambda self: self.pool.can_reserve(1))
    @rule(target=tables, data=st.data())
    def open(self, data):
        most = max(size for size in range(1, 40) if self.pool.can_reserve(size))
        size = data.draw(st.integers(1, most))
        table = self.pool.open(size)
        self.open_tables[id(table)] = (table, size)
        return table

    @rule(table=tables, data=st.data())
    def grow(self, table, data):
        before = table.slots(len(table.blocks) * 3).copy()
        wanted = data.draw(st.integers(0, self.open_tables[id(table)][1]))
        slots = table.slots(wanted)
        assert len(slots) == len(set(slots.tolist())) == wanted
        assert (slots[: len(before)] == before[:wanted]).all(), "a slot has moved"

    @rule(table=tables, data=st.data())
    def truncate(self, table, data):
        held = len(table.blocks) * 3
        keep = data.draw(st.integers(0, held))
        before = table.slots(keep).copy()
        table.truncate(keep)
        assert len(table.blocks) == -(-keep // 3)
        assert (table.slots(keep) == before).all()

    @precondition(lambda self: self.pool.can_reserve(1))
    @rule(target=tables, data=st.data())
    def open_alike(self, data):
        """A table whose text begins as others' do, published as far as it is held."""
        most = max(size for size in range(1, 40) if self.pool.can_reserve(size))
        text = data.draw(st.lists(st.integers(0, 1), min_size=1, max_size=most))
        table = self.pool.open(len(text))
        found = table.adopt(text)
        assert found < len(text)
        assert found % 3 == 0
        table.slots(len(text))
        table.publish(text, len(text))
        self.open_tables[id(table)] = (table, len(text))
        return table

    @rule(table=consumes(tables))
    def close(self, table):
        table.close()
        table.close()  # idempotent
        del self.open_tables[id(table)]

    @invariant()
    def sound(self):
        tables = [table for table, _ in self.open_tables.values()]
        self.pool.check_integrity(tables)
        assert self.pool.num_used == len({block for table in tables for block in table.blocks})
        for table in tables:
            held = table.slots(len(table.blocks) * 3).tolist()
            assert len(held) == len(set(held))
        slots = [slot for table in tables for slot in table.slots(len(table.blocks) * 3)]
        assert not slots or 0 <= min(slots) <= max(slots) < self.pool.num_slots


PoolMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=30)
TestPool = PoolMachine.TestCase


def test_reservations_bound_admission():
    pool = BlockPool(4, 16)
    first = pool.open(33)  # three blocks, none taken yet
    assert pool.num_used == 0
    assert pool.can_reserve(16)
    assert not pool.can_reserve(17)
    with pytest.raises(AssertionError, match="can_reserve"):
        pool.open(17)
    first.slots(48)
    with pytest.raises(AssertionError, match="outgrew"):
        first.slots(49)
    first.close()
    assert pool.can_reserve(64)


def test_slots_are_blocks_in_logical_order():
    pool = BlockPool(4, 4)
    one, two = pool.open(8), pool.open(8)
    one.slots(3), two.slots(5), one.slots(7)
    expected = [block * 4 + offset for block in one.blocks for offset in range(4)]
    np.testing.assert_array_equal(one.slots(8), expected)


def test_planted_leaks_are_caught():
    def fresh():
        pool = BlockPool(6, 2)
        tables = [pool.open(4), pool.open(4)]
        for table in tables:
            table.slots(3)
        pool.check_integrity(tables)
        return pool, tables

    pool, tables = fresh()
    pool._free.pop()
    with pytest.raises(AssertionError, match="lost"):
        pool.check_integrity(tables)
    pool, tables = fresh()
    tables[0].blocks.append(tables[1].blocks[0])
    with pytest.raises(AssertionError, match="miscounted"):
        pool.check_integrity(tables)
    pool, tables = fresh()
    with pytest.raises(AssertionError, match="miscounted"):
        pool.check_integrity(tables[:1])
    pool, tables = fresh()
    tables[0].truncate(0)
    with pytest.raises(AssertionError, match="reservation"):
        pool.check_integrity(tables[1:])
