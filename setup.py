"""The one part of the build that pyproject.toml cannot say: the optional CPU kernels.

Each is a plain shared library (no Python or torch headers) of the same sources for one instruction set; the
package picks one when it runs. Without a compiler, or with one that refuses the flags, the build goes on and
the torch reference does the work.
"""

import platform
import sys
from pathlib import Path

from setuptools import Extension, setup

SOURCES = sorted(Path("kernels/flexserve_kernels/csrc").glob("*.cpp"))
HEADERS = sorted(Path("kernels/flexserve_kernels/csrc").glob("*.h"))
# Rounding must not depend on what the compiler finds convenient: no contraction, no fast maths.
FLAGS = [
    "-O3",
    "-std=c++17",
    "-ffp-contract=off",
    "-fno-fast-math",
    "-fvisibility=hidden",
    "-Wno-psabi",
    "-g0",
]
X86_FLAGS = {
    "amx": [
        *("-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma", "-mavx512bf16", "-mavx512vnni"),
        *("-mamx-tile", "-mamx-bf16", "-mamx-int8"),
    ],
    "avx512vnni": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma", "-mavx512vnni"],
    "avx512": ["-mavx512f", "-mavx512bw", "-mavx512vl", "-mavx512dq", "-mfma"],
    "avx2": ["-mavx2", "-mfma"],
}


def extensions() -> list[Extension]:
    if sys.platform == "win32":  # the sources use the vector types of GCC and Clang
        return []
    flags = {"baseline": [], **(X86_FLAGS if platform.machine() in ("x86_64", "AMD64") else {})}
    return [
        Extension(
            f"flexserve_kernels._native_{name}",
            sources=[str(path) for path in SOURCES],
            depends=[str(path) for path in HEADERS],
            extra_compile_args=[*FLAGS, *extra],
            language="c++",
            optional=True,
        )
        for name, extra in flags.items()
    ]


setup(ext_modules=extensions())
