"""The weight store, the ring and the streamer: what is read back, and what happens when something fails."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import weakref

import pytest
import torch
from safetensors.torch import load_file, save_file

from flexserve_core.errors import OffloadError
from flexserve_core.offload import store as store_module
from flexserve_core.offload.attach import let_go, tensors_of
from flexserve_core.offload.extents import Extent, ExtentReader
from flexserve_core.offload.nameless import remove_stale
from flexserve_core.offload.pages import PAGE, aligned_memory
from flexserve_core.offload.slots import HostSlots, Piece, Ring, slot_bytes, unpack
from flexserve_core.offload.store import WeightStore, is_mapped
from flexserve_core.offload.streamer import Streamer


def read_back(store, extent, like):
    memory = aligned_memory(extent.slot_bytes)
    store.read(extent, memory.numpy().data)
    return unpack(memory, 0, [Piece(extent, like.dtype, tuple(like.shape))])[0]


def put_units(store, count=5, seed=0):
    """Weights of various sizes and dtypes, in the file of ours."""
    rng = random.Random(seed)
    dtypes = [torch.float32, torch.bfloat16, torch.uint8]
    weights = [
        torch.randint(0, 99, (rng.randint(1, 40), rng.randint(1, 999))).to(dtypes[i % 3])
        for i in range(count)
    ]
    units = [[Piece(store.put(f"w{i}", w), w.dtype, tuple(w.shape))] for i, w in enumerate(weights)]
    return weights, units


def test_a_mapped_weight_stays_in_its_checkpoint(tmp_path):
    file = tmp_path / "m.safetensors"
    save_file({"a": torch.randn(300, 70), "b": torch.randn(5000)}, file)
    store = WeightStore(tmp_path)
    for name, weight in load_file(file).items():
        assert is_mapped(weight)
        extent = store.put(name, weight)
        assert extent.file == file
        assert torch.equal(read_back(store, extent, weight), weight)
    assert (store.adopted_bytes, store.written_bytes) == (file.stat().st_size - 8 - _header(file), 0)


def _header(file):
    return int.from_bytes(file.read_bytes()[:8], "little")


def test_a_mapped_weight_that_was_changed_in_memory_is_written(tmp_path):
    file = tmp_path / "m.safetensors"
    save_file({"a": torch.randn(3000)}, file)
    weight = load_file(file)["a"]
    weight[7] += 1  # a private page: the file does not have it
    store = WeightStore(tmp_path)
    extent = store.put("a", weight)
    assert extent.file != file
    assert torch.equal(read_back(store, extent, weight), weight)


def test_a_weight_keeps_its_place_within_a_cache_line(tmp_path):
    store = WeightStore(tmp_path)
    base = torch.randn(1000)
    for start in (0, 1, 5, 17):
        weight = base[start:]
        back = read_back(store, store.put("w", weight), weight)
        assert back.data_ptr() % 64 == weight.data_ptr() % 64
        assert torch.equal(back, weight)


def test_nothing_of_ours_has_a_name(tmp_path):
    store = WeightStore(tmp_path)
    weights, units = put_units(store)
    assert list(tmp_path.iterdir()) == []
    for weight, (piece,) in zip(weights, units, strict=True):
        assert torch.equal(read_back(store, piece.extent, weight), weight)
    store.close()


def test_kill_while_the_store_is_being_built_leaves_nothing(tmp_path):
    code = f"""
import sys, torch
from pathlib import Path
from flexserve_core.offload.store import WeightStore
store = WeightStore(Path({str(tmp_path)!r}))
store.put("w", torch.zeros(100_000))
print("half", flush=True)
sys.stdin.read()
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"half\n"
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    child.stdin.close()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_of_a_killed_process_goes_at_the_next_start(tmp_path):
    (tmp_path / ".flexserve-offload-abc").touch()
    (tmp_path / "mine").touch()
    remove_stale(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_full_disk_names_folder_weight_and_bytes(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = WeightStore(tmp_path)
    kept = store.put("first", torch.zeros(5000))
    monkeypatch.setattr(store_module.os, "posix_fallocate", full)
    with pytest.raises(OffloadError, match=r"second cannot be kept \(No space left") as refused:
        store.put("second", torch.ones(3 * PAGE, dtype=torch.uint8))
    assert refused.value.needed == 3 * PAGE
    assert refused.value.available == os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    monkeypatch.undo()
    assert not read_back(store, kept, torch.zeros(5000)).any()  # what was there is still there
    store.put("second", torch.ones(3 * PAGE, dtype=torch.uint8))


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(OffloadError, match=r"nowhere.*no such folder"):
        WeightStore(tmp_path / "nowhere").put("w", torch.zeros(10))


def test_a_disk_that_gives_back_something_else_is_noticed(tmp_path, monkeypatch):
    original = os.pwrite
    monkeypatch.setattr(
        store_module.os, "pwrite", lambda handle, data, at: original(handle, bytes(len(data)), at)
    )
    with pytest.raises(OffloadError, match="read back differently"):
        WeightStore(tmp_path).put("w", torch.ones(10))


def test_a_truncated_or_changed_file_is_named_with_the_bytes(tmp_path):
    file = tmp_path / "f"
    file.write_bytes(bytes(3 * PAGE))
    reader = ExtentReader()
    reader.open(file)
    extent = Extent("layer 7", file, PAGE + 100, PAGE)
    into = aligned_memory(extent.slot_bytes).numpy().data
    reader.read(extent, into)
    os.truncate(file, PAGE + 500)
    with pytest.raises(OffloadError, match="layer 7 is truncated") as refused:
        reader.read(extent, into)
    assert (refused.value.needed, refused.value.available) == (2 * PAGE + 100, PAGE + 500)
    file.write_bytes(b"x" * 3 * PAGE)
    with pytest.raises(OffloadError, match="layer 7 has changed"):
        reader.read(extent, into)
    reader.close()


def test_files_without_direct_reads_are_read_all_the_same(tmp_path, monkeypatch):
    file = tmp_path / "f"
    data = os.urandom(3 * PAGE + 77)
    file.write_bytes(data)
    preadv, refused = os.preadv, []

    def no_direct(handle, buffers, offset):
        import fcntl

        if fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_DIRECT:
            refused.append(1)
            raise OSError(errno.EINVAL, "Invalid argument")
        return preadv(handle, buffers, offset)

    monkeypatch.setattr("flexserve_core.offload.extents.os.preadv", no_direct)
    reader = ExtentReader()
    reader.open(file)
    extent = Extent("w", file, 33, len(data) - 33)
    memory = aligned_memory(extent.slot_bytes)
    for _ in range(2):
        reader.read(extent, memory.numpy().data)
    assert bytes(memory[33 : len(data)].numpy()) == data[33:]
    assert len(refused) == 1
    reader.close()


def test_the_ring_gives_no_byte_to_two():
    rng = random.Random(5)
    ring, taken = Ring(64), []
    for _ in range(3000):
        size = rng.randint(1, 30)
        fitted, place = ring.fits(size), ring.take(size)
        assert fitted == (place is not None)
        if place is None:
            assert taken, "an empty ring takes anything up to its size"
            ring.give_back()
            taken.pop(0)
            continue
        assert 0 <= place <= 64 - size
        assert all(place + size <= other or place >= other + length for other, length in taken)
        taken.append((place, size))
    assert Ring(64).take(65) is None


@pytest.mark.parametrize("places", [1, 2, 3, 5])
def test_any_order_gives_the_right_weights(tmp_path, places):
    store = WeightStore(tmp_path)
    weights, units = put_units(store, count=7)
    streamer = Streamer(units, HostSlots(store, places * max(map(slot_bytes, units))))
    rng = random.Random(places)
    in_order = [*range(7)] * 4
    other_order = [3, 1, 0, 6, 5, 2, 4] * 4
    mixed = [rng.randrange(7) for _ in range(40)]
    for unit in [*in_order, *mixed, *other_order, 2, 2, 2, *in_order[:9]]:
        (found,) = streamer.acquire(unit)
        assert torch.equal(found, weights[unit])
    streamer.close()
    with pytest.raises(OffloadError, match="stopped"):
        streamer.acquire(0)


def test_a_pass_in_order_reads_every_weight_once(tmp_path):
    store = WeightStore(tmp_path)
    _, units = put_units(store, count=6)
    order = [4, 0, 2, 1, 5, 3]  # not the one it was told: learned in the first pass
    streamer = Streamer(units, HostSlots(store, 2 * max(map(slot_bytes, units))))
    for unit in [*order, *order]:
        streamer.acquire(unit)
    streamer.settle()
    before = streamer.bytes_moved
    for _ in range(5):
        for unit in order:
            streamer.acquire(unit)
    streamer.settle()
    assert streamer.bytes_moved - before == 5 * sum(piece.extent.nbytes for unit in units for piece in unit)


def test_what_comes_next_is_read_meanwhile(tmp_path):
    store = WeightStore(tmp_path)
    _, units = put_units(store, count=6)
    slots = HostSlots(store, sum(map(slot_bytes, units)))
    streamer = Streamer(units, slots)
    streamer.acquire(0)
    streamer.settle()
    assert streamer.bytes_moved == sum(piece.extent.nbytes for unit in units for piece in unit)


def test_a_failed_read_is_raised_where_it_is_needed_and_tried_again(tmp_path, monkeypatch):
    store = WeightStore(tmp_path)
    weights, units = put_units(store, count=4)
    slots = HostSlots(store, 2 * max(map(slot_bytes, units)))
    fill, broken = slots.fill, [True]

    def failing(offset, pieces):
        if broken[0] and pieces == tuple(units[2]):
            raise OffloadError("disk", "w2", problem="cannot be read")
        return fill(offset, pieces)

    monkeypatch.setattr(slots, "fill", failing)
    streamer = Streamer(units, slots)
    for _ in range(2):
        for unit in (0, 1):
            assert torch.equal(streamer.acquire(unit)[0], weights[unit])
        with pytest.raises(OffloadError, match="w2"):
            streamer.acquire(2)
    broken[0] = False
    for unit in (2, 3, 0, 1, 2):
        assert torch.equal(streamer.acquire(unit)[0], weights[unit])


def test_letting_go_frees_the_memory():
    """A view keeps what it is a view of alive, whatever its `.data` becomes."""
    module = torch.nn.Module()
    base = torch.zeros(100)
    alive = weakref.ref(base)
    module.register_buffer("packed", base[10:])
    module.register_parameter("weight", torch.nn.Parameter(torch.zeros(4), requires_grad=False))
    del base
    for name in ("packed", "weight"):
        let_go(module, name)
        assert tensors_of(module)[name].numel() == 0
    assert alive() is None
