"""How much memory is there to take: control groups of both versions, and page cache in them."""

from __future__ import annotations

import pytest
import torch

from flexserve_core.offload import bandwidth, memory, report
from flexserve_core.offload.report import machine_limits

from .shapes import MIB, RATES

CPU = torch.device("cpu")
UNLIMITED = str(2**63 - 4096)


def files_of(version, limits, used, cached):
    """What the kernel says of the groups /a/b, /a and /, given the limit of each."""
    limit, usage = (
        ("memory.max", "memory.current")
        if version == 2
        else ("memory.limit_in_bytes", "memory.usage_in_bytes")
    )
    root, prefix = ("/sys/fs/cgroup", "") if version == 2 else ("/sys/fs/cgroup/memory", "total_")
    found = {"/proc/self/cgroup": ["0::/a/b" if version == 2 else "4:memory:/a/b", "1:cpu:/elsewhere"]}
    for path, value in zip(("/a/b", "/a", ""), limits, strict=True):
        if value is not None:
            found[f"{root}{path}/{limit}"] = [value]
            found[f"{root}{path}/{usage}"] = [str(used)]
            found[f"{root}{path}/memory.stat"] = [f"{prefix}active_file 0", f"{prefix}inactive_file {cached}"]
    return found


@pytest.fixture
def kernel(monkeypatch):
    def say(files):
        monkeypatch.setattr(memory, "_lines", lambda path: files.get(str(path), []))

    return say


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize(
    ("limits", "room"),
    [
        ((str(900 * MIB), "max", None), 300 * MIB),
        (("max", str(900 * MIB), None), 300 * MIB),  # of a group around it
        ((UNLIMITED, str(900 * MIB), str(800 * MIB)), 200 * MIB),
        ((None, None, str(900 * MIB)), 300 * MIB),  # a container that sees its own group as the root
        (("max", UNLIMITED, None), None),
        ((str(100 * MIB), None, None), 0),
    ],
)
def test_the_tightest_group_counts_and_its_page_cache_is_free(kernel, monkeypatch, version, limits, room):
    monkeypatch.setattr(memory, "_system_available", lambda: 2**40)
    kernel(files_of(version, limits, used=700 * MIB, cached=100 * MIB))
    assert memory.host_available() == (2**40 if room is None else room)


def test_the_program_s_libraries_are_page_cache_and_count_once(monkeypatch):
    anonymous, libraries = 300 * MIB, 200 * MIB
    monkeypatch.setattr(report, "host_available", lambda: 500 * MIB)
    monkeypatch.setattr(
        report, "process_bytes", lambda given=None: anonymous + (libraries if given is None else given)
    )
    machine = machine_limits(RATES, CPU, None, None)
    assert (machine.compute, machine.process) == (450 * MIB + anonymous, anonymous + libraries)
    assert machine_limits(RATES, CPU, None, None, held=100 * MIB).compute == machine.compute
    assert machine_limits(RATES, CPU, None, None, held=100 * MIB).process == machine.process - 100 * MIB
    assert machine_limits(RATES, CPU, None, 2**31).compute == 2**31


def test_measuring_takes_no_more_than_a_quarter_of_what_is_free(monkeypatch):
    sizes = []
    monkeypatch.setattr(bandwidth, "_fastest", lambda run, _: sizes.append(run.__self__.nbytes) or 1.0)
    monkeypatch.setattr(bandwidth, "host_available", lambda: 40 * MIB)
    assert bandwidth._memory(CPU) == 10 * MIB
    assert sizes == [10 * MIB]
