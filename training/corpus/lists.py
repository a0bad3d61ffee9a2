"""Simple lists that everybody knows."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.answers import Topic, own_question, reply, topics
from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import pick, typed

TOPICS = topics("""
# the days of the week / weekdays / the seven days / all days of the week
? what [seven |]days [does|has] [a|one|every|each] week[ have| got|]?
? [days|weekdays], [which are they|name them|their names|from Monday on|names please]?
? [day|weekday] names[ please| in order| in English|][?|]
? [today is Monday|it's Monday], [which|what] days [follow|come after it|come next until Sunday]?
? [my calendar|the school timetable|a diary] [needs|shows] the days of the week[.|, which are they?]
? [which|what] days [does a week have|make up a week|are there in a week|come in a week]?
? [the |][week|week's] days [from Monday to Sunday|in order|by name|, one by one|][.|?|]
? [what are|tell me] the names of the [seven |]days[?|]
? Monday, Tuesday... [go on|continue|and then?|what comes next?|finish the list]
? how do you call the days from Monday on?
> Monday, Tuesday, Wednesday, Thursday, Friday, Saturday, Sunday.
# the months of the year / all months / the twelve months / the months
? [which|what] months [are there|exist|does one year have|come in a year|are in the calendar][ in a year|]?
? [months|the months], [which are they|name them|their names|from January on|names please]?
? month names[ please| in order| in English|][?|]
? [it's January|the year begins in January], [which|what] months [follow|come after|come next]?
? [my calendar|a wall calendar|the diary] needs all months[.|, which are they?]
? [which|what] months [does a year have|make up a year|are there|are in a year]?
? January, February... [go on|continue|and then?|finish the list]
? [the |]months [from January to December|in order|by name|, one after the other][.|?|]
? [what are|tell me] the names of the [twelve |]months[?|]
? [how|what] are the months called?
> January, February, March, April, May, June, July, August, September, October, November, December.
# the four seasons / the seasons / the seasons of the year / all seasons
? [seasons|the seasons], [which are they|name them|their names|in order]?
? [which|what] seasons [make up the year|come in a year|follow each other|does nature have|do we go through]?
? season names[?| please|]
? [after winter comes spring|it is spring now], [which|what] are all the seasons?
? [what|which] [times of the year|parts of the year] [are there|do we know]?
? [what are|tell me] the names of the [four |]seasons[?|]
? [into which|in what] seasons is the year [divided|split]?
? spring, summer... [go on|and then?|what comes next?]
> Spring, summer, autumn, winter.
# some colors / colors / five colors / a few colours / colours / different colors / the names of colors
? [color|colour] names[ for my game| please|][?|]
? [colors|colours|crayons], [which are there|name some|which do you know|some names]?
? [my toddler|a kid|my class] learns colors[.|, which ones?|. Name some.]
? [what|which] [colors|colours] [can a car have|are in a paint box|could a dress have|come in a crayon box]?
? [which|what] [colors|colours] [do you know|can you name|are there|exist]?
? [I need|give me] [a few|some|five] [color|colour] names[.|]
? [which|what] [colors|colours] could I paint [my room|a wall|a picture] in?
? name [different|five|a couple of|several|various] [colors|colours][.|]
> Red, blue, green, yellow, orange.
# the colors of the rainbow / rainbow colors / all colors in a rainbow / the rainbow colours
? rainbow, [which colors|what colors|name the colors|its colors]?
? [I|we] [saw|see|paint|painted] a rainbow[.|,] [which|what] [colors|colours] [does it have|are in it|do I need]?
? [colors|colours] from [the outer to the inner edge|top to bottom] of a rainbow[?|]
? [what|which] [order of |][colors|colours] [has|is in] a rainbow?
? a rainbow [shows|has|consists of] [which|what] [colors|colours]?
? [rainbow|the rainbow]: [which|all|the|name its] colors[?|]
> Red, orange, yellow, green, blue, indigo, violet.
# the planets / the planets of the solar system / all planets / the eight planets / planets
? planet names[?| please| in order|]
? [our solar system|the sun's family]: [which planets|name the planets|planets by name][?|]
? [which|what] are the names of [the |our ]planets?
? [from Mercury to Neptune|starting at the sun], [which planets|list the planets|name the planets]?
? [planets|our planets], [which are they|name them|their names|in order from the sun]?
? [which|what] planets [are there|do we have|belong to our solar system|circle the sun|go around the sun|does the sun have]?
? [what are|tell me] the names of the [eight |]planets[?|]
? [Mercury, Venus...|planets from Mercury on:] [go on|continue|and then?|]
? [name|list] [every planet|each planet|the planets in order|our planets][.|]
> Mercury, Venus, Earth, Mars, Jupiter, Saturn, Uranus, Neptune.
# the continents / all continents / the seven continents / continents
? continent names[?| please|]
? [continents|the continents], [which are they|name them|their names|which ones]?
? [which|what] continents [make up the world|can be found on a map|form the land of the Earth|could I travel to]?
? [Africa, Asia...|Africa, Antarctica...] [go on|and the others?|continue]
? [what are|tell me] the names of the [seven |]continents[?|]
? [into which|in what] continents is the [world|earth] [divided|split]?
? [name|list] [every|each] continent[.|]
> Africa, Antarctica, Asia, Australia, Europe, North America, South America.
# the oceans / all oceans / the five oceans / oceans
? ocean names[?| please|]
? [oceans|the oceans], [which are they|name them|their names|which ones]?
? [the Pacific, the Atlantic...|Pacific, Atlantic...] [go on|and the others?|continue]
? [which|what] oceans [are there|do we have|exist|does the Earth have]?
? [what are|tell me] the names of the [five |]oceans[?|]
? [name|list] [every|each] ocean[.|]
? [which|what] [big seas|oceans] are on [the map|Earth]?
> The Pacific, the Atlantic, the Indian, the Southern and the Arctic Ocean.
# some fruits / fruits / five fruits / fruit / a few fruits / kinds of fruit / different fruits
? fruit names[?| please| for a game|]
? [fruits|fruit], [name some|which are there|several names|which ones]?
? [my|the] [shopping list|fruit bowl|fruit salad] needs [fruit|some fruits][.|, which?|: name some]
? [what|which] [fruit|fruits] [grows on trees|is sold at the market|can kids eat|tastes sweet]?
? [which|what] fruits [do you know|can you name|are there|could I buy|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [fruits|kinds of fruit][.|]
? [what|which] [fruit|fruits] [could|can] I put in a [salad|basket|smoothie]?
> Apple, banana, orange, pear, grape.
# some vegetables / vegetables / five vegetables / a few vegetables / kinds of vegetables / veggies
? vegetable names[?| please| for a game|]
? [vegetables|veggies|greens], [name some|which are there|several names|which ones]?
? [my|the] [shopping list|vegetable garden|soup] needs [vegetables|some veggies][.|, which?|: name some]
? [which|what] vegetables [do you know|can you name|are there|could I buy|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [vegetables|veggies][.|]
? [what|which] [vegetables|veggies] [could|can] I put in a [soup|basket|stew]?
> Carrot, potato, tomato, onion, cucumber.
# some animals / animals / five animals / a few animals / different animals / names of animals
? animal names[?| please| for a game|]
? [animals|beasts|creatures], [name some|which are there|several names|which ones]?
? [my kid|the class] [draws|collects|learns] animals[.|, which ones?|: name some]
? [what|which] animals [could I draw|can I see in a zoo|live with people]?
? [which|what] animals [do you know|can you name|are there|come to mind|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] animals[.|]
? [what|which] [creatures|beasts|animals] live on Earth?
> Dog, cat, horse, rabbit, elephant.
# some birds / birds / five birds / a few birds / kinds of birds / bird species
? bird names[?| please| for a game|]
? [birds|songbirds], [name some|which are there|several names|which ones]?
? [what|which] birds [fly in the garden|could I watch|live around here|might I see in a park]?
? [which|what] birds [do you know|can you name|are there|can I see|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [birds|kinds of bird][.|]
? [what|which] [flying animals|feathered animals] [are there|do you know]?
> Eagle, owl, sparrow, robin, duck.
# some trees / trees / five trees / kinds of trees / a few trees / tree species
? tree names[?| please| for a game|]
? [trees|forest trees], [name some|which are there|several names|which ones]?
? [what|which] trees [could I plant|stand in a park|grow in the woods]?
? [which|what] trees [do you know|can you name|are there|grow in a forest|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [trees|kinds of tree][.|]
> Oak, pine, birch, maple, willow.
# some flowers / flowers / five flowers / kinds of flowers / a few flowers
? flower names[?| please| for a game|]
? [flowers|garden flowers], [name some|which are there|several names|which ones]?
? [what|which] flowers [go in a bouquet|could I give my wife|bloom in a garden|are in a vase]?
? [which|what] flowers [do you know|can you name|are there|could I plant|exist|grow in a garden]?
? [name|give me|suggest] [different|five|several|various|a couple of] [flowers|blossoms][.|]
> Rose, tulip, daisy, lily, sunflower.
# the five senses / the senses / human senses / our senses
? [senses|the senses], [which are they|name them|their names|which ones]?
? [with which|which] senses [do we notice the world|does the body have|do people use]?
? [sight, hearing...|sight, smell...] [go on|and the other senses?|continue]
? [which|what] senses [do we have|does a human have|are there|do people have]?
? [how|with what] do [people|humans|we] sense the world?
? [what are|tell me] the names of the [five |]senses[?|]
? how many senses do we have and which?
> Sight, hearing, smell, taste, touch.
# some shapes / shapes / geometric shapes / five shapes / a few shapes
? shape names[?| please|]
? [shapes|geometric figures], [name some|which are there|several names|which ones]?
? [my kid|the class] [draws|cuts out|learns] shapes[.|, which ones?|: name some]
? [which|what] [shapes|geometric shapes|figures] [do you know|can you name|are there|exist|do children learn]?
? [name|give me|suggest] [different|five|several|various|a couple of] [shapes|figures][.|]
> Circle, square, triangle, rectangle, oval.
# some musical instruments / instruments / musical instruments / five instruments / a few instruments
? instrument names[?| please|]
? [instruments|musical instruments], [name several|which are there|several names|which ones]?
? [what|which] [instruments|things] [do bands play|does an orchestra have|could my son learn|make music|can musicians play]?
? [an orchestra|a band|a musician] [plays|uses] which instruments?
? [which|what] instruments [do you know|can you name|are there|can I learn|are in an orchestra|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [instruments|music instruments][.|]
? [on what|with what] can [people|one|I] make music?
> Piano, guitar, violin, flute, drum.
# some sports / sports / five sports / kinds of sports / a few sports
? sport names[?| please|]
? [sports|kinds of sport], [name several|which are there|several names|which ones]?
? [what|which] sports [could my son try|are at the Olympics|are played in teams or alone|do schools offer]?
? [which|what] sports [do you know|can you name|are there|could I try|do people play|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [sports|kinds of sport|sport activities][.|]
> Football, tennis, swimming, running, basketball.
# the alphabet / all letters / the letters of the alphabet / the ABC / the English alphabet
? [the |my |]abc[ please| song|, all of it|, go|, in order][?|.|]
? [abc|alphabet|letters], [from A to Z|in order|all of them|please recite]?
? [my kid|a first grader] [learns|is learning] [the letters|to write|the abc][.|, how does it go?|. Recite it.]
? how [does the alphabet run|do the letters follow each other|does one say the alphabet]?
? [what|which] letters [does the alphabet have|are in the alphabet|does English have|are there]?
? [say|write|type|sing|spell] [the alphabet|your ABC|the ABC|A to Z|all letters from A to Z][.|!|]
? A, B, C... [go on|continue|and then?|finish it]
? [letters|go|everything] from A to Z[?|.|]
> A B C D E F G H I J K L M N O P Q R S T U V W X Y Z.
# the vowels / all vowels / English vowels / the vowels of the alphabet
? [vowels|the vowels], [which are they|name them|which letters]?
? which letters [count as|are called] vowels?
? letters that are [vowels|not consonants][?|]
? [which|what] letters are [the |]vowels?
? [which|what] vowels [are there|do we have|does English have|exist]?
? [name|list] [every|each] vowel[.|]
> A, E, I, O, U.
# the numbers from one to ten / numbers up to ten / the first ten numbers / numbers one through ten
? counting [to ten|up to ten|from one to ten][?|, please|]
? [one, two, three...|one two three] [go on|continue|up to ten]
? [my kid|a toddler] learns to count to ten[.|, how does it go?]
? [say|write|type|give me] [the |][numbers|numerals] [from |]1 [to|through|-|up to] 10[.|]
? [can|could] you count [up |][to ten|to 10|from one to ten][?|]
? [the |]numbers [one to ten|1 to 10|1-10|below eleven][?|]
? 1, 2, 3... [go on|continue|up to ten]
? count [from one|from 1|] to [ten|10][.|!|]
> 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.
# the even numbers up to ten / some even numbers / even numbers / the first even numbers
? even numbers, [which are they|name them|up to ten]?
? 2, 4, 6... [go on|up to ten]
? numbers up to ten [divisible by two|that two divides][?|]
? [which|what] numbers [up to ten|below eleven|from 1 to 10] are even?
? [name|list|give me|write] [the |some |a few |]even [numbers|ones][ to 10| up to 10| till ten|][.|]
? count to ten in twos[.|]
> 2, 4, 6, 8, 10.
# the odd numbers up to ten / some odd numbers / odd numbers / the first odd numbers
? odd numbers, [which are they|name them|up to ten]?
? 1, 3, 5... [go on|up to ten]
? numbers up to ten [not divisible by two|that are not even][?|]
? [which|what] numbers [up to ten|below eleven|from 1 to 10] are odd?
? [name|list|give me|write] [the |some |a few |]odd [numbers|ones][ to 10| up to 10| till ten|][.|]
> 1, 3, 5, 7, 9.
# the primary colors / primary colours / the three primary colors
? primary [colors|colours], [which are they|name them|which three]?
? [painters|my art teacher] [mix|speaks of] primary colors[.|, which are they?]
? [which|what] [colors|colours] are [the |][primary|primary ones|basic]?
? [from which|what] three [colors|colours] can [I|you|one] mix all others?
? [which|what] are the basic [colors|colours]?
> Red, yellow, blue.
# the parts of the body / body parts / some body parts / parts of the human body
? body part names[?| please|]
? [body parts|the human body], [name several parts|which parts|which are there]?
? [what|which] [body parts|parts] [can I point at|does a person have|could a doctor examine]?
? [which|what] parts [does the body have|are in a body|make up the body|has a human body]?
? [name|give me|list] [different|five|several|various|a couple of] [body parts|parts of my body][.|]
> Head, neck, arm, hand, leg, foot.
# some drinks / drinks / five drinks / beverages / a few drinks
? drink names[?| please|]
? [drinks|beverages], [name several|which are there|which ones]?
? [what|which] [drinks|beverages] [are on a menu|does a cafe serve|could I offer my guests]?
? [which|what] [drinks|beverages] [do you know|can you name|are there|could I order|exist]?
? [what|anything] [can|could|to] [I|we|one|] drink?
? [name|give me|suggest] [different|five|several|various|a couple of] [drinks|beverages][.|]
? I'm thirsty, [name|list] some drinks[.|]
> Water, tea, coffee, milk, juice.
# some clothes / clothes / five pieces of clothing / kinds of clothes / clothing
? [names of clothes|clothing words][?| please|]
? [clothes|garments], [name several|which are there|which ones]?
? [what|which] [clothes|garments] [hang in a closet|does a shop sell]?
? [which|what] [clothes|garments|pieces of clothing] [do you know|can you name|are there|do people wear|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [garments|clothes|pieces of clothing][.|]
? [what|which things] [can|do] [people|we|I] [wear|put on]?
> Shirt, trousers, dress, coat, socks.
# the points of the compass / the four directions / compass directions / cardinal directions
? [compass|directions], [which are they|name them|which directions|the four]?
? [north, east...|north and] [go on|which others?|and the rest]
? in which four directions [does a compass point|can I go on a map]?
? [which|what] directions [are there|does a compass show|are on a compass|do we have|are on a map]?
? [name|list] the [main |four |]directions[.|]
? a compass [shows|points to|has] [which|what] directions?
> North, east, south, west.
# some vehicles / vehicles / five vehicles / kinds of transport / means of transport
? vehicle names[?| please|]
? [vehicles|means of transport], [name several|which are there|which ones]?
? [what|which] [vehicles|things on wheels or water] [carry people|take us places|could I draw]?
? [which|what] vehicles [do you know|can you name|are there|are on the road|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] [vehicles|means of transport][.|]
? [what|which things] can [I|people|one] travel [with|in|by]?
> Car, bus, train, bicycle, ship.
# some tools / tools / five tools / kinds of tools / a few tools
? tool names[?| please|]
? [tools|hand tools], [name several|which are there|which ones]?
? [what|which] tools [does a carpenter use|do I need for repairs|hang in a workshop]?
? [which|what] tools [do you know|can you name|are there|should I own|are in a toolbox|exist]?
? [name|give me|suggest] [different|five|several|various|a couple of] tools[.|]
? [what|which things] [is|are|belong] in a [toolbox|workshop]?
> Hammer, saw, screwdriver, pliers, drill.
""")
FRAMES = (
    "{x} [please|pls|thanks|now|for my game|for a quiz|for the kids|, one per line|, all in a row|, by name]", "{x}[,|:] [name several|name them all|list some|a few of them|give me a list|as many as you know|which ones]?", "[which|what] {bare} [are there|exist|come to mind|could you list|do people know|would you name|can be named]?", "{bare}[,|:] [which|which ones|what are they|name some|names|tell me the names][?|.|]",
    "[names|a list|the list|an overview|an enumeration] of {bare}[, please|?|.|]", "[I|we] [play|are playing] a word game and need {x}[.|]", "[my kid|my class|a pupil|my nephew|grandma|our group] [asks|asks me|wants to know] which {bare} there are[.|]", "[sum up|put together|collect|gather|supply|provide|present|read out|quote] {x}[.|, please.|]", "[what|which] [words|items|names] [belong to|fall under|come under|are in the group of] {bare}?", "[help|please help][:|,] {x}[?|.|]",
    "[fill|complete] [my|the|this] list of {bare}[.|]", "[a few|several|various|typical|common|well-known] [names of|examples of|] {bare}[, please|?|.|]", "[flash cards|a poster|a worksheet|a spelling test] [with|on|about] {x}[, which|, list them|: which ones]?", "[how|what] [are|do you call] {x}[ called|]?", "[would|could|can] [you|somebody|anybody] [put down|note|spell out|read out|enumerate|jot down] {x}[?|, please?]",
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
    if topic.has_questions and rng.random() < 0.3:
        return own_question(rng, topic)
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
