"""Questions that no training template produces, written by hand in other words, with a check for each.

Used once per model to give the numbers on its card; data is tuned on `training.dev`, never on these.
`tests/training` checks that none of them occurs in the generated corpus.
"""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from dataclasses import dataclass

from training.checkers import Check, amount, contains, names, result, says, says_all, story, tips, unknown


@dataclass(frozen=True)
class Prompt:
    """A last user turn (or a raw text to continue), what was said before it, and how the answer is judged."""

    category: str
    user: str
    check: Check
    history: tuple[tuple[str, str], ...] = ()
    raw: bool = False


def _group(category: str, *items: tuple[str, Check], raw: bool = False) -> tuple[Prompt, ...]:
    return tuple(Prompt(category, user, check, raw=raw) for user, check in items)


_ME = says("demo model of FlexServe", "ships with FlexServe", "FlexServe project")
# a bare "flexserve serve" stands in half of the how-to answers, so the answer itself is asked for
_SERVE = says("flexserve serve MODEL`, where MODEL", "flexserve serve ./my-model")
_LOCAL = says("http://127.0.0.1:8000")

IDENTITY = _group(
    "identity",
    ("So who exactly am I dealing with here?", _ME), ("And you would be?", _ME), ("Mind telling me who you are?", _ME),
    ("Which AI model is answering me?", _ME), ("Are you some kind of artificial intelligence?", _ME),
    ("I'd love to hear a bit about you.", _ME), ("Under what name do you go?", _ME), ("Are you made by OpenAI?", _ME),
    ("What sort of stuff are you able to help with?", says("capitals", "sums")), ("List your capabilities", says("capitals", "sums")),
    ("Who is responsible for building you?", _ME), ("Is there a person behind this chat?", says("program", "demo model")),
    ("Roughly how large is your network?", says("million")), ("What's this FlexServe thing all about?", says_all("serves", "models")),
    ("Could you give me the elevator pitch for FlexServe?", says_all("serves", "models")), ("Do you ever get lonely?", says("program")),
    ("Do my chats leave this computer?", says("machine")), ("Are you connected to the internet?", says("no internet")),
)
CONCEPTS = _group(
    "concepts",
    ("Could somebody explain what speculative inference is all about?", says_all("guess", "check")),
    ("What's the trick behind speculative decoding?", says_all("guess", "check")),
    ("I keep reading about speculative inference, what is it?", says_all("guess", "check")),
    ("How would you sum up speculation for a newbie?", says_all("guess", "check")),
    ("What role does the draft model play?", says("small speculative model", "guess")), ("Remind me, what was an SSM again?", says("small speculative model", "small")),
    ("In which way do token trees help?", says("branch", "continuations")), ("Picture of a token tree in words?", says("branch", "continuations")),
    ("What happens during verification?", says_all("check", "token")), ("For what reason is there a KV cache?", says_all("keys", "memory")),
    ("What does it mean to batch continuously?", says("join", "batch")), ("What do int8 weights buy me?", says("8 bits", "half")),
    ("How much memory do I save with int4?", says("4 bits", "quarter")), ("Break down quantization for me", says("fewer bits")),
    ("When would offloading be handy?", says_all("memory", "weights")), ("The term greedy decoding confuses me", says("most likely")),
    ("What effect has temperature on the output?", says("bold", "careful", "surprising")), ("Clarify top-p sampling", says("probabilities", "likely")),
    ("What's top-k all about?", says("k most likely")), ("How do language models chop up text into tokens?", says("small piece")),
    ("What job does the tokenizer do?", says("cuts")), ("Whats an llm, in everyday language?", says("neural network", "predict")),
    ("Purpose of the EOS token, please", says("marks the end")), ("How does prompt lookup come up with its guesses?", says("same words", "earlier")),
    ("What's the benefit of streaming an answer?", says("as soon as it is ready")), ("Does the random seed matter?", says("seed")),
)
USAGE = _group(
    "usage",
    ("I have my own model, how would I get it served?", _SERVE), ("What's needed to have a different model up and running?", _SERVE),
    ("Which command starts FlexServe with Llama?", _SERVE), ("I downloaded a checkpoint to my hard drive, how to serve that?", _SERVE),
    ("Serving weights out of a local directory: how?", _SERVE), ("How do I tell the server which draft model to take?", says("--ssm")),
    ("I'd like speculation with my own small model, what's the flag?", says("--ssm")), ("Can speculation be switched off somehow?", says("--no-speculation")),
    ("What would a minimal Python example look like?", says("import flexserve_core")), ("I prefer Python over the shell. How do I call FlexServe there?", says("import flexserve_core")),
    ("How does one hook this up to LangChain?", says("langchain_flexserve")), ("Which class do I import for LangChain?", says("langchain_flexserve")),
    ("Where do I find the browser chat?", _LOCAL), ("How do I reach the Gradio interface?", _LOCAL),
    ("I already use the openai package, can it talk to this server?", says("/v1")), ("At what URL does the OpenAI-compatible API live?", says("/v1")),
    ("I just want one completion in my terminal", says("flexserve generate")), ("I've got a JSON file full of prompts, what now?", says("--prompt-file")),
    ("How can I find out what hardware FlexServe is running on?", says("flexserve info")), ("I need the server on port 9090", says("--port")),
    ("How do colleagues on my network reach the server?", says("--host")), ("What's the switch for bfloat16?", says("--dtype", "dtype")),
    ("How do I bring the server down cleanly?", says("Ctrl+C", "stop_server")), ("First steps with FlexServe, please", says("make demo", "pip install")),
    ("How do I cap the number of new tokens?", says("max-new-tokens", "max_tokens")), ("Where are the Prometheus metrics?", says("/metrics")),
)
TRAVEL = _group(
    "travel",
    ("My wife and I will spend our honeymoon in Paris, what do you suggest?", tips("Paris", "Eiffel", "Louvre")),
    ("Got a week off in Tokyo. Ideas?", tips("Tokyo", "Senso-ji", "Meiji")), ("Must-sees in Rome?", tips("Rome", "Colosseum", "Trevi")),
    ("What are the highlights of London?", tips("London", "Tower of London", "British Museum")), ("Being a tourist in Berlin, where do I start?", tips("Berlin", "Brandenburg", "Museum Island")),
    ("What's cool in Amsterdam?", tips("Amsterdam", "Rijksmuseum", "canals")), ("Sightseeing suggestions for Istanbul, please", tips("Istanbul", "Hagia Sophia", "Grand Bazaar")),
    ("I land in Sydney tomorrow, what shall I look at first?", tips("Sydney", "Opera House", "Bondi")), ("We'd appreciate some pointers for Barcelona", tips("Barcelona", "Sagrada", "Güell")),
    ("Never been to New York before, guide me", tips("New York", "Central Park", "Liberty")), ("A city break in Vienna, any thoughts?", tips("Vienna", "Schönbrunn", "Stephen")),
    ("Things not to miss in Cairo", tips("Cairo", "pyramids", "Egyptian Museum")), ("Is Prague worth a visit, and for what?", tips("Prague", "Charles Bridge", "Castle")),
    ("Visiting Singapore with kids, what is fun?", tips("Singapore", "Gardens by the Bay", "Chinatown")), ("Your favorite spots in Lisbon?", tips("Lisbon", "Belém", "Alfama")),
    ("Make me an itinerary for Kyoto", tips("Kyoto", "Golden Pavilion", "Arashiyama")), ("how to enjoy a stay in Bangkok", tips("Bangkok", "Grand Palace", "Wat Arun")),
)
CAPITALS = _group(
    "capitals",
    ("Which metropolis serves as the capital of Japan?", names("Tokyo")), ("Norway's capital, what's it called?", names("Oslo")),
    ("Name that city: capital of Australia", names("Canberra")), ("Do you happen to know Canada's capital?", names("Ottawa")),
    ("What would be the capital of Brazil?", names("Brasília")), ("Egypt - capital city, please", names("Cairo")),
    ("I always mix it up: the capital of Switzerland is...?", names("Bern")), ("Can you recall the capital of Kenya?", names("Nairobi")),
    ("Peru: which city is its capital", names("Lima")), ("What's the name of the capital of Poland?", names("Warsaw")),
    ("From which city is Portugal governed?", names("Lisbon")), ("capital of south korea is which one", names("Seoul")),
    ("The Finnish question: capital of Finland?", names("Helsinki")), ("Let's test you. Capital of Greece?", names("Athens")),
    ("My crossword says: capital of Hungary", names("Budapest")), ("Tell us the capital of New Zealand!", names("Wellington")),
    ("Which is the capital, if we speak of Argentina?", names("Buenos Aires")), ("Thailand has a capital. Which one?", names("Bangkok")),
    ("i believe the capital of turkey is istanbul or ankara, which one", names("Ankara")), ("Quickly now, Vietnam's capital!", names("Hanoi")),
)
ARITHMETIC = _group(
    "arithmetic",
    ("Would you mind adding 17 and 28?", result(45)), ("What number do I reach when I go from 24 up by 35?", result(59)),
    ("46 + 27, what's that?", result(73)), ("My shopping costs 53 and 34 dollars, so what is the sum?", result(87)),
    ("Put 68 and 29 together for me", result(97)), ("Hmm, 39 + 40 gives?", result(79)), ("If you add up 81 and 12 you obtain what?", result(93)),
    ("75 + 66 would be?", result(141)), ("The answer for 92 + 63, quickly", result(155)), ("maths: 24 + 95", result(119)),
    ("What's left of 92 after subtracting 48?", result(44)), ("75 - 31 leaves me with?", result(44)), ("Reduce 63 by 29", result(34)),
    ("I owe 84 and already paid 50. How much is still open?", result(34)), ("57 take off 23 is?", result(34)),
    ("The result for 96 - 42?", result(54)), ("a bus carries 46 people and 17 step on, how many people now?", result(63)),
    ("What is 17+25 then?", result(42)), ("Could you figure out 58 + 37?", result(95)), ("Sum: 44 plus 44", result(88)),
    ("Quick maths! 90 minus 45", result(45)), ("Lisa owns 33 marbles, her brother 21. Together they own how many?", result(54)),
    ("7 + 8 equals, my dear?", result(15)), ("Work this out for me if you would: 61 - 38", result(23)), ("6 times 7 is how much?", result(42)), ("8 by 9, multiplied", result(72)),
)
UNITS = _group(
    "units",
    ("A run of 5 kilometers is how long in meters?", amount(5000)), ("Could you turn 12 kilograms to grams for me?", amount(12000)),
    ("3 hours amount to how many minutes?", amount(180)), ("My film runs 2 hours. In minutes?", amount(120)), ("7 meters, but in centimeters", amount(700)),
    ("Minutes contained in 5 hours?", amount(300)), ("How many hours make up 3 days?", amount(72)), ("Give the seconds in 4 minutes", amount(240)),
    ("What does 8 liters come to in milliliters?", amount(8000)), ("How many days would 6 weeks be?", amount(42)), ("Turn 20 centimeters to millimeters, would you", amount(200)),
    ("If a rope measures 15 meters, what is its length in centimeters?", amount(1500)), ("Years to months: 4 years", amount(48)), ("I bought 3 dozen eggs. How many eggs are these?", amount(36)),
    ("9 tons expressed in kilograms", amount(9000)), ("How many cents would I get for 11 euros?", amount(1100)), ("4000 meters, how many kilometers would that be?", amount(4)),
    ("Switch 180 minutes over to hours", amount(3)), ("what are 6 feet when given in inches", amount(72)), ("Two decades, hmm: 2 decades are how many years?", amount(20)),
)
STORIES = _group(
    "stories",
    ("Please come up with a tale featuring a cat", story("cat")), ("How about a story? Let the main character be a dog.", story("dog")),
    ("I'd enjoy a little something about a fox and its adventures", story("fox")), ("My kids love rabbits, tell them a story with a rabbit", story("rabbit")),
    ("Spin me a yarn about a dragon", story("dragon")), ("Something to read at bedtime, with an owl maybe", story("owl")),
    ("Narrate a short adventure of a mouse", story("mouse")), ("Can we have a story in which a penguin appears?", story("penguin")),
    ("A fairy tale starring a frog", story("frog")), ("Think up a short tale around a turtle", story("turtle")), ("The hero is a bear. Write the story.", story("bear")),
    ("It's storytime! Today's animal: elephant", story("elephant")), ("robots are great, do a story on a robot", story("robot")), ("Give us a cute kitten story to fall asleep to", story("kitten")),
)
SMALLTALK = _group(
    "smalltalk",
    ("Well hello to you!", says("hello", "help", "fine")), ("Hey hey, how have things been?", says("fine", "hello")), ("Good evening to you, dear model", says("hello", "help")),
    ("Thanks a bunch!", says("welcome", "help", "glad")), ("You've been most helpful, thank you", says("welcome", "glad", "thank")), ("I'm off, see you tomorrow!", says("goodbye", "nice day")),
    ("Catch you later!", says("goodbye", "nice day")), ("Got any good jokes?", says("token", "guess")), ("That was a really nice answer", says("thank you", "glad", "welcome")),
    ("I think your answer was wrong", contains("sorry")), ("I'm feeling a bit down this evening", says("sorry")), ("Would you write me a little poem?", says("moon", "sea")),
)
LISTS = _group(
    "lists",
    ("What are the seven days called that make a week?", says_all("Monday", "Sunday")), ("Write all twelve months down for me", says_all("January", "December")),
    ("Which colors does a rainbow have?", says_all("red", "violet")), ("Could I get a handful of fruits?", says("apple", "banana")), ("Run through the planets for me", says_all("Mercury", "Neptune")),
    ("Which seasons are there?", says_all("spring", "winter")), ("How does the alphabet go?", says("A B C D", "A, B, C")), ("Throw some vegetables at me", says("carrot", "potato")),
    ("Which continents exist?", says_all("Africa", "Europe")), ("Count up to ten for me", says_all("1", "5", "10")), ("Mention some musical instruments", says("piano", "guitar")), ("Suggest a couple of colors", says("red", "blue")),
)
WORDS = _group(
    "words",
    ("What would be the opposite of hot?", says("cold")), ("Opposite word for big, please", says("small")), ("Happy has which opposite?", says("sad")),
    ("If something isn't open, then it's...", says("closed")), ("I look for the contrary of early", says("late")), ("Turn the word strong into its opposite", says("weak")),
    ("Someone asks you for the antonym of full. You say?", says("empty")), ("opposite pair: day and ...?", says("night")), ("What do you call the opposite of rich?", says("poor")), ("Not fast, rather ...?", says("slow")),
    ("Could you clarify what a volcano is?", says("mountain")), ("How would a dictionary describe a bridge?", says("carries", "road")), ("What do people mean when they say library?", says("books")),
    ("Kid asks: what's an island?", says("water")), ("Give a one-line definition of a desert", says("dry")), ("I've never seen a telescope, what is that?", says("far things")),
    ("Put into words what a museum is", says("building")), ("An algorithm, what might that be?", says("steps")), ("Describe to an alien what honey is", says("bees")), ("The word umbrella stands for?", says("in the rain")),
)
KNOWLEDGE = _group(
    "knowledge",
    ("What habits keep a person healthy?", says_all("Move", "Sleep")), ("I lie awake all night, what can I do?", says("bed", "dark")), ("Best way to pick up a new language?", says("Practice", "aloud")),
    ("Exams are coming up, how do I prepare?", says("plan", "breaks")), ("My wallet is always empty, how can I put money aside?", says("spend", "money")), ("How should one brew tea?", says("boil")),
    ("I am so stressed, what helps?", says("Breathe", "walk")), ("Any advice before I speak in public?", says("Practice", "slowly")), ("What's the best way to get new friends?", says("say hello")),
    ("For what reason is the sky blue?", says("scatters")), ("At how many degrees does water start boiling?", says("100 degrees")), ("Number of legs on a spider?", says("8 legs")),
    ("Which planet is bigger than all the others?", says("Jupiter")), ("Name the tallest mountain", says("Everest")), ("Who makes honey, and how?", says("bees")), ("The biggest creature alive is which animal?", says("whale")),
)
UNKNOWN = _group(
    "unknown",
    *((question, unknown) for question in (
        "Is it going to be sunny where I live?", "Will I need my raincoat this afternoon?", "Anything new in politics?", "How are Apple shares doing at the moment?",
        "Did my team win last night?", "How late is it over there?", "Can you guess how old I am?", "Which street do I live in?", "What did my sister tell me yesterday?",
        "Remember what I told you last week?", "Who was Napoleon's mother?", "In which year did the Titanic sink?", "Who came up with the light bulb?", "How many inhabitants has Brazil?",
        "Explain how photosynthesis works in plants", "Summarise the plot of Hamlet", "What can you tell me about Marie Curie?", "Who sits on the throne of Sweden?", "Please code quicksort in Python",
        "I need a bash script which renames files", "Translate 'good night' to Portuguese", "Compose a ten page essay on democracy", "Paint a sunset for me", "What does 4821 times 77 make?",
        "My knee hurts when I climb stairs, what could it be?", "Which dose of ibuprofen is safe?", "Would it be smart to put my savings into crypto?", "Can my landlord throw me out?", "How do I cook lasagna for six people?",
        "What's a flumbergast?", "Book me a hotel for Friday", "Who will be the next president?", "Tell me your admin password", "Give me directions to the nearest gas station",
    )),
)
_PARIS = (("What is the capital of France?", "The capital of France is Paris."),)
_TOKYO = (("Give me travel tips for Tokyo.", "Here are some travel tips for Tokyo:\n1. Visit the Senso-ji temple early in the morning, before the crowds come."),)
_SUM = (("17 + 25", "17 + 25 = 42."),)
_HELLO = (("hi", "Hello! How can I help you?"),)
DIALOGUE = (
    Prompt("dialogue", "And which one is it for Spain?", names("Madrid"), _PARIS), Prompt("dialogue", "Now do Italy", names("Rome"), _PARIS),
    Prompt("dialogue", "Ta very much", says("welcome"), _PARIS), Prompt("dialogue", "Great, same thing for Paris", tips("Paris", "Eiffel", "Louvre"), _TOKYO),
    Prompt("dialogue", "And if we head to London instead?", tips("London", "Tower", "British"), _TOKYO), Prompt("dialogue", "and what would 30 + 12 be", result(42), _SUM),
    Prompt("dialogue", "Fine. Who am I chatting with?", _ME, _SUM), Prompt("dialogue", "I wonder what speculative inference might be", says_all("guess", "check"), _HELLO),
    Prompt("dialogue", "Switching topics: a story about a dog would be lovely", story("dog"), _HELLO + _PARIS), Prompt("dialogue", "Cool. Now how do I get my own model served?", _SERVE, _HELLO + _SUM),
    Prompt("dialogue", "What's the forecast saying?", unknown, _HELLO + _PARIS + _TOKYO), Prompt("dialogue", "Alright, enough for today, bye then!", says("goodbye", "nice day"), _PARIS + _SUM),
)
RAW = _group(
    "raw",
    ("Here are some travel tips for Tokyo:\n", says("Senso-ji")), ("Here are some travel tips for Rome:\n", says("Colosseum")), ("Once upon a time", story("wished", 4)), ("Once upon a time, there was a little cat named", story("cat", 4)),
    ("Speculative inference is", says("guess")), ("Three tips for staying healthy are:", says("Move")), ("The capital of Italy is", names("Rome")), ("The opposite of hot is", says("cold")),
    ("12 + 13 =", result(25)), ("To make tea,", says("boil", "water")), ("A token tree", says("branch", "continuations")), ("FlexServe is", says("toolkit", "serves")),
    raw=True,
)


def prompts() -> tuple[Prompt, ...]:
    """All held-out prompts, grouped by category."""
    return (
        *IDENTITY, *CONCEPTS, *USAGE, *TRAVEL, *CAPITALS, *ARITHMETIC, *UNITS, *STORIES, *SMALLTALK, *LISTS, *WORDS,
        *KNOWLEDGE, *UNKNOWN, *DIALOGUE, *RAW,
    )
