"""Receipts: all that is needed to compute an answer again, and to see that every token is the same.

Possible because tokens depend on nothing else: not on the batch, not on speculation, not on a generator's state. A
receipt read from a file is hostile until checked. Knows nothing of engines; `replay.py` runs one.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from flexserve_core.errors import InvalidRequestError
from flexserve_core.models.catalog import resolve
from flexserve_core.models.digest import digests_of
from flexserve_core.structure.constraint import as_structured
from flexserve_core.types import SETTINGS, EngineInfo, RequestResult, SamplingParams

FORMAT = "flexserve-receipt-2"
_MSS = ("verification", "mss")
_NO_KERNEL = ("device", "dtype", "KV cache", "policy", "verification")
_SAMPLING_FIELDS = frozenset(field.name for field in dataclasses.fields(SamplingParams))


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """One answered request.

    `settings`: of the engine, what decides about tokens. `implementations`: kernel op to what computed it; another one
    may round differently.
    """

    format: str
    version: str
    model: str
    model_digest: str
    tokenizer_digest: str
    dtype: str
    settings: dict[str, str | None]
    device: str
    implementations: dict[str, str]
    torch: str
    threads: int
    sampling: dict[str, Any]
    prompt_token_ids: tuple[int, ...]
    output_token_ids: tuple[tuple[int, ...], ...]  # per choice

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """Raises InvalidRequestError for anything that is no receipt of this format."""
        try:
            found = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _refused("receipt", text[:40], f"it is not valid JSON ({error})") from None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise _refused("receipt", text[:40], f"it is no receipt of the format {FORMAT}")
        names = {field.name for field in dataclasses.fields(cls)}
        for name in names ^ found.keys():
            raise _refused(name, found.get(name), "a receipt has exactly the fields of its format")
        _check(found)
        found["prompt_token_ids"] = tuple(found["prompt_token_ids"])
        found["output_token_ids"] = tuple(tuple(ids) for ids in found["output_token_ids"])
        return cls(**found)

    def sampling_params(self) -> SamplingParams:
        """The request's own sampling, with speculation as it was."""
        plain = dict(self.sampling)
        for name in ("stop", "stop_token_ids"):
            plain[name] = tuple(plain[name])
        plain["logit_bias"] = tuple((token, bias) for token, bias in plain["logit_bias"])
        plain["structured"] = as_structured(plain["structured"])
        return SamplingParams(**plain)


def implementations(info: EngineInfo) -> dict[str, str]:
    """Kernel op to what computes it."""
    return {choice.what: choice.chosen for choice in info.choices if choice.what not in _NO_KERNEL}


def make_receipt(info: EngineInfo, result: RequestResult) -> Receipt:
    """The receipt of a finished request of an engine described by `info`. Reads the checkpoint once per process.

    InvalidRequestError when a sampled text depends on its drafts, so that it could not be computed again."""
    if not result.sampling.greedy and _MSS in [(choice.what, choice.chosen) for choice in info.choices]:
        raise InvalidRequestError(
            *("receipt", "mss", 'with verification = "mss" a sampled text depends on the drafts of its time'),
            'Serve with verification = "keyed", or ask with temperature 0.',
        )
    digests = digests_of(resolve(info.model))
    return Receipt(
        format=FORMAT,
        version=info.version,
        model=info.model,
        model_digest=digests.model,
        tokenizer_digest=digests.tokenizer,
        dtype=info.dtype,
        settings=info.settings,
        device=info.device,
        implementations=implementations(info),
        torch=info.torch,
        threads=info.threads,
        sampling=json.loads(json.dumps(asdict(result.sampling))),  # lists, as a file gives them back
        prompt_token_ids=result.prompt_token_ids,
        output_token_ids=tuple(choice.token_ids for choice in result.choices),
    )


def _check(found: Mapping[str, Any]) -> None:
    for name in ("version", "model", "model_digest", "tokenizer_digest", "dtype", "device", "torch"):
        if not isinstance(found[name], str):
            raise _refused(name, found[name], "it is a text")
    if not isinstance(found["threads"], int) or not isinstance(found["implementations"], dict):
        raise _refused("threads", found["threads"], "threads is a whole number, implementations an object")
    settings = found["settings"]
    if not isinstance(settings, dict) or settings.keys() != set(SETTINGS):
        raise _refused("settings", settings, f"it has exactly the fields {', '.join(SETTINGS)}")
    if not all(value is None or isinstance(value, str) for value in settings.values()):
        raise _refused("settings", settings, "they are texts or null")
    if not isinstance(found["sampling"], dict) or found["sampling"].keys() != _SAMPLING_FIELDS:
        raise _refused("sampling", found["sampling"], "it has exactly the sampling fields")
    for name in ("stop", "stop_token_ids", "logit_bias"):
        if not isinstance(found["sampling"][name], list):
            raise _refused(f"sampling.{name}", found["sampling"][name], "it is a list")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in found["sampling"]["logit_bias"]):
        raise _refused("sampling.logit_bias", found["sampling"]["logit_bias"], "its entries are pairs")
    outputs = found["output_token_ids"]
    for ids in (found["prompt_token_ids"], *(outputs if isinstance(outputs, list) else [outputs])):
        if not isinstance(ids, list) or not all(type(token) is int for token in ids):
            raise _refused("token ids", ids, "they are lists of whole numbers")


def _refused(field: str, value: object, limit: str) -> InvalidRequestError:
    return InvalidRequestError(field, value, limit, "Use a file that FlexServe has written.")
