"""Varies wording: a tiny choice grammar for templates, and the noise of real typing on user turns.

Grammar: ``[a|b|c]`` draws one alternative (nesting allowed, an empty one is fine); ``{slot}`` is filled by name.
"""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# ruff: noqa: SIM905
# fmt: off

from __future__ import annotations

from functools import lru_cache
from random import Random
from typing import Any

Node = Any  # str: a literal; tuple of sequences: alternatives
Sequence = tuple[Node, ...]

OPENERS = (
    "hey, ", "hi, ", "hello! ", "hello, ", "hi there, ", "ok, ", "okay, ", "so, ", "well, ", "please, ", "now ",
    "quick question: ", "a question: ", "one more question: ", "just curious, ", "I'm curious, ", "I was wondering, ",
    "excuse me, ", "sorry, ", "um, ", "alright, ", "my friend asks: ", "my son wants to know: ", "good morning, ",
    "for my homework: ", "I need some help. ", "help me out here. ", "I have a question. ", "let me ask: ",
    "be honest, ", "in short, ", "briefly, ", "if you can, ", "tell me, ", "say, ", "listen, ", "dear assistant, ",
    "FlexServe, ", "could you help? ", "I forgot this: ", "we were talking about this at dinner. ", "by the way, ",
    "I'm new here. ", "my teacher asked me this. ", "one thing: ", "I'd like your help. ", "next, ", "and now, ",
)
TAILS = (
    " please", ", please", " thanks", ", thanks", " Thank you!", " I forgot.", " I'm curious.", " for me", " again",
    " in a few words", " briefly", " in one sentence", " It's for school.", " if you know", ", do you know?",
    " I really want to know.", " right now", ", my friend", " exactly", " I can't remember.", " then", " today",
    " Keep it short.", ", if you can", " Just the answer.", " I need it for a quiz.", ", any idea?", " asap", " :)",
)
_WHO = "[my|our|his|her] [wife|husband|brother|sister|boss|son|daughter|mother|father|kid|neighbor|aunt|uncle|friend|teacher|colleague|grandma|class|team|roommate|cousin|partner|children|students]"
ASIDES = (
    _WHO + " [asked me|wants to know|told me to ask|is curious|keeps asking|needs this|sent me|and I talked about this|does not believe me|wonders].",
    "I [am|was|have been] [sitting|working|waiting|reading|walking|thinking|cooking|traveling|studying|resting] [here|at home|in the office|on the train|in the garden|all day|since morning|in a cafe|at school].",
    "[this|it|that] is for [a quiz|my homework|a friend|a game|work|school|a talk|a bet|fun|a project|an article|the kids|a crossword|a class].", "[sorry to bother you|hope you can help|not sure if you know|I'm a bit lost|I have no clue|don't laugh|it's urgent|no hurry|I'm in a rush|I can't sleep|I'm bored|long day].",
    "[we|they|people|some] [talked about|argued about|heard of|read about|had a debate about|asked for] [this|it|that] [yesterday|today|at lunch|last night|this morning|online|on the radio|in a book].",
    "[first|second|third|last|next|another|a small|a simple|an easy|a hard|a silly|a serious] [question|thing|one|request|task|point].", "[let's|let us] [change the topic|move on|try something else|talk about something new|start|begin|see|test you|go on].", "[great|cool|fine|nice|alright|okay|good|super|well done|interesting|I see|thanks|thank you].",
    "[it|this] [is|was] a [nice|rainy|sunny|cold|long|short|busy|quiet|strange|good] [day|evening|morning|week|question|idea|place].", "I [like|love|enjoy|use|need|trust|tried] [this|you|it|computers|learning|books|music|puzzles|short answers|clear words].",
)
SHORT = {
    "what is": "what's", "who is": "who's", "where is": "where's", "how is": "how's", "that is": "that's", "it is": "it's", "i am": "I'm", "I am": "I'm", "do not": "don't", "you are": "you're",
    "would like": "'d like", "cannot": "can't", "What is": "What's", "Who is": "Who's", "they are": "they're", "is not": "isn't", "let us": "let's", "I have": "I've", "why is": "why's",
}
SLANG = {
    "you": "u", "are": "r", "your": "ur", "please": "pls", "thanks": "thx", "want to": "wanna", "going to": "gonna", "give me": "gimme", "because": "cuz", "what": "wat", "people": "ppl", "about": "abt",
    "tell me": "tellme", "I don't know": "idk", "and": "n", "okay": "k", "something": "sth", "with": "w/", "do you": "d'you", "something about": "smth about",
}
SYNONYMS = {
    "show me": ("give me", "tell me", "let me see", "present me"), "tell me": ("let me know", "inform me", "say", "give me"), "give me": ("show me", "get me", "hand me", "offer me"), "explain": ("describe", "clarify", "outline"),
    "how do I": ("how can I", "how does one", "how should I", "how would someone", "in what way do I"), "how can I": ("how do I", "how could I", "how might I"), "what is": ("what exactly is", "what would be", "so what is"),
    "can you": ("could you", "are you able to", "would you", "will you"), "could you": ("can you", "would you", "might you"), "I want to": ("I wish to", "I would love to", "I plan to", "I intend to"), "is there": ("does there exist", "might there be"), "which": ("what",),
}
_NAMES = "Abigail Ahmed Aisha Akira Bruno Carlos Chen Dmitri Elif Emeka Fatima Greta Hiro Ingrid Ivan Jamal Jorge Kofi Laila Lars Mei Nadia Olga Omar Pablo Priya Quentin Rosa Sanjay Svetlana Tariq Uma Viktor Wanda Xavier Yusuf Zoe".split()
_NAMED_ASIDES = (
    "[{n}|my friend {n}|my cousin {n}|our neighbor {n}|{n} from work|little {n}|professor {n}|aunt {n}] [asks|asked me this|wants to know|is wondering|and I disagree|told me to ask you|doesn't believe me|says hello|sent me].",
    "[I'm|I am|this is|it's|here is] {n}[ speaking| here| again| and I am in a hurry| from the office|].", "[together with|on behalf of|greetings from|for] {n}[:|.|,]", "[I bought|we saw|I dropped|they repaired|she painted|he lost] [a|the|my|that] {w} [yesterday|again|last week|today].",
    "[my|the|our] {w} is [broken|new|late|empty|blue|loud|too small].", "[we call it|he said|it was something like] {w}.", "{w}.", "{w}, {w}.",
)
_SYLLABLES = "ba be bo da do fa fi ga go ha hu ka ke ki la le lo ma mi mo na ne no pa po ra re ri sa se si ta te to va vi wa ya zo bran dor flem gris holt jun kel lund mar nop pel quin rast sel tram vok wim".split()
FILLERS = ("um", "like", "actually", "just", "maybe", "really", "perhaps", "again", "well", "kindly", "exactly")
DROPPABLE = frozenset("the a an is are do does of to me you can could please some for in".split())


@lru_cache(maxsize=20000)
def _parse(template: str) -> Sequence:
    """The template as nested tuples; raises ValueError on unbalanced brackets."""
    stack: list[list[list[Node]]] = [[[]]]
    literal = ""
    for character in template:
        if character not in "[]|" or (character == "|" and len(stack) == 1):
            literal += character
            continue
        if literal:
            stack[-1][-1].append(literal)
            literal = ""
        if character == "[":
            stack.append([[]])
        elif character == "|":
            stack[-1].append([])
        elif len(stack) == 1:
            raise ValueError(f"template closes a bracket it never opened: {template!r}")
        else:
            alternatives = tuple(tuple(alternative) for alternative in stack.pop())
            stack[-1][-1].append(alternatives)
    if len(stack) != 1:
        raise ValueError(f"template leaves a bracket open: {template!r}")
    return (*stack[0][0], literal)


def _draw(rng: Random, sequence: Sequence) -> str:
    return "".join(part if isinstance(part, str) else _draw(rng, rng.choice(part)) for part in sequence)


def expand(rng: Random, template: str, **slots: object) -> str:
    """One reading of the template with every choice drawn and every slot filled."""
    text = _draw(rng, _parse(template))
    for name, value in slots.items():
        text = text.replace("{" + name + "}", str(value))
    return text


def pick(rng: Random, templates: tuple[str, ...] | list[str], **slots: object) -> str:
    """`expand` of one of several templates."""
    return expand(rng, rng.choice(templates), **slots)


def capitalised(text: str) -> str:
    """The text with its first letter in upper case, the rest untouched."""
    return text[:1].upper() + text[1:]


def article(noun: str) -> str:
    """The noun with 'a' or 'an' before it."""
    return ("an " if noun[0] in "aeiou" else "a ") + noun


def typed(rng: Random, question: str) -> str:
    """The question as somebody might type it: openers, politeness, lower case, lost punctuation, typos."""
    text = _with_synonym(rng, question) if rng.random() < 0.12 else question
    if rng.random() < 0.25:
        text = rng.choice(OPENERS) + (text if rng.random() < 0.3 else text[:1].lower() + text[1:])
    if rng.random() < 0.15:
        text = _with_tail(rng, text)
    if rng.random() < 0.12:
        text = _with_aside(rng, text)
    if rng.random() < 0.16:
        text = _with_word_noise(rng, text)
    if rng.random() < 0.3:
        text = _respelled(rng, text, SHORT, 1.0)
    if rng.random() < 0.06:
        text = _respelled(rng, text, SLANG, 0.5)
    if rng.random() < 0.07:
        text = _with_typo(rng, text)
    if rng.random() < 0.02:
        text = _without_a_space(rng, text)
    return _with_style(rng, " ".join(text.split()))


def _with_aside(rng: Random, question: str) -> str:
    """The question with a sentence that does not matter before it (mostly) or after it."""
    aside = _strange_aside(rng) if rng.random() < 0.4 else expand(rng, rng.choice(ASIDES))
    if rng.random() < 0.75:
        return f"{aside} {question}"
    return f"{question}{'' if question[-1] in '.?!' else '.'} {aside}"


def _strange_aside(rng: Random) -> str:
    """An aside with a random name or an invented word, so that unseen words before a question are no surprise."""
    text = expand(rng, rng.choice(_NAMED_ASIDES), n=rng.choice(_NAMES))
    while "{w}" in text:
        text = text.replace("{w}", "".join(rng.choices(_SYLLABLES, k=rng.randint(2, 3))), 1)
    return text


def _with_synonym(rng: Random, text: str) -> str:
    """The text with one of its phrases said in other words, where the table has one."""
    known = [(phrase, match) for phrase in SYNONYMS if (match := _find_words(text, phrase)) is not None]
    if not known:
        return text
    phrase, at = rng.choice(known)
    return text[:at] + rng.choice(SYNONYMS[phrase]) + text[at + len(phrase) :]


def _find_words(text: str, phrase: str) -> int | None:
    """Where the phrase stands in the text as whole words; None if it does not."""
    at = f" {text} ".find(f" {phrase} ")
    return None if at < 0 else at


def _without_a_space(rng: Random, text: str) -> str:
    """Two neighboring small words run together; numbers and names stay apart."""
    words = text.split(" ")
    pairs = [i for i in range(len(words) - 1) if words[i].lower() in DROPPABLE and words[i + 1].lower() in DROPPABLE]
    if not pairs:
        return text
    index = rng.choice(pairs)
    return " ".join((*words[:index], words[index] + words[index + 1], *words[index + 2 :]))


def _with_tail(rng: Random, text: str) -> str:
    tail = rng.choice(TAILS)
    mark = text[-1] if text[-1] in "?.!" else ""
    if tail[1:2].isupper():
        return text + tail
    return text[: len(text) - len(mark)] + tail + mark


def _with_word_noise(rng: Random, text: str) -> str:
    """One small word left out or one filler put in, so that the answer hangs on the words that matter."""
    words = text.split(" ")
    small = [index for index, word in enumerate(words) if word.lower() in DROPPABLE]
    if small and len(words) > 3 and rng.random() < 0.6:
        del words[rng.choice(small)]
    else:
        words.insert(rng.randrange(len(words) + 1), rng.choice(FILLERS))
    return " ".join(words)


def _respelled(rng: Random, text: str, table: dict[str, str], share: float) -> str:
    """The text with some of the table's words, whole words only, written the short way."""
    for word, short in table.items():
        if rng.random() < share:
            text = f" {text} ".replace(f" {word} ", f" {short} ").strip()
    return text


def _with_typo(rng: Random, text: str) -> str:
    words = text.split(" ")
    long = [index for index, word in enumerate(words) if len(word) > 3 and word.isalpha()]
    if not long:
        return text
    index = rng.choice(long)
    word = words[index]
    at = rng.randrange(1, len(word) - 1)
    swapped = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    words[index] = rng.choice((swapped, word[:at] + word[at + 1 :], word[:at] + word[at] + word[at:]))
    return " ".join(words)


def _with_style(rng: Random, text: str) -> str:
    draw = rng.random()
    if draw < 0.22:
        text = text.lower()
    elif draw < 0.225:
        text = text.upper()
    else:
        text = capitalised(text) if draw < 0.8 else text
    if rng.random() < 0.25:
        text = text.rstrip("?.!")
    elif rng.random() < 0.03:
        text += rng.choice(("?", "!", "??", "..."))
    return text
