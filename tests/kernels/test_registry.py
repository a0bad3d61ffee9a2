"""Which implementation runs: compiled, reference on request, reference without a compiler."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import flexserve_kernels
import pytest
import torch
from flexserve_kernels import available, native, ops, prepare_linear, registry, tree_attention
from flexserve_kernels.checks import AttentionScene
from flexserve_kernels.environment import reference_forced
from flexserve_kernels.reference.attention import tree_attention as reference_attention

ROOT = Path(__file__).parents[2]


def run_once():
    scene = AttentionScene.random([70])
    q, plan = scene.pack([(0, 69), (0, 3)])
    arguments = (q, scene.k_cache, scene.v_cache, plan)
    return tree_attention(*arguments, scale=0.1), reference_attention(*arguments, scale=0.1)


def test_public_names():
    assert set(flexserve_kernels.__all__) <= set(dir(flexserve_kernels))
    assert {choice.op for choice in available()} <= set(flexserve_kernels.__all__)


def test_reference_on_request(monkeypatch):
    monkeypatch.setenv("FLEXSERVE_REFERENCE", "1")
    assert torch.equal(*run_once())
    assert available()[-1].reason == "FLEXSERVE_REFERENCE is set"
    assert all(choice.chosen == "torch reference" for choice in available())


def test_without_a_compiled_library_the_reference_runs(monkeypatch, tmp_path):
    nothing = native.load_from(tmp_path, native.INSTRUCTION_SETS)
    assert nothing.library is None
    monkeypatch.setattr(registry, "load_native", lambda: nothing)
    assert torch.equal(*run_once())
    choice = available()[-1]
    assert (choice.op, choice.chosen) == ("tree_attention", "torch reference")
    assert "no C++ compiler" in choice.reason


def test_a_library_that_does_not_load_is_reported(tmp_path):
    broken = tmp_path / f"_native_baseline{native.EXTENSION_SUFFIXES[0]}"
    broken.write_bytes(b"not a library")
    loaded = native.load_from(tmp_path, ("baseline",))
    assert loaded.library is None
    assert f"{broken.name} does not load" in loaded.reason


def test_a_library_of_other_sources_is_not_used(monkeypatch):
    if native.load_native().library is None:
        pytest.skip(native.load_native().reason)
    monkeypatch.setattr(native, "ABI", -1)
    loaded = native.load_from(Path(native.__file__).parent, native.INSTRUCTION_SETS[-1:])
    assert loaded.library is None
    assert "install again" in loaded.reason


def test_without_torchs_thread_pool_one_thread_does_it(monkeypatch):
    if native.load_native().library is None:
        pytest.skip(native.load_native().reason)
    expected = run_once()[0]
    monkeypatch.setattr(native, "_parallel_function", lambda: None)
    alone = native.load_from(Path(native.__file__).parent, (native.load_native().library.instruction_set,))
    assert "one thread" in alone.reason
    monkeypatch.setattr(registry, "load_native", lambda: alone)
    assert torch.equal(run_once()[0], expected)
    assert ops.native_library() is alone.library


def test_what_is_said_of_linear_layers_is_what_they_do():
    if native.load_native().library is None:
        pytest.skip(native.load_native().reason)
    reason = next(choice.reason for choice in available() if choice.op == "prepare_linear")
    tiles, vectors = reason.split("in vectors")[0].rpartition("in AMX tiles")[::2]
    for kind in ("bf16", "fp32"):
        method = prepare_linear(torch.randn(8, 64), kind=kind).method
        assert kind in (tiles if "AMX tiles" in method else vectors)


def test_a_build_without_a_compiler_succeeds_and_builds_nothing(tmp_path):
    pytest.importorskip("setuptools")
    command = [sys.executable, "setup.py", "-q", "build_ext", "--build-lib", tmp_path / "lib"]
    command += ["--build-temp", tmp_path / "temp"]
    missing = str(tmp_path / "no-such-compiler")
    environment = {**os.environ, "CC": missing, "CXX": missing}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert 'building extension "flexserve_kernels._native_baseline" failed' in done.stdout + done.stderr
    assert not list(tmp_path.rglob("_native*"))


@pytest.mark.parametrize("value", ["off", "no", "false", "0", ""])
def test_reference_switched_off_in_words(monkeypatch, value):
    """The same words as in flexserve_core.env."""
    monkeypatch.setenv("FLEXSERVE_REFERENCE", value)
    assert not reference_forced()


def test_reference_switch_must_be_on_or_off(monkeypatch):
    monkeypatch.setenv("FLEXSERVE_REFERENCE", "maybe")
    with pytest.raises(ValueError, match="FLEXSERVE_REFERENCE = 'maybe'"):
        reference_forced()
