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
? [which|what] days [does a week have|make up a week|are there in a week|come in a week]?
? [the |][week|week's] days [from Monday to Sunday|in order|by name|, one by one|][.|?|]
? [what are|tell me] the names of the [seven |]days[?|]
? Monday, Tuesday... [go on|continue|and then?|what comes next?|finish the list]
? how do you call the days from Monday on?
> Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday.
# the months of the year / all months / the twelve months / the months
? [which|what] months [does a year have|make up a year|are there|are in a year]?
? January, February... [go on|continue|and then?|finish the list]
? [the |]months [from January to December|in order|by name|, one after the other][.|?|]
? [what are|tell me] the names of the [twelve |]months[?|]
? [how|what] are the months called?
> January, February, March, April, May, June, July, August, September, October, November, December.
# the four seasons / the seasons / the seasons of the year / all seasons
? [what are|tell me] the names of the [four |]seasons[?|]
? [into which|in what] seasons is the year [divided|split]?
? spring, summer... [go on|and then?|what comes next?]
> Spring, summer, autumn, winter.
# some colors / colors / five colors / a few colours / colours / different colors / the names of colors
? [which|what] [colors|colours] [do you know|can you name|are there|exist]?
? [I need|give me] [a few|some|five] [color|colour] names[.|]
? [which|what] [colors|colours] could I paint [my room|a wall|a picture] in?
? name [different|five|a couple of|several|various] [colors|colours][.|]
> Red, blue, green, yellow, orange.
# the colors of the rainbow / rainbow colors / all colors in a rainbow / the rainbow colours
? [what|which] [order of |][colors|colours] [has|is in] a rainbow?
? a rainbow [shows|has|consists of] [which|what] [colors|colours]?
? [rainbow|the rainbow]: [which|all|the|name its] colors[?|]
> Red, orange, yellow, green, blue, indigo, violet.
# the planets / the planets of the solar system / all planets / the eight planets / planets
? [which|what] planets [are there|do we have|belong to our solar system|circle the sun|go around the sun|does the sun have]?
? [what are|tell me] the names of the [eight |]planets[?|]
? [Mercury, Venus...|planets from Mercury on:] [go on|continue|and then?|]
? [name|list] [every planet|each planet|the planets in order|our planets][.|]
> Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune.
# the continents / all continents / the seven continents / continents
? [what are|tell me] the names of the [seven |]continents[?|]
? [into which|in what] continents is the [world|earth] [divided|split]?
? [name|list] [every|each] continent[.|]
> Africa, Antarctica, Asia, Australia, Europe, North America, South America.
# the oceans / all oceans / the five oceans / oceans
? [which|what] oceans [are there|do we have|exist|does the Earth have]?
? [what are|tell me] the names of the [five |]oceans[?|]
? [name|list] [every|each] ocean[.|]
? [which|what] [big seas|oceans] are on [the map|Earth]?
> The Pacific, the Atlantic, the Indian, the Southern and the Arctic Ocean.
# some fruits / fruits / five fruits / fruit / a few fruits / kinds of fruit / different fruits
? [which|what] fruits [do you know|can you name|are there|could I buy|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [fruits|kinds of fruit][.|]
? [what|which] [fruit|fruits] [could|can] I put in a [salad|basket|smoothie]?
> Apple, banana, orange, pear, grape.
# some vegetables / vegetables / five vegetables / a few vegetables / kinds of vegetables / veggies
? [which|what] vegetables [do you know|can you name|are there|could I buy|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [vegetables|veggies][.|]
? [what|which] [vegetables|veggies] [could|can] I put in a [soup|basket|stew]?
> Carrot, potato, tomato, onion, cucumber.
# some animals / animals / five animals / a few animals / different animals / names of animals
? [which|what] animals [do you know|can you name|are there|come to mind|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] animals[.|]
? [what|which] [creatures|beasts|animals] live on Earth?
> Dog, cat, horse, rabbit, elephant.
# some birds / birds / five birds / a few birds / kinds of birds / bird species
? [which|what] birds [do you know|can you name|are there|can I see|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [birds|kinds of bird][.|]
? [what|which] [flying animals|feathered animals] [are there|do you know]?
> Eagle, owl, sparrow, robin, duck.
# some trees / trees / five trees / kinds of trees / a few trees / tree species
? [which|what] trees [do you know|can you name|are there|grow in a forest|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [trees|kinds of tree][.|]
> Oak, pine, birch, maple, willow.
# some flowers / flowers / five flowers / kinds of flowers / a few flowers
? [which|what] flowers [do you know|can you name|are there|could I plant|exist|grow in a garden]?
? [name|give me|suggest] [different|five|several|various|a couple of] [flowers|blossoms][.|]
> Rose, tulip, daisy, lily, sunflower.
# the five senses / the senses / human senses / our senses
? [which|what] senses [do we have|does a human have|are there|do people have]?
? [how|with what] do [people|humans|we] sense the world?
? [what are|tell me] the names of the [five |]senses[?|]
? how many senses do we have and which?
> Sight, hearing, smell, taste, touch.
# some shapes / shapes / geometric shapes / five shapes / a few shapes
? [which|what] [shapes|geometric shapes|figures] [do you know|can you name|are there|exist|do children learn]?
? [name|give me|suggest] [different|five|several|various|a couple of] [shapes|figures][.|]
> Circle, square, triangle, rectangle, oval.
# some musical instruments / instruments / musical instruments / five instruments / a few instruments
? [which|what] instruments [do you know|can you name|are there|can I learn|are in an orchestra|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [instruments|music instruments][.|]
? [on what|with what] can [people|one|I] make music?
> Piano, guitar, violin, flute, drum.
# some sports / sports / five sports / kinds of sports / a few sports
? [which|what] sports [do you know|can you name|are there|could I try|do people play|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [sports|kinds of sport|sport activities][.|]
> Football, tennis, swimming, running, basketball.
# the alphabet / all letters / the letters of the alphabet / the ABC / the English alphabet
? [what|which] letters [does the alphabet have|are in the alphabet|does English have|are there]?
? [say|write|type|sing|spell] [the alphabet|your ABC|the ABC|A to Z|all letters from A to Z][.|!|]
? A, B, C... [go on|continue|and then?|finish it]
? [letters|go|everything] from A to Z[?|.|]
> A B C D E F G H I J K L M N O P Q R S T U V W X Y Z.
# the vowels / all vowels / English vowels / the vowels of the alphabet
? [which|what] letters are [the |]vowels?
? [which|what] vowels [are there|do we have|does English have|exist]?
? [name|list] [every|each] vowel[.|]
> A, E, I, O, U.
# the numbers from one to ten / numbers up to ten / the first ten numbers / numbers one through ten
? [say|write|type|give me] [the |][numbers|numerals] [from |]1 [to|through|-|up to] 10[.|]
? [can|could] you count [up |][to ten|to 10|from one to ten][?|]
? [the |]numbers [one to ten|1 to 10|1-10|below eleven][?|]
? 1, 2, 3... [go on|continue|up to ten]
? count [from one|from 1|] to [ten|10][.|!|]
> 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.
# the even numbers up to ten / some even numbers / even numbers / the first even numbers
? [which|what] numbers [up to ten|below eleven|from 1 to 10] are even?
? [name|list|give me|write] [the |some |a few |]even [numbers|ones][ to 10| up to 10| till ten|][.|]
? count to ten in twos[.|]
> 2, 4, 6, 8, 10.
# the odd numbers up to ten / some odd numbers / odd numbers / the first odd numbers
? [which|what] numbers [up to ten|below eleven|from 1 to 10] are odd?
? [name|list|give me|write] [the |some |a few |]odd [numbers|ones][ to 10| up to 10| till ten|][.|]
> 1, 3, 5, 7, 9.
# the primary colors / primary colours / the three primary colors
? [which|what] [colors|colours] are [the |][primary|primary ones|basic]?
? [from which|what] three [colors|colours] can [I|you|one] mix all others?
? [which|what] are the basic [colors|colours]?
> Red, yellow, blue.
# the parts of the body / body parts / some body parts / parts of the human body
? [which|what] parts [does the body have|are in a body|make up the body|has a human body]?
? [name|give me|list] [different|five|several|various|a couple of] [body parts|parts of my body][.|]
> Head, neck, arm, hand, leg, foot.
# some drinks / drinks / five drinks / beverages / a few drinks
? [which|what] [drinks|beverages] [do you know|can you name|are there|could I order|exist]?
? [what|anything] [can|could|to] [I|we|one|] drink?
? [name|give me|suggest] [different|five|several|various|a couple of] [drinks|beverages][.|]
? I'm thirsty, [name|list] some drinks[.|]
> Water, tea, coffee, milk, juice.
# some clothes / clothes / five pieces of clothing / kinds of clothes / clothing
? [which|what] [clothes|garments|pieces of clothing] [do you know|can you name|are there|do people wear|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [garments|clothes|pieces of clothing][.|]
? [what|which things] [can|do] [people|we|I] [wear|put on]?
> Shirt, trousers, dress, coat, socks.
# the points of the compass / the four directions / compass directions / cardinal directions
? [which|what] directions [are there|does a compass show|are on a compass|do we have|are on a map]?
? [name|list] the [main |four |]directions[.|]
? a compass [shows|points to|has] [which|what] directions?
> North, east, south, west.
# some vehicles / vehicles / five vehicles / kinds of transport / means of transport
? [which|what] vehicles [do you know|can you name|are there|are on the road|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [vehicles|means of transport][.|]
? [what|which things] can [I|people|one] travel [with|in|by]?
> Car, bus, train, bicycle, ship.
# some tools / tools / five tools / kinds of tools / a few tools
? [which|what] tools [do you know|can you name|are there|should I own|are in a toolbox|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] tools[.|]
? [what|which things] [is|are|belong] in a [toolbox|workshop]?
> Hammer, saw, screwdriver, pliers, drill.
""")
FRAMES = (
    "[list|name|enumerate|write down|write out|recite|say|show me|give me|tell me] {x}[.|]", "[what|which] are {x}?", "{x}[?|]",
    "[can|could|would] you [list|name|tell me|give me|enumerate|write] {x}?", "[please |](list|name) {x} [in order|for me|one by one][.|]",
    "[I need|make|write|give me|show me|I want|create] a list of {x}[.|]", "[do you know|help me remember|remind me of|I forgot|teach me] {x}[.|]",
    "what are {x} called?", "[which|what] {bare} [do you know|can you name|are there|can you list|should I know|come to your mind]?", "[run through|go through|put down|spell out|count off|note down|type out|jot down|rattle off] {x}[.|, please.|]", "[I'd like|I need|I want|we need] [to know|to hear|to see|to learn|to have] {x}[.|]", "[what|which] are the names of {x}?", "[quiz|homework|test|for class|for the kids]: {x}[?|]", "[can|could] you [help me with|remember|recall|think of|come up with|count] {x}?",
    "[my child|my daughter|my son|the class|our group] [learns|is learning|has to learn|must name|needs] {x}[.|. Which are they?|]", "{x}[:|,] [which are they|what are they|list them|name them|all of them|in a row|go][?|.|]", "list of {x}", "a list with {x}[, please|]", "[name|tell me] all {x} [you know|][.|]", "examples of {x}[?|]",
)
FRAMES = tuple(frame.replace("(list|name)", "[list|name]") for frame in FRAMES)


SUBJECTS = ("{x}", "{x}", "{x} [by name|in order|in a list|as a list]", "a [list|couple|handful|number|row|set] of {bare}", "[some|five|a few|all|the|your favorite] {bare}", "names of {bare}", "the names of {x}", "what {x} are")


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
    if "{bare}" in frame or "list of" in frame or "list with" in frame or " all {x}" in frame or "examples" in frame:
        name = _bare(name)
    return pick(rng, (frame,), x=name, bare=_bare(name))


def exchange(rng: Random) -> Exchange:
    """A request for one list."""
    topic = rng.choice(TOPICS)
    return Exchange("lists", typed(rng, _question(rng, topic, FRAMES)), reply(rng, topic), topic.name)


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """Another list, named alone."""
    topic = rng.choice(TOPICS)
    question = _question(rng, topic, ("[and|what about|how about|now] {x}?", "[now|next|and|then] [list|name|give me|tell me] {x}[.|]", "{x}[?|, please|]", "[do|can you do] the same [for|with] {x}[.|?]"))
    return Exchange("lists", typed(rng, question), reply(rng, topic), topic.name)


def text(rng: Random) -> str:
    """A raw list under its heading."""
    topic = rng.choice(TOPICS)
    return f"{rng.choice(topic.name.split(' / ')).capitalize()}: {topic.answers[0]}"
