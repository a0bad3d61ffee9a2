"""Which model types are adapted. A type that is not here must use transformers' AttentionInterface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flexserve_core.models.families.bloom import BLOOM
from flexserve_core.models.families.falcon import FALCON
from flexserve_core.models.families.family import Family
from flexserve_core.models.families.gptj import GPTJ
from flexserve_core.models.families.mpt import MPT

FAMILIES: Mapping[str, Family] = {"bloom": BLOOM, "falcon": FALCON, "gptj": GPTJ, "mpt": MPT}


def family_of(config: Any) -> Family | None:
    """The adapted family of a model's config; None for one that needs no adapter."""
    return FAMILIES.get(config.model_type)
