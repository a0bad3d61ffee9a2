"""The grid of exactness: models × precisions × tree shapes × drafters × batches × greedy or sampled, cell by cell.

A cell runs the same requests with speculation and compares every token with plain decoding, one request at a time.
Random models accept little by chance, so in the "planted" cells a scripted drafter puts the true continuation at known
depths and branches. Knows nothing of which cells are run: tests take a pairwise choice, the benchmark all of them.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from flexserve_core.config import EngineConfig
from flexserve_core.models.catalog import embedded_models
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.speculation.suffix import SuffixDrafter
from flexserve_core.testing.bench import Bench, RunReport, run_requests
from flexserve_core.testing.scripted import Plant, ScriptedDrafter
from flexserve_core.testing.shared import SHARED_PAIRS, shared_model
from flexserve_core.testing.tiny import write_tiny_pair
from flexserve_core.types import Request

_FALCON = {
    "hidden_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 12,
    "max_position_embeddings": 512,
}
_RW = {"alibi": True, "multi_query": False, "parallel_attn": False, "bias": True}
_TINY: dict[str, tuple[str, dict[str, Any]]] = {
    "tiny llama": ("llama", {}),
    "tiny opt": ("opt", {}),
    "tiny gpt_bigcode": ("gpt_bigcode", {}),
    "tiny falcon, rotary": ("falcon", _FALCON),
    "tiny falcon, ALiBi": ("falcon", {**_FALCON, **_RW}),
    "tiny mpt": ("mpt", {"d_model": 96, "n_layers": 2, "n_heads": 12, "max_seq_len": 512}),
    "tiny qwen3": ("qwen3", {}),
}
MODELS = ("demo", *(pair.llm for pair in SHARED_PAIRS), *_TINY)
SHAPES: dict[str, dict[str, Any]] = {
    "chain 8": {"tree_shape": (1,) * 8},
    "<3,1,1,1>": {"tree_shape": (3, 1, 1, 1)},
    "<1,1,3,1,1,1,1,1>": {"tree_shape": (1, 1, 3, 1, 1, 1, 1, 1)},
    "best-first 16": {"max_tree_nodes": 16},
    "best-first 64": {"max_tree_nodes": 64},
}
DRAFTERS = ("1 SSM", "2 SSMs", "prompt lookup", "suffix", "merged")
BATCHES: dict[str, dict[str, Any]] = {
    "1": {"max_requests_per_batch": 1},
    "8": {"max_requests_per_batch": 8},
    "ragged": {"max_requests_per_batch": 3, "max_tokens_per_batch": 40, "kv_block_size": 3},
}
SAMPLINGS: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0.0},
    "sampled": {"temperature": 0.9, "top_p": 0.95, "frequency_penalty": 0.2, "ignore_eos": True},
}
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
AXES = (MODELS, tuple(DTYPES), tuple(SHAPES), DRAFTERS, tuple(BATCHES), tuple(SAMPLINGS), (False, True))
DEPTH = 8
_PLANTS = (
    Plant(depth=8, rank=0),
    Plant(depth=3, rank=1, decoy=2),
    Plant(depth=6, rank=2),
    Plant(depth=0, rank=0, decoy=3),
    Plant(depth=4, rank=3),
    Plant(depth=8, rank=1),
)
_PROMPTS = (
    "Once upon a time",
    "a",
    "Lily and Tom went to the park. They saw a big box. They saw a big",
    "One day, in a land far away, there was a very small dog who liked to dig. " * 2,
    "0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7",
    "The cat",
)
_AGAIN = (
    0,
    2,
)  # prompts that come a second time, later: what the server has written before is worth drafting
_RAGGED = (0, 0, 1, 3, 4, 7)
_LATER = 40  # steps


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination; its fields are values of AXES, in order."""

    model: str
    dtype: str
    shape: str
    drafters: str
    batch: str
    sampling: str
    planted: bool


@dataclass(slots=True)
class CellReport:
    """What a cell compared. planted: accepted nodes of the scripted drafter's trees by (depth, branch)."""

    tokens: int
    mismatches: int  # tokens that differ, missing and surplus ones included
    accepted_per_depth: Counter[int]
    planted: Counter[tuple[int, int]] = field(default_factory=Counter)


class GridModel:
    """One model of the grid in one precision, with its SSMs and its plain tokens by sampling."""

    def __init__(self, llm: str | Path, ssms: Sequence[str | Path], dtype: str, max_new_tokens: int) -> None:
        self.bench = Bench(llm, DTYPES[dtype])
        self._ssms = [Bench(ssm, DTYPES[dtype]) for ssm in ssms]
        self._new = max_new_tokens
        self._length = min(self.bench.loaded.max_positions(), 384)
        self._plain: dict[str, RunReport] = {}

    def requests(self, sampling: str) -> list[Request]:
        """All prompts, and some of them again; seeds by prompt."""
        numbers = [*range(len(_PROMPTS)), *_AGAIN]
        return [
            self.bench.request(
                _PROMPTS[number],
                request_id=str(index),
                seed=number,
                max_new_tokens=self._new,
                max_seq_length=self._length,
                **SAMPLINGS[sampling],
            )
            for index, number in enumerate(numbers)
        ]

    def plain(self, sampling: str) -> RunReport:
        """Plain decoding, one request at a time."""
        if sampling not in self._plain:
            config = EngineConfig(max_seq_length=self._length, max_requests_per_batch=1)
            self._plain[sampling] = run_requests(self.bench.engine(config=config), self.requests(sampling))
        return self._plain[sampling]

    def run(self, cell: Cell) -> CellReport:
        """One cell of this model and precision."""
        requests, plain = self.requests(cell.sampling), self.plain(cell.sampling)
        sizes = {"max_tree_nodes": 24, "max_tree_depth": DEPTH, **SHAPES[cell.shape], **BATCHES[cell.batch]}
        config = EngineConfig(max_seq_length=self._length, **sizes)
        drafters = self._drafters(cell.drafters, config)
        script = ScriptedDrafter(_texts(requests, plain), _PLANTS, self.bench.loaded.vocab_size)
        if cell.planted:
            drafters.append(script)
        first = _RAGGED if cell.batch == "ragged" else (0,) * len(_PROMPTS)
        arrivals = [*first, *(_LATER for _ in _AGAIN)]
        report = run_requests(self.bench.engine(drafters, config), requests, arrivals)
        differing = sum(_differing(report.tokens[key][0], plain.tokens[key][0]) for key in plain.tokens)
        tokens = sum(len(found) for [found] in plain.tokens.values())
        return CellReport(tokens, differing, report.accepted_per_depth, script.accepted)

    def _drafters(self, names: str, config: EngineConfig) -> list[Drafter]:
        if names == "prompt lookup":
            return [PromptLookupDrafter(1, 3)]
        if names == "suffix":
            return [SuffixDrafter()]
        vocab = self.bench.loaded.vocab_size
        count = 1 if names == "1 SSM" else 2
        ssms: list[Drafter] = [ssm.ssm_drafter(config, vocab_size=vocab) for ssm in self._ssms[:count]]
        return [*ssms, PromptLookupDrafter(1, 3), SuffixDrafter()] if names == "merged" else ssms


class Grid:
    """Models by name, each loaded once per precision. `folder`: for the tiny ones."""

    def __init__(self, folder: Path | None = None, max_new_tokens: int = 24) -> None:
        self._folder = folder or Path(tempfile.mkdtemp(prefix="flexserve-grid-"))
        self._new = max_new_tokens
        self._models: dict[tuple[str, str], GridModel] = {}

    def model(self, name: str, dtype: str) -> GridModel | None:
        """None when its folders are not here."""
        if (name, dtype) not in self._models:
            folders = self.folders(name)
            if folders is None:
                return None
            self._models[name, dtype] = GridModel(folders[0], folders[1:], dtype, self._new)
        return self._models[name, dtype]

    def folders(self, name: str) -> list[Path | str] | None:
        """The LLM and two SSMs; where there is no second one, the LLM itself is it."""
        if name == "demo":
            known = embedded_models()
            second = "demo-ssm-2" if "demo-ssm-2" in known else "demo"
            return ["demo", "demo-ssm", second] if {"demo", "demo-ssm"} <= set(known) else None
        if name in _TINY:
            return self._written(name)
        [pair] = [pair for pair in SHARED_PAIRS if pair.llm == name]
        llm, ssm = shared_model(pair.llm), shared_model(pair.ssm)
        return None if llm is None or ssm is None else [llm, ssm, llm]

    def _written(self, name: str) -> list[Path | str]:
        family, config = _TINY[name]
        folder = self._folder / name.replace(" ", "-").replace(",", "")
        if not folder.exists():
            write_tiny_pair(folder, family=family, **config)
            write_tiny_pair(folder / "second", family=family, disturbance_seed=2, **config)
        return [folder / "llm", folder / "ssm", folder / "second" / "ssm"]

    def run(self, cell: Cell) -> CellReport | None:
        """None when the model is not here."""
        model = self.model(cell.model, cell.dtype)
        return None if model is None else model.run(cell)


def _texts(requests: Sequence[Request], plain: RunReport) -> list[list[int]]:
    return [[*request.prompt_token_ids, *plain.tokens[request.request_id][0]] for request in requests]


def _differing(found: Sequence[int], expected: Sequence[int]) -> int:
    return abs(len(found) - len(expected)) + sum(a != b for a, b in zip(found, expected, strict=False))
