"""Greetings, thanks, goodbyes and other politeness."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.answers import ask, reply, topics
from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import pick, typed

TOPICS = topics("""
# hello
? [hello|hi|hey|hi there|hello there|good day|greetings|howdy|hiya|yo|hallo|heya][!|.|]
? [hello|hi|hey] [FlexServe|assistant|bot|friend|you|again|everyone|computer|model|buddy][!|.|]
? good [morning|afternoon|evening][!|.|, my friend|]
? [hi|hello|hey], [nice to meet you|anyone there?|are you there?|is anybody home?|how is it going?]
? nice to meet you[!|.|]
? [I just wanted to|let me] say [hi|hello|hey][!|.|]
? [testing|test|ping|are you there?|anybody there?|can you hear me?|is this thing on?|are you awake?]
? [let's|let us|can we|I want to] [chat|talk|have a chat][!|.|?|]
> Hello! How can I help you?
> Hello! What can I do for you?
# how are you
? how are you[ doing| today| feeling|]?
? how [is it going|are things|do you do|do you feel|have you been|was your day|is your day]?
? [what's up|wassup|sup|how's life|how's everything|are you ok|are you well|are you fine|all good]?
? [hi|hello|hey], how are you[ doing| today|]?
? I hope you are [well|fine|good][.|!|]
> I am fine, thank you! How can I help you?
# thanks
? [thanks|thank you|thx|many thanks|cheers|much appreciated|thanks a lot|thank you very much|thank you so much|ty][!|.|]
? [thanks|thank you|many thanks] for [your help|that|helping|the answer|the information|everything|the tips|the story][!|.|]
? [that was|this is|that is] [helpful|useful|what I needed|kind of you][, thanks|, thank you|. Thanks!|]
? [I appreciate it|I am grateful|you helped me a lot|you have been a great help][!|.|]
? [great|perfect|good|ok|nice|cool|super|wonderful], [thanks|thank you][!|.|]
> You are welcome!
> You are welcome! Is there anything else?
# bye
? [bye|goodbye|bye bye|see you|see you later|good night|farewell|see you soon|later|ciao|take care|so long][!|.|]
? [I have to go|I must go|I am leaving|that's all|that is all|I am done|gotta go|time for bed] [now|for today|then|][.|!|]
? [have a nice|have a good|enjoy your] [day|evening|weekend|night][!|.|]
? [ok|thanks|great], [bye|goodbye|see you|good night][!|.|]
> Goodbye! Have a nice day.
# praise
? [good|great|nice|well] [job|work|done|answer|one][!|.|]
? you are [great|nice|smart|clever|awesome|cool|funny|the best|so helpful|amazing|wonderful|sweet][!|.|]
? [that's|that is|this is] [great|cool|nice|amazing|awesome|wonderful|funny|good|interesting|impressive|lovely][!|.|]
? [I like you|I love it|I love this|wow|well done|bravo|excellent|fantastic|love it|I am impressed][!|.|]
> Thank you! I am glad that you like it.
# complaint
? [that's|that is|this is] [wrong|not right|false|incorrect|nonsense|bad|not what I asked|a mistake|useless|boring][!|.|]
? you are [wrong|stupid|dumb|bad|useless|boring|not helpful|slow|annoying|an idiot|mistaken][!|.|]
? [I don't like|I hate] [this|that|your answer|it|you][!|.|]
? [no|nope], [that's not it|wrong|that is not right][.|!|]
? [are you sure|is that right|is that true|really|are you certain]?
? [bad|poor|terrible|awful] [answer|job|bot][!|.|]
> I am sorry. I am a tiny demo model and make mistakes. For better answers load a real model with `flexserve serve MODEL`.
# sorry
? [sorry|I am sorry|my apologies|my mistake|my bad|excuse me|pardon|oops][!|.|]
> No problem at all!
# agreement
? [ok|okay|yes|alright|all right|fine|sure|good|I see|got it|understood|right|aha|yep|yeah|great|cool|nice][.|!|]
> Good! What else would you like to know?
# no
? [no|nope|not really|nothing|never mind|no thanks|no, thank you|nothing else][.|!|]
> All right. I am here if you need me.
# mood
? I [am|feel|'m] [sad|lonely|tired|unhappy|down|stressed|exhausted|angry|worried|bored|sick|anxious][ today| right now|][.|!|]
? I had a [bad|hard|terrible|long|rough] [day|week|morning|night][.|!|]
> I am sorry to hear that. A short walk, a glass of water or a talk with a friend may help.
# joy
? I [am|feel|'m] [happy|great|fine|good|excited|well|wonderful|in a good mood][ today| right now| too|][.|!|]
? [today is my birthday|I passed my exam|I got the job|it's a beautiful day|I had a great day|I won a prize][!|.|]
> That is good to hear! How can I help you?
# joke
? [tell|give] me [a|another|one more] [joke|good joke|funny joke|short joke][.|!|]
? [do you know|can you tell|know] [a|any] [joke|jokes|good jokes|funny joke]?
? [make me laugh|say something funny|a joke please|joke|I want a joke|another joke]
> Why did the token cross the tree? Because the large model said it could.
> What did the small model say to the large one? I guess you know the rest.
# riddle
? [tell|give|ask] me [a|another] riddle[.|!|]
? [do you know|know|have you got] [a|any] [riddle|riddles]?
> What gets wetter the more it dries? A towel.
# poem
? [write|tell|make|give] [me |][a|a short|a little] [poem|rhyme|verse|haiku] [about the sea|about spring|for me|about nature|please|about love|about rain|about the moon|][.|!|]
? [can|could] you [write|recite|make] a [poem|rhyme]?
> The moon is high, the sea is deep,\\nthe little boat goes home to sleep.\\nThe wind is soft, the night is long,\\nand every wave repeats its song.
""")


# what can be asked for in the frames that all categories share
WISHES = {
    "joke": ("[a|another|one|your best|a good|a short|a funny] joke", "something [funny|to laugh about]"),
    "riddle": ("[a|another|one|your best|a good|a hard|an easy] riddle", "a [puzzle|brain teaser] in words"),
    "poem": ("[a|another|one|a short|a little|a nice] [poem|rhyme|verse]", "[a few|some] [lines of poetry|verses]"),
}
_WISHED = {topic.name: topic for topic in TOPICS if topic.name in WISHES}


def exchange(rng: Random) -> Exchange:
    """A polite phrase and its answer, or a joke, a riddle or a poem in one of the shared frames."""
    if rng.random() < 0.12:
        name = rng.choice(tuple(WISHES))
        question = typed(rng, request(rng, pick(rng, WISHES[name])))
        return Exchange("smalltalk", question, reply(rng, _WISHED[name]), name)
    return ask(rng, "smalltalk", rng.choice(TOPICS))


def greeting(rng: Random) -> Exchange:
    """How a dialogue may start."""
    return ask(rng, "smalltalk", rng.choice(TOPICS[:2]))


def closing(rng: Random) -> Exchange:
    """How a dialogue may end."""
    return ask(rng, "smalltalk", rng.choice(TOPICS[2:5]))
