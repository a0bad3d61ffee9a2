"""The line under an answer."""

from __future__ import annotations

from flexserve_apps.page.statistics import Tally

from flexserve_core.types import (
    Chunk,
    Completion,
    FinishReason,
    RequestResult,
    SpeculationStats,
    Timings,
)


def chunk(text: str, tokens: int, result: RequestResult | None = None) -> Chunk:
    completion = result.choices[0] if result else None
    return Chunk(
        request_id="r",
        index=0,
        text=text,
        token_ids=tuple(range(tokens)),
        completion=completion,
        result=result,
    )


def result(reason: FinishReason = FinishReason.STOP) -> RequestResult:
    choice = Completion(
        index=0,
        text="abc",
        token_ids=tuple(range(9)),
        finish_reason=reason,
        speculation=SpeculationStats(llm_steps=3, generated_tokens=9, drafted_tokens=20, accepted_tokens=6),
        timings=Timings(first_token_s=0.5, total_s=2.5),
    )
    return RequestResult(request_id="r", prompt=None, prompt_token_ids=(1, 2), seed=42, choices=(choice,))


def test_at_the_end_the_numbers_are_the_engines() -> None:
    tally = Tally()
    tally.add(chunk("abc", 9, result()), now_s=7.0)
    assert tally.text == "abc"
    assert tally.line() == "9 tokens · 4.0 tokens/s · 3.00 tokens per LLM step"
    assert "seed 42" in tally.details()
    assert "20 tokens drafted, 6 accepted" in tally.details()


def test_while_it_is_written_the_numbers_are_counted() -> None:
    tally = Tally()
    tally.add(chunk("a", 1), now_s=10.0)
    assert tally.line() == "1 token · 1.00 tokens per LLM step"
    tally.add(chunk("b", 3), now_s=11.0)
    tally.add(chunk("", 0), now_s=99.0)  # brings no token: changes no number
    tally.add(chunk("c", 2), now_s=12.0)
    assert tally.line() == "6 tokens · 2.5 tokens/s · 2.00 tokens per LLM step"
    assert tally.details() == ""


def test_a_cut_answer_and_a_forgotten_turn_are_said() -> None:
    tally = Tally(forgotten=1)
    tally.add(chunk("abc", 9, result(FinishReason.LENGTH)), now_s=7.0)
    assert tally.line().endswith("stopped at the length limit · left out the oldest 1 turn")


def test_nothing_yet() -> None:
    assert Tally().line() == "0 tokens"
