"""Offload in a whole engine: settings, limits, faults; the same tokens from the same requests."""

from __future__ import annotations

import gc
import os
import threading

import pytest

from flexserve_core import ConfigurationError, EngineConfig, EngineFailedError, build_server
from flexserve_core.offload import report, setup
from flexserve_core.offload.attach import tensors_of
from flexserve_core.testing import write_tiny_pair

SIZES = {"max_seq_length": 128, "max_requests_per_batch": 4, "device": "cpu", "dtype": "float32"}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return write_tiny_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(autouse=True)
def _tiny_weights_count(monkeypatch):
    monkeypatch.setattr(setup, "SMALL", 1000)


def server_of(pair, **settings):
    llm, ssm = pair
    return build_server(EngineConfig(**{"model": str(llm), "ssms": (str(ssm),), **SIZES, **settings}))


def generate(server, **fields):
    """Four requests at once, greedy and sampled."""
    server.start()
    kinds = [{"temperature": 0.0}, {"temperature": 0.8, "seed": 3, "n": 2}] * 2
    requests = [
        server.make_request(prompt=f"The cat {i}", max_new_tokens=20, **kind, **fields)
        for i, kind in enumerate(kinds)
    ]
    streams = [server.submit(request) for request in requests]
    found = [[choice.token_ids for choice in stream.result().choices] for stream in streams]
    server.stop()
    return found


def weights(server):
    return next(choice for choice in server.info.choices if choice.what == "weights")


@pytest.mark.parametrize("mode", ["auto", "disk"])
def test_an_engine_larger_than_its_limit_gives_the_same_tokens(pair, mode):
    expected = generate(server_of(pair))
    server = server_of(pair, offload=mode, percent=(33, 0, 100, 0, 100, 0))
    assert "on disk" in weights(server).chosen
    assert all(item.holds for item in server.info.proof)
    assert generate(server) == expected
    plain = server_of(pair, offload=mode, percent=(0, 0, 100, 0, 100, 0), speculation=False)
    assert generate(plain) == expected


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_quantised_engine_larger_than_its_limit_gives_the_same_tokens(pair, kind):
    quantised = {"quantization": kind, "ssm_quantization": "int4", "dtype": "bfloat16"}
    expected = generate(server_of(pair, **quantised))
    server = server_of(pair, **quantised, offload="disk", percent=(33, 0, 100, 0, 100, 0))
    assert "on disk" in weights(server).chosen
    assert server.info.quantization == kind
    assert all(item.holds for item in server.info.proof)
    assert generate(server) == expected


def test_what_fits_stays(pair):
    server = server_of(pair, offload="auto")
    assert weights(server).chosen == "all in memory"
    assert not any(choice.what == "weights" for choice in server_of(pair).info.choices)


def test_the_limit_decides_how_much_stays(pair, monkeypatch):
    """The program's own bytes are put aside: a tiny model's are lost in their noise."""
    monkeypatch.setattr(report, "process_bytes", lambda *_: 0)
    monkeypatch.setattr(setup, "_WORKSPACE", 0)
    found = {}
    for limit in (1_550_000, 1_700_000, 4_000_000):
        server = server_of(
            pair, offload="auto", host_memory=limit, num_kv_blocks=32, max_tokens_per_batch=128
        )
        found[limit] = weights(server).chosen
    assert len(set(found.values())) == 3
    assert found[4_000_000] == "all in memory"
    with pytest.raises(ConfigurationError, match="host_memory") as refused:
        server_of(pair, offload="auto", host_memory=1_000_000, num_kv_blocks=32)
    assert "needed" in str(refused.value)


@pytest.mark.parametrize("host_memory", [None, 2**30])
def test_weights_that_are_in_memory_already_count_once(pair, monkeypatch, host_memory):
    """Whatever a model takes while it is prepared is not the program's, and can be taken again."""
    seen = []
    original = setup._room
    monkeypatch.setattr(setup, "_room", lambda *of: seen.append(of[2]) or original(*of))
    # The test's own process may well be larger than the limit.
    monkeypatch.setattr(report, "process_bytes", lambda *_: 100_000_000)
    monkeypatch.setattr(report, "host_available", lambda: 10**9)
    server = server_of(pair, offload="auto", host_memory=host_memory)
    assert weights(server).chosen == "all in memory"
    modules = server._engine._runner.loaded.model.modules()
    tensors = [tensor for module in modules for tensor in tensors_of(module).values()]
    packed = sum(tensor.nbytes for tensor in tensors if tensor.nbytes >= setup.SMALL)
    (machine,) = seen
    assert 100_000_000 - packed <= machine.process < 100_000_000 - packed / 2
    assert machine.compute == (host_memory or 900_000_000 + 100_000_000)


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"offload": "gpu"}, "offload"),
        ({"host_memory": 2**30}, "host_memory"),
        ({"percent": (0, 0, 100, 0, 100, 0)}, "percent"),
        ({"offload": "auto", "host_memory": "4GiB"}, "host_memory"),
        ({"offload": "auto", "device_memory": 2**30}, "device_memory"),
        ({"offload": "cpu"}, "offload"),
        ({"offload": "auto", "percent": (50, 50, 100, 0, 100, 0)}, "percent"),
        ({"offload": "auto", "offload_dir": "/nowhere/at/all"}, "offload_dir"),
        ({"offload": "auto", "host_memory": 2**20}, "host_memory"),
    ],
)
def test_settings_that_cannot_be_are_named(pair, settings, field):
    with pytest.raises(ConfigurationError) as refused:
        server_of(pair, **settings)
    assert refused.value.field == field


def test_a_read_error_ends_its_requests_and_the_engine_stays_up(tmp_path):
    llm, ssm = write_tiny_pair(tmp_path)
    server = server_of((llm, ssm), offload="disk", percent=(0, 0, 100, 0, 100, 0))
    other = server_of((ssm, llm), offload="disk", percent=(0, 0, 100, 0, 100, 0))
    request = {"prompt": "The cat", "max_new_tokens": 8, "temperature": 0.0}
    for each in (server, other):
        each.start()
    file = llm / "model.safetensors"
    good = server.submit(server.make_request(**request)).result()
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    whole = file.read_bytes()
    with file.open("r+b") as opened:
        opened.truncate(1000)
    with pytest.raises(EngineFailedError, match=r"model\.safetensors.*needed.*available"):
        server.submit(server.make_request(**request)).result()
    assert server.health().status == "ok"
    assert other.submit(other.make_request(**request)).result().choices[0].token_ids
    file.write_bytes(whole)  # the disk has come back
    os.utime(file, ns=times)
    again = server.submit(server.make_request(**request)).result()
    assert again.choices[0].token_ids == good.choices[0].token_ids
    for each in (server, other):
        each.stop()


def test_a_streamer_ends_with_its_engine(pair):
    def streaming():
        return [thread for thread in threading.enumerate() if thread.name == "flexserve-streamer"]

    gc.collect()
    before = set(streaming())
    server = server_of(pair, offload="disk", percent=(0, 0, 100, 0, 100, 0))
    (ours,) = set(streaming()) - before
    del server
    gc.collect()
    ours.join(timeout=20)
    assert not ours.is_alive()
