"""`--speculative-config`: a JSON object with vLLM's key names, turned into fields of EngineConfig.

`method` is "draft_model", "ngram", "suffix" or a list of them (their trees are merged). Keys of vLLM that have no
meaning here are refused with the reason, unknown ones with the nearest name. Knows nothing of models.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from flexserve_core.config import EngineConfig
from flexserve_core.errors import ConfigurationError

_METHODS = {"draft_model": None, "ngram": "prompt_lookup", "suffix": "suffix"}  # method: text drafter
_TREE = {"num_speculative_tokens": "max_tree_depth", "max_tree_nodes": "max_tree_nodes"}
_DRAFTER_OPTIONS = {
    "prompt_lookup_min": ("prompt_lookup", "min_ngram"),
    "prompt_lookup_max": ("prompt_lookup", "max_ngram"),
    "suffix_decoding_max_tree_depth": ("suffix", "max_depth"),
    "suffix_decoding_max_spec_factor": ("suffix", "max_factor"),
    "suffix_decoding_min_token_prob": ("suffix", "min_probability"),
}
_KEYS = (
    "method",
    "model",
    "quantization",
    "tree_shape",
    "beam_width",
    "verification",
    *_TREE,
    *_DRAFTER_OPTIONS,
)
_REFUSED = {
    "draft_tensor_parallel_size": "models run on one device",
    "rejection_sample_method": 'the key is verification here, "keyed" (keyed noise, no rejection) or "mss"',
    "draft_sample_method": "drafts follow the request's own noise, or are drawn with verification = mss",
}


def engine_fields(text: str) -> dict[str, Any]:
    """Fields for EngineConfig. Raises ConfigurationError naming the key."""
    config = _parsed(text)
    for key, value in config.items():
        _check_key(key, value)
    methods = _methods(config)
    fields: dict[str, Any] = {
        "text_drafters": tuple(name for method in methods if (name := _METHODS[method])),
        "ssms": _models(config, methods),
    }
    if "quantization" in config:
        if "draft_model" not in methods:
            raise _refusal("quantization", config["quantization"], "no method uses a draft model")
        fields["ssm_quantization"] = config["quantization"]
    fields |= {field: config[key] for key, field in _TREE.items() if key in config}
    if "tree_shape" in config:
        fields["tree_shape"] = tuple(_listed("tree_shape", config["tree_shape"]))
    fields |= {key: config[key] for key in ("beam_width", "verification") if key in config}
    fields["text_drafter_options"] = _options(config, fields["text_drafters"])
    return fields


def speculative_keys(config: EngineConfig) -> dict[str, Any]:
    """The other way round: the object that `engine_fields` turns into these settings."""
    words = {drafter: method for method, drafter in _METHODS.items() if drafter}
    methods = [
        *(["draft_model"] if config.ssms != () else []),
        *(words.get(d, d) for d in config.text_drafters),
    ]
    keys: dict[str, Any] = {"method": methods}
    if config.ssms:
        keys["model"] = list(config.ssms)
    keys |= {key: getattr(config, field) for key, field in _TREE.items()}
    if config.ssm_quantization is not None:
        keys["quantization"] = config.ssm_quantization
    if config.tree_shape is not None:
        keys["tree_shape"] = list(config.tree_shape)
    if config.beam_width is not None:
        keys["beam_width"] = config.beam_width
    if config.verification != "keyed":
        keys["verification"] = config.verification
    for key, (drafter, option) in _DRAFTER_OPTIONS.items():
        given = config.text_drafter_options.get(drafter, {})
        if option in given:
            keys[key] = given[option]
    return keys


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refusal("speculative_config", text, f"it is not valid JSON ({error})") from None
    if not isinstance(config, dict):
        raise _refusal("speculative_config", text, "it is a JSON object")
    return config


def _check_key(key: str, value: Any) -> None:
    if key in _REFUSED:
        raise ConfigurationError(key, value, _REFUSED[key], "Leave it out.")
    if key not in _KEYS:
        near = difflib.get_close_matches(key, _KEYS, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(_KEYS)}."
        raise ConfigurationError(key, value, "there is no such key", remedy)


def _methods(config: Mapping[str, Any]) -> tuple[str, ...]:
    """What to draft with; without `method`: the draft models, if any are named, and n-grams."""
    if "method" not in config:
        return ("draft_model", "ngram") if "model" in config else ("ngram",)
    given = config["method"]
    methods = tuple([given] if isinstance(given, str) else _listed("method", given))
    for method in methods:
        if method not in _METHODS:
            raise _refusal("method", method, f"it is one of {', '.join(_METHODS)}, or a list of them")
    return methods


def _models(config: Mapping[str, Any], methods: tuple[str, ...]) -> tuple[str, ...] | None:
    """The SSMs; None leaves the demo model its own."""
    if "draft_model" not in methods:
        if "model" in config:
            raise _refusal("model", config["model"], "no method uses a draft model")
        return ()
    if "model" not in config:
        return None
    given = config["model"]
    models = tuple([given] if isinstance(given, str) else _listed("model", given))
    if not models or not all(isinstance(name, str) for name in models):
        raise _refusal("model", given, "it is a name, or a list of names")
    return models


def _options(config: Mapping[str, Any], drafters: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    options: dict[str, dict[str, Any]] = {}
    for key, (drafter, option) in _DRAFTER_OPTIONS.items():
        if key in config:
            if drafter not in drafters:
                raise _refusal(
                    key, config[key], f"the method it belongs to ({drafter}) is not among those chosen"
                )
            options.setdefault(drafter, {})[option] = _number(key, config[key])
    return options


def _number(key: str, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1000:
        raise _refusal(key, value, "it is a number above 0 and below 1000")
    if key == "suffix_decoding_min_token_prob" and value > 1:
        raise _refusal(key, value, "a probability is at most 1")
    if key not in ("suffix_decoding_max_spec_factor", "suffix_decoding_min_token_prob") and not isinstance(
        value, int
    ):
        raise _refusal(key, value, "it is a whole number")
    return value


def _listed(key: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise _refusal(key, value, "it is a list")
    return value


def _refusal(key: str, value: Any, limit: str) -> ConfigurationError:
    return ConfigurationError(key, value, limit, "See `flexserve serve --help` and docs/drafters.md.")
