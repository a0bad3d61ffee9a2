"""Drafters that need no model, by name; a third party adds its own with `register`.

`EngineConfig.text_drafters` names which of them run beside the SSMs. Knows nothing of engines.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from flexserve_core.errors import ConfigurationError
from flexserve_core.speculation.drafter import Drafter
from flexserve_core.speculation.prompt_lookup import PromptLookupDrafter
from flexserve_core.speculation.suffix import SuffixDrafter

_factories: dict[str, Callable[..., Drafter]] = {
    PromptLookupDrafter.name: PromptLookupDrafter,
    SuffixDrafter.name: SuffixDrafter,
}


def register_drafter(name: str, factory: Callable[..., Drafter]) -> None:
    """Make a drafter known; `factory` is called once per engine, with the options EngineConfig gives for it.

    A name that is taken is an error."""
    if name in _factories:
        raise ConfigurationError(
            "text_drafters", name, "a drafter of this name is registered", "Take another name."
        )
    _factories[name] = factory


def create_drafter(name: str, **options: Any) -> Drafter:
    """A new drafter; ConfigurationError for a name nobody registered, or options it does not take."""
    factory = _factories.get(name)
    if factory is None:
        near = difflib.get_close_matches(name, _factories, n=1)
        remedy = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(sorted(_factories))}."
        raise ConfigurationError("text_drafters", name, "there is no such drafter", remedy)
    try:
        return factory(**options)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            "text_drafter_options", options, f"{name}: {error}", "Correct them."
        ) from error
