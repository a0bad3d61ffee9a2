"""Tiny random models as Hugging Face folders: weights, tokenizer and chat template, written by code.

The weights are drawn large, so that the text depends on its history instead of repeating one token. A pair is a model
and a slightly disturbed copy of it, which agrees with it often but not always: a drafter with real acceptance.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

EOS = "<eos>"
USER = "<user>"
CHAT_TEMPLATE = (
    "{% for m in messages %}{{ '<user>' + m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}assistant: "
)
_SPECIAL = (EOS, USER)
_LLAMA_LIKE = {
    "hidden_size": 64,
    "intermediate_size": 172,  # no multiple of any block
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 512,
}
_GPT2_LIKE = {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 512}
# model type → what its config needs beyond vocabulary and special tokens
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": _LLAMA_LIKE,
    "qwen2": _LLAMA_LIKE,
    "qwen3": {**_LLAMA_LIKE, "head_dim": 16},
    "mistral": {**_LLAMA_LIKE, "sliding_window": 24},
    "gemma2": {**_LLAMA_LIKE, "head_dim": 16, "sliding_window": 24, "tie_word_embeddings": False},
    "phi": _LLAMA_LIKE,
    "gpt_neox": {**_LLAMA_LIKE, "num_key_value_heads": None},
    "starcoder2": {**_LLAMA_LIKE, "sliding_window": 24},
    "gpt2": _GPT2_LIKE,
    "gpt_bigcode": {**_GPT2_LIKE, "multi_query": True},
    "opt": {
        "hidden_size": 64,
        "ffn_dim": 172,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 512,
        "word_embed_proj_dim": 64,
    },
}


def write_tiny_model(
    folder: Path | str,
    *,
    family: str = "llama",
    seed: int = 0,
    alphabet: str | None = None,
    extra_tokens: int = 0,
    spread: float = 0.3,
    **config: Any,
) -> Path:
    """Write a random model of `family` (a key of FAMILIES, or a model type) and its tokenizer; returns the folder.

    alphabet: the characters of the vocabulary (None: all 256 bytes); `<eos>` and `<user>` follow them.
    extra_tokens: further unused tokens, for a vocabulary that differs. spread: standard deviation of the weights.
    config: further settings of the family's configuration.
    """
    folder = Path(folder)
    symbols = _write_tokenizer(folder, alphabet, extra_tokens)
    eos = symbols.index(EOS)
    tokens = {"vocab_size": len(symbols), "bos_token_id": None, "eos_token_id": eos, "pad_token_id": None}
    settings = {name: value for name, value in FAMILIES.get(family, {}).items() if value is not None}
    built = AutoConfig.for_model(family, **{**tokens, **settings, **config})
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(built)
        _spread_weights(model, spread)
    model.generation_config.eos_token_id = eos
    model.save_pretrained(folder)
    return folder


def write_tiny_pair(
    folder: Path | str,
    *,
    family: str = "llama",
    seed: int = 0,
    disturbance: float = 0.01,
    disturbance_seed: int = 1,
    **options: Any,
) -> tuple[Path, Path]:
    """An LLM and an SSM that is the LLM with noise of standard deviation `disturbance` on its weights."""
    llm = write_tiny_model(Path(folder) / "llm", family=family, seed=seed, **options)
    ssm = write_tiny_model(Path(folder) / "ssm", family=family, seed=seed, **options)
    model = AutoModelForCausalLM.from_pretrained(ssm)
    with torch.random.fork_rng(devices=()), torch.no_grad():
        torch.manual_seed(seed + disturbance_seed)
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * disturbance)
    model.save_pretrained(ssm)
    return llm, ssm


def _write_tokenizer(folder: Path, alphabet: str | None, extra_tokens: int) -> list[str]:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet()) if alphabet is None else list(alphabet)
    symbols = [*letters, *_SPECIAL, *(f"<x{index}>" for index in range(extra_tokens))]
    backend = Tokenizer(models.BPE({symbol: index for index, symbol in enumerate(symbols)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=EOS, extra_special_tokens=[USER])
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    return symbols


@torch.no_grad()
def _spread_weights(model: torch.nn.Module, spread: float) -> None:
    """Matrices anew with a large deviation; vectors (norms, biases) stay as their family initialises them."""
    for parameter in model.parameters():
        if parameter.ndim > 1:
            parameter.normal_(std=spread)
