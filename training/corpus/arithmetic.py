"""Sums and differences of numbers up to 99 and the small times table; every tenth pair is never shown in training."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501, SIM905
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import expand, pick, typed

LIMIT = 99
TABLE = 10

PLAIN = (
    "{a} {op} {b}", "{a}{op}{b}", "{a} {op} {b} =", "{a} {op} {b} = ?", "{a}{op}{b}=?", "{a} {op} {b}?",
    "[what is|what's|whats|how much is|calculate|compute|work out|solve|evaluate|tell me|give me|find] {a} {op} {b}[?|]",
    "[can you|could you|would you|please] [calculate|compute|solve|work out|do|tell me] {a} {op} {b}[?|]",
    "[I need|I want to know|do you know|show me] [the result of|the answer to|the value of|] {a} {op} {b}[?|]",
    "what do I get [for|from|when I compute|if I do] {a} {op} {b}?",
    "[what does|how much does] {a} {op} {b} [equal|make|give|come to]?",
    "{a} {op} {b} [equals|is|makes] [what|how much]?",
)
WORDED = {
    "+": (
        "[what is|what's|how much is|calculate|compute|tell me|work out|can you do|] {a} [plus|and|added to] {b}[?|]",
        "[add|sum|sum up|add up] {a} [and|to|with|plus] {b}[.|]", "[what is|give me|find|calculate] the sum of {a} and {b}[?|.]",
        "[can you|could you|please] add [the numbers|] {a} and {b}[?| for me?| together?]",
        "what [happens|do you get|do I get|results] [if|when] [I|you|we] add {b} to {a}?",
        "what do {a} and {b} [make|give|add up to|sum to] [together|]?", "{a} and {b} [together|in total|makes]?",
        "I have {a} {thing} and [get|buy|find|receive] {b} more. How many [{thing} |]do I have [now|in total|altogether]?",
        "{name} has {a} {thing} and {other} has {b}. How many [{thing} |]do they have [together|in total|altogether]?",
        "there are {a} {thing} [in a box|on a table|in a bag]. [someone|{name}] [adds|puts in] {b} more. How many [are there|{thing} are there] now?",
        "[the total of|total:] {a} and {b}[?|]", "if you [put|take] {a} {thing} and {b} {thing} together, how many [is that|do you have|are there]?",
    ),
    "-": (
        "[what is|what's|how much is|calculate|compute|tell me|work out|can you do|] {a} [minus|less|take away] {b}[?|]",
        "[subtract|take|take away|deduct] {b} from {a}[.|]", "[what is|give me|find|calculate] the difference [between|of] {a} and {b}[?|.]",
        "[can you|could you|please] subtract {b} from {a}[?| for me?]",
        "what [happens|do you get|do I get|remains|is left] [if|when] [I|you|we] [subtract|take|take away|remove] {b} from {a}?",
        "I have {a} {thing} and [give away|lose|eat|sell|use] {b}[ of them|]. How many [{thing} |]are left[?| over?]",
        "{name} has {a} {thing} and [gives|sells] {b} to {other}. How many [{thing} |]does {name} [keep|have left|still have]?",
        "there are {a} {thing} [in a box|on a table|in a bag]. [someone|{name}] [takes|removes] {b}. How many [are left|{thing} remain]?",
        "how much [more is {a} than {b}|bigger is {a} than {b}]?", "{b} less than {a} is [what|how much]?",
    ),
    "x": (
        "[what is|what's|how much is|calculate|tell me|] {a} [times|multiplied by] {b}[?|]",
        "[multiply] {a} [by|with|and|times] {b}[.|]", "[what is|give me|find] the product of {a} and {b}[?|]",
    ),
}
SUBJECTS = {
    "+": ("{a} + {b}", "{a}+{b}", "{a} plus {b}", "the sum of {a} and {b}", "{a} and {b} together", "{a} added to {b}", "the total of {a} and {b}", "{a} and {b} [summed|added|added up|combined|in total]", "{b} more than {a}", "the result of {a} + {b}"),
    "-": ("{a} - {b}", "{a}-{b}", "{a} minus {b}", "the difference of {a} and {b}", "{a} less {b}", "{a} reduced by {b}", "what is left of {a} after {b}", "{a} without {b}", "{b} less than {a}", "{a} take away {b}", "the result of {a} - {b}"),
    "x": ("{a} x {b}", "{a}*{b}", "{a} * {b}", "{a} times {b}", "the product of {a} and {b}", "{a} multiplied by {b}"),
}
THINGS = ("apples", "books", "coins", "marbles", "pens", "stamps", "cards", "eggs", "cookies", "balls", "shells", "flowers")
NAMES = ("Anna", "Ben", "Clara", "David", "Emma", "Felix", "Lena", "Max", "Nora", "Paul", "Sara", "Tom")
SIGNS = {"+": ("+",), "-": ("-",), "x": ("x", "*")}
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()


def result(a: int, sign: str, b: int) -> int:
    """The value of `a sign b`, sign one of + - x."""
    return {"+": a + b, "-": a - b, "x": a * b}[sign]


def held_out(a: int, sign: str, b: int) -> bool:
    """Whether training never shows this pair (a fixed tenth of all sums and differences of two-digit numbers)."""
    return sign != "x" and a > 9 and b > 9 and (a * 7 + b * 13 + (5 if sign == "-" else 0)) % 10 == 3


def spelled(number: int) -> str:
    """A number from 0 to 99 in English words."""
    if number < 20:
        return ONES[number]
    return TENS[number // 10] + ("" if number % 10 == 0 else "-" + ONES[number % 10])


def problem(rng: Random) -> tuple[int, str, int]:
    """A pair to train on: (a, sign, b); few differences are negative."""
    while True:
        sign = rng.choices(("+", "-", "x"), (5, 4, 1))[0]
        if sign == "x":
            return rng.randint(0, TABLE), sign, rng.randint(0, TABLE)
        top = LIMIT if rng.random() < 0.85 else 20
        a, b = rng.randint(0, top), rng.randint(0, top)
        if sign == "-" and b > a and rng.random() < 0.9:
            a, b = b, a
        if not held_out(a, sign, b):
            return a, sign, b


def answer(a: int, sign: str, b: int) -> str:
    """The one form of answer, so that a small model can be right."""
    return f"{a} {sign} {b} = {result(a, sign, b)}."


def exchange(rng: Random) -> Exchange:
    """One question in digits or words."""
    a, sign, b = problem(rng)
    shown = (spelled(a), spelled(b)) if rng.random() < 0.06 else (a, b)
    if rng.random() < 0.3:
        question = request(rng, pick(rng, SUBJECTS[sign], a=a, b=b))
    elif rng.random() < 0.4:
        question = pick(rng, PLAIN, a=a, b=b, op=rng.choice(SIGNS[sign]))
    else:
        name, other = rng.sample(NAMES, 2)
        question = pick(rng, WORDED[sign], a=shown[0], b=shown[1], thing=rng.choice(THINGS), name=name, other=other)
    return Exchange("arithmetic", typed(rng, question), answer(a, sign, b), str(result(a, sign, b)))


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """Another sum asked in passing, or something added to the last result."""
    value = int(last.topic)
    if 0 <= value <= LIMIT and rng.random() < 0.4:
        b = rng.randint(0, LIMIT)
        if not held_out(value, "+", b):
            question = expand(rng, "[now |and |]add {b}[ to that| to it| to the result|][.|]|", b=b).rstrip("|")
            return Exchange("arithmetic", typed(rng, question), answer(value, "+", b), str(value + b))
    a, sign, b = problem(rng)
    question = pick(rng, ("[and|what about|how about|and what is|now] {a} {op} {b}?",), a=a, b=b, op=rng.choice(SIGNS[sign]))
    return Exchange("arithmetic", typed(rng, question), answer(a, sign, b), str(result(a, sign, b)))


def text(rng: Random) -> str:
    """A raw list of sums, the densest way to practise; or a single one, so that one sum may be all."""
    if rng.random() < 0.3:
        a, sign, b = problem(rng)
        return f"{a} {sign} {b} = {result(a, sign, b)}."
    title = rng.choice(("", "", "Arithmetic practice:\n", "Sums:\n", "Some exercises:\n"))
    lines = []
    for _ in range(rng.randint(8, 24)):
        a, sign, b = problem(rng)
        lines.append(f"{a} {sign} {b} = {result(a, sign, b)}.")
    return title + "\n".join(lines)
