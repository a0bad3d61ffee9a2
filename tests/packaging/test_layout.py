"""Guards of the layout (docs/decisions/0006): four import names, nothing generic, also when installed."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUTER = ("apps", "integrations", "kernels")
PACKAGES = {"flexserve_core", "flexserve_apps", "flexserve_kernels", "langchain_flexserve"}


@pytest.mark.parametrize("folder", OUTER)
def test_outer_folders_are_not_packages(folder: str) -> None:
    assert (ROOT / folder).is_dir()
    assert not (ROOT / folder / "__init__.py").exists()


def test_generic_names_do_not_leak(tmp_path: Path) -> None:
    """From an empty folder `apps`, `integrations` and `kernels` are not ours; the four packages are found."""
    code = (
        "import importlib.util as u, json\n"
        f"names = {sorted(PACKAGES)!r} + {list(OUTER)!r}\n"
        "print(json.dumps({n: getattr(u.find_spec(n), 'origin', None) for n in names}))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    found = json.loads(out.stdout)
    assert all(found[name] for name in PACKAGES), found
    assert not any(str(found[name] or "").startswith(str(ROOT)) for name in OUTER), found


@pytest.mark.slow
def test_wheel_holds_the_four_packages_and_their_data(tmp_path: Path) -> None:
    # In a copy of the tracked files, so that nothing built before can slip in.
    source = tmp_path / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    for name in filter(None, tracked):
        if (ROOT / name).is_file():
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(source)],
        check=True,
        capture_output=True,
        timeout=280,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if not name.split("/")[0].endswith(".dist-info")}
    assert tops == PACKAGES
    assert "flexserve_kernels/csrc/attention.cpp" in names
    assert "flexserve_core/assets/demo/config.json" in names
    assert "flexserve_core/assets/demo/model.safetensors" in names
    for name in ("demo-ssm", "demo-ssm-2"):
        assert f"flexserve_core/assets/{name}/model.safetensors" in names
    assert all(f"{package}/py.typed" in names for package in PACKAGES)
