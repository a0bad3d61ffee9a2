"""Every error a user of FlexServe can see, in one tree.

FlexServeError
├── InvalidRequestError     a request's field is out of range, unknown or malformed   (HTTP 400)
│   └── PromptTooLongError  the prompt does not fit the configured sequence length    (HTTP 400)
├── ConfigurationError      a setting of the engine or the runtime cannot be used     (exit code 2)
├── ModelError              a model cannot be found or cannot be run                  (exit code 2)
│   └── TokenizerMismatchError  a draft model does not share the LLM's vocabulary     (exit code 2)
├── OffloadError            weights outside memory cannot be read or kept             (exit code 2)
├── QueueFullError          the bounded waiting queue is full                         (HTTP 429)
├── EngineStoppedError      the server thread is not running                          (HTTP 503)
├── EngineFailedError       the engine failed while this request was in flight        (HTTP 503)
└── StructuredOutputError   a completion's grammar cannot go on; its request alone ends (HTTP 400)

This module knows nothing of HTTP or terminals; the front ends map the classes to codes.
"""

from __future__ import annotations

_MAX_SHOWN = 80


class FlexServeError(Exception):
    """Base of all errors that are meant for a user's eyes."""


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


class InvalidRequestError(FlexServeError):
    """A request was refused: names the field, the value, the limit and the remedy."""

    def __init__(self, field: str, value: object, limit: str, remedy: str) -> None:
        self.field = field
        self.value = value
        self.limit = limit
        self.remedy = remedy
        super().__init__(f"{field} = {_shown(value)} is not accepted: {limit}. {remedy}")


class PromptTooLongError(InvalidRequestError):
    """The prompt leaves no room for even one new token."""

    def __init__(self, num_tokens: int, max_seq_length: int) -> None:
        super().__init__(
            "prompt",
            f"{num_tokens} tokens",
            f"prompt and completion together hold at most {max_seq_length} tokens, so a prompt at most "
            f"{max_seq_length - 1}",
            "Shorten the prompt, or start the engine with a larger max_seq_length (--max-seq-length).",
        )


class ConfigurationError(FlexServeError):
    """A setting cannot be used: names the setting, its value, the limit and the remedy."""

    def __init__(self, field: str, value: object, limit: str, remedy: str) -> None:
        self.field = field
        self.value = value
        super().__init__(f"{field} = {_shown(value)} is not accepted: {limit}. {remedy}")


class ModelError(FlexServeError):
    """A model cannot be found, read or run."""

    def __init__(self, model: str, problem: str, remedy: str) -> None:
        self.model = model
        super().__init__(f"model {model!r}: {problem}. {remedy}")


class TokenizerMismatchError(ModelError):
    """A draft model's vocabulary differs from the LLM's, so its tokens would mean something else."""


class OffloadError(FlexServeError):
    """Weights outside memory cannot be read or kept: names the place, the tensor and, where known, the bytes."""

    def __init__(
        self,
        place: object,
        tensor: str,
        *,
        problem: str = "is truncated",
        needed: int | None = None,
        available: int | None = None,
        remedy: str = "Check the file and the disk, then load the model again.",
    ) -> None:
        self.place = str(place)
        self.tensor = tensor
        self.needed = needed
        self.available = available
        amounts = "" if needed is None else f" ({needed:,} bytes needed"
        if amounts:
            amounts += ")" if available is None else f", {available:,} available)"
        super().__init__(f"{place}: {tensor} {problem}{amounts}. {remedy}")


class QueueFullError(FlexServeError):
    """The waiting queue is full; try again after `retry_after_s` seconds."""

    def __init__(self, waiting: int, retry_after_s: int = 1) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(
            f"{waiting} requests are waiting already, which is the limit. Try again in {retry_after_s} s, or "
            "start the server with a larger max_queued_requests."
        )


class EngineStoppedError(FlexServeError):
    """The server thread is not running."""

    def __init__(self, what: str = "the engine is not running") -> None:
        super().__init__(f"{what}. Call start_server() (or start the service) first.")


class EngineFailedError(FlexServeError):
    """The engine failed while this request was in flight; the engine itself has restarted."""


class StructuredOutputError(FlexServeError):
    """A completion's grammar came to a dead end, or to a limit of its complexity; no other request is concerned."""


def failure(request_id: str, told: str | None) -> FlexServeError:
    """What the caller of a failed request gets. told: the name of the error that ended it, a colon, its text."""
    grammar = (told or "").startswith(StructuredOutputError.__name__)
    kind = StructuredOutputError if grammar else EngineFailedError
    return kind(f"request {request_id} failed: {told}")
