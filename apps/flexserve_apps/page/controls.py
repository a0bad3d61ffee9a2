"""The settings beside the chat: their widgets, and their values as sampling fields.

The widgets' ranges are for comfort; the engine itself judges every value.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from flexserve_core import Limits

_ANSWER_TOKENS = 256
_SEEDS = 2**31
_BROWSER_WHOLE = 2**53 - 1  # larger whole numbers lose digits in a browser


@dataclass(frozen=True, slots=True)
class Settings:
    """The widgets' values, in the order of `render`."""

    system_prompt: str
    max_new_tokens: float
    temperature: float
    top_p: float
    top_k: float
    min_p: float
    repetition_penalty: float
    seed: float | None
    speculation: bool

    def sampling(self) -> dict[str, Any]:
        """The fields of `SamplingParams`, without `max_new_tokens`; whole numbers are whole again.

        Without a seed one is drawn here, short enough to be read off an answer and typed in again.
        """
        return {
            "temperature": float(self.temperature),
            "top_p": float(self.top_p),
            "top_k": int(self.top_k),
            "min_p": float(self.min_p),
            "repetition_penalty": float(self.repetition_penalty),
            "seed": secrets.randbelow(_SEEDS) if self.seed is None else int(self.seed),
            "speculation": bool(self.speculation),
        }


def render(limits: Limits, chat: bool) -> list[Component]:
    """Draw the widgets into the current context, in the order of `Settings`' fields."""
    longest = max(2, limits.max_seq_length - 1)
    with gr.Group():
        system_prompt = gr.Textbox(
            label="System prompt",
            placeholder="How the model should behave (optional)",
            lines=3,
            max_lines=8,
            visible=chat,
        )
        length = gr.Slider(1, longest, min(_ANSWER_TOKENS, longest), step=1, label="Max new tokens")
        temperature = gr.Slider(
            0, 2, 0.3, step=0.05, label="Temperature", info="0: always the likeliest token"
        )
    with gr.Accordion("More sampling", open=False):
        top_p = gr.Slider(0.05, 1, 0.95, step=0.01, label="Top-p", info="1: off")
        top_k = gr.Slider(0, min(200, limits.vocab_size), 0, step=1, label="Top-k", info="0: off")
        min_p = gr.Slider(0, 1, 0, step=0.01, label="Min-p", info="0: off")
        repetition_penalty = gr.Slider(1, 2, 1, step=0.01, label="Repetition penalty", info="1: off")
        seed = gr.Number(
            None,
            label="Seed",
            precision=0,
            info="Empty: a new one each time",
            minimum=0,
            maximum=_BROWSER_WHOLE,
        )
    speculation = gr.Checkbox(
        True, label="Speculative inference", info="Off: the same answer, token by token"
    )
    return [
        system_prompt, length, temperature, top_p, top_k, min_p, repetition_penalty, seed, speculation,
    ]  # fmt: skip
