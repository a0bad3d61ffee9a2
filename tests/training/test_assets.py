"""The models that ship: sizes, tied heads, shapes that can grow, one tokenizer, a template that renders."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from jinja2.exceptions import TemplateError
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.model import size

ASSETS = Path(__file__).parents[2] / "flexserve_core" / "assets"
NAMES = ("demo", "demo-ssm", "demo-ssm-2")
pytestmark = pytest.mark.skipif(
    not all((ASSETS / name / "model.safetensors").exists() for name in NAMES),
    reason="the demo models are not built yet",
)


@pytest.fixture(scope="module", params=NAMES)
def folder(request):
    return ASSETS / request.param


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(ASSETS / "demo")


def test_shapes_can_grow(folder):
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    shape = loaded.config
    assert loaded.dtype == torch.bfloat16
    assert (shape.hidden_size, shape.head_dim, shape.vocab_size) == (256, 64, 1536)
    assert shape.intermediate_size % 64 == 0
    assert shape.tie_word_embeddings
    assert loaded.get_input_embeddings().weight is loaded.get_output_embeddings().weight
    assert (shape.max_position_embeddings, shape.model_type) == (1024, "llama")
    assert all(torch.isfinite(weight).all() for weight in loaded.state_dict().values())


def test_an_ssm_is_at_most_a_tenth():
    llm, *ssms = (size(AutoModelForCausalLM.from_pretrained(ASSETS / name)) for name in NAMES)
    assert 5_000_000 <= llm <= 12_000_000
    assert all(ssm * 10 <= llm for ssm in ssms)


def test_the_two_ssms_are_different_models():
    first, second = (AutoModelForCausalLM.from_pretrained(ASSETS / name) for name in NAMES[1:])
    assert size(first) == size(second)
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    assert not all(torch.equal(mine, other) for mine, other in pairs)


def test_together_under_thirty_megabytes():
    total = sum(file.stat().st_size for name in NAMES for file in (ASSETS / name).rglob("*"))
    assert total <= 30_000_000


def test_all_share_one_tokenizer():
    assert len({(ASSETS / name / "tokenizer.json").read_bytes() for name in NAMES}) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "a  b\n\n\tc ",
        "Grüße, 日本語, ελληνικά",
        "👩‍🚀 \U0010ffff \x00\x7f",
        "1234.5 - 17+25",
        "<|end|> and <|user|>",
    ],
)
def test_any_text_survives_the_round_trip(tokenizer, text):
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert tokenizer.decode(ids) == text
    assert not set(ids) & set(tokenizer.all_special_ids), "special-token strings of a user stay plain text"


def test_digits_are_single_tokens(tokenizer):
    assert len(tokenizer("2048", add_special_tokens=False)["input_ids"]) == 4


def test_raw_text_starts_with_one_bos(tokenizer):
    ids = tokenizer("Once upon a time")["input_ids"]
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1


def test_the_chat_template_renders_turns(tokenizer):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "17 + 25"},
    ]
    assert tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) == (
        "<|begin|><|system|>Be brief.<|end|><|user|>Hi<|end|><|assistant|>Hello!<|end|>"
        "<|user|>17 + 25<|end|><|assistant|>"
    )
    assert not tokenizer.apply_chat_template(messages, tokenize=False).endswith("<|assistant|>")
    with pytest.raises(TemplateError, match="role"):
        tokenizer.apply_chat_template([{"role": "tool", "content": "x"}], tokenize=False)


def test_the_demo_says_who_it_is_and_stops(tokenizer):
    llm = AutoModelForCausalLM.from_pretrained(ASSETS / "demo")
    prompt = tokenizer.apply_chat_template(
        [{"role": "user", "content": "Who are you?"}],
        add_generation_prompt=True,
        return_tensors="pt",
        return_dict=True,
    )
    ids = llm.generate(**prompt, max_new_tokens=80)[0, prompt["input_ids"].shape[1] :]
    assert ids[-1] == tokenizer.eos_token_id
    assert "FlexServe" in tokenizer.decode(ids)


def test_the_cards_give_held_out_numbers(folder):
    text = (folder / "README.md").read_text()
    assert "Held-out" in text
    assert "%" in text
