"""What the exactness tests share: prompts, sizes, planted trees."""

from __future__ import annotations

from flexserve_core.config import EngineConfig
from flexserve_core.testing import Plant, ScriptedDrafter
from flexserve_core.testing import transformers_tokens as transformers_tokens

PROMPTS = [
    "Once upon a time",
    "The cat",
    "a",
    "Lily and Tom went to the park. They saw a big box. They saw a big",
    "One day, in a land far away, there was a very small dog who liked to dig. " * 2,
    "0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7",
    "Tim had a red ball. He loved his red ball",
    "End",
]
NEW_TOKENS = 40
SIZES = EngineConfig(max_seq_length=256, max_tree_nodes=24, max_tree_depth=8, max_requests_per_batch=8)
PLANTS = (
    Plant(depth=8, rank=0),
    Plant(depth=3, rank=1, decoy=2),
    Plant(depth=6, rank=2),
    Plant(depth=0, rank=0, decoy=3),
    Plant(depth=5, rank=1, decoy=3),
    Plant(depth=2, rank=3),
)


def make_requests(bench, count=8, **fields):
    fields = {"max_new_tokens": NEW_TOKENS, "max_seq_length": 256, **fields}
    return [bench.request(prompt, request_id=str(i), **fields) for i, prompt in enumerate(PROMPTS[:count])]


def texts_of(requests, report):
    """Prompt and completion of every choice, for a scripted drafter."""
    return [
        [*request.prompt_token_ids, *choice.token_ids]
        for request in requests
        for choice in report.results[request.request_id].choices
    ]


def scripted(bench, requests, plain, plants=PLANTS):
    return ScriptedDrafter(texts_of(requests, plain), plants, bench.loaded.vocab_size)
