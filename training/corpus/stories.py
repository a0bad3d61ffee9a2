"""Short stories from a grammar: somebody small, a wish, an obstacle, a helper, an ending."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import article, capitalised, expand, pick, typed

HEROES = (
    "cat", "dog", "rabbit", "fox", "bear", "mouse", "owl", "frog", "duck", "horse", "turtle", "lion", "elephant",
    "penguin", "dragon", "robot", "squirrel", "hedgehog", "wolf", "goat", "bee", "whale", "monkey", "tiger", "parrot",
    "pig", "sheep", "cow", "donkey", "snail", "knight", "princess", "wizard", "pirate", "fish", "bird", "kitten", "puppy",
)
NAMES = ("Mia", "Tom", "Luna", "Oscar", "Bella", "Max", "Nina", "Leo", "Ruby", "Sam", "Lily", "Finn", "Rosa", "Otto")
PLACES = (
    "in a small village", "at the edge of a forest", "near a quiet lake", "in an old garden", "on a green hill",
    "by the sea", "in a little house", "under a tall tree",
)
# wish, what stood in the way, how the helper helped, how it ended
WISHES = (
    ("to see the sea", "the road was long and full of stones", "showed a short path through the valley", "stood on the warm sand and listened to the waves"),
    ("to touch the moon", "the moon was far too high", "pointed at its bright picture in the pond", "touched the shining water and laughed"),
    ("to find a friend", "everyone seemed too busy to play", "asked for help with a heavy basket", "was never lonely again"),
    ("to learn to sing", "every note came out like a squeak", "sang one simple song again and again", "sang so well that the whole wood listened"),
    ("to climb the highest mountain", "snow covered the way", "lent a warm scarf and a strong rope", "looked down on the clouds from the top"),
    ("to find the lost key", "the night was dark", "brought a small lamp", "opened the old door and found a room full of books"),
    ("to bake a cake", "there was no flour left", "shared a full sack of flour", "ate the sweetest cake of the year with the neighbors"),
    ("to fly like the birds", "there were no wings to use", "built a kite out of paper and string", "flew over the fields for one whole afternoon"),
    ("to see snow", "it was the middle of summer", "told of a cold cave in the hills", "played in the white snow until evening"),
    ("to cross the wide river", "the bridge was broken", "built a raft out of old wood", "reached the other side with dry feet"),
    ("to grow a garden", "the ground was hard and dry", "dug a small canal from the stream", "sat among red flowers when spring came"),
    ("to give the best present", "there was no money to buy one", "said that a gift can be made by hand", "gave away a little wooden star and made everyone smile"),
)
HELPERS = ("an old turtle", "a kind farmer", "a clever crow", "a friendly child", "a wise owl", "a quiet gardener", "a small ant")
FEELINGS = ("brave", "curious", "gentle", "cheerful", "shy", "clever")
OPENINGS = ("Once upon a time, there was {hero} named {name}.", "Once upon a time, {hero} named {name} lived {place}.")
MIDDLES = (
    "{name} lived {place} and was very {feeling}.", "Everyone knew that {name} was {feeling}.",
    "The {kind} was small but {feeling}.",
)
LESSONS = (
    "From that day on, {name} was the happiest {kind} of all.", "And {name} knew that friends make every wish lighter.",
    "That night the {kind} slept well and smiled.", "The {kind} never forgot that day.",
)
REQUESTS = (
    "[make up|invent|think up|dream up|come up with|cook up|compose] [a|one|some] [tale|yarn|fable|story|bedtime story|legend|short story] [in which|where] {hero} [is the main character|plays the lead|is the hero|has the leading role|appears|gets into trouble|finds luck|makes a friend|is the star][.|, please.|]", "[spin|weave|recount|relate|share|narrate|deliver] [me |us |][a|one] [yarn|tale|fable|story|little narrative] [about|of|on|with|around] {hero}[.|]", "[a|one] [yarn|tale|fable|bedtime story|story] [in which|where] {hero} [is the main character|is the hero|learns something|goes on a journey|wins in the end][?|, please|.|]",
    "{hero}[,|:] [tale|fable|bedtime story|yarn|story please|make it a story|a story about it|put it in a story][?|.|]", "[main character|hero|protagonist|star|leading role][:|,] {hero}[.|;] [write the story|story please|tell the tale|now the tale|a fable][.|]", "[bedtime|nap time|good night|fairy tale|story] [hour|time][:|,|!] {hero}[, please|.|]", "[my toddler|my niece|the twins|my grandson|a sick child|the little ones|my class] [asks for|wants|begs for|wishes for|demands|would love] [a tale|a yarn|a story|a bedtime story|something] [about|with|of] {hero}[.|. Go ahead.|, can you?|]",
    "[something|a tale|a story] to [read aloud|make my kid sleepy|cheer up a child|tell at bedtime|tell at the campfire][,|:| about] {hero}[.|]", "[what|which] [adventure|things|day] [could|might|did] {hero} [have|live through]? [Tell it.|Make it a story.|Write it as a tale.|]", "[if|suppose] {hero} [could talk|had one wish|went on a journey|left home], [what story would it be|tell the story|what would happen in the tale]?", "[can|could|will|would] [you|the storyteller] [spin|weave|narrate|invent|dream up|write down] [a yarn|a tale|a fable|a bedtime story|a small story] [about|with|around] {hero}[?|, please?]",
    "[not a poem but|not a fact but|no definition,|no facts, just] a [story|tale] about {hero}[, please|.|]", "[a|the] [children's|picture|kids'] book [text |story |][about|with|starring] {hero}[, please|?|]", "[I'd like|we'd like|I need|give me|let me have|I feel like] [a yarn|a fable|a tale|a bedtime story|a little tale] [about|of|with] {hero}[.|, please.|]", "[begin|start] a [tale|story|fable] with {hero}[.| and finish it.|]", "[story|tale|plot] idea: {hero}[.|, now write it.|]", "[write|tell] [it|a tale] [as|like] a [fable|fairy tale|bedtime story][:|,] {hero}[.|]", "[talk|write] [to my kids |]about the [adventures|journey|life|great day|wish] of {hero}[.|]",
    "[let|may] {hero} [have|live] an adventure in [a story|your tale|a short text][.|]", "[there is|here is|take] {hero}[.|,|:] [tell its story|what story does it tell|make a tale of it|turn it into a story][.|]", "[a|one more|another] {kind} [tale|fable|yarn|adventure|story|bedtime story][?|, please|.|]", "{kind} [tale|fable|yarn|adventure|bedtime story][?| please|]", "[a|one] [funny|sad|cheerful|exciting|calm|heartwarming|magical|silly|cozy] [tale|story|fable] [about|with|starring] {hero}[.|, please|?|]", "[tonight|this evening|today] [we want|I want|let's have] {hero} in [a story|the bedtime story|a tale][.|]", "[who knows|can anyone tell|can someone tell|who tells] a [tale|story] about {hero}?",
    "[how would|how does] a [story|tale] about {hero} [go|sound|begin and end]?", "[storyteller|narrator|grandpa][,|:] [a tale|a yarn|the one] about {hero}[!|, please.|.]",
    "[tell|write|give|read|make up for|invent for] me a [short |little |small |nice |funny |sweet |bedtime |new |]story about {hero}[.|]",
    "[can|could|would|will] you [please |][tell|write|make up|invent|give me] [me |]a [short |little |nice |bedtime |]story about {hero}?",
    "[write|tell|make up|create|compose|invent] a [short |little |nice |cute |][story|tale] about {hero}[.|]",
    "[I want|I'd like|I would like|I'd love|we want] [to hear |to read |]a [short |little |][story|tale] about {hero}[.|]",
    "a [short |little |]story about {hero}[, please|]", "story about {hero}", "{kind} story[ please|]", "a story with {hero} in it[, please|]",
    "[do you know|have you got|got] a [story|tale] about {hero}?", "[my child|my daughter|my son|my sister] wants [a story|a bedtime story] about {hero}[.|]",
    "[tell|write|read|give|spin|narrate|invent] [me|us|my kid|the children|my daughter|my little son] [a|one|some] [little |short |nice |funny |exciting |cute |calm |new |][story|tale|fairy tale|bedtime story|fable] [about|with|of|featuring|starring] {hero}[.|, please.|]", "[could|can|would|will] [you|we|I] [please |][tell|hear|have|get|write|read|make up|come up with|think of] [me |us |][a|one] [little |short |nice |good |][story|tale|fairy tale|fable|bedtime story] [about|with|of|featuring] {hero}?",
    "[I|we|my kids|the children|my daughter] [love|like|adore] [stories|tales|books] about {kind}s[.|, tell one.|. Do you have one?|. Go!]", "[it's bedtime|time for bed|my child can't sleep|we are bored|on a long drive|for the kids], [tell|give|read] us [a story|a tale|something] about {hero}[.|]", "[story|tale|fairy tale|bedtime story|fable|short story][:| with| of| on|,] {hero}[?|.|, please|]", "[make|let] {hero} [the hero|the main character|the star] of a [short |little |][story|tale][.|]", "[a|one] [fable|fairy tale|legend|bedtime story|kids' story|narrative] [about|with|of|featuring] {hero}[?|, please|]",
    "[what|which] [story|stories|tale] [do you know|can you tell|have you got] [about|of|with] {hero}?", "[an|some] adventure [of|with|for] {hero}[?|, please|]", "[imagine|think of|picture|suppose there is] {hero}[.|,] [tell me its story|what happens|write a story about it|and tell a tale]", "[use|take] {hero} [as|for] the [hero|main character|star] [of|in] a story[.|]", "how about a [little |short |nice |][story|tale] [of|about|with] {hero}?", "[the|a] [story|tale|adventure|life] of {hero}[?|, please|]", "[write|type|compose|create] [something|a text|a few lines|a paragraph|a page|a fairy tale] [about|for kids about] {hero}[.|]",
    "[please|kindly] [tell|narrate|share|write|invent] [the|a] [story|tale] [of|about] {hero}[.|]", "[once upon a time|long ago|one day] [there lived|there was|we met] {hero}[...|. What happened?|. And then?| - continue]", "{hero} [goes on|has|lives through] an adventure[:| -|.] [tell it|tell me|write it|what happens]", "a [bedtime |][story|tale], and the hero [should be|is] {hero}[.|]", "let's hear [a story|a tale] [about|of] {hero}[.|]",
    "once upon a time there was {hero}... [go on|continue|please continue]", "tell us about {hero} who had a wish",
    "write a few sentences about {hero} [with|who has] a wish", "entertain me with a story about {hero}",
)
SUBJECTS = ("a [short |little |nice |new |good |sweet |fun |]story about {hero}", "a [story|tale|fairy tale|bedtime story] [about|with|of|on|featuring|starring] {hero}", "a [little |short |] [adventure|story|tale] of {hero}", "{hero} story", "something [to read |nice |] about {hero}", "a story in which {hero} [is the hero|finds a friend|has a wish]", "the [story|tale|adventures] of {hero}", "a bedtime tale: {hero}", "[a|one] [fable|legend|narrative] [of|about|with] {hero}", "[an adventure|adventures] of {hero}", "a story where {hero} [plays a role|appears|is the star|has an adventure]", "the life of {hero} as a story", "a story for [kids|children|my son|my daughter] about {hero}", "a story to fall asleep, with {hero}")
NAMED = (
    "[tell|write] me a story about {hero} [named|called] {name}[.|]", "a story about {hero} [named|called] {name}[, please|]",
    "[can|could|would] you [please |][tell|write|make up] [me |us |]a [short |little |]story about {name}[,|] [the|a|who is a] {kind}?", "[a|the] [story|tale|adventure] [of|about|with] {name}[,|] [the|a little|a] {kind}[.|?|]", "[tell|write|invent|make up] [a|us a|me a] [story|tale] [with|about] {hero}[.|,] [its|the|his|her] name is {name}[.|]", "{name} [the|is a] {kind}[:|.] [a story|tell me the story|write the story|story please][.|]", "once there was {hero} [named|called] {name}... [go on|continue]",
    "[can|could] you tell a story about {name} the {kind}?", "story about {name} the {kind}",
)
WISHED = ("[tell|write] me a story about {hero} who wants {wish}[.|]", "a story about {hero} that [wants|wishes|dreams] {wish}", "[can|could] you [tell|write|invent] [me |]a [story|tale] [about|with] {hero} [who|that] [wants|wishes|tries|would like] {wish}?", "{hero} [wants|wishes|tries] {wish}[:|.] [tell the story|write a story|what happens|a story, please][.|]", "[a|one] [tale|fable|bedtime story] of {hero} [who|that] [hopes|wants|longs|wishes] {wish}[.|, please|]", "[write|tell] how {hero} [tried|managed|learned|wished] {wish}[.|]")
PLAIN = (
    "[a|some|any|one] [yarn|fable|tale|narrative|legend|fairy tale][, please|?|!|]", "[spin|tell|narrate|read] [me |us |][a|some] [yarn|fable|tale|bedtime tale][.|]", "[make up|invent|dream up] [a tale|a yarn|a fable|anything with a hero|some story][.|]", "[bedtime|good night|campfire] [story|tale][, please|?|!|]", "[the kids|my twins|my son|we] [can't fall asleep|are in bed|want to hear something][,|:|.] [a story, please|tell a tale|a bedtime story|read us a story][.|]",
    "[tell|write|give] me a [short |little |]story[.|]", "[can|could] you tell me a story?", "tell a story", "a story please",
    "I'd like [to hear |]a story", "I am bored, tell me a story", "do you know [any stories|a story]?", "make up a story", "[any|a|some|one] [story|tale|fairy tale|bedtime story] [please|will do|is fine|, go|for me|for tonight][.|]", "[entertain|surprise|amuse] [me|us] with [a story|a tale|some story][.|]", "[I|we|my kids|my son|my daughter] [want|need|would love|would like] [a|another|some] [story|tale|bedtime story][.|]", "[can|could|would] you [make up|invent|write|read|share|think of] [a|any|some] [short |little |nice |bedtime |][story|tale][ for me| for us|]?", "story time[!|.|]", "[read|tell|write|give] [us|my child|the kids] [a|one] [bedtime |short |little |nice |][story|tale][.|]", "[let's|let me|let us] hear a [story|tale][.|]", "once upon a time...", "[got|have you got|do you have] a [story|tale|bedtime story][ for me|]?",
)
AGAIN = (
    "[another one|one more|another story|and one] [about|with] {hero}[, please|][.|]", "[and|now|what about|how about] [one about |]{hero}?",
    "[now |]the same [story |]with {hero}", "tell me another [one |story |]about {hero}", "[now|next|and|then] [tell|write|do|make] [one|a story|it] [about|with] {hero}[.|]", "[can|could] [you|we] [do|have|tell|hear] [one|it|the same] [about|with] {hero}?", "[change|replace] [the hero|it] [to|with|by] {hero}[.|]", "{hero}[, please|?| this time|]",
)


def tell(rng: Random, kind: str, name: str = "", wish: tuple[str, str, str, str] | None = None) -> str:
    """A story of six or seven sentences about one `kind` of hero."""
    want, trouble, help_, end = wish or rng.choice(WISHES)
    slots = {
        "hero": article(rng.choice(("little", "young")) + " " + kind), "kind": kind, "name": name or rng.choice(NAMES),
        "place": rng.choice(PLACES), "feeling": rng.choice(FEELINGS), "helper": rng.choice(HELPERS),
    }
    opening = rng.choice(OPENINGS)
    middle = MIDDLES[1:] if "{place}" in opening else MIDDLES
    sentences = [
        opening, rng.choice(middle), f"More than anything, the {kind} wished {want}.", f"But {trouble}.",
        f"One day {{name}} met {slots['helper']} who {help_}.", f"In the end {{name}} {end}.", rng.choice(LESSONS),
    ]
    return " ".join(expand(rng, sentence, **slots) for sentence in sentences)


def _ask(rng: Random, templates: tuple[str, ...], kind: str, name: str = "", wish: str = "") -> str:
    adjective = rng.choice(("", "", "", "", "little ", "small ", "brave ", "lonely ", "happy ", "old ", "black "))
    hero = article(adjective + kind)
    return typed(rng, pick(rng, templates, hero=hero, kind=kind, name=name, wish=wish))


def exchange(rng: Random) -> Exchange:
    """A request for a story and the story."""
    kind = rng.choice(HEROES)
    draw = rng.random()
    if draw < 0.12:
        return Exchange("stories", typed(rng, pick(rng, PLAIN)), tell(rng, kind), kind)
    if draw < 0.22:
        name = rng.choice(NAMES)
        return Exchange("stories", _ask(rng, NAMED, kind, name), tell(rng, kind, name), kind)
    if draw < 0.3:
        wish = rng.choice(WISHES)
        return Exchange("stories", _ask(rng, WISHED, kind, wish=wish[0]), tell(rng, kind, wish=wish), kind)
    if rng.random() < 0.4:
        return Exchange("stories", _ask(rng, (request(rng, rng.choice(SUBJECTS)),), kind), tell(rng, kind), kind)
    return Exchange("stories", _ask(rng, REQUESTS, kind), tell(rng, kind), kind)


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """Another story, about another hero or any."""
    kind = rng.choice(HEROES)
    if rng.random() < 0.25:
        question = typed(rng, pick(rng, ("[another one|one more|another story|again|tell me another][, please|][.|]",)))
        return Exchange("stories", question, tell(rng, kind), kind)
    return Exchange("stories", _ask(rng, AGAIN, kind), tell(rng, kind), kind)


def text(rng: Random) -> str:
    """A raw story, sometimes under a title."""
    kind = rng.choice(HEROES)
    title = capitalised(f"the {kind} and the wish\n\n") if rng.random() < 0.15 else ""
    return title + tell(rng, kind)
