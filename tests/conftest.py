"""What every test may rely on: no network, quiet model loading, the shared models' folder where it exists."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

import pytest
import torch
from hypothesis import settings

# The same examples at every run and no stopwatch: a red test is red again, on a busy machine too.
settings.register_profile("flexserve", deadline=None, derandomize=True, database=None)
settings.load_profile("flexserve")

# Before transformers is imported anywhere: a test that would download fails at once instead.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
if not torch.cuda.is_available():
    # Triton reads this once, when whoever is first imports it; its kernels then run in its interpreter.
    os.environ["TRITON_INTERPRET"] = "1"
for _name in (
    "FLEXSERVE_REFERENCE",
    "FLEXSERVE_CHECK",
    "FLEXSERVE_TRACE",
    "FLEXSERVE_API_KEY",
    "FLEXSERVE_BASE_URL",
):
    os.environ.pop(_name, None)  # a developer's own switches are no part of the tests
os.environ["FLEXSERVE_CACHE"] = tempfile.mkdtemp(prefix="flexserve-tests-")
atexit.register(shutil.rmtree, os.environ["FLEXSERVE_CACHE"], ignore_errors=True)


@pytest.fixture(scope="session")
def shared_model():
    """A function from a shared model's name to its folder; skips the test where it is absent."""
    from flexserve_core.testing import shared_model as find

    def folder(name: str):
        path = find(name)
        if path is None:
            pytest.skip(f"the shared model {name} is not here (FLEXSERVE_SHARED names the folder)")
        return path

    return folder
