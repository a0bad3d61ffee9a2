"""The block pool under random use: nothing is lost, nothing owned twice, no table outgrows the pool."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from flexserve_core.kv.blocks import BlockPool


class PoolMachine(RuleBasedStateMachine):
    tables = Bundle("tables")

    def __init__(self):
        super().__init__()
        self.pool = BlockPool(13, 3)
        self.open_tables: dict[int, object] = {}

    def most(self, table):
        """Tokens the table can grow to."""
        return table.num_slots + self.pool.num_available * 3

    @rule(target=tables)
    def open(self):
        table = self.pool.open()
        self.open_tables[id(table)] = table
        return table

    @rule(table=tables, data=st.data())
    def grow(self, table, data):
        before = table.slots(table.num_slots).copy()
        wanted = data.draw(st.integers(0, self.most(table)))
        missing, available = table.num_missing(wanted), self.pool.num_available
        slots = table.slots(wanted)
        assert self.pool.num_available == available - missing
        assert len(slots) == len(set(slots.tolist())) == wanted
        assert (slots[: len(before)] == before[:wanted]).all(), "a slot has moved"

    @rule(table=tables)
    def outgrow(self, table):
        with pytest.raises(AssertionError, match="outgrew"):
            table.slots(self.most(table) + 1)

    @rule(table=tables, data=st.data())
    def truncate(self, table, data):
        keep = data.draw(st.integers(0, table.num_slots))
        before = table.slots(keep).copy()
        table.truncate(keep)
        assert len(table.blocks) == -(-keep // 3)
        assert (table.slots(keep) == before).all()

    @rule(target=tables, data=st.data())
    def open_alike(self, data):
        """A table whose text begins as others' do, published as far as it is held."""
        text = data.draw(st.lists(st.integers(0, 1), min_size=1, max_size=39))
        table, shareable = self.pool.open(), self.pool.num_shareable(text)
        used = self.pool.num_used
        found = table.adopt(text)
        assert found < len(text)
        assert found % 3 == 0
        assert self.pool.num_used == used + found // 3 - shareable, "sharing costs as much as said"
        text = text[: self.most(table)]
        table.slots(len(text))
        table.publish(text, len(text))
        self.open_tables[id(table)] = table
        return table

    @rule(table=consumes(tables))
    def close(self, table):
        table.close()
        table.close()  # idempotent
        del self.open_tables[id(table)]

    @invariant()
    def sound(self):
        tables = list(self.open_tables.values())
        self.pool.check_integrity(tables)
        assert self.pool.num_used == len({block for table in tables for block in table.blocks})
        assert self.pool.num_used + self.pool.num_available == 13
        for table in tables:
            held = table.slots(table.num_slots).tolist()
            assert len(held) == len(set(held))
        slots = [slot for table in tables for slot in table.slots(table.num_slots)]
        assert not slots or 0 <= min(slots) <= max(slots) < self.pool.num_slots


PoolMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=30)
TestPool = PoolMachine.TestCase


def test_slots_are_blocks_in_logical_order():
    pool = BlockPool(4, 4)
    one, two = pool.open(), pool.open()
    one.slots(3), two.slots(5), one.slots(7)
    expected = [block * 4 + offset for block in one.blocks for offset in range(4)]
    np.testing.assert_array_equal(one.slots(8), expected)


def test_idle_blocks_are_available():
    pool = BlockPool(3, 4)
    table = pool.open()
    table.slots(12)
    table.publish(range(12), 12)
    assert (pool.num_used, pool.num_available) == (3, 0)
    table.close()
    assert (pool.num_used, pool.num_available) == (0, 3)
    other = pool.open()
    other.slots(12)
    assert pool.open().adopt(range(12)) == 0, "forgotten, the blocks were needed"
    pool.check_integrity([other])


def test_planted_leaks_are_caught():
    def fresh():
        pool = BlockPool(6, 2)
        tables = [pool.open(), pool.open()]
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
