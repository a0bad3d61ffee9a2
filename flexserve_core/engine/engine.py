"""The engine without threads: requests in, steps on demand, chunks out.

Groups the choices (n) of a request and assembles its result. Knows nothing of queues, callers or HTTP.
"""

from __future__ import annotations

import time
from collections.abc import Sequence as Many
from dataclasses import dataclass, field, replace

from flexserve_core.engine.proposer import Proposer
from flexserve_core.engine.scheduler import Scheduler, Swap
from flexserve_core.engine.sequence import Sequence
from flexserve_core.engine.step import StepOutcome, Stepper
from flexserve_core.env import flag
from flexserve_core.models.tokenizer import Tokenizer
from flexserve_core.policy.policy import Policy
from flexserve_core.runner.model_runner import ModelRunner
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.types import Chunk, Completion, FinishReason, Request, RequestResult, StepRecord


@dataclass(slots=True)
class _Group:
    """The choices of one request."""

    request: Request
    sequences: list[Sequence]
    completions: dict[int, Completion] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepOutput:
    """Chunks in the order their sequences ran, and the step's record."""

    chunks: tuple[Chunk, ...]
    record: StepRecord
    drafts: int


class Engine:
    """Batches, speculates and verifies; one thread at a time may call it."""

    def __init__(
        self,
        runner: ModelRunner,
        drafters: Many[Drafter],
        *,
        max_requests: int,
        max_rows: int,
        max_tree_nodes: int,
        max_tree_depth: int,
        policy: Policy | None = None,
        mss: bool = False,
        swap: Swap | None = None,
    ) -> None:
        self._check = flag("FLEXSERVE_CHECK")
        self._runner = runner
        self._drafters = drafters
        self._tokenizer: Tokenizer = runner.loaded.tokenizer
        self._eos = runner.loaded.eos_token_ids()
        self._scheduler = Scheduler(
            runner.pool,
            drafters,
            max_requests=max_requests,
            max_rows=max_rows,
            max_tree_nodes=max_tree_nodes if drafters else 0,
            swap=swap,
        )
        self._proposer = Proposer(
            drafters, policy, max_tree_depth, runner.loaded.vocab_size, self._check, mss
        )
        self._stepper = Stepper(runner, self._proposer)
        self._groups: dict[str, _Group] = {}
        self._next_key = 0
        self._num_steps = 0

    @property
    def num_running(self) -> int:
        return len(self._scheduler.running)

    @property
    def num_waiting(self) -> int:
        return len(self._scheduler.waiting)

    @property
    def kv_usage(self) -> float:
        """Share of the LLM's KV blocks in use, 0 … 1."""
        return self._runner.pool.num_used / max(1, self._runner.pool.num_blocks)

    def has_work(self) -> bool:
        return bool(self._groups)

    def add(self, request: Request, arrival_s: float) -> None:
        """Queue every choice of a request; arrival_s: monotonic clock."""
        sequences = []
        for index in range(request.sampling.n):
            sequence = Sequence(self._next_key, request, index, self._tokenizer, self._eos, arrival_s)
            self._next_key += 1
            sequences.append(sequence)
            self._scheduler.add(sequence)
        self._groups[request.request_id] = _Group(request, sequences)

    def abort(self, request_id: str) -> list[Chunk]:
        """End a request and free what it holds; unknown ids are ignored."""
        group = self._groups.get(request_id)
        if group is None:
            return []
        open_ones = [s for s in group.sequences if s.index not in group.completions]
        for sequence in open_ones:
            sequence.cancel(FinishReason.ABORT)
            self._scheduler.remove(sequence)
        return [self._chunk(sequence) for sequence in open_ones]

    def end_overdue(self, now_s: float) -> list[Chunk]:
        """End the requests whose timeout has passed, waiting ones as well, and free what they hold.

        now_s: on the clock of `add`'s arrival_s."""
        overdue = [sequence for sequence in self._scheduler.flying if now_s >= sequence.deadline_s]
        for sequence in overdue:
            sequence.cancel(FinishReason.TIMEOUT)
            self._scheduler.remove(sequence)
        return [self._chunk(sequence) for sequence in overdue]

    def step(self) -> StepOutput | None:
        """Run one step; None when there is nothing to do."""
        started = time.perf_counter()
        preempted = self._scheduler.num_preemptions
        slices = self._scheduler.plan()
        if not slices:
            assert not self._groups, "requests are in flight, but none can run"
            return None
        outcome = self._stepper.run(slices)
        sampled = [piece.sequence for piece in slices if piece.samples]
        self._scheduler.retire()
        chunks = tuple(self._chunk(sequence) for sequence in sampled)
        if self._check:
            self.check_integrity()
        self._num_steps += 1
        ids = tuple(dict.fromkeys(piece.sequence.request.request_id for piece in slices))
        preempted = self._scheduler.num_preemptions - preempted
        record = self._record(ids, outcome, preempted, time.perf_counter() - started)
        return StepOutput(chunks, record, outcome.drafts)

    def fail_all(self, message: str) -> list[Chunk]:
        """End everything in flight and start afresh."""
        return self._failed(self._scheduler.clear(FinishReason.ERROR), message)

    def fail_step(self, message: str) -> list[Chunk]:
        """After an exception out of `step`: end the requests that ran; those that only wait are unharmed."""
        ran = {sequence.request.request_id for sequence in self._scheduler.running}
        if not ran:  # the next step would end like this one
            return self.fail_all(message)
        failing = [sequence for sequence in self._scheduler.flying if sequence.request.request_id in ran]
        for sequence in failing:
            sequence.cancel(FinishReason.ERROR)
            self._scheduler.remove(sequence)
        return self._failed(failing, message)

    def _failed(self, ended: Many[Sequence], message: str) -> list[Chunk]:
        for sequence in ended:
            sequence.error = message
        chunks = [self._chunk(sequence) for sequence in ended]
        for drafter in self._drafters:
            drafter.reset()
        return chunks

    def check_integrity(self) -> None:
        self._scheduler.check_integrity()
        for drafter in self._drafters:
            drafter.check_integrity()

    def _chunk(self, sequence: Sequence) -> Chunk:
        """The sequence's news; the last open choice's last chunk brings the request's result along."""
        chunk = sequence.chunk()
        if chunk.completion is None:
            return chunk
        group = self._groups[sequence.request.request_id]
        group.completions[sequence.index] = chunk.completion
        self._proposer.forget(sequence.key)
        if len(group.completions) < len(group.sequences):
            return chunk
        del self._groups[group.request.request_id]
        return replace(chunk, result=self._result(group))

    def _result(self, group: _Group) -> RequestResult:
        request = group.request
        assert request.sampling.seed is not None
        errors = [sequence.error for sequence in group.sequences if sequence.error]
        return RequestResult(
            request_id=request.request_id,
            prompt=request.prompt,
            prompt_token_ids=request.prompt_token_ids,
            seed=request.sampling.seed,
            choices=tuple(group.completions[index] for index in sorted(group.completions)),
            sampling=request.sampling,
            prompt_logprobs=group.sequences[0].prompt_logprobs(),
            error=errors[0] if errors else None,
        )

    def _record(
        self, request_ids: tuple[str, ...], outcome: StepOutcome, preemptions: int, total_s: float
    ) -> StepRecord:
        return StepRecord(
            step=self._num_steps,
            time_s=time.monotonic(),
            request_ids=request_ids,
            rows=outcome.rows,
            prompt_tokens=outcome.prompt_tokens,
            drafted_tokens=outcome.drafted_tokens,
            accepted_tokens=sum(outcome.accepted_per_depth),
            emitted_tokens=outcome.emitted_tokens,
            accepted_per_depth=outcome.accepted_per_depth,
            preemptions=preemptions,
            running=self.num_running,
            waiting=self.num_waiting,
            kv_blocks_used=self._runner.pool.num_used,
            kv_blocks_total=self._runner.pool.num_blocks,
            draft_s=outcome.draft_s,
            forward_s=outcome.forward_s,
            verify_s=outcome.verify_s,
            total_s=total_s,
        )
