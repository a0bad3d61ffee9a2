"""Computes a receipt's answer again, without speculation, and compares token by token.

Knows the engine only through its door: any server over the same weights will do.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flexserve_core.errors import ConfigurationError
from flexserve_core.models.catalog import resolve
from flexserve_core.models.digest import digests_of
from flexserve_core.receipt import Receipt, implementations

if TYPE_CHECKING:
    from flexserve_core.engine.server import EngineServer

_CIRCUMSTANCES = ("version", "dtype", "settings", "device", "torch", "threads")


@dataclass(frozen=True, slots=True)
class Replay:
    """`first_difference`: (choice, index) of the first token that differs, None when all are equal.

    `notes`: what is different here from where the receipt was written; only then may tokens differ."""

    tokens_compared: int
    first_difference: tuple[int, int] | None
    notes: tuple[str, ...]

    @property
    def equal(self) -> bool:
        return self.first_difference is None


def replay_receipt(receipt: Receipt, server: EngineServer) -> Replay:
    """Run the receipt's request on a started server. ConfigurationError when it has other weights or words."""
    digests = digests_of(resolve(server.info.model))
    for what, ours, theirs in (
        ("model", digests.model, receipt.model_digest),
        ("tokenizer", digests.tokenizer, receipt.tokenizer_digest),
    ):
        if ours != theirs:
            raise ConfigurationError(
                f"{what}_digest",
                theirs[:16] + "…",
                f"this {what}'s is {ours[:16]}…",
                f"Replay with the same {what}.",
            )
    sampling = replace(receipt.sampling_params(), speculation=False, timeout_s=None)
    request = server.make_request(prompt_token_ids=list(receipt.prompt_token_ids), sampling=sampling)
    found = tuple(choice.token_ids for choice in server.submit(request).result().choices)
    if receipt.sampling["timeout_s"] is not None:  # where a clock ended it is not to be repeated
        found = tuple(
            ours[: len(theirs)] for ours, theirs in zip(found, receipt.output_token_ids, strict=True)
        )
    return compare(receipt.output_token_ids, found, _notes(receipt, server))


def compare(
    expected: tuple[tuple[int, ...], ...], found: tuple[tuple[int, ...], ...], notes: tuple[str, ...] = ()
) -> Replay:
    """Token by token, choice by choice; a missing or surplus token is a difference too."""
    for choice, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        for index in range(max(len(ours), len(theirs))):
            if ours[index : index + 1] != theirs[index : index + 1]:
                return Replay(sum(map(len, expected)), (choice, index), notes)
    return Replay(sum(map(len, expected)), None, notes)


def _notes(receipt: Receipt, server: EngineServer) -> tuple[str, ...]:
    info = server.info
    pairs = [(name, getattr(info, name), getattr(receipt, name)) for name in _CIRCUMSTANCES]
    pairs.append(("implementations", implementations(info), receipt.implementations))
    return tuple(f"{name} is {ours} here, was {theirs}" for name, ours, theirs in pairs if ours != theirs)
