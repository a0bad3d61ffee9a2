"""The line under an answer: how many tokens, how fast, how many per step of the LLM.

Pure: adds up the chunks of one answer, knows nothing of Gradio. While an answer is written the numbers are
the page's own count; at its end they are the engine's.
"""

from __future__ import annotations

from flexserve_core import Chunk, FinishReason, RequestResult


class Tally:
    """The text and the numbers of one answer so far."""

    def __init__(self, forgotten: int = 0) -> None:
        self.text = ""
        self.result: RequestResult | None = None
        self._forgotten = forgotten
        self._tokens = 0
        self._steps = 0  # a chunk is what one engine step added
        self._first: tuple[float, int] | None = None  # when the first chunk came, and its tokens
        self._last_s = 0.0

    def add(self, chunk: Chunk, now_s: float) -> None:
        """Count `chunk`, which came at `now_s` on the monotonic clock."""
        self.text += chunk.text
        self.result = chunk.result or self.result
        if chunk.token_ids:
            self._tokens += len(chunk.token_ids)
            self._steps += 1
            self._last_s = now_s
            self._first = self._first or (now_s, len(chunk.token_ids))

    def line(self) -> str:
        """E.g. "62 tokens · 85.3 tokens/s · 2.10 tokens per LLM step"."""
        parts = [_plural(self._count, "token")]
        parts += [f"{speed:.1f} tokens/s"] if (speed := self._tokens_per_s()) else []
        parts += [f"{ratio:.2f} tokens per LLM step"] if (ratio := self._tokens_per_step()) else []
        if self.result and self.result.choices[0].finish_reason is FinishReason.LENGTH:
            parts.append("stopped at the length limit")
        if self._forgotten:
            parts.append(f"left out the oldest {_plural(self._forgotten, 'turn')}")
        return " · ".join(parts)

    def details(self) -> str:
        """What the line opens into: a Markdown list, empty while the answer is being written."""
        if self.result is None:
            return ""
        choice = self.result.choices[0]
        counters, timings = choice.speculation, choice.timings
        lines = [
            f"prompt: {_plural(len(self.result.prompt_token_ids), 'token')}",
            f"first token after {timings.first_token_s:.2f} s, whole answer {timings.total_s:.2f} s",
            f"{_plural(counters.llm_steps, 'LLM step')}, {counters.drafted_tokens} tokens drafted, "
            f"{counters.accepted_tokens} accepted",
            f"seed {self.result.seed}: the same seed and settings give the same answer again",
        ]
        return "\n".join(f"- {line}" for line in lines)

    @property
    def _count(self) -> int:
        return self.result.generated_tokens if self.result else self._tokens

    def _tokens_per_s(self) -> float:
        if self.result:
            return self.result.choices[0].timings.decode_tokens_per_s(self._count)
        if self._first is None or self._last_s <= self._first[0]:
            return 0.0
        return (self._tokens - self._first[1]) / (self._last_s - self._first[0])

    def _tokens_per_step(self) -> float:
        if self.result:
            return self.result.choices[0].speculation.tokens_per_step
        return self._tokens / self._steps if self._steps else 0.0


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
