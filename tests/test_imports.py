"""The layout keeps its promises: imports point one way, names are declared, files are short and explained."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {
    "flexserve_kernels": ROOT / "kernels" / "flexserve_kernels",
    "flexserve_core": ROOT / "flexserve_core",
    "langchain_flexserve": ROOT / "integrations" / "langchain_flexserve",
    "flexserve_apps": ROOT / "apps" / "flexserve_apps",
}
# What a package may import besides the standard library.
ALLOWED = {
    "flexserve_kernels": {"torch", "numpy", "triton"},
    "flexserve_core": {
        "flexserve_kernels",
        *(
            "torch",
            "transformers",
            "tokenizers",
            "safetensors",
            "huggingface_hub",
            "numpy",
            "scipy",
            "llguidance",
        ),
    },
    "langchain_flexserve": {"flexserve_core", "langchain_core", "httpx", "pydantic", "typing_extensions"},
    "flexserve_apps": {
        "flexserve_core",
        *("fastapi", "starlette", "uvicorn", "pydantic", "pydantic_core", "gradio", "prometheus_client"),
        *("anyio", "typing_extensions", "typer", "click", "rich", "plotext", "yaml"),
        "transformers",  # to quiet its own log and progress bars in a terminal
    },
}
MAX_LINES = 300
# Longer files that were looked at and accepted: path → lines at most.
LONGER: dict[str, int] = {}

FILES = [(name, path) for name, folder in PACKAGES.items() for path in sorted(folder.rglob("*.py"))]
IDS = [str(path.relative_to(ROOT)) for _, path in FILES]


def imported(tree: ast.AST) -> set[str]:
    """Top-level names of everything a module imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: packages import themselves by their full name"
            names.add((node.module or "").partition(".")[0])
    return names


@pytest.mark.parametrize(("package", "path"), FILES, ids=IDS)
def test_imports_point_one_way(package, path):
    foreign = imported(ast.parse(path.read_text())) - set(sys.stdlib_module_names) - {package}
    assert foreign <= ALLOWED[package], f"{package} may not import {sorted(foreign - ALLOWED[package])}"


def test_triton_is_imported_by_the_gpu_kernels_alone():
    """It is not there on most machines without a GPU."""
    users = [path for _, path in FILES if "triton" in imported(ast.parse(path.read_text()))]
    assert users
    assert {path.parent for path in users} == {PACKAGES["flexserve_kernels"] / "gpu"}


@pytest.mark.parametrize(("package", "path"), FILES, ids=IDS)
def test_packages_meet_at_their_doors(package, path):
    """What a package uses of another is in that one's `__init__`, so that rooms can change behind it."""
    for node in ast.walk(ast.parse(path.read_text())):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for module in modules:
            other = module.partition(".")[0]
            assert other not in PACKAGES or other == package or module == other, (
                f"line {node.lineno}: {module}"
            )


def test_the_check_of_imports_can_fail():
    tree = ast.parse(
        "import torch\ndef f():\n    from fastapi.responses import Response\n    import gradio.themes"
    )
    assert imported(tree) - ALLOWED["flexserve_core"] == {"fastapi", "gradio"}


@pytest.mark.parametrize(("package", "path"), FILES, ids=IDS)
def test_every_module_is_explained_and_short(package, path):
    source = path.read_text()
    assert ast.get_docstring(ast.parse(source)), "no docstring"
    lines = source.count("\n")
    assert lines <= LONGER.get(str(path.relative_to(ROOT)), MAX_LINES), f"{lines} lines"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT))
)
def test_tests_are_short_too(path):
    lines = path.read_text().count("\n")
    assert lines <= LONGER.get(str(path.relative_to(ROOT)), MAX_LINES), f"{lines} lines"


def test_exceptions_are_still_needed():
    for name, limit in LONGER.items():
        assert MAX_LINES < (ROOT / name).read_text().count("\n") <= limit, name


@pytest.mark.parametrize("package", ["flexserve_core", "flexserve_kernels", "flexserve_core.testing"])
def test_declared_names_exist_and_are_in_order(package):
    module = importlib.import_module(package)
    assert len(set(module.__all__)) == len(module.__all__)
    natural = sorted(module.__all__, key=lambda name: (not name.isupper(), not name[:1].isupper(), name))
    assert module.__all__ in (sorted(module.__all__), natural)
    for name in module.__all__:
        assert getattr(module, name) is not None


def loaded_by(code: str) -> set[str]:
    """Top-level modules in a fresh interpreter after running `code`."""
    script = f"{code}\nimport sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=120, check=True
    )
    return set(done.stdout.split())


def test_importing_the_core_is_cheap():
    heavy = {"torch", "transformers", "fastapi", "gradio", "langchain_core", "numpy"}
    assert not loaded_by("import flexserve_core as ff; ff.EngineConfig; ff.SamplingParams") & heavy


def test_the_core_runs_without_the_front_ends():
    loaded = loaded_by("import flexserve_core as ff; ff.LLM; ff.build_server; ff.EngineServer")
    assert "torch" in loaded
    assert not loaded & {"fastapi", "gradio", "langchain_core", "httpx", "uvicorn", "typer", "flexserve_apps"}
