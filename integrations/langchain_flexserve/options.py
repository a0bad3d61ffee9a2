"""The settings that `FlexServeLLM` and `ChatFlexServe` share: where the engine is, and how to sample.

A pydantic mixin, since LangChain's classes are pydantic models. Turns settings, call-time arguments and
stop strings into a `Call`, and the way to the engine into a `Transport`. Values are not judged here: the
engine validates them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from langchain_core.utils import from_env, secret_from_env
from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from typing_extensions import Self

from flexserve_core import InvalidRequestError
from langchain_flexserve.in_process import InProcess, engine_of
from langchain_flexserve.service import Service
from langchain_flexserve.transport import Call, Finished, Piece, Transport

# LangChain's name of a sampling field -> the engine's, where they differ; all others have one name
_RENAMED = {"max_tokens": "max_new_tokens"}
_SAMPLING = (
    "temperature", "max_tokens", "top_p", "top_k", "min_p", "repetition_penalty", "presence_penalty",
    "frequency_penalty", "logit_bias", "seed", "min_tokens", "stop_token_ids", "ignore_eos", "speculation",
    "structured",
)  # fmt: skip
_LOGPROBS = ("logprobs", "top_logprobs")
_NOT_OURS = ("stream",)  # LangChain's own switch, already acted upon when a call arrives here

# LangChain's bases say extra="ignore", and the last base wins: each class says it again
STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


class FlexServeOptions(BaseModel):
    """Give either `server` (a running engine in this process) or `base_url` (an OpenAI-compatible service).

    Nothing is loaded, opened or checked against the engine before the first call. A field left at None
    keeps the engine's default.
    """

    model_config = STRICT

    server: Any = Field(default=None, exclude=True, repr=False)
    """A running `flexserve_core.EngineServer`, or an `ff.LLM` whose server has been started."""
    base_url: str | None = Field(default_factory=from_env("FLEXSERVE_BASE_URL", default=None))
    """The service's URL with its version part, e.g. http://127.0.0.1:8000/v1."""
    api_key: SecretStr | None = Field(default_factory=secret_from_env("FLEXSERVE_API_KEY", default=None))
    """Sent to `base_url`; an engine in this process asks for none."""
    model: str | None = None
    """Name of the served model; None means the one that is served."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds of silence after which a request is aborted with `TimeoutError`."""
    max_retries: int = Field(default=2, ge=0)
    """How often a busy or unreachable engine is tried again."""
    streaming: bool = False
    """Report tokens to callbacks as they come even when the whole answer is asked for."""

    stop: list[str] | None = None
    """Strings that end an answer, which does not include them."""
    temperature: float | None = None
    max_tokens: int | None = None
    """None: as many as the context holds; behind a URL, completions keep to the service's default."""
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    repetition_penalty: float | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[int, float] | None = None
    seed: int | None = None
    min_tokens: int | None = None
    stop_token_ids: list[int] | None = None
    ignore_eos: bool | None = None
    speculation: bool | None = None
    """False: plain decoding. The tokens are the same, only the speed differs."""
    structured: dict[str, Any] | None = None
    """What the text must match: one of `json_schema`, `json_object`, `regex`, `choice`, `grammar`."""
    logprobs: bool = False
    """Put each token's log-probability into the response's metadata."""
    top_logprobs: int | None = None
    """With `logprobs`: also those of the k most likely tokens."""

    @model_validator(mode="after")
    def _one_engine(self) -> Self:
        if self.server is not None and self.base_url is not None and "base_url" in self.model_fields_set:
            raise ValueError("server and base_url are both given: choose one of them")
        if self.server is None and self.base_url is None:
            raise ValueError("no engine: give server= (a running EngineServer) or base_url= (a URL)")
        return self

    @cached_property
    def _transport(self) -> Transport:
        if self.server is not None:
            return InProcess(self.server, timeout_s=self.timeout, max_retries=self.max_retries)
        key = self.api_key.get_secret_value() if self.api_key else None
        assert self.base_url is not None
        return Service(self.base_url, api_key=key, timeout_s=self.timeout, max_retries=self.max_retries)

    def _new_call(self, stop: Sequence[str] | None, kwargs: Mapping[str, Any], **source: Any) -> Call:
        """The call for `source`, which is `prompt=` or `messages=`.

        Call-time values win over the instance's; `stop=None` leaves the instance's stop strings in force.
        """
        _refuse_unknown(kwargs)
        options = {name: kwargs.get(name, getattr(self, name)) for name in (*_SAMPLING, *_LOGPROBS)}
        given = {name: options[name] for name in _SAMPLING if options[name] is not None}
        sampling = {_RENAMED.get(name, name): value for name, value in given.items()}
        if strings := (self.stop if stop is None else stop):
            sampling["stop"] = list(strings)
        if options["logprobs"]:
            sampling["logprobs"] = options["top_logprobs"] or 0
        elif options["top_logprobs"] is not None:
            value = options["top_logprobs"]
            raise InvalidRequestError("top_logprobs", value, "it needs logprobs", "Set logprobs=True.")
        return Call(sampling=sampling, model=kwargs.get("model", self.model), **source)

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        """What tells two configured models apart, for caches and traces; no secrets."""
        names = (*_SAMPLING, *_LOGPROBS, "stop", "base_url")
        return {"model": self._model_name} | {name: getattr(self, name) for name in names}

    @property
    def _model_name(self) -> str:
        """The configured model's name, else that of the engine in this process, else "default"."""
        if self.model or self.server is None:
            return self.model or "default"
        return engine_of(self.server).info.model


def _refuse_unknown(kwargs: Mapping[str, Any]) -> None:
    known = {*_SAMPLING, *_LOGPROBS, *_NOT_OURS, "model"}
    for name in kwargs.keys() - known:
        remedy = f"The options are {', '.join(sorted(known))}."
        raise InvalidRequestError(name, kwargs[name], "there is no such option", remedy)


def metadata(part: Piece | Finished) -> dict[str, Any]:
    """What an answer, or a piece of one, says about itself besides its text."""
    known: dict[str, Any] = {}
    if part.logprobs:
        known["logprobs"] = {"content": [dict(item) for item in part.logprobs]}
    if end := part.end:
        known |= {
            "model_name": end.model,
            "finish_reason": end.finish_reason,
            "stop_reason": end.stop_reason,
            "request_id": end.request_id,
            "seed": end.seed,
            "speculation": dict(end.speculation) if end.speculation else None,
        }
    return {name: value for name, value in known.items() if value is not None}
