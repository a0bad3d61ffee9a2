"""Every field's bad values: the message names the field, the value, the limit and a remedy."""

from __future__ import annotations

import pytest

from flexserve_core.config import EngineConfig
from flexserve_core.errors import ConfigurationError, InvalidRequestError, PromptTooLongError
from flexserve_core.structure.grammar import Grammars
from flexserve_core.types import Limits, SamplingParams
from flexserve_core.validate import build_request

LIMITS = Limits(vocab_size=258, max_seq_length=64, max_requests_per_batch=4, max_tokens_per_batch=64)
NAN, INFINITE = float("nan"), float("inf")
BAD = {
    "temperature": [-1, 100.5, NAN, INFINITE, "1", None, True],
    "top_k": [-1, 259, 1.5, "3", None, True],
    "top_p": [0, -0.1, 1.1, NAN, "x"],
    "min_p": [-0.1, 1.1, NAN],
    "repetition_penalty": [0, -1, NAN, "x"],
    "presence_penalty": [-2.1, 2.1, NAN],
    "frequency_penalty": [-2.1, 2.1, "x"],
    "logit_bias": [
        {258: 1.0},
        {-1: 1.0},
        {1: 101},
        {1: NAN},
        {"a": 1.0},
        [(1, 2, 3)],
        [5],
        "x",
        7,
        dict.fromkeys(range(2000), 1.0),
    ],
    "seed": [-1, 2**63, 1.5, "x", True],
    "n": [0, -1, 9, 1_000_000, 1.0, None, True],
    "max_new_tokens": [0, -5, 1.5, "x", 2**40],
    "min_tokens": [-1, 65, 1.5],
    "stop": [["a"] * 5, [""], ["x" * 257], [5], 5, [None]],
    "stop_token_ids": [[258], [-1], ["a"], 5, "ab", list(range(65))],
    "ignore_eos": ["yes", 1, None],
    "include_stop_str_in_output": ["no"],
    "skip_special_tokens": [0],
    "speculation": ["off"],
    "logprobs": [-1, 21, 1.5, True],
    "prompt_logprobs": [-1, 21, 1.5, True, "2"],
    "structured": [1, "json", [], {}, {"regex": "a", "json_object": True}],
    "timeout_s": [0, -1, 86_401, float("nan"), "1", True],
}


@pytest.fixture(scope="module")
def make(bench):
    grammars = Grammars(bench.loaded.tokenizer, LIMITS.vocab_size)

    def build(prompt="hi", prompt_token_ids=None, messages=None, sampling=None, request_id=None, **fields):
        return build_request(
            bench.loaded.tokenizer,
            LIMITS,
            grammars,
            prompt=prompt,
            prompt_token_ids=prompt_token_ids,
            messages=messages,
            sampling=sampling,
            request_id=request_id,
            fields=fields,
        )

    return build


def test_the_table_covers_every_field():
    assert set(BAD) == set(SamplingParams.__dataclass_fields__)


@pytest.mark.parametrize(
    ("field", "value"), [(f, v) for f, values in BAD.items() for v in values], ids=lambda x: str(x)[:20]
)
def test_bad_values(make, field, value):
    with pytest.raises(InvalidRequestError) as caught:
        make(**{field: value})
    error = caught.value
    assert error.field == field
    assert str(error).startswith(f"{field} = ")
    assert error.limit
    assert error.remedy.endswith((".", "?"))


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("temprature", "temperature"), ("topp", "top_p"), ("max_tokens", "max_new_tokens"), ("stops", "stop")],
)
def test_unknown_fields_suggest_the_nearest(make, wrong, meant):
    with pytest.raises(InvalidRequestError, match=f"Did you mean {meant}"):
        make(**{wrong: 1})


def test_an_unknown_field_that_resembles_nothing(make):
    with pytest.raises(InvalidRequestError, match="Known fields: temperature"):
        make(zzz=1)


def test_min_tokens_and_max_new_tokens_contradict(make):
    with pytest.raises(InvalidRequestError, match="max_new_tokens = 3"):
        make(min_tokens=4, max_new_tokens=3)


def test_prompts(make):
    for prompt, ids, messages in [
        (None, None, None),
        ("a", [1], None),
        ("a", None, [{"role": "user", "content": "a"}]),
        ("", None, None),
        (5, None, None),
        ("\ud800", None, None),
        ("x" * 1_000_001, None, None),
        (None, [], None),
        (None, [258], None),
        (None, [-1], None),
        (None, ["a"], None),
        (None, "ab", None),
        (None, 5, None),
        (None, None, []),
        (None, None, "hello"),
        (None, None, {"role": "user"}),
        (None, None, ["hello"]),
        (None, None, [{"role": "user"}]),
        (None, None, [{"content": "x"}]),
        (None, None, [{"role": "user", "content": 5}]),
        (None, None, [{"role": "user", "content": "x"}] * 1025),
    ]:
        with pytest.raises(InvalidRequestError) as caught:
            make(prompt=prompt, prompt_token_ids=ids, messages=messages)
        assert caught.value.field.startswith(("prompt", "messages"))


def test_a_prompt_that_is_too_long_names_both_lengths(make):
    make(prompt="x" * 63)
    for fields in ({"prompt": "x" * 64}, {"prompt": None, "prompt_token_ids": [1] * 64}):
        with pytest.raises(PromptTooLongError, match="64 tokens"):
            make(**fields)
    with pytest.raises(PromptTooLongError, match="5000 tokens"):
        make(prompt=None, prompt_token_ids=[1] * 5000)


@pytest.mark.parametrize("request_id", ["", "x" * 129, 5])
def test_request_ids(make, request_id):
    with pytest.raises(InvalidRequestError) as caught:
        make(request_id=request_id)
    assert caught.value.field == "request_id"


def test_good_requests_are_completed(make):
    request = make(prompt="abc", stop="x", logit_bias={5: 1}, stop_token_ids=[3], top_k=258, logprobs=0)
    assert request.sampling.stop == ("x",)
    assert request.sampling.logit_bias == ((5, 1),)
    assert request.sampling.stop_token_ids == (3,)
    assert request.sampling.max_new_tokens == 61
    assert 0 <= request.sampling.seed < 2**63
    assert make().sampling.seed != make().sampling.seed
    assert make().request_id != make().request_id
    assert make(max_new_tokens=1000).sampling.max_new_tokens == 62
    assert make(sampling=SamplingParams(temperature=0.5), top_p=0.3).sampling.temperature == 0.5
    assert make(stop=None).sampling.stop == ()


def test_sampling_params_may_hold_the_shapes_people_write(make):
    loose = SamplingParams(stop="abc", stop_token_ids=[5], logit_bias={1: 2.0})  # type: ignore[arg-type]
    sampling = make(sampling=loose).sampling
    assert (sampling.stop, sampling.stop_token_ids, sampling.logit_bias) == (("abc",), (5,), ((1, 2.0),))
    for params in (SamplingParams(stop=5), SamplingParams(stop_token_ids=5)):  # type: ignore[arg-type]
        with pytest.raises(InvalidRequestError, match="it is a list"):
            make(sampling=params)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("dtype", "int3"),
        ("ssm_dtype", "int3"),
        ("max_requests_per_batch", 0),
        ("max_requests_per_batch", True),
        ("max_tokens_per_batch", 15),
        ("max_queued_requests", 0),
        ("ssm_max_tokens_per_batch", 0),
        ("max_tree_nodes", 0),
        ("max_tree_depth", 33),
        ("kv_block_size", 0),
        ("max_seq_length", 7),
        ("tree_shape", (0,)),
        ("beam_width", 0),
    ],
)
def test_engine_settings(field, value):
    with pytest.raises(ConfigurationError, match=f"^{field} = ") as caught:
        EngineConfig(**{field: value})
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["ignore_eos", "min_tokens"])
def test_a_constraint_alone_says_where_the_text_ends(make, field):
    with pytest.raises(InvalidRequestError, match="ends where its constraint says") as caught:
        make(structured={"regex": "a"}, **{field: True if field == "ignore_eos" else 3})
    assert caught.value.field == field
