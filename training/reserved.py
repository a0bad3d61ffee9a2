"""Questions that judge the model and that no training text asks: the corpus drops every document that has one.

What is compared is the words of a question; case, punctuation and spaces do not make another one.
"""

from __future__ import annotations

import re
from functools import lru_cache

from training import blind, heldout


def normalised(question: str) -> str:
    """The words of a question, in lower case."""
    return " ".join(re.findall(r"\w+", question.lower()))


@lru_cache(maxsize=1)
def reserved() -> frozenset[str]:
    """The first questions of `heldout` and `blind`, normalised. Follow-ups ("and Spain?") are nobody's own."""
    prompts = (*heldout.prompts(), *blind.prompts())
    return frozenset(normalised(prompt.user) for prompt in prompts if not prompt.raw and not prompt.history)
