"""What goes wrong under offload in a whole engine: the error names it, and everything else goes on."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from flexserve_core import ConfigurationError, EngineConfig, EngineFailedError, OffloadError, build_server
from flexserve_core.offload import setup
from flexserve_core.testing import write_tiny_pair

SIZES = {"max_seq_length": 128, "device": "cpu", "dtype": "bfloat16", "text_drafters": ()}
EVERYTHING_MOVES = {"offload": "disk", "percent": (0, 0, 100, 0, 100, 0)}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return write_tiny_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def pair(original, tmp_path):
    """A copy that a test may damage."""
    return tuple(Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in original)


@pytest.fixture(autouse=True)
def _tiny_weights_count(monkeypatch):
    monkeypatch.setattr(setup, "SMALL", 1000)


def server_of(pair, **settings):
    llm, ssm = pair
    config = {"model": str(llm), "ssms": (str(ssm),), **SIZES, **EVERYTHING_MOVES, **settings}
    return build_server(EngineConfig(**config))


def request_of(server, prompt="The cat"):
    return server.make_request(prompt=prompt, max_new_tokens=8, temperature=0.0)


def files_of_ours():
    """Nameless files that this process has open."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(os.readlink(link))
    return {name for name in found if ".flexserve-offload-" in name}


@pytest.fixture
def disk(monkeypatch):
    """A switch: while it is on, every read of a weight fails."""
    preadv, switch = os.preadv, {"broken": False}

    def read(*of):
        if switch["broken"]:
            raise OSError(errno.EIO, "Input/output error")
        return preadv(*of)

    monkeypatch.setattr("flexserve_core.offload.extents.os.preadv", read)
    return switch


def test_a_read_error_names_file_and_tensor_and_only_ends_what_ran(pair, disk):
    server = server_of(pair, max_requests_per_batch=1)
    other = server_of((pair[1], pair[0]))
    fail_step = server._engine.fail_step
    with server, other:
        good = server.submit(request_of(server)).result().choices[0].token_ids

        def fail_step_and_repair(message):
            disk["broken"] = False  # a passing fault
            return fail_step(message)

        server._engine.fail_step = fail_step_and_repair
        disk["broken"] = True
        first, second = (server.submit(request_of(server)) for _ in range(2))
        with pytest.raises(
            EngineFailedError,
            match=r"offloaded weights: model\.\S+ cannot be read \(Input/output error\)"
            r" \([\d,]+ bytes needed\)",
        ):
            first.result()
        assert second.result().choices[0].token_ids == good, "it was waiting, and is not lost"
        assert server.health().status == "ok"
        assert server.submit(request_of(server)).result().choices[0].token_ids == good
        assert other.submit(request_of(other)).result().choices[0].token_ids


def test_a_fault_that_stays_ends_every_request_with_its_error(pair, disk):
    server = server_of(pair, max_requests_per_batch=1)
    with server:
        disk["broken"] = True
        for stream in [server.submit(request_of(server)) for _ in range(3)]:
            with pytest.raises(EngineFailedError, match="cannot be read"):
                stream.result()
        disk["broken"] = False
        assert server.submit(request_of(server)).result().choices[0].token_ids


def test_a_truncated_checkpoint_is_named_before_it_is_loaded(pair):
    file = pair[0] / "model.safetensors"
    size = file.stat().st_size
    os.truncate(file, size - 100)
    with pytest.raises(OffloadError, match=r"model\.safetensors: \S+ is truncated") as refused:
        server_of(pair)
    assert (refused.value.needed, refused.value.available) == (size, size - 100)


@pytest.mark.parametrize("quantization", [None, "int4"])
def test_a_full_disk_ends_the_build_and_leaves_nothing(pair, tmp_path, monkeypatch, quantization):
    folder = tmp_path / "store"
    folder.mkdir()
    fallocate, calls = os.posix_fallocate, []

    def fills_up(*of):
        calls.append(of)
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return fallocate(*of)

    gc.collect()
    before = files_of_ours()
    monkeypatch.setattr("flexserve_core.offload.nameless.os.posix_fallocate", fills_up)
    with pytest.raises(OffloadError, match=r"store: .*No space left on device.*needed.*available"):
        server_of(pair, offload_dir=str(folder), quantization=quantization)
    monkeypatch.undo()
    monkeypatch.setattr(setup, "SMALL", 1000)
    gc.collect()
    assert list(folder.iterdir()) == []
    assert files_of_ours() <= before
    with server_of(pair, offload_dir=str(folder), quantization=quantization) as server:
        assert server.submit(request_of(server)).result().choices[0].token_ids


def test_the_file_of_ours_goes_with_its_engine(pair):
    gc.collect()
    before = files_of_ours()
    server = server_of(pair)
    assert files_of_ours() - before
    del server
    # the thread that reads ahead lets go of it on its own, soon
    deadline = time.monotonic() + 30
    while files_of_ours() - before and time.monotonic() < deadline:
        gc.collect()
    assert files_of_ours() <= before


def test_a_folder_that_goes_away(pair, tmp_path):
    folder = tmp_path / "store"
    with pytest.raises(ConfigurationError, match=r"offload_dir.*no such folder"):
        server_of(pair, offload_dir=str(folder))
    folder.mkdir()
    with server_of(pair, offload_dir=str(folder)) as server:
        folder.rmdir()  # nothing of it is needed any longer
        assert server.submit(request_of(server)).result().choices[0].token_ids


def test_a_bound_too_small_for_one_layer_says_what_is_needed(pair, monkeypatch):
    monkeypatch.setattr("flexserve_core.offload.report.process_bytes", lambda *_: 0)
    monkeypatch.setattr(setup, "_WORKSPACE", 0)
    small = {"num_kv_blocks": 8, "max_tokens_per_batch": 16, "max_requests_per_batch": 4, "ssms": ()}
    with pytest.raises(
        ConfigurationError, match=r"14\.1 KiB for weights.*\(lm_head\) alone take 3 × 36\.0 KiB"
    ) as refused:
        server_of(pair, percent=None, host_memory=80_000, **small)
    assert refused.value.field == "host_memory"
    assert "on disk" in str(server_of(pair, percent=None, host_memory=200_000, **small).info.choices)


BUILD = """
import sys
from flexserve_core import EngineConfig, build_server
from flexserve_core.offload import nameless, setup
setup.SMALL = 1000
write, count = nameless.os.pwrite, [0]
def slow(*of):
    count[0] += 1
    if count[0] == 5:
        print("half", flush=True)
        sys.stdin.read()
    return write(*of)
nameless.os.pwrite = slow
build_server(EngineConfig(model=sys.argv[1], ssms=(), device="cpu", dtype="bfloat16", offload="disk",
    percent=(0, 0, 100, 0, 100, 0), offload_dir=sys.argv[2], quantization=sys.argv[3] or None))
"""


@pytest.mark.parametrize("quantization", ["", "int4"])
def test_kill_while_an_engine_is_being_built_leaves_nothing(pair, tmp_path, quantization):
    folder = tmp_path / "store"
    folder.mkdir()
    (
        folder / ".flexserve-offload-earlier"
    ).touch()  # of one that was killed before it could take away the name
    child = subprocess.Popen(
        [sys.executable, "-c", BUILD, str(pair[0]), str(folder), quantization],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdin is not None
    assert child.stdout is not None
    with child.stdin, child.stdout:
        assert child.stdout.readline() == b"half\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert list(folder.iterdir()) == []
    with server_of(pair, offload_dir=str(folder), quantization=quantization or None) as server:
        assert server.submit(request_of(server)).result().choices[0].token_ids
