"""A random Llama of some 100,000 parameters with a byte-level tokenizer and a chat template, as a folder."""

from __future__ import annotations

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

EOS = "<eos>"
TEMPLATE = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}assistant: "


def save_tiny_model(folder: Path, *, seed: int = 0, extra_tokens: int = 0) -> Path:
    """The model folder; `extra_tokens` makes a vocabulary that differs."""
    symbols = [*sorted(pre_tokenizers.ByteLevel.alphabet()), EOS, *(f"<x{i}>" for i in range(extra_tokens))]
    backend = Tokenizer(models.BPE({symbol: index for index, symbol in enumerate(symbols)}, []))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=EOS)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(symbols),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=symbols.index(EOS),
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
