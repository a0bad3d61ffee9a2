"""The two shapes that are trained, how they start, and how they are written out as Hugging Face folders.

Width 256, head_dim 64 and FFN multiples of 64 keep both growable by equal replication.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from training.tokens import BEGIN, END, PAD


def config(
    tokenizer: PreTrainedTokenizerFast, hidden: int, layers: int, heads: int, kv_heads: int, ffn: int
) -> LlamaConfig:
    """A Llama shape with head_dim 64, tied embeddings and the tokenizer's special ids."""
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=ffn,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=kv_heads,
        head_dim=64,
        max_position_embeddings=1024,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
        rms_norm_eps=1e-5,
        **special_ids(tokenizer),
        initializer_range=0.02,
        attention_bias=False,
        mlp_bias=False,
    )


def special_ids(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """The ids that configs name: begin, end and padding."""
    ids = tokenizer.get_vocab()
    return {"bos_token_id": ids[BEGIN], "eos_token_id": ids[END], "pad_token_id": ids[PAD]}


def llm_config(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    """The demo LLM: 8 layers of width 256."""
    return config(tokenizer, hidden=256, layers=8, heads=4, kv_heads=2, ffn=768)


def ssm_config(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    """The demo SSM: a single layer, under a tenth of the LLM."""
    return config(tokenizer, hidden=256, layers=1, heads=4, kv_heads=1, ffn=128)


def build(shape: LlamaConfig, seed: int) -> LlamaForCausalLM:
    """A fresh fp32 model; residual outputs start small so that depth costs no warm-up."""
    torch.manual_seed(seed)
    model = LlamaForCausalLM(shape)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.div_((2 * shape.num_hidden_layers) ** 0.5)
    return model


def size(model: torch.nn.Module) -> int:
    """Parameters, tied ones counted once."""
    return sum(parameter.numel() for parameter in model.parameters())


def export(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    """Writes the folder: bf16 safetensors, config, tokenizer, generation config. The model stays fp32."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    torch.nn.Module.to(copy, dtype=torch.bfloat16)
    copy.generation_config = GenerationConfig(
        **special_ids(tokenizer),
        do_sample=False,
    )
    copy.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)  # safetensors writes it for its owner alone
