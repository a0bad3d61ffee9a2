"""Exactness on trained pairs: the two shared ones where they are present, and the embedded one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from flexserve_core.models.catalog import embedded_models, resolve
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.testing import SHARED_PAIRS, Bench, run_requests

from .exactness import SIZES, transformers_tokens

OPENINGS = [
    "Once upon a time, there was a little girl named Lily.",
    "One day, a boy named Tim went to the park.",
    "The cat sat on the mat. The dog",
    "Lily and Tom wanted to play with the big red ball.",
    "There was a big tree in the garden.",
    "A bird flew over the house and saw",
    "Mom said,",
    "Sam had a toy car.",
]


def check_pair(llm_folder, ssm_folder, prompts, stop_token_ids, min_accepted, dtype=torch.float32):
    """Greedy and sampled equality of a trained pair, at batch 1 and 8; in fp32 also with transformers."""
    llm, ssm = Bench(llm_folder, dtype), Bench(ssm_folder, dtype)
    config = replace(SIZES, max_seq_length=None, max_tree_nodes=16)
    fields = {
        "max_new_tokens": 48,
        "stop_token_ids": stop_token_ids,
        "max_seq_length": llm.loaded.max_positions(),
    }
    requests = [llm.request(prompt, request_id=str(i), **fields) for i, prompt in enumerate(prompts)]
    plain = run_requests(llm.engine(config=config), requests)
    if dtype == torch.float32:
        eos = llm.loaded.eos_token_ids() | set(stop_token_ids)
        assert plain.tokens == transformers_tokens(resolve(str(llm_folder)).location, requests, eos)
    sampled = [
        llm.request(prompt, request_id=str(i), **fields, temperature=0.8, top_p=0.95, seed=i)
        for i, prompt in enumerate(prompts)
    ]
    plain_sampled = run_requests(llm.engine(config=config), sampled)
    for batch in (1, 8):
        sizes = replace(config, max_requests_per_batch=batch)
        for wanted, asked in ((plain, requests), (plain_sampled, sampled)):
            drafters = [ssm.ssm_drafter(sizes), PromptLookupDrafter()]
            report = run_requests(llm.engine(drafters, sizes), asked)
            assert report.tokens == wanted.tokens
            assert sum(report.accepted_per_depth.values()) >= min_accepted
            assert max(report.accepted_per_depth) >= 3


@pytest.mark.parametrize("pair", SHARED_PAIRS, ids=lambda pair: pair.llm)
def test_shared_pairs(shared_model, pair):
    check_pair(shared_model(pair.llm), shared_model(pair.ssm), OPENINGS, [1, 2], min_accepted=60)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_embedded_pair(dtype):
    if not {"demo", "demo-ssm"} <= set(embedded_models()):
        pytest.skip("the embedded pair demo/demo-ssm is not in the package")
    prompts = ["What is speculative inference?", "17 + 25 =", *OPENINGS[:6]]
    check_pair("demo", "demo-ssm", prompts, [], min_accepted=40, dtype=dtype)
