"""Engines for tests: one loaded model under many settings, stepped by hand, without threads.

A bench loads each (model, dtype) once and builds engines over it with any drafters, schedule sizes and cache shapes;
`run_requests` feeds them requests at given steps. Knows nothing of what is being tested.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from flexserve_core.config import EngineConfig
from flexserve_core.engine.engine import Engine
from flexserve_core.engine.scheduler import Swap
from flexserve_core.engine.server import EngineServer
from flexserve_core.kv.store import KVStore
from flexserve_core.models.loader import LoadedModel, WeightKeeper, load_model
from flexserve_core.models.quantise import FULL_PRECISION, Quantisation
from flexserve_core.policy.policy import Policy
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.speculation.expansion import Expansion, expansion_of
from flexserve_core.speculation.ssm import SSMDrafter
from flexserve_core.structure.grammar import Grammars
from flexserve_core.types import Chunk, EngineInfo, Limits, Request, RequestResult, SamplingParams, StepRecord
from flexserve_core.validate import build_request


@dataclass(slots=True)
class RunReport:
    """What came out of `run_requests`: results by request id, chunks and step records in order."""

    results: dict[str, RequestResult] = field(default_factory=dict)
    chunks: list[Chunk] = field(default_factory=list)
    records: list[StepRecord] = field(default_factory=list)

    @property
    def tokens(self) -> dict[str, list[tuple[int, ...]]]:
        """Completion token ids of every choice, by request id."""
        return {key: [choice.token_ids for choice in result.choices] for key, result in self.results.items()}

    @property
    def accepted_per_depth(self) -> Counter[int]:
        """[d]: nodes accepted at depth d (from 1)."""
        depths: Counter[int] = Counter()
        for record in self.records:
            depths.update({depth + 1: count for depth, count in enumerate(record.accepted_per_depth)})
        return depths


def run_requests(
    engine: Engine,
    requests: Sequence[Request],
    arrivals: Sequence[int] | None = None,
    max_steps: int = 10_000,
) -> RunReport:
    """Step `engine` until all requests have ended. arrivals: the step before which each request is added."""
    report = RunReport()
    pending = sorted(zip(arrivals or [0] * len(requests), range(len(requests)), strict=True))
    for step in range(max_steps):
        while pending and pending[0][0] <= step:
            engine.add(requests[pending.pop(0)[1]], time.monotonic())
        output = engine.step()
        if output is None:
            if not pending:
                return report
            continue
        report.records.append(output.record)
        for chunk in output.chunks:
            report.chunks.append(chunk)
            if chunk.result is not None:
                report.results[chunk.request_id] = chunk.result
    raise AssertionError(f"the requests have not ended after {max_steps} steps")


class Bench:
    """Engines over one model folder (or embedded name) in one dtype. An engine is used up by making the next one."""

    def __init__(
        self,
        model: Path | str,
        dtype: torch.dtype = torch.float32,
        keeper: WeightKeeper | None = None,
        quantisation: Quantisation = FULL_PRECISION,
        grown: str | None = None,
        cache_dtype: torch.dtype | None = None,
    ) -> None:
        self.loaded: LoadedModel = load_model(
            str(model), dtype, torch.device("cpu"), keeper=keeper, quantisation=quantisation, grown=grown
        )
        self.runner = ModelRunner(self.loaded, cache_dtype)
        self._grammars = Grammars(self.loaded.tokenizer, self.loaded.vocab_size)

    def limits(self, config: EngineConfig) -> Limits:
        return Limits(
            vocab_size=self.loaded.vocab_size,
            max_seq_length=config.max_seq_length or self.loaded.max_positions(),
            max_requests_per_batch=config.max_requests_per_batch,
            max_tokens_per_batch=config.max_tokens_per_batch,
        )

    def allocate(self, config: EngineConfig, sequences: int | None = None, blocks: int | None = None) -> None:
        """An empty cache with room for `sequences` of the longest sequences (None: a full batch), or of `blocks`."""
        longest = self.limits(config).max_seq_length + config.max_tree_nodes
        per_sequence = -(-longest // config.kv_block_size)
        self.runner.allocate(
            blocks or per_sequence * (sequences or config.max_requests_per_batch),
            config.kv_block_size,
            config.prefix_caching,
        )

    def engine(
        self,
        drafters: Sequence[Drafter] = (),
        config: EngineConfig | None = None,
        sequences: int | None = None,
        blocks: int | None = None,
        policy: Policy | None = None,
        swap: Callable[[KVStore], Swap] | None = None,
    ) -> Engine:
        """config: its sizes are used, its models are not. sequences, blocks: as in `allocate`."""
        config = config or EngineConfig(max_seq_length=128)
        self.allocate(config, sequences, blocks)
        return Engine(
            self.runner,
            drafters,
            max_requests=config.max_requests_per_batch,
            max_rows=config.max_tokens_per_batch,
            max_tree_nodes=config.max_tree_nodes,
            max_tree_depth=config.max_tree_depth,
            policy=policy,
            mss=config.verification == "mss",
            swap=swap(self.runner.store) if swap else None,
        )

    def server(
        self,
        drafters: Sequence[Drafter] = (),
        config: EngineConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> EngineServer:
        """A server that is not started, without a load-time proof."""
        config = config or EngineConfig(max_seq_length=128)
        info = EngineInfo(
            model=self.loaded.name,
            model_type=self.loaded.config.model_type,
            device=str(self.loaded.device),
            dtype=str(self.loaded.dtype).removeprefix("torch."),
            num_parameters=self.loaded.num_parameters,
            ssms=(),
            speculation=" + ".join(drafter.name for drafter in drafters) or "off",
            choices=(),
            proof=(),
            limits=self.limits(config),
            version="test",
            has_chat_template=self.loaded.tokenizer.has_chat_template,
        )
        return EngineServer(
            self.engine(drafters, config), self.loaded.tokenizer, info, config.max_queued_requests, clock
        )

    def ssm_drafter(
        self,
        config: EngineConfig | None = None,
        expansion: Expansion | None = None,
        vocab_size: int | None = None,
        blocks: int | None = None,
    ) -> SSMDrafter:
        """This model as a drafter, with an empty cache of its own. vocab_size: the target's (None: as this one's)."""
        config = config or EngineConfig(max_seq_length=128)
        self.allocate(config, blocks=blocks)
        return SSMDrafter(
            self.runner,
            expansion or expansion_of(config),
            config.max_tokens_per_batch,
            vocab_size or self.loaded.vocab_size,
        )

    def request(
        self,
        prompt: str | Sequence[int],
        *,
        request_id: str | None = None,
        sampling: SamplingParams | None = None,
        max_seq_length: int = 128,
        **fields: object,
    ) -> Request:
        """A validated request; greedy and with seed 0 unless the sampling fields say otherwise."""
        plain = {} if sampling else {"temperature": 0.0, "seed": 0}
        return build_request(
            self.loaded.tokenizer,
            self.limits(EngineConfig(max_seq_length=max_seq_length)),
            self._grammars,
            prompt=prompt if isinstance(prompt, str) else None,
            prompt_token_ids=None if isinstance(prompt, str) else list(prompt),
            messages=None,
            sampling=sampling,
            request_id=request_id,
            fields={**plain, **fields},
        )
