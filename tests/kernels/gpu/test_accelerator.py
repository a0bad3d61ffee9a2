"""Triton is used where its kernels were seen to be right, and nowhere else."""

from __future__ import annotations

import pytest
import torch
from flexserve_kernels import accelerator, available, registry

CUDA = torch.device("cuda", 0)


@pytest.fixture(autouse=True)
def _ask_again():
    accelerator.load_triton.cache_clear()
    yield
    accelerator.load_triton.cache_clear()


def chosen(device: torch.device) -> dict[str, tuple[str, str]]:
    return {choice.op: (choice.chosen, choice.reason) for choice in available(device)}


def test_the_selftest_passes_in_the_interpreter():
    from flexserve_kernels.gpu.selftest import failure

    assert failure(torch.device("cuda" if torch.cuda.is_available() else "cpu")) == ""


@pytest.mark.parametrize("name", ["tree_attention", "kv_move"])
def test_the_selftest_notices_a_wrong_kernel(monkeypatch, name):
    from flexserve_kernels.gpu import selftest

    def wrong(*arguments, **options):
        return torch.zeros_like(arguments[0]) if name == "tree_attention" else None

    monkeypatch.setattr(selftest, name, wrong)
    assert "differs from the reference" in selftest.failure(torch.device("cpu"))


def test_a_kernel_that_does_not_run_is_reported_not_raised(monkeypatch):
    from flexserve_kernels.gpu import selftest

    def broken(*_, **__):
        raise RuntimeError("no kernel image is available\nfor this device")

    monkeypatch.setattr(selftest, "tree_attention", broken)
    assert selftest.failure(torch.device("cpu")) == "RuntimeError: no kernel image is available"


@pytest.mark.parametrize("problem", ["", "attention differs from the reference by 3"])
def test_what_failed_its_selftest_is_not_used(monkeypatch, problem):
    from flexserve_kernels.gpu import selftest

    monkeypatch.setattr(selftest, "failure", lambda device: problem)
    assert registry.triton_runs(CUDA) is not bool(problem)
    name, reason = chosen(CUDA)["tree_attention"]
    assert name == ("torch reference" if problem else "Triton")
    assert problem in reason


def test_without_triton_the_reference_runs(monkeypatch):
    monkeypatch.setattr(accelerator.importlib.util, "find_spec", lambda name: None)
    assert chosen(CUDA)["kv_move"] == ("torch reference", "Triton is not installed")


def test_the_reference_on_request(monkeypatch):
    monkeypatch.setenv("FLEXSERVE_REFERENCE", "1")
    assert not registry.triton_runs(CUDA)
    assert chosen(CUDA)["tree_attention"] == ("torch reference", "FLEXSERVE_REFERENCE is set")


def test_never_on_other_devices():
    assert not registry.triton_runs(torch.device("cpu"))
    assert {name for name, _ in chosen(torch.device("meta")).values()} == {"torch reference"}
