"""Finds and loads the compiled CPU kernels (csrc/), when the package was installed with a compiler.

They are plain shared libraries with a C interface, one per instruction set; the widest that this processor
has is loaded. Threads come from the OpenMP runtime that torch has already loaded: a second one would make two
pools spin against each other. Knows nothing of the ops.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import torch

ABI = 7  # FLEXSERVE_ABI in csrc/native.h
# widest first; libraries are called _native_<name>
INSTRUCTION_SETS = ("amx", "avx512vnni", "avx512", "avx2", "baseline")


@dataclass(frozen=True, slots=True, eq=False)  # identity: a library is loaded once
class NativeLibrary:
    """A loaded library and the parallel-region function of torch's OpenMP runtime (None: one thread only)."""

    instruction_set: str
    functions: ctypes.CDLL
    parallel: ctypes.c_void_p | None

    def function(self, name: str, *argtypes: type) -> Callable[..., int]:
        """The C function of this name; it returns an int. ctypes releases the GIL while it runs."""
        function = getattr(self.functions, name)
        function.argtypes, function.restype = argtypes, ctypes.c_int
        return function


@dataclass(frozen=True, slots=True)
class LoadResult:
    """The library, or None, and the reason in words."""

    library: NativeLibrary | None
    reason: str


@lru_cache(maxsize=1)
def load_native() -> LoadResult:
    """The best library for this processor; looked for once."""
    return load_from(Path(__file__).parent, usable_instruction_sets())


def usable_instruction_sets() -> tuple[str, ...]:
    """Those of INSTRUCTION_SETS that this processor has, widest first."""
    capability = torch.backends.cpu.get_cpu_capability()
    if capability != "AVX512":
        return INSTRUCTION_SETS[3 if capability == "AVX2" else 4 :]
    if not torch.cpu._is_vnni_supported():
        return INSTRUCTION_SETS[2:]
    has_amx = torch.cpu._is_amx_tile_supported() and torch.cpu._is_avx512_bf16_supported()
    return INSTRUCTION_SETS[0 if has_amx else 1 :]


def load_from(folder: Path, instruction_sets: tuple[str, ...]) -> LoadResult:
    """The first library in the folder, in the order given, that loads and has our ABI."""
    problems = []
    for name in instruction_sets:
        path = next(
            (p for suffix in EXTENSION_SUFFIXES if (p := folder / f"_native_{name}{suffix}").exists()), None
        )
        if path is None:
            continue
        try:
            functions = ctypes.CDLL(str(path))
            abi = functions.flexserve_abi()
        except (OSError, AttributeError) as error:
            problems.append(f"{path.name} does not load ({error})")
            continue
        if abi == ABI:
            return LoadResult(NativeLibrary(name, functions, _parallel_function()), _describe(name))
        problems.append(f"{path.name} was built from other sources (ABI {abi}, not {ABI}); install again")
    return LoadResult(None, "; ".join(problems) or "not compiled: there was no C++ compiler at install time")


def _parallel_function() -> ctypes.c_void_p | None:
    """GOMP_parallel of the runtime that importing torch made visible to the whole process."""
    try:
        return ctypes.cast(ctypes.CDLL(None).GOMP_parallel, ctypes.c_void_p)
    except (AttributeError, OSError, TypeError):
        return None


def _describe(instruction_set: str) -> str:
    threads = "torch's thread pool" if _parallel_function() else "one thread, as torch has no OpenMP here"
    return f"compiled for {instruction_set}, {threads}"
