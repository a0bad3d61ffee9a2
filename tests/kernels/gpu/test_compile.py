"""The kernels compile for real GPUs, with tensor-core instructions, on a machine that has none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("capability", [80, 90])
def test_every_kernel_compiles(capability, tmp_path):
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(Path(__file__).parent / "compile_all.py"), str(capability)],
        env={**environment, "TRITON_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    lines = [line.rsplit(" ", 2) for line in done.stdout.splitlines()]
    assert len(lines) == 8
    assert all(int(size) > 1000 for _, size, _ in lines)
    on_tensor_cores = {name for name, _, mma in lines if mma == "True"}
    assert on_tensor_cores == {"attention spans", "attention spans, int8 cache", "dense bf16", "nf4", "int8"}
