"""Opposites and plain definitions of common words."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import article, capitalised, pick, typed

_PAIRS = """hot cold|big small|tall short|fast slow|old young|happy sad|good bad|day night|light dark|up down|left right
open closed|full empty|rich poor|strong weak|hard soft|wet dry|clean dirty|early late|near far|high low|loud quiet
new used|long brief|thick thin|wide narrow|heavy weightless|deep shallow|true false|easy difficult|first last|black white
front back|inside outside|above below|before after|always never|love hate|win lose|buy sell|push pull|give take
start stop|arrive leave|remember forget|laugh cry|sweet bitter|brave cowardly|cheap expensive|safe dangerous
beautiful ugly|sharp blunt|smooth rough|polite rude|lazy busy|north south|east west|summer winter|friend enemy
question answer|begin end|enter exit|increase decrease|yes no|more less|many few|warm cool|alive dead|awake asleep
kind cruel|generous greedy|simple complicated|noisy silent|modern ancient|accept refuse|find lose|float sink"""

_TABLE = """bridge: A bridge is a structure that carries a road or a path over water or a valley.
river: A river is a large stream of water that flows to the sea.
mountain: A mountain is a very high part of the land.
island: An island is a piece of land with water all around it.
desert: A desert is a dry place where very little rain falls.
forest: A forest is a large area full of trees.
volcano: A volcano is a mountain that can throw out hot melted rock.
lake: A lake is a large area of water with land all around it.
ocean: An ocean is a very large body of salt water.
planet: A planet is a large round body that moves around a star.
star: A star is a huge ball of hot gas that shines in the sky.
moon: A moon is a body that moves around a planet.
cloud: A cloud is a mass of tiny drops of water in the sky.
rainbow: A rainbow is an arc of colors in the sky when the sun shines through rain.
storm: A storm is very bad weather with strong wind and rain.
library: A library is a place where you can read and borrow books.
school: A school is a place where children learn.
hospital: A hospital is a place where sick people are treated.
museum: A museum is a building that shows interesting old or beautiful things.
market: A market is a place where people buy and sell things.
bakery: A bakery is a shop where bread and cakes are made and sold.
kitchen: A kitchen is a room where food is cooked.
garden: A garden is a piece of land where plants are grown.
farm: A farm is land where crops are grown and animals are kept.
castle: A castle is a large strong building with thick walls.
teacher: A teacher is a person who helps others to learn.
doctor: A doctor is a person who treats sick people.
farmer: A farmer is a person who grows food and keeps animals.
pilot: A pilot is a person who flies an airplane.
baker: A baker is a person who makes bread and cakes.
painter: A painter is a person who makes pictures with paint.
clock: A clock is a device that shows the time.
umbrella: An umbrella is a cover on a stick that keeps you dry in the rain.
bicycle: A bicycle is a vehicle with two wheels that you move with your feet.
airplane: An airplane is a vehicle with wings that flies through the air.
train: A train is a line of cars that runs on rails.
ship: A ship is a large boat that travels on the sea.
computer: A computer is a machine that stores data and follows instructions.
keyboard: A keyboard is a set of keys for typing.
telephone: A telephone is a device for talking to someone far away.
camera: A camera is a device that takes pictures.
compass: A compass is a device that shows where north is.
telescope: A telescope is a tube with lenses that makes far things look near.
microscope: A microscope is a device that makes very small things look large.
thermometer: A thermometer is a device that measures temperature.
map: A map is a drawing that shows where places are.
book: A book is a set of pages with text or pictures.
dictionary: A dictionary is a book that explains words.
letter: A letter is a written message, or one sign of the alphabet.
poem: A poem is a short text in verses, often with rhymes.
novel: A novel is a long story in the form of a book.
song: A song is music with words.
guitar: A guitar is a musical instrument with strings.
piano: A piano is a large musical instrument with black and white keys.
cat: A cat is a small furry animal that people keep as a pet.
dog: A dog is an animal that people keep as a pet or for work.
elephant: An elephant is a very large gray animal with a long trunk.
bee: A bee is an insect that makes honey.
butterfly: A butterfly is an insect with large colorful wings.
bird: A bird is an animal with feathers and wings.
fish: A fish is an animal that lives in water and has fins.
insect: An insect is a small animal with six legs.
tree: A tree is a tall plant with a trunk and branches.
flower: A flower is the colorful part of a plant.
seed: A seed is the small part of a plant from which a new plant grows.
fruit: A fruit is the part of a plant that holds its seeds and is often sweet.
bread: Bread is a food made of flour and water that is baked.
cheese: Cheese is a food made of milk.
honey: Honey is a sweet food that bees make.
friend: A friend is a person whom you like and trust.
neighbor: A neighbor is a person who lives near you.
holiday: A holiday is a day or a time without work or school.
birthday: A birthday is the day of the year on which a person was born.
dream: A dream is a story that you see while you sleep.
secret: A secret is something that only a few people know.
robot: A robot is a machine that can do work by itself.
program: A program is a list of instructions for a computer.
algorithm: An algorithm is a list of steps that solves a problem.
internet: The internet is a network that connects computers all over the world.
energy: Energy is the ability to do work.
gravity: Gravity is the force that pulls things toward each other.
electricity: Electricity is a form of energy that makes lamps and machines work."""

PAIRS: dict[str, str] = {}
for _pair in _PAIRS.replace("\n", "|").split("|"):
    _left, _right = _pair.split()
    PAIRS.setdefault(_left, _right)
    PAIRS.setdefault(_right, _left)
DEFINITIONS: dict[str, str] = dict(line.split(": ", 1) for line in _TABLE.splitlines())  # type: ignore[misc]
_NO_ARTICLE = ("bread", "cheese", "honey", "energy", "gravity", "electricity")

OPPOSITES = (
    "{w}, [the contrary|the counterpart|antithesis|reverse|flip side|the other way round|and its opposite is|contrary]?", "[the|its|what's the|what is the|name the|tell me the|find the|give me the] [counterpart|antithesis|inverse|converse|negation|polar opposite|flip side|mirror word] [of|to] {w}[?|.|]", "[which|what] [word|term|adjective|expression] [means|expresses|denotes|has] the [contrary|reverse|inverse|opposite meaning|antithesis] [of|to] {w}?", "{w} [goes with|is matched by|meets] [which|what] [counterpart|antithesis|opposite number|contrary word][?|]",
    "[if|when|suppose] [something|a thing|someone|it] [isn't|is not|ain't|is anything but|is far from] {w}, [it is|it's|then it is|we call it|you call it|they say it is] [...|what]?", "[anything but|far from|by no means|not at all|the least] {w} [is|means|would be] [what|which word|...]?", "{w} [and|versus|vs|as opposed to|in contrast to|unlike|rather than] [...|what|which word][?|]", "[in contrast to|as opposed to|contrary to|unlike] {w} [there is|we have|stands|comes|we say] [what|which word|...]?",
    "[teach|tell|show] [me|my child|us] the [opposite|contrary|counterpart] of {w}[.|]", "[word pair|opposites game|pairs|opposite pairs|matching pairs]: {w} and [...|?|what]", "{w} [<->|/|:|;|...] [what|?]", "[how|by what word] does one [name|express|voice] the [opposite|contrary|reverse|counterpart] of {w}?", "[one|a single|just one] word[:|,] [the |][contrary|opposite|antonym|reverse] of {w}[.|]",
    "{w} [turned|flipped|put] [upside down|around|on its head] is [what|which word]?", "[my|our] [crossword|puzzle|worksheet|quiz|vocabulary list] [says|has|wants] 'not {w}'[.|,] [which word is it|what fits|what's the word]?", "[which|what] is it when it's not {w}?", "[a|the] word [that|which] [contrasts with|opposes|negates|contradicts|is the contrary of|stands against] {w}[?|]",
    "[opposite|contrary|antonym|reverse|counterpart]: {w}", "[opposit|oposite|oppositte] of {w}[?|]", "whats the [oposite|contary|opposit] of {w}[?|]", "[Tom|Mia|she|he] says {w}, [but|and] I say the [opposite|contrary][.|,] [which word|what do I say|what is it]?", "[first|one side|one end] is {w}, [the other|then the other side|the other end] is [...|what]?", "{w} is [to be|best] contrasted with [what|which word]?", "{w}'s [opposite|antonym|contrary|counterpart][?| is?| please]",
    "[what is|what's|tell me|give me|name|say|do you know|find] the opposite of {w}[?|]", "opposite of {w}[?|]", "the opposite of {w}[?|, please|]",
    "what [word|term] is the opposite of {w}?", "[what is|what's] the [antonym|contrary] of {w}?", "antonym [of|for] {w}[?|]", "{w} opposite",
    "{w} is the opposite of what?", "the opposite [word|] [to|for] {w}[?|]", "not {w} but?", "if it is not {w}, it is what?",
    "[which|what] word [is|stands|would be] [the |][opposite|contrary|opposed|contrary in meaning] to {w}?", "{w}[:|,|-|;] [opposite|the opposite|antonym|and the opposite|its opposite|what's the opposite][?|]", "[the|what's the|what is the] [other|opposite|reverse|flip] [side|end|extreme] [of|to] {w}[?|]", "[what|which word] do [I|you|we] [say|use] for the opposite of {w}?", "[something|someone|a thing] that is not {w} is [what|called what|how|...]?",
    "[turn|flip|reverse|negate|change] {w} [around|into its opposite|to its opposite|into the contrary][.|]", "{w} [vs|versus|and|or] [what|...][?|]", "[the|an] antonym [please|is needed|wanted] for {w}[.|]", "[what|which word] [means|says] the [reverse|contrary|exact opposite] of {w}?", "[I need|we need|find me|I'm looking for|looking for|crossword:] [the|a word for the] [opposite|contrary|antonym] of {w}[.|]", "if [something|someone|it] [is not|isn't] {w}, [what is it|what then|it must be what]?",
    "[opposites|antonyms|word game]: {w}[?|]", "[I say|you say|he says] {w}, you say?", "[my|our] [homework|exercise|teacher] asks for the [opposite|contrary|antonym] of {w}[.|]", "{w} has [which|what] [opposite|antonym|contrary]?", "[do you know|can you say|can you name|can you think of] [an antonym|the contrary|the opposite|an opposite] [of|for|to] {w}?", "the [opposing|opposite|contrary] [word|term|concept|idea] [to|of|for] {w}[?|]", "[what|which] is the contrary to {w}?", "[the antonym|contrary|opposite] of {w}, please",
    "[which|what] word means the opposite of {w}?", "the [contrary|reverse] of {w}[?|]", "give me a word [that is |]opposite to {w}[.|]",
)
OPPOSITE_SUBJECTS = ("the [opposite|contrary|reverse|antonym] of {w}", "the opposite of the word {w}", "the [exact |]opposite of {w}", "an antonym [of|for] {w}", "the opposite [word |][to|for] {w}", "a word that means the opposite of {w}", "what is not {w}", "{w} and its opposite", "{w} turned around", "what the opposite of {w} [is|would be]", "the [opposite|contrary] word to {w}", "the antonym for {w}", "the [other|opposite] end of {w}", "what {w} is the [opposite|contrary] of")
MEANING_SUBJECTS = ("{aw}", "{aw}", "the [meaning|definition|sense] of [the word |]{w}", "the [word|term] {w}", "what {aw} [is|is exactly|does|is good for]", "what {w} means", "a [short |simple |]definition of {w}", "{aw} in [one sentence|a few words|simple words|plain words]", "the thing called {w}", "a [definition|description|explanation] of {aw}", "what [we|people|you] call {aw}", "what {w} stands for", "the [idea|concept|notion] of {aw}", "the word {w} and its meaning")
MEANINGS = (
    "{w}, [what does it mean|what's that|meaning|definition|in your own words|sense of the word|explain please|what is it]?", "[in|with|using] your own words[:|,] {aw}[.|?|]", "[explain|clarify|illustrate|interpret|outline] the [word|term|noun|expression] {w}[.|, please.|]", "[what|how] [would|does|will] [a dictionary|an encyclopedia|a teacher|your dictionary] [say|tell|write] about {aw}?", "[the|a] [sense|explanation|description|gist] of [the word |]{w}[, please|?|.|]", "{w}[:|,] [sense|meaning|a definition|what kind of thing|in one line][?|]",
    "what do [you|we|people|they] [call|mean by|understand by] {aw}[, or rather what is it|, and what is it|]?", "[a|one] [sentence|line] [about|on|that explains|that defines] {aw}[, please|.|?|]", "[somebody|a pupil|my nephew|grandpa|a friend from abroad|my little one] [doesn't know|wants to know|asked|asks|wonders] what {aw} [is|is exactly|might be|could be][.|]", "[I|we] [never|don't quite|do not really] [understood|understand|know|knew] what {aw} [is|means|might be][.|, help!|. Explain, please.|]",
    "[by|with] {aw} [we|people|you|they] [mean|understand] [what|...]?", "[tell|teach] [me|us] the meaning of [the word |]{w}[.|]", "{w} [stands for|means|denotes|describes|refers to] [what|which thing|...]?", "[what|which] [thing|object|being|idea] is [meant by|called|named by] [the word |]{w}[?|]", "in [what|which] words [does|would|could|can] [one|a person|a dictionary] [put|express|capture|define] {aw}?",
    "[imagine|suppose] I [have never seen|never saw|don't know] {aw}[.|,] [what is it|explain it|describe it|what should I picture]?", "[english|vocabulary|spelling] [lesson|class|homework|test][:|,] [define |what is ||explain |]{aw}[?|.|]", "{aw}[: and that would be what|; put that into plain words|, how would you put that|, what am I to picture]?", "[as|like] [in a dictionary|a dictionary would][:|,] {aw}[.|?|]", "[word|entry|lemma|look-up]: {w}[?|]", "[definiton|defintion|meening|meaning] of {w}[?|]",
    "[is there|do you have|can I get|may I have] [a|some] [definition|explanation|description|short explanation] [of|for] {aw}?", "[to|for] [a foreigner|a kid|a beginner|a martian][:|,] [what is|what's|explain] {aw}[?|.|]", "[quickly|shortly|simply|roughly|basically|in brief], [what's|what is|define|explain] {aw}[?|.|]", "why [is|do we call] something {aw}, what is it?", "[when|how] do you [call|know] something [is |]{aw}, [that is|in other words], what is it?", "[say|tell me] [in a sentence|briefly|simply] what [{aw} is|{w} means][.|]",
    "[what is|what's|define|explain|describe] {aw}[?|]", "what does [the word |]{w} mean?", "[the meaning|the definition|a definition] of [the word |]{w}[?|, please|]",
    "[can|could|would] you [explain|define|describe] [the word {w}|{aw}|what {aw} is]?", "define [the word |]{w}[.|]", "{w} [meaning|definition]",
    "[tell me|explain|do you know|I want to know] what {aw} is[.|]", "[explain|describe] the word {w}[.|]", "what do [you|people|we] call {aw}, what is it?",
    "[I read|I heard|I saw|my book has|the text has] [the word |]{w}[.|,] what [is it|does it mean|is that|does that mean]?", "[how|in what way] would you [describe|explain|define] {aw} [to a child|to a kid|to me|in a sentence|simply|in simple words|briefly]?", "what [is the purpose of|is the point of|do we call|is known as|does one understand by] {aw}?", "{w}[:|,|-] [meaning|definition|what is it|explain|define|what does it mean|please explain][?|]",
    "[give|write|tell] [me |][a|one] [short |simple |clear |][definition|explanation|description] [of|for] {aw}[.|]", "[what|which] [sort|type] of [thing|word|object] is {aw}?", "[my child|my son|my daughter|a kid|a student] asks [what {aw} is|what {w} means|about {aw}][.|]", "[explain|describe|define] [to me |]what {w} [means|is|stands for][.|]", "[do you know|can you tell me|could you say|I wonder|tell me] what {w} means[?|.|]", "the [sense|meaning] of {w}[?|]", "what [should|must|do] I know about {aw}?", "[dictionary|glossary|definition|vocabulary]: {w}[?|]", "[look up|define for me|spell out the meaning of] {w}[.|]",
    "[I'm|I am] [not sure|unsure] what {aw} [is|is exactly|actually is][.|]", "[in|using] [simple|plain|easy|other|your own] words, what is {aw}?", "[so|and|well], what [is|might be] {aw}?", "[describe|explain] {aw} [to an alien|to a five year old|in one sentence|with simple words|as if I were a child][.|]", "[why|when] do we say {w}, what is it?", "what do I have to [imagine|picture|understand] [by|under|as] {aw}?",
    "what [exactly|actually] is {aw}?", "[how would you|can you] [define|explain|describe] {aw}?", "what is the meaning of [the word |]{w}?",
    "I don't know [the word {w}|what {aw} is|what {w} means][.|]", "what is meant by {w}?", "{aw} is what?", "what kind of thing is {aw}?",
)


def _with_article(word: str) -> str:
    if word in _NO_ARTICLE:
        return word
    return "the internet" if word == "internet" else article(word)


def opposite(word: str) -> str:
    """The one form of answer."""
    return f"The opposite of {word} is {PAIRS[word]}."


def exchange(rng: Random) -> Exchange:
    """An opposite or a definition."""
    if rng.random() < 0.5:
        word = rng.choice(tuple(PAIRS))
        shown = f'"{word}"' if rng.random() < 0.15 else word
        template = request(rng, rng.choice(OPPOSITE_SUBJECTS)) if rng.random() < 0.4 else rng.choice(OPPOSITES)
        return Exchange("opposites", typed(rng, pick(rng, (template,), w=shown)), opposite(word), word)
    word = rng.choice(tuple(DEFINITIONS))
    template = request(rng, rng.choice(MEANING_SUBJECTS)) if rng.random() < 0.4 else rng.choice(MEANINGS)
    question = pick(rng, (template,), w=f'"{word}"' if rng.random() < 0.1 else word, aw=_with_article(word))
    return Exchange("definitions", typed(rng, question), DEFINITIONS[word], word)


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """Another word of the same kind."""
    if last.category == "opposites":
        word = rng.choice(tuple(PAIRS))
        question = pick(rng, ("[and|what about|how about|and of|and the opposite of|now|next:] {w}?", "{w}?", "[and |now |][the opposite|that|the same|the contrary] [of|for] {w}[?|]"), w=word)
        return Exchange("opposites", typed(rng, question), opposite(word), word)
    word = rng.choice(tuple(DEFINITIONS))
    question = pick(rng, ("[and|what about|how about|and what is|now|next:] {aw}?", "{aw}?", "[and |]what does {aw} mean[, then|]?", "[and |now |]define {aw}[.|]"), aw=_with_article(word))
    return Exchange("definitions", typed(rng, question), DEFINITIONS[word], word)


def text(rng: Random) -> str:
    """A raw page of a small dictionary."""
    if rng.random() < 0.4:
        return "\n".join(opposite(word) for word in rng.sample(tuple(PAIRS), rng.randint(1, 4)))
    chosen = rng.sample(tuple(DEFINITIONS), rng.randint(1, 3))
    return "\n".join(f"{capitalised(word)}: {DEFINITIONS[word]}" if rng.random() < 0.3 else DEFINITIONS[word] for word in chosen)
