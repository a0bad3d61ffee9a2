"""Simple lists that everybody knows."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.answers import Topic, reply, topics
from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import pick, typed

TOPICS = topics("""
# the days of the week / weekdays / the seven days / all days of the week
> Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday.
# the months of the year / all months / the twelve months / the months
> January, February, March, April, May, June, July, August, September, October, November, December.
# the four seasons / the seasons / the seasons of the year / all seasons
> Spring, summer, autumn, winter.
# some colors / colors / five colors / a few colours / colours / different colors / the names of colors
> Red, blue, green, yellow, orange.
# the colors of the rainbow / rainbow colors / all colors in a rainbow / the rainbow colours
> Red, orange, yellow, green, blue, indigo, violet.
# the planets / the planets of the solar system / all planets / the eight planets / planets
> Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune.
# the continents / all continents / the seven continents / continents
> Africa, Antarctica, Asia, Australia, Europe, North America, South America.
# the oceans / all oceans / the five oceans / oceans
> The Pacific, the Atlantic, the Indian, the Southern and the Arctic Ocean.
# some fruits / fruits / five fruits / fruit / a few fruits / kinds of fruit / different fruits
> Apple, banana, orange, pear, grape.
# some vegetables / vegetables / five vegetables / a few vegetables / kinds of vegetables / veggies
> Carrot, potato, tomato, onion, cucumber.
# some animals / animals / five animals / a few animals / different animals / names of animals
> Dog, cat, horse, rabbit, elephant.
# some birds / birds / five birds / a few birds / kinds of birds / bird species
> Eagle, owl, sparrow, robin, duck.
# some trees / trees / five trees / kinds of trees / a few trees / tree species
> Oak, pine, birch, maple, willow.
# some flowers / flowers / five flowers / kinds of flowers / a few flowers
> Rose, tulip, daisy, lily, sunflower.
# the five senses / the senses / human senses / our senses
> Sight, hearing, smell, taste, touch.
# some shapes / shapes / geometric shapes / five shapes / a few shapes
> Circle, square, triangle, rectangle, oval.
# some musical instruments / instruments / musical instruments / five instruments / a few instruments
> Piano, guitar, violin, flute, drum.
# some sports / sports / five sports / kinds of sports / a few sports
> Football, tennis, swimming, running, basketball.
# the alphabet / all letters / the letters of the alphabet / the ABC / the English alphabet
> A B C D E F G H I J K L M N O P Q R S T U V W X Y Z.
# the vowels / all vowels / English vowels / the vowels of the alphabet
> A, E, I, O, U.
# the numbers from one to ten / numbers up to ten / the first ten numbers / numbers one through ten
? count [from one|from 1|] to [ten|10][.|!|]
> 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.
# the even numbers up to ten / some even numbers / even numbers / the first even numbers
> 2, 4, 6, 8, 10.
# the odd numbers up to ten / some odd numbers / odd numbers / the first odd numbers
> 1, 3, 5, 7, 9.
# the primary colors / primary colours / the three primary colors
> Red, yellow, blue.
# the parts of the body / body parts / some body parts / parts of the human body
> Head, neck, arm, hand, leg, foot.
# some drinks / drinks / five drinks / beverages / a few drinks
> Water, tea, coffee, milk, juice.
# some clothes / clothes / five pieces of clothing / kinds of clothes / clothing
> Shirt, trousers, dress, coat, socks.
# the points of the compass / the four directions / compass directions / cardinal directions
> North, east, south, west.
# some vehicles / vehicles / five vehicles / kinds of transport / means of transport
> Car, bus, train, bicycle, ship.
# some tools / tools / five tools / kinds of tools / a few tools
> Hammer, saw, screwdriver, pliers, drill.
""")
FRAMES = (
    "[list|name|enumerate|write down|write out|recite|say|show me|give me|tell me] {x}[.|]", "[what|which] are {x}?", "{x}[?|]",
    "[can|could|would] you [list|name|tell me|give me|enumerate|write] {x}?", "[please |](list|name) {x} [in order|for me|one by one][.|]",
    "[I need|make|write|give me|show me|I want|create] a list of {x}[.|]", "[do you know|help me remember|remind me of|I forgot|teach me] {x}[.|]",
    "what are {x} called?", "list of {x}", "a list with {x}[, please|]", "[name|tell me] all {x} [you know|][.|]", "examples of {x}[?|]",
)
FRAMES = tuple(frame.replace("(list|name)", "[list|name]") for frame in FRAMES)


SUBJECTS = ("{x}", "{x}", "{x} [by name|in order|in a list|as a list]", "a [list|couple|handful|number|row|set] of {bare}", "[some|five|a few|all|the|your favorite] {bare}", "names of {bare}", "which {bare} [there are|exist|we have]", "the names of {x}", "what {x} are")


def _bare(name: str) -> str:
    for start in ("the ", "some ", "all ", "a few "):
        name = name.removeprefix(start)
    return name


def _question(rng: Random, topic: Topic, frames: tuple[str, ...]) -> str:
    if topic.questions and rng.random() < 0.3:
        return pick(rng, topic.questions)
    if frames is FRAMES and rng.random() < 0.35:
        name = rng.choice(topic.name.split(" / "))
        return request(rng, pick(rng, SUBJECTS, x=name, bare=_bare(name)))
    frame = rng.choice(frames)
    name = rng.choice(topic.name.split(" / "))
    if "list of" in frame or "list with" in frame or " all {x}" in frame or "examples" in frame:
        name = _bare(name)
    return pick(rng, (frame,), x=name)


def exchange(rng: Random) -> Exchange:
    """A request for one list."""
    topic = rng.choice(TOPICS)
    return Exchange("lists", typed(rng, _question(rng, topic, FRAMES)), reply(rng, topic), topic.name)


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """Another list, named alone."""
    topic = rng.choice(TOPICS)
    question = _question(rng, topic, ("[and|what about|how about|now] {x}?",))
    return Exchange("lists", typed(rng, question), reply(rng, topic), topic.name)


def text(rng: Random) -> str:
    """A raw list under its heading."""
    topic = rng.choice(TOPICS)
    return f"{rng.choice(topic.name.split(' / ')).capitalize()}: {topic.answers[0]}"
