"""Helpers for tests, of this project and of others: tiny models, scripted drafters, plain engine runs, law tests.

Everything is made by code in a temporary folder; nothing is downloaded. Not imported by the engine.
"""

from __future__ import annotations

from flexserve_core.testing.bench import Bench, RunReport, run_requests
from flexserve_core.testing.grid import AXES, Cell, CellReport, Grid
from flexserve_core.testing.law import assert_same_law, chi_square_p_value
from flexserve_core.testing.oracle import transformers_tokens
from flexserve_core.testing.pairwise import pairwise
from flexserve_core.testing.scripted import Plant, ScriptedDrafter
from flexserve_core.testing.shared import SHARED_PAIRS, ModelPair, shared_model
from flexserve_core.testing.soak import TIGHT, Soak, SoakReport
from flexserve_core.testing.tiny import CHAT_TEMPLATE, FAMILIES, write_tiny_model, write_tiny_pair

__all__ = [
    "AXES",
    "CHAT_TEMPLATE",
    "FAMILIES",
    "SHARED_PAIRS",
    "TIGHT",
    "Bench",
    "Cell",
    "CellReport",
    "Grid",
    "ModelPair",
    "Plant",
    "RunReport",
    "ScriptedDrafter",
    "Soak",
    "SoakReport",
    "assert_same_law",
    "chi_square_p_value",
    "pairwise",
    "run_requests",
    "shared_model",
    "transformers_tokens",
    "write_tiny_model",
    "write_tiny_pair",
]
