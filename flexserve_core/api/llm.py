"""The ancestor's LLM and SSM classes: compile, start_server, generate, stop_server; and streams.

Thin: everything is done by the EngineServer underneath (`llm.server`). Unlike the ancestor a server can be stopped and
started again, several LLMs can live in one process, and sampling may differ from call to call.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Union, overload

from flexserve_core.api.generation import GenerationConfig, GenerationResult
from flexserve_core.api.runtime import current, offload_settings, quantisation_settings
from flexserve_core.config import EngineConfig
from flexserve_core.engine.build import Progress, build_server
from flexserve_core.engine.server import EngineServer
from flexserve_core.engine.stream import RequestStream
from flexserve_core.errors import ConfigurationError, EngineStoppedError, InvalidRequestError
from flexserve_core.types import Chunk, EngineInfo, Request

Chat = Sequence[Mapping[str, Any]]
Prompt = Union[str, Chat]  # noqa: UP007 - evaluated at run time, also on Python 3.10

_ENGINE_FIELDS = frozenset(field.name for field in fields(EngineConfig))
_SSM_FIELDS = ("dtype", "quantization", "max_tokens_per_batch")  # what SSMs say of themselves, all alike
_OWN_FIELDS = frozenset({"model", "ssms", "dtype", "device", "cache_dir", "revision"})


class SSM:
    """A small speculative model, to be handed to `LLM.compile`."""

    def __init__(self, model_name: str, *, dtype: str | None = None, quantization: str | None = None) -> None:
        self.model_name = model_name
        self.quantization = quantization
        self.dtype = dtype
        self.generation_config = GenerationConfig()
        self.max_requests_per_batch: int | None = None
        self.max_seq_length: int | None = None
        self.max_tokens_per_batch: int | None = None

    def compile(
        self,
        generation_config: GenerationConfig | None = None,
        max_requests_per_batch: int | None = None,
        max_seq_length: int | None = None,
        max_tokens_per_batch: int | None = None,
    ) -> None:
        """Note the settings; the work is done by `LLM.compile`, which takes the sizes into account.

        An SSM follows each request's own sampling, so generation_config is kept for the ancestor's sake only.
        Sizes: None means the LLM's. max_tokens_per_batch bounds the rows of one SSM forward."""
        self.generation_config = generation_config or GenerationConfig()
        self.max_requests_per_batch = max_requests_per_batch
        self.max_seq_length = max_seq_length
        self.max_tokens_per_batch = max_tokens_per_batch


class LLM:
    """A large language model and the server that runs it; usable as a context manager."""

    def __init__(
        self,
        model_name: str = "demo",
        *,
        dtype: str = "auto",
        device: str | None = None,
        cache_path: str | None = None,
        revision: str | None = None,
        **engine_settings: Any,
    ) -> None:
        """model_name: "demo", a folder or a Hugging Face id. engine_settings: as in `compile`; sizes may be "6GiB"."""
        self.model_name = model_name
        self.generation_config = GenerationConfig()
        self._settings: dict[str, Any] = {
            "model": model_name,
            "dtype": dtype,
            "device": device or "auto",
            "cache_dir": cache_path,
            "revision": revision,
            **engine_settings,
            **offload_settings(engine_settings),
        }
        _check_engine_settings(engine_settings)
        EngineConfig(**self._settings)  # refuses bad values here, not only in compile
        self._server: EngineServer | None = None

    # -- life --------------------------------------------------------------------------------------------------

    def compile(
        self,
        generation_config: GenerationConfig | None = None,
        max_requests_per_batch: int = 16,
        max_seq_length: int | None = None,
        max_tokens_per_batch: int = 512,
        ssms: Sequence[SSM] | None = None,
        progress: Progress | None = None,
        **engine_settings: Any,
    ) -> None:
        """Load the models and build the engine. ssms=None: the demo model brings its own, others run without.

        engine_settings: further fields of EngineConfig (speculation, tree_shape, max_tree_nodes, …).
        """
        _check_engine_settings(engine_settings)
        runtime = current()
        names = None if ssms is None else tuple(ssm.model_name for ssm in ssms)
        _check_ssm_sizes(ssms or (), max_requests_per_batch, max_seq_length)
        if self._server is not None:
            self._server.stop()
        settings = {**self._settings, **engine_settings}
        if runtime.num_gpus == 0 and settings["device"] == "auto":
            settings["device"] = "cpu"
        settings |= offload_settings(settings, runtime) | quantisation_settings(settings, runtime)
        config = EngineConfig(
            **settings,
            ssms=names,
            **{f"ssm_{field}": _shared(ssms or (), field) for field in _SSM_FIELDS},
            max_requests_per_batch=max_requests_per_batch,
            max_seq_length=max_seq_length,
            max_tokens_per_batch=max_tokens_per_batch,
        )
        self.generation_config = generation_config or GenerationConfig()
        self._server = build_server(config, progress)

    @property
    def server(self) -> EngineServer:
        """The engine underneath, to share with the other front ends."""
        if self._server is None:
            raise EngineStoppedError(
                "the model is not compiled; call compile() first, and the engine is not running"
            )
        return self._server

    @property
    def info(self) -> EngineInfo:
        return self.server.info

    def start_server(self) -> None:
        """Start the server thread; compiles with the defaults if that was not done."""
        if self._server is None:
            self.compile()
        self.server.start()

    def stop_server(self, drain: bool = False) -> None:
        """Stop the thread; it can be started again. drain: finish what is in flight first."""
        if self._server is not None:
            self._server.stop(drain=drain)

    def __enter__(self) -> LLM:
        self.start_server()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop_server()

    # -- use ---------------------------------------------------------------------------------------------------

    @overload
    def generate(
        self,
        requests_or_prompts: str,
        max_length: int = -1,
        max_new_tokens: int = -1,
        *,
        generation_config: GenerationConfig | None = None,
    ) -> GenerationResult: ...

    @overload
    def generate(
        self,
        requests_or_prompts: Prompt | Sequence[Prompt],
        max_length: int = -1,
        max_new_tokens: int = -1,
        *,
        generation_config: GenerationConfig | None = None,
    ) -> GenerationResult | list[GenerationResult]: ...

    def generate(
        self,
        requests_or_prompts: Prompt | Sequence[Prompt],
        max_length: int = -1,
        max_new_tokens: int = -1,
        *,
        generation_config: GenerationConfig | None = None,
    ) -> GenerationResult | list[GenerationResult]:
        """Complete one prompt or chat (one result), or a list of them (a list of results, batched together).

        max_length counts the prompt too; with both lengths given max_new_tokens wins, with a warning, as in the
        ancestor. Raises InvalidRequestError before anything runs if one of the prompts is not acceptable.
        """
        single = _is_single(requests_or_prompts)
        prompts = [requests_or_prompts] if single else list(requests_or_prompts)
        requests = [
            self._request(prompt, max_length, max_new_tokens, generation_config) for prompt in prompts
        ]
        streams = [self._submit(request) for request in requests]
        try:
            results = [
                GenerationResult.from_result(stream.result(), request.prompt)
                for stream, request in zip(streams, requests, strict=True)
            ]
        finally:
            for stream in streams:
                stream.close()  # an interrupted call leaves nothing running
        return results[0] if single else results

    def stream(
        self,
        prompt: Prompt,
        max_length: int = -1,
        max_new_tokens: int = -1,
        *,
        generation_config: GenerationConfig | None = None,
    ) -> Iterator[Chunk]:
        """Chunks of one completion as they come; the last one carries `result`. Closing the iterator aborts."""
        stream = self._submit(self._request(prompt, max_length, max_new_tokens, generation_config))
        try:
            yield from stream
        finally:
            stream.close()

    def _submit(self, request: Request) -> RequestStream:
        return self.server.submit(request)

    def _request(
        self, prompt: Any, max_length: int, max_new_tokens: int, generation_config: GenerationConfig | None
    ) -> Request:
        sampling = (generation_config or self.generation_config).to_sampling()
        if max_new_tokens != -1:
            sampling = replace(sampling, max_new_tokens=max_new_tokens)
        is_text = isinstance(prompt, str)
        request = self.server.make_request(
            prompt=prompt if is_text else None, messages=None if is_text else prompt, sampling=sampling
        )
        if max_length == -1:
            return request
        if max_new_tokens != -1:
            warnings.warn(
                "both max_length and max_new_tokens are given; max_new_tokens is used.", stacklevel=4
            )
            return request
        return _limit_length(request, max_length, self.server.limits.max_seq_length)


def _limit_length(request: Request, max_length: int, max_seq_length: int) -> Request:
    """The request, ending when prompt and completion together have max_length tokens."""
    prompt = len(request.prompt_token_ids)
    if not isinstance(max_length, int) or not prompt < max_length <= max_seq_length:
        raise InvalidRequestError(
            "max_length",
            max_length,
            f"it counts the prompt ({prompt} tokens) too and is at most max_seq_length = {max_seq_length}",
            "Raise or lower it, or use max_new_tokens.",
        )
    sampling = request.sampling
    assert sampling.max_new_tokens is not None
    new_tokens = min(sampling.max_new_tokens, max_length - prompt)
    return replace(request, sampling=replace(sampling, max_new_tokens=new_tokens))


def _is_single(prompts: Any) -> bool:
    """A string, or one chat (a list of messages); also whatever is no list at all, which validation then refuses."""
    if isinstance(prompts, (str, Mapping)) or not isinstance(prompts, Sequence):
        return True
    return bool(prompts) and isinstance(prompts[0], Mapping)


def _shared(ssms: Sequence[SSM], field: str) -> Any:
    """The one value the SSMs have for a field, None when none of them says anything."""
    values = {getattr(ssm, field) for ssm in ssms} - {None}
    if len(values) > 1:
        raise ConfigurationError(field, sorted(values), "all SSMs of an LLM share one value", "Choose one.")
    return next(iter(values), None)


def _check_ssm_sizes(ssms: Sequence[SSM], max_requests: int, max_seq_length: int | None) -> None:
    """An SSM sized smaller than its LLM could not follow it; larger is harmless."""
    for ssm in ssms:
        for field, ours in (("max_requests_per_batch", max_requests), ("max_seq_length", max_seq_length)):
            theirs = getattr(ssm, field)
            if theirs is not None and ours is not None and theirs < ours:
                raise ConfigurationError(
                    field,
                    theirs,
                    f"the SSM {ssm.model_name!r} must reach the LLM's {ours}",
                    "Use one value for both.",
                )


def _check_engine_settings(settings: Mapping[str, Any]) -> None:
    allowed = _ENGINE_FIELDS - _OWN_FIELDS - {f"ssm_{field}" for field in _SSM_FIELDS}
    for name, value in settings.items():
        if name not in allowed:
            near = difflib.get_close_matches(name, allowed, n=1)
            remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(allowed))}."
            raise ConfigurationError(name, value, "compile() has no such setting", remedy)
