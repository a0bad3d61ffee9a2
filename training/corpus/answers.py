"""Tables of (topic, ways to name it, answer) turned into exchanges, for several categories."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import pick, typed
from training.corpus.wordings import WORDINGS

PLAIN_SHARE = 0.4  # of a topic's own questions are the plain ones, which people ask most


@dataclass(frozen=True)
class Topic:
    """One thing that can be asked: plain question templates, further ones, and one or more wordings of the answer."""

    name: str
    questions: tuple[str, ...]
    answers: tuple[str, ...]
    further: tuple[str, ...] = ()

    @property
    def has_questions(self) -> bool:
        """It can be asked for without a frame."""
        return bool(self.questions or self.further)


def topics(table: str) -> tuple[Topic, ...]:
    """Topics from text: `# name / other name` starts one, `? question` and `> answer` lines follow.

    Its further wordings come from the tables."""
    found: list[tuple[str, list[str], list[str]]] = []
    for line in table.strip().splitlines():
        mark, rest = line[:1], line[2:].strip()
        if mark == "#":
            found.append((rest, [], []))
        elif mark == "?":
            found[-1][1].append(rest)
        elif mark == ">":
            found[-1][2].append(rest.replace("\\n", "\n"))
        else:
            raise ValueError(f"a topic line starts with #, ? or >, not with {line!r}")
    return tuple(
        Topic(name, tuple(questions), tuple(answers), WORDINGS.get(name.split(" / ")[0], ()))
        for name, questions, answers in found
    )


def ask(
    rng: Random,
    category: str,
    topic: Topic,
    frames: tuple[str, ...] = (),
    frame_share: float = 0.0,
    subject: tuple[str, ...] = (),
) -> Exchange:
    """A question on the topic: with probability `frame_share` in a frame of the category, else its own.

    `subject` turns a name into a noun phrase for the frames that all categories share.
    """
    if frames and rng.random() < frame_share:
        names = topic.name.split(" / ")
        name = rng.choice(names)
        shared = subject and rng.random() < 0.45
        question = request(rng, pick(rng, subject, x=name)) if shared else pick(rng, frames, x=name)
    else:
        question = own_question(rng, topic)
    return Exchange(category, typed(rng, question), reply(rng, topic), topic.name)


def own_question(rng: Random, topic: Topic) -> str:
    """A question from the topic's own templates, plain or further."""
    plain = topic.questions and (not topic.further or rng.random() < PLAIN_SHARE)
    return pick(rng, topic.questions if plain else topic.further)


def reply(rng: Random, topic: Topic) -> str:
    """The first wording two times of three, so that greedy decoding has a clear favourite."""
    if len(topic.answers) == 1 or rng.random() < 0.7:
        return topic.answers[0]
    return rng.choice(topic.answers[1:])
