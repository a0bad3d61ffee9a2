"""The ancestor's quickstart and everything around it, on a tiny pair."""

from __future__ import annotations

import pytest

import flexserve_core as ff
from flexserve_core.errors import ConfigurationError, EngineStoppedError, InvalidRequestError
from flexserve_core.types import FinishReason

CHAT = [{"role": "user", "content": "hi"}]


@pytest.fixture(scope="module")
def llm(tiny_pair):
    llm = ff.LLM(str(tiny_pair[0]), dtype="float32")
    ssm = ff.SSM(str(tiny_pair[1]))
    config = ff.GenerationConfig(do_sample=False, max_new_tokens=16)
    ssm.compile(config)
    llm.compile(config, max_seq_length=128, ssms=[ssm], policy="fixed")
    llm.start_server()
    yield llm
    llm.stop_server()


def test_a_string_gives_one_result(llm):
    result = llm.generate("Here are some travel tips for Tokyo:\n")
    assert isinstance(result, ff.GenerationResult)
    assert result.output_text == b"Here are some travel tips for Tokyo:\n" + result.text.encode()
    assert result.input_text == "Here are some travel tips for Tokyo:\n"
    assert result.output_tokens
    assert result.input_tokens == tuple(llm.server.tokenizer.encode(result.input_text))
    assert result.finish_reason in (FinishReason.LENGTH, FinishReason.STOP)
    assert result.speculation.generated_tokens == len(result.output_tokens)
    assert result.speculation.accepted_tokens > 0
    assert result.timings.total_s > 0
    assert result.choices == (result.text,)


def test_a_list_gives_a_list_in_order(llm):
    prompts = ["The cat", "Once", "The dog"]
    results = llm.generate(prompts)
    assert [result.input_text for result in results] == prompts
    assert [result.output_tokens for result in results] == [llm.generate(p).output_tokens for p in prompts]
    assert [result.text for result in llm.generate(["The cat"])] == [results[0].text]
    assert llm.generate([]) == []


def test_chats(llm):
    one = llm.generate(CHAT)
    assert one.input_text is None
    assert one.output_text == one.text.encode("utf-8", errors="replace")
    assert one.input_tokens == tuple(llm.server.tokenizer.encode_chat(CHAT))
    several = llm.generate([CHAT, [*CHAT, {"role": "assistant", "content": "yes"}, *CHAT]])
    assert several[0].output_tokens == one.output_tokens
    assert len(several) == 2


def test_eos_is_part_of_the_output_tokens(llm):
    eos = llm.server.tokenizer.eos_id
    config = ff.GenerationConfig(logit_bias={eos: 100.0})
    result = llm.generate("a", generation_config=config)
    assert result.output_tokens == (eos,)
    assert (result.text, result.finish_reason) == ("", FinishReason.STOP)


def test_max_length_counts_the_prompt(llm):
    prompt = "The cat"
    size = len(llm.server.tokenizer.encode(prompt))
    config = ff.GenerationConfig(ignore_eos=True)
    assert len(llm.generate(prompt, max_length=size + 5, generation_config=config).output_tokens) == 5
    assert len(llm.generate(prompt, max_new_tokens=7, generation_config=config).output_tokens) == 7
    with pytest.warns(UserWarning, match="max_new_tokens is used"):
        both = llm.generate(prompt, max_length=size + 5, max_new_tokens=3, generation_config=config)
    assert len(both.output_tokens) == 3
    for bad in (size, 0, 129, 9.5):
        with pytest.raises(InvalidRequestError, match="max_length"):
            llm.generate(prompt, max_length=bad)
    with pytest.raises(InvalidRequestError, match="max_new_tokens"):
        llm.generate(prompt, max_new_tokens=0)


def test_generation_config_reaches_the_request(llm):
    greedy = llm.generate("The cat")
    assert (
        llm.generate("The cat", generation_config=ff.GenerationConfig(temperature=5.0, max_new_tokens=16))
        is not greedy
    )
    hot = ff.GenerationConfig(do_sample=True, temperature=2.0, topp=1.0, topk=0, seed=4, max_new_tokens=16)
    sampled = llm.generate("The cat", generation_config=hot)
    assert sampled.seed == 4
    assert sampled.output_tokens == llm.generate("The cat", generation_config=hot).output_tokens
    assert sampled.output_tokens != greedy.output_tokens
    top1 = ff.GenerationConfig(do_sample=True, temperature=2.0, topk=1, max_new_tokens=16)
    assert llm.generate("The cat", generation_config=top1).output_tokens == greedy.output_tokens
    stop = greedy.text[3:5]
    assert (
        llm.generate("The cat", generation_config=ff.GenerationConfig(stop=stop)).text
        == greedy.text[: greedy.text.index(stop)]
    )
    two = llm.generate("The cat", generation_config=ff.GenerationConfig(n=2, logprobs=1, max_new_tokens=4))
    assert len(two.choices) == 2
    assert len(two.logprobs) == len(two.output_tokens)
    plain = ff.GenerationConfig(speculation=False, max_new_tokens=16)
    without = llm.generate("The cat", generation_config=plain)
    assert without.output_tokens == greedy.output_tokens
    assert without.speculation.drafted_tokens == 0


def test_every_sampling_field_can_be_said():
    from dataclasses import fields, replace

    from flexserve_core.types import SamplingParams

    renamed = {"top_p": "topp", "top_k": "topk"}
    other = {
        "temperature": 0.3, "top_k": 5, "top_p": 0.4, "min_p": 0.2, "repetition_penalty": 1.2,
        "presence_penalty": 0.3, "frequency_penalty": 0.4, "logit_bias": {1: 2.0}, "seed": 5, "n": 2,
        "max_new_tokens": 9, "min_tokens": 3, "stop": ("x",), "stop_token_ids": (4,), "ignore_eos": True,
        "include_stop_str_in_output": True, "skip_special_tokens": False, "logprobs": 2, "speculation": False,
        "timeout_s": 7.5, "prompt_logprobs": 3, "structured": ff.StructuredOutput(regex="a"),
    }  # fmt: skip
    assert set(other) == {field.name for field in fields(SamplingParams)}
    base = ff.GenerationConfig(do_sample=True)
    for name, value in other.items():
        given = replace(base, **{renamed.get(name, name): value}).to_sampling()
        assert getattr(given, name) == (((1, 2.0),) if name == "logit_bias" else value)


def test_one_bad_prompt_stops_all_before_anything_runs(llm):
    before = llm.server.stats().llm_steps
    with pytest.raises(InvalidRequestError):
        llm.generate(["fine", "x" * 500])
    with pytest.raises(InvalidRequestError):
        llm.generate([["not a message"]])
    assert llm.server.stats().llm_steps == before


@pytest.mark.parametrize("prompts", [5, None, {"role": "user", "content": "x"}, [5], b"bytes"], ids=str)
def test_prompts_of_a_wrong_type(llm, prompts):
    with pytest.raises(InvalidRequestError):
        llm.generate(prompts)


def test_stream(llm):
    chunks = list(llm.stream("The cat"))
    assert "".join(chunk.text for chunk in chunks) == llm.generate("The cat").text
    assert chunks[-1].result is not None
    started = llm.stream("The cat", max_new_tokens=100)
    next(started)
    started.close()
    llm.generate("x", max_new_tokens=1)
    assert llm.server.stats().running == 0
    assert FinishReason.ABORT in llm.server.stats().requests_finished


def test_life(tiny_pair):
    llm = ff.LLM(str(tiny_pair[0]), dtype="float32")
    with pytest.raises(EngineStoppedError, match="not compiled"):
        llm.generate("x")
    llm.stop_server()
    llm.compile(ff.GenerationConfig(max_new_tokens=4), max_seq_length=32)
    with pytest.raises(EngineStoppedError, match="start_server"):
        llm.generate("x")
    with llm:
        first = llm.generate("x").output_tokens
    with pytest.raises(EngineStoppedError):
        llm.generate("x")
    llm.start_server()
    assert llm.generate("x").output_tokens == first
    llm.compile(ff.GenerationConfig(max_new_tokens=2), max_seq_length=32)  # anew: the old server is stopped
    with llm:
        assert llm.generate("x").output_tokens == first[:2]
    assert llm.info.dtype == "float32"


def test_settings_are_refused_not_ignored(tiny_pair):
    with pytest.raises(ConfigurationError, match="dtype"):
        ff.LLM(str(tiny_pair[0]), dtype="int3")
    llm = ff.LLM(str(tiny_pair[0]), dtype="float32")
    with pytest.raises(ConfigurationError, match="Did you mean tree_shape"):
        llm.compile(tree_shapes=(1, 1))
    with pytest.raises(ConfigurationError, match="tree_shape = 0"):
        llm.compile(tree_shape=(0,))
    small = ff.SSM(str(tiny_pair[1]))
    small.compile(max_requests_per_batch=4)
    with pytest.raises(ConfigurationError, match="max_requests_per_batch = 4"):
        llm.compile(ssms=[small])
    ssms = [ff.SSM(str(tiny_pair[1]), dtype=dtype) for dtype in ("float32", "bfloat16")]
    with pytest.raises(ConfigurationError, match="share one value"):
        llm.compile(ssms=ssms)
    with pytest.raises(AttributeError, match="no attribute 'Llm'"):
        _ = ff.Llm
