"""The placement program: limits are kept, the fastest placement is found, what cannot be is refused."""

from __future__ import annotations

import itertools

import pytest

from flexserve_core import ConfigurationError
from flexserve_core.offload.place import (
    RING_TENSORS,
    Group,
    Memory,
    Rates,
    Share,
    by_percent,
    place,
    ring_bytes,
)

MIB = 2**20
GROUPS = (
    Group("layers", 64 * MIB, 6),
    Group("layers", 16 * MIB, 4),
    Group("head", 100 * MIB, 1),
    Group("embedding", 100 * MIB, 1, by_rows=True),
)
TOTAL = sum(group.nbytes * group.count for group in GROUPS)
RATES = Rates(disk=2e9)


def brute_force(groups, memory, rates):
    """Least bytes moved over all placements on compute memory and disk."""
    best = None
    for kept in itertools.product(*(range(group.count + 1) for group in groups)):
        shares = [Share(g, k, 0, g.count - k) for g, k in zip(groups, kept, strict=True)]
        if sum(s.group.nbytes * s.compute for s in shares) + ring_bytes(shares) <= memory.compute:
            moved = sum(s.group.nbytes * s.disk for s in shares if not s.group.by_rows)
            best = moved if best is None else min(best, moved)
    return best


@pytest.mark.parametrize("limit", [293, 300, 330, 348, 400, 470, 555, 648])
def test_the_fastest_placement_is_found(limit):
    memory = Memory(limit * MIB)
    placement = place(GROUPS, memory, RATES)
    assert placement.nbytes("compute") + placement.ring_bytes <= memory.compute
    assert sum(placement.nbytes(tier) for tier in ("compute", "host", "disk")) == TOTAL
    assert placement.moved("disk") == brute_force(GROUPS, memory, RATES)


def test_what_fits_stays_and_needs_no_ring():
    placement = place(GROUPS, Memory(TOTAL + MIB), RATES)
    assert (placement.nbytes("compute"), placement.ring_bytes) == (TOTAL, 0)


def test_an_embedding_waits_on_disk_before_anything_that_moves_whole():
    embedding = place(GROUPS, Memory(TOTAL - MIB), RATES).shares[3]
    assert (embedding.compute, embedding.disk) == (0, 1)


def test_the_host_tier_is_used_before_the_disk_and_within_its_limit():
    rates = Rates(disk=2e9, host_to_device=20e9)
    placement = place(GROUPS, Memory(300 * MIB, host=300 * MIB), rates)
    staged = placement.ring_bytes if placement.moved("disk") else 0
    assert 0 < placement.nbytes("host") <= 300 * MIB - staged
    roomy = place(GROUPS, Memory(300 * MIB, host=2**40), rates)
    assert roomy.nbytes("disk") == 0
    disk, copy = roomy.io_seconds(rates)
    assert disk == 0
    assert copy == pytest.approx(roomy.moved("host") / 20e9)


def test_compute_that_takes_longer_than_moving_bounds_nothing_but_time():
    slow = place(GROUPS, Memory(400 * MIB), RATES, compute_s=100.0)
    assert slow.moved("disk") == brute_force(
        GROUPS, Memory(400 * MIB), RATES
    )  # still moves no more than it must


@pytest.mark.parametrize(
    "memory", [Memory(291 * MIB), Memory(400 * MIB, disk=False), Memory(40 * MIB, host=2**40)]
)
def test_too_little_memory_is_refused_with_the_bytes(memory):
    with pytest.raises(
        ConfigurationError, match=r"largest tensor \(head\) alone take 3 × 100.0 MiB"
    ) as refused:
        place(GROUPS, memory, RATES)
    assert refused.value.field == ("host_memory" if memory.host is None else "device_memory")
    assert ("allow the disk" in str(refused.value)) == (not memory.disk), (
        "what is allowed already is no remedy"
    )


def test_the_ring_is_as_large_as_what_moves():
    assert ring_bytes([Share(GROUPS[0], 6, 0, 0), Share(GROUPS[1], 3, 0, 1)]) == RING_TENSORS * 16 * MIB
    assert ring_bytes([Share(GROUPS[3], 0, 0, 1)]) == 0


def test_percentages_take_the_largest_first():
    placement = by_percent(GROUPS, 0.5, 0.25)
    assert placement.nbytes("compute") <= 0.5 * TOTAL < placement.nbytes("compute") + 100 * MIB
    assert placement.nbytes("host") <= 0.25 * TOTAL
    kept = {(s.group.name, s.group.nbytes): s.compute for s in placement.shares}
    assert kept["head", 100 * MIB] == 1
    assert kept["layers", 64 * MIB] == 1
    everything = by_percent(GROUPS, 1.0, 0.0)
    assert (everything.nbytes("compute"), everything.ring_bytes) == (TOTAL, 0)
