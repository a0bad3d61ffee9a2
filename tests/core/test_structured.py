"""Structured output in the engine: every finished text matches, and speculation changes no token of it."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import jsonschema
import pytest

from flexserve_core.config import EngineConfig
from flexserve_core.engine import proposer as proposer_module
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.testing import Bench, run_requests
from flexserve_core.types import FinishReason

from .exactness import PLANTS, scripted

SIZES = EngineConfig(max_seq_length=256, max_tree_nodes=24, max_tree_depth=8, max_requests_per_batch=8)
CHOICES = ["yes", "no", "诗人 😀", 'a "b"\\\n']
REGEX = "[A-C][0-9]{2,4}(?:-é{1,3})?"
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 10},
        "age": {"type": "integer", "minimum": 0, "maximum": 130},
        "mood": {"enum": ["froh", "müde", "诗"]},
    },
    "required": ["name", "age", "mood"],
    "additionalProperties": False,
}
LIST = {
    "type": "array",
    "items": {"anyOf": [{"type": "boolean"}, {"type": "null"}, {"const": "the longest of all constants"}]},
    "minItems": 2,
    "maxItems": 4,
}
CONSTRAINTS = {
    "person": {"json_schema": PERSON},
    "list": {"json_schema": LIST},
    "object": {"json_object": True},
    "regex": {"regex": REGEX},
    "choice": {"choice": CHOICES},
    "lark": {"grammar": 'start: "(" start ")" | /[0-9]{1,3}/'},
    "ebnf": {"grammar": 'root ::= "<" [a-z] [a-z]? ">" root | "end"'},
    "none": None,
}
PROMPTS = ["Once upon a time", "The cat", "Lily", "A list:", "One day", "It is {"]
SAMPLINGS = {
    "greedy": {"temperature": 0.0},
    "sampled": {"temperature": 1.0, "seed": 11},
    "filtered": {"temperature": 1.2, "seed": 12, "top_k": 20, "top_p": 0.9, "repetition_penalty": 1.2},
}


def check(kind, text):
    """Raises when a finished text of CONSTRAINTS[kind] is wrong."""
    if kind in ("person", "list"):
        jsonschema.validate(json.loads(text), CONSTRAINTS[kind]["json_schema"])
    elif kind == "object":
        assert isinstance(json.loads(text), dict)
    elif kind == "regex":
        assert re.fullmatch(REGEX, text)
    elif kind == "choice":
        assert text in CHOICES
    elif kind == "lark":
        assert text.strip("()").isdigit()
        assert text.count("(") == text.count(")")
    elif kind == "ebnf":
        assert re.fullmatch("(?:<[a-z]{1,2}>)*end", text)


def make_requests(bench, kinds=tuple(CONSTRAINTS), **fields):
    """One request a kind, with the prompts in turn; the id is the kind."""
    fields = {"max_new_tokens": 120, "max_seq_length": SIZES.max_seq_length, **fields}
    return [
        bench.request(PROMPTS[i % len(PROMPTS)], request_id=kind, structured=CONSTRAINTS[kind], **fields)
        for i, kind in enumerate(kinds)
    ]


def finished(report):
    """(kind, text) of every text that ended by itself."""
    return [
        (kind, choice.text)
        for kind, result in report.results.items()
        for choice in result.choices
        if choice.finish_reason is FinishReason.STOP and CONSTRAINTS[kind] is not None
    ]


@pytest.fixture(scope="module")
def benches(bench, shared_model):
    """A function from a tokenizer's kind to a model with it."""
    known = {"bytes": bench}

    def find(kind):
        if kind not in known:
            known[kind] = Bench("demo" if kind == "byte-level" else shared_model("stories260K"))
        return known[kind]

    return find


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("model", ["bytes", "byte-level", "sentencepiece"])
def test_texts_match_and_speculation_changes_nothing(benches, model, sampling):
    bench = benches(model)
    requests = make_requests(bench, n=3 if sampling == "sampled" else 1, **SAMPLINGS[sampling])
    plain = run_requests(bench.engine(config=replace(SIZES, max_requests_per_batch=1)), requests)
    assert all(result.error is None for result in plain.results.values())
    ended = finished(plain)
    assert len({kind for kind, _ in ended}) >= 5
    for kind, text in ended:
        check(kind, text)
    drafter = scripted(bench, requests, plain)
    for drafters in ([drafter], [drafter, PromptLookupDrafter()], [PromptLookupDrafter()]):
        report = run_requests(bench.engine(drafters, SIZES), requests)
        assert report.tokens == plain.tokens
        assert sorted(finished(report)) == sorted(ended)
    assert sum(drafter.accepted.values()) > 60
    assert max(depth for depth, _ in drafter.accepted) >= 6


def test_an_unfinished_text_is_the_beginning_of_a_match(bench):
    request = bench.request("The cat", structured={"regex": "[ab]{40}"}, max_new_tokens=12)
    [choice] = run_requests(bench.engine(), [request]).results[request.request_id].choices
    assert choice.finish_reason is FinishReason.LENGTH
    assert re.fullmatch("[ab]{12}", choice.text)


def test_the_end_comes_with_the_last_token_where_nothing_can_follow(bench):
    request = bench.request("The cat", structured={"choice": ["dog"]}, max_new_tokens=12)
    [choice] = run_requests(bench.engine(), [request]).results[request.request_id].choices
    assert (choice.text, len(choice.token_ids)) == ("dog", 3), "no EOS is computed for it"
    assert choice.finish_reason is FinishReason.STOP
    request = bench.request("The cat", structured={"regex": "(dog)+"}, max_new_tokens=30)
    [choice] = run_requests(bench.engine(), [request]).results[request.request_id].choices
    may_end = choice.token_ids[-1] in bench.loaded.eos_token_ids()
    assert may_end == (choice.finish_reason is FinishReason.STOP)


@pytest.mark.parametrize("blocks", [None, 24])
def test_in_chunks_after_preemption_and_from_the_prefix_cache(bench, ssm_bench, blocks):
    config = replace(SIZES, max_tokens_per_batch=16, kv_block_size=4)
    requests = make_requests(bench, temperature=1.0, seed=3, max_new_tokens=60)
    plain = run_requests(bench.engine(config=replace(config, max_requests_per_batch=1)), requests)
    drafters = [ssm_bench.ssm_drafter(config), scripted(bench, requests, plain)]
    engine = bench.engine(drafters, config, blocks=blocks)
    for turn in range(2):
        report = run_requests(engine, requests, arrivals=[0, 1, 1, 2, 3, 5, 8, 13])
        assert report.tokens == plain.tokens
        if turn and blocks is None:
            assert any(r.choices[0].cached_prompt_tokens for r in report.results.values())
    assert (sum(record.preemptions for record in report.records) > 0) == (blocks is not None)


def test_log_probs_are_the_models_own(bench):
    """Of the unconstrained distribution, at every token of an accepted path as in plain decoding."""
    requests = make_requests(bench, temperature=0.0, logprobs=3, max_new_tokens=40)
    plain = run_requests(bench.engine(), requests)
    report = run_requests(bench.engine([scripted(bench, requests, plain)], SIZES), requests)
    for kind, result in report.results.items():
        assert result.choices[0].logprobs == plain.results[kind].choices[0].logprobs
    items = report.results["regex"].choices[0].logprobs
    assert any(item.token_id not in [token for token, _, _ in item.top] for item in items)


def test_drafts_are_filtered_and_forced_tokens_come_free(bench, monkeypatch):
    """No verified node is ruled out by the grammar, and a forced text needs few steps with any drafter."""
    requests = make_requests(bench, kinds=("list", "person"), temperature=0.0)
    plain = run_requests(bench.engine(config=SIZES), requests)
    seen, right = [], proposer_module.constrained

    def spy(tree, guide, max_depth):
        found = right(tree, guide, max_depth)
        paths = [[found.tokens[i] for i in found.path(node)] for node in range(len(found))]
        assert all(guide.num_allowed(path) == len(path) for path in paths)
        seen.append((len(tree), set(found.sources)))
        return found

    monkeypatch.setattr(proposer_module, "constrained", spy)
    drafter = scripted(bench, requests, plain, PLANTS)
    assert run_requests(bench.engine([drafter], SIZES), requests).tokens == plain.tokens
    assert {source for _, sources in seen for source in sources} == {"scripted", "grammar"}
    forced = bench.request("The cat", structured={"choice": ["x" + "yz" * 20]}, max_new_tokens=60)
    report = run_requests(bench.engine([PromptLookupDrafter()], SIZES), [forced])
    assert report.results[forced.request_id].choices[0].text == "x" + "yz" * 20
    assert report.results[forced.request_id].choices[0].speculation.llm_steps <= 6


@pytest.mark.parametrize("speculation", [False, True])
def test_a_dead_end_ends_its_request_alone(letters_bench, speculation):
    """The vocabulary has the letters a to e only: after `ab` there is no z."""
    bench = letters_bench
    requests = [
        bench.request("abc", request_id="dead", structured={"regex": "abz"}),
        bench.request("abc", request_id="well", structured={"regex": "ab(cd){3}"}),
        bench.request("abc", request_id="free", max_new_tokens=10),
    ]
    report = run_requests(bench.engine([PromptLookupDrafter()] * speculation), requests)
    dead = report.results["dead"]
    assert dead.choices[0].finish_reason is FinishReason.ERROR
    assert dead.choices[0].text == "ab"
    assert "StructuredOutputError" in dead.error
    assert "no token of this vocabulary" in dead.error
    assert report.results["well"].choices[0].text == "abcdcdcd"
    assert report.results["free"].error is None
