"""Further ways to ask about topics, as different people would: terse, indirect, with a story before the question, with
other words and another subject. `answers.topics` adds them to the topics of these names.

They are text, in tables/*.txt: `# topic` (the first of its names), then `? question template` lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_TABLES = Path(__file__).parent / "tables"


def by_topic(lines: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Topic → question templates."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in lines:
        if line.startswith("# "):
            name = line[2:]
            found.setdefault(name, [])
        else:
            found[name].append(line[2:])
    return {name: tuple(questions) for name, questions in found.items()}


WORDINGS = by_topic(
    line
    for table in sorted(_TABLES.glob("*.txt"))
    for line in table.read_text(encoding="utf-8").splitlines()
    if line.strip()
)
