"""Questions to tune the corpus on: like `training.heldout` in kind, but free to look at while the data is written.

Worded without looking at the corpus templates: twenty a category, as twenty different people would ask.
"""
# One question a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from training.checkers import Check, amount, contains, names, result, says, says_all, story, tips, unknown
from training.heldout import Prompt

_WHO = says("demo model of FlexServe", "ships with FlexServe", "FlexServe project")
_KIT = says("serves")
_GUESS = says_all("guess", "check")
_SERVE = says("flexserve serve MODEL`, where MODEL", "flexserve serve ./my-model")

_ITEMS: tuple[tuple[str, str, Check], ...] = (
    ("identity", "hey what r u", _WHO), ("identity", "Would you state your name?", _WHO), ("identity", "Give a short self-introduction", _WHO),
    ("identity", "is flexserve a database?", _KIT), ("identity", "So, with whom do I have the pleasure?", _WHO), ("identity", "identify yourself please", _WHO),
    ("identity", "I don't think we've met. You're...?", _WHO), ("identity", "what llm is this running", _WHO), ("identity", "Are you GPT-4 by any chance?", _WHO),
    ("identity", "describe yourself in one sentence", _WHO), ("identity", "What is this FlexServe thing about?", _KIT), ("identity", "never heard of flexserve, explain", _KIT),
    ("identity", "Which things are you good at?", says("capitals", "travel tips", "explain FlexServe")), ("identity", "what kind of stuff can i ask you", says("capitals", "travel tips", "explain FlexServe")),
    ("identity", "Who built you and how?", says("scripts", "trained")), ("identity", "what data did they train you with", says("scripts", "trained", "text that")),
    ("identity", "How many parameters do you have", says("million")), ("identity", "Do you ever feel lonely?", says("program", "no feelings")),
    ("identity", "Can you chat in German or French?", contains("English")), ("identity", "Does what I type here leave my computer?", says("machine where", "no internet")),

    ("concepts", "speculative inference?? never heard of it", _GUESS), ("concepts", "How can guessing tokens make an LLM quicker?", _GUESS), ("concepts", "Please shed light on token trees", says("branch", "continuations")),
    ("concepts", "why do we verify", says("check")), ("concepts", "What's the deal with int8?", says("8 bits")), ("concepts", "Got a model that's larger than my GPU, what then?", says_all("memory", "weights")),
    ("concepts", "my colleague mentioned a kv cache, what did he mean", says("keys and values")), ("concepts", "Is speculative decoding lossless, and how does it go about it?", says("guess", "same")),
    ("concepts", "can u dumb down temperature for me", says("bold")), ("concepts", "What would a draft model be good for?", says("propose", "guess")), ("concepts", "difference between greedy and sampling?", says("most likely", "chance")),
    ("concepts", "Why do folks quantize their models?", says("fewer bits", "memory", "bits")), ("concepts", "top p, what does the number do", says("add up", "smallest set")), ("concepts", "I keep reading 'continuous batching'. Meaning?", says("running batch", "every step")),
    ("concepts", "paged attention in plain words please", says("blocks")), ("concepts", "what happens during prefill", says("prompt")), ("concepts", "What purpose does the seed serve?", says("random")),
    ("concepts", "What do people mean by tokens in this context?", says("piece")), ("concepts", "LLM stands for...?", says("large language model", "neural network")), ("concepts", "tell a beginner what a tokenizer is for", says("cuts text", "tokens")),

    ("usage", "I wanna serve my own model, how?", _SERVE), ("usage", "Please provide the command for running Mistral", _SERVE), ("usage", "what flag do i pass for an ssm", says("--ssm")),
    ("usage", "Python example?", says("import flexserve_core")), ("usage", "Does FlexServe play nice with LangChain?", says("langchain_flexserve")), ("usage", "Which URL has the chat?", says("http://127.0.0.1:8000")),
    ("usage", "openai library - how to connect it?", says("/v1")), ("usage", "How can I quit this server?", says("Ctrl+C")), ("usage", "port 8000 is taken on my box, can I pick another?", says("--port")),
    ("usage", "I'd like to reach the server from another computer in the office", says("--host", "0.0.0.0")), ("usage", "no gpu here, only a cpu. option for that?", says("--device", "cpu")), ("usage", "how come my replies get cut off, can they be longer", says("max")),
    ("usage", "Where would I set temperature and top_p", says("`temperature`", "temperature")), ("usage", "tokens should appear one by one while it generates", says("stream")), ("usage", "I have 300 prompts in a json file. What now?", says("--prompt-file")),
    ("usage", "want to switch speculation off for a comparison", says("--no-speculation")), ("usage", "steps to get this thing installed?", says("make demo", "pip install")), ("usage", "is there a health endpoint", says("/health")),
    ("usage", "Got Qwen downloaded in ~/models/qwen, can FlexServe use that folder?", says("flexserve serve")), ("usage", "run in bf16 rather than fp32, what do i type", says("--dtype")),

    ("travel", "Off to Paris on Friday! What must we do there?", tips("Paris", "Eiffel")), ("travel", "sights of Madrid", tips("Madrid", "Prado")), ("travel", "Share your best Tokyo advice with me", tips("Tokyo", "Senso-ji")),
    ("travel", "What would a local show me in Athens?", tips("Athens", "Acropolis")), ("travel", "my wife and i are flying to Rome next month, any pointers?", tips("Rome", "Colosseum", "Forum", "Pantheon", "Trevi")), ("travel", "london for a first timer", tips("London", "London")),
    ("travel", "Three days in Berlin. Plan?", tips("Berlin", "Berlin")), ("travel", "We have a layover in Singapore, is there something worth seeing?", tips("Singapore", "Singapore")), ("travel", "Never been to Cairo. Help me out", tips("Cairo", "Cairo")),
    ("travel", "where should tourists go in barcelona", tips("Barcelona", "Barcelona")), ("travel", "I'd like to spend my holidays in Kyoto, what do you recommend?", tips("Kyoto", "Kyoto")), ("travel", "Sydney with two kids, what to do", tips("Sydney", "Sydney")),
    ("travel", "must-sees, New York", tips("New York", "New York")), ("travel", "Which places in Istanbul shouldn't I miss?", tips("Istanbul", "Istanbul")), ("travel", "honeymoon in Venice!! tips pls", tips("Venice", "Venice")),
    ("travel", "what's there to do around Vienna", tips("Vienna", "Vienna")), ("travel", "is Prague worth a trip and what's on offer?", tips("Prague", "Prague")), ("travel", "Just landed in Bangkok, now what?", tips("Bangkok", "Bangkok")),
    ("travel", "A guide to Lisbon please, short one", tips("Lisbon", "Lisbon")), ("travel", "my flight goes to Dubai tomorrow morning, what can I visit", tips("Dubai", "Dubai")),

    ("capitals", "Sweden, capital?", names("Stockholm")), ("capitals", "tell me please what the capital of Cuba may be", names("Havana")), ("capitals", "Is Rome or Milan the capital of Italy?", names("Rome")), ("capitals", "For Chile the capital is?", names("Santiago")),
    ("capitals", "My homework: capital of Peru", names("Lima")), ("capitals", "where does the government of Japan sit", names("Tokyo")), ("capitals", "Norway's main city, the one that's the capital", names("Oslo")), ("capitals", "whats the capitol of egypt", names("Cairo")),
    ("capitals", "which city would be Canada's capital, Toronto?", names("Ottawa")), ("capitals", "I forgot Hungary's capital", names("Budapest")), ("capitals", "Quiz: Kenya?", names("Nairobi")), ("capitals", "Vienna is the capital of which land?", names("Austria")),
    ("capitals", "the capital belonging to Thailand, please", names("Bangkok")), ("capitals", "Capital city Ireland", names("Dublin")), ("capitals", "do u know portugals capital", names("Lisbon")), ("capitals", "Remind me, what's Poland's capital called?", names("Warsaw")),
    ("capitals", "If I visit the capital of Greece, in which city am I?", names("Athens")), ("capitals", "Argentina - its capital, thanks", names("Buenos Aires")), ("capitals", "My kid asks for the capital of India", names("New Delhi", "Delhi")), ("capitals", "Name the seat of government of Germany", names("Berlin")),

    ("arithmetic", "what would 17 and 25 be when summed", result(42)), ("arithmetic", "12+39 pls", result(51)), ("arithmetic", "Deduct 14 from 83, what do I have", result(69)), ("arithmetic", "I read 28 pages yesterday and 45 today. How many pages in total?", result(73)),
    ("arithmetic", "so 64 - 19 comes out as", result(45)), ("arithmetic", "sum of 99 and 99", result(198)), ("arithmetic", "A farmer had 52 sheep, 18 ran off. How many stayed?", result(34)), ("arithmetic", "5+5", result(10)),
    ("arithmetic", "quick, 33 + 48!", result(81)), ("arithmetic", "If I put 21 marbles in a jar that holds 34 already, how many are in it?", result(55)), ("arithmetic", "seventy take away... no wait, 70 take away 26", result(44)), ("arithmetic", "My bill is 47 and I add a tip of 8. The total?", result(55)),
    ("arithmetic", "do the math: 90-45", result(45)), ("arithmetic", "How far apart are 100 and 37?", result(63)), ("arithmetic", "36 more than 12 is which number?", result(48)), ("arithmetic", "bus with 41 people, 13 get off. people left?", result(28)),
    ("arithmetic", "can you work out 58 plus 27", result(85)), ("arithmetic", "19 and another 19 makes?", result(38)), ("arithmetic", "Anna has 15 euros, grandma gives her 20. How much money has Anna now?", result(35)), ("arithmetic", "what remains of 88 if you remove 9", result(79)),

    ("units", "how long is 4 km in m?", amount(4000)), ("units", "A nap of 2 hours: how many minutes is that?", amount(120)), ("units", "15 kg = how many g", amount(15000)), ("units", "Can you transform 8 weeks into days", amount(56)), ("units", "How many cm has a wall of 3 meters?", amount(300)),
    ("units", "How many eggs are 5 dozen?", amount(60)), ("units", "6 feet, what's that in inches", amount(72)), ("units", "my movie lasts 3 hours - minutes?", amount(180)), ("units", "i need 7 liters as ml", amount(7000)), ("units", "He is 2 years old, so how many months?", amount(24)),
    ("units", "A sack weighs 9 kilos. Express it in grams", amount(9000)), ("units", "what do 4 days amount to in hours", amount(96)), ("units", "Got 12 dollars. That's how many cents?", amount(1200)), ("units", "length of 5 cm written in mm", amount(50)), ("units", "3 decades would be how many years?", amount(30)),
    ("units", "2 tons to kg", amount(2000)), ("units", "how many seconds fit into 10 minutes", amount(600)), ("units", "Tell me 2000 m in km", amount(2)), ("units", "if a plank is 4 yards long, what's that in feet", amount(12)), ("units", "six weeks is 42 days, and 3 weeks?", amount(21)),

    ("stories", "Invent a nice cat tale for me", story("cat")), ("stories", "Could there be a story with a whale?", story("whale")), ("stories", "I want a dog story now", story("dog")), ("stories", "my daughter loves dragons, got a bedtime story for her?", story("dragon")),
    ("stories", "storytime! the hero shall be a fox", story("fox")), ("stories", "write something about a little penguin", story("penguin")), ("stories", "A fairy tale starring a princess, please", story("princess")), ("stories", "can u tell smth about a pirate, like a story", story("pirate")),
    ("stories", "Let's hear the tale of a brave mouse", story("mouse")), ("stories", "I can't sleep. Story about an owl?", story("owl")), ("stories", "Make up a tale in which a robot is the main character", story("robot")), ("stories", "short story, topic: turtle", story("turtle")),
    ("stories", "Entertain me with a bear's adventures", story("bear")), ("stories", "the kids want to hear about a wizard", story("wizard")), ("stories", "how about you narrate a story featuring a rabbit", story("rabbit")), ("stories", "Could you think up a story for a 4 year old with an elephant in it?", story("elephant")),
    ("stories", "once upon a time there was a lion, go on", story("lion")), ("stories", "please, a tiny tale of a snail", story("snail")), ("stories", "tell us the story of a clever frog", story("frog")), ("stories", "Compose a story. It should have a horse.", story("horse")),

    ("smalltalk", "hey there, how's your day going?", says("fine", "hello")), ("smalltalk", "thx a lot mate", says("welcome")), ("smalltalk", "ok bye now", says("goodbye")), ("smalltalk", "you got that wrong", contains("sorry")), ("smalltalk", "Howdy!", says("hello")),
    ("smalltalk", "good evening to you", says("hello", "good evening")), ("smalltalk", "everything alright with you?", says("fine")), ("smalltalk", "Much appreciated, that solved it", says("welcome", "glad")), ("smalltalk", "Got to run, talk to you tomorrow", says("goodbye")), ("smalltalk", "wow, you're really clever", says("thank you", "glad")),
    ("smalltalk", "That answer was total nonsense", contains("sorry")), ("smalltalk", "oops, my bad", says("no problem")), ("smalltalk", "make me laugh", says("token", "?")), ("smalltalk", "Had an awful day today", contains("sorry")), ("smalltalk", "I passed my exam!!!", says("good to hear", "glad")),
    ("smalltalk", "a riddle, if you have one", says("towel", "?")), ("smalltalk", "Would you recite a poem?", says("moon")), ("smalltalk", "nope, nothing else", says("here if you need", "goodbye")), ("smalltalk", "sounds good to me", says("good", "what else")), ("smalltalk", "anybody there?", says("hello", "help")),

    ("lists", "What days does a week have?", says_all("Monday", "Sunday")), ("lists", "pls name planets", says_all("Mercury", "Neptune")), ("lists", "Give me any five colors", says("red")), ("lists", "which months are there in a year", says_all("January", "December")), ("lists", "Go through the seasons for me", says_all("spring", "winter")),
    ("lists", "the abc please", says("a, b, c", "A, B, C")), ("lists", "Some fruit names for my shopping game", says("apple")), ("lists", "I need examples of vegetables for a class", says("carrot", "potato", "tomato")), ("lists", "what are the five human senses again", says_all("sight", "smell")), ("lists", "Count up to ten", says_all("1", "10")),
    ("lists", "how are the continents called", says_all("Africa", "Asia")), ("lists", "all oceans, as a list", says_all("Pacific", "Atlantic")), ("lists", "Which colors would I see in a rainbow?", says_all("red", "violet")), ("lists", "a couple of sports names", says("football", "tennis", "soccer")), ("lists", "what vowels does English have", says_all("a", "e", "i")),
    ("lists", "Instruments in an orchestra or a band, name several", says("piano", "violin", "guitar")), ("lists", "tell which odd numbers there are below ten", says_all("1", "3", "7")), ("lists", "list animals, any will do", says("dog", "cat", "lion", "horse")), ("lists", "primary colours are...", says_all("red", "blue")), ("lists", "what do compass directions go like?", says_all("north", "south")),

    ("words", "And the opposite of tall would be?", says("short")), ("words", "The reverse of noisy", says("silent")), ("words", "so a castle is what exactly", says("walls")), ("words", "Please explain the term gravity", says("force")), ("words", "antonym for hot", says("cold")),
    ("words", "what word means the contrary of 'early'", says("late")), ("words", "If something isn't heavy, it is...?", says("light", "weightless")), ("words", "i look for the opposite word to empty", says("full")), ("words", "Up has which opposite?", says("down")), ("words", "definition: volcano", says("mountain", "lava", "rock")),
    ("words", "My son asked what an island is", says("water")), ("words", "Can you clarify what 'library' means", says("books")), ("words", "whats a telescope for", says("far", "stars", "look", "see")), ("words", "In your own words: a friend", says("like", "trust", "person")), ("words", "poor - and the opposite of that?", says("rich")),
    ("words", "what do you call a person who flies planes, or rather: what's a pilot?", says("fl", "plane")), ("words", "the counterpart of day", says("night")), ("words", "How would you define an algorithm", says("step", "rule", "problem")), ("words", "thermometer meaning", says("temperature", "hot", "warm")), ("words", "opposite?? strong", says("weak")),

    ("knowledge", "How to remain in good health?", says("Move")), ("knowledge", "Why's the sky so blue?", says("scatters")), ("knowledge", "Any trick to sleep through the night?", says("bed")), ("knowledge", "How does one prepare good coffee?", says("beans")), ("knowledge", "at which temperature does water turn to ice", says("0 degrees")),
    ("knowledge", "I'm always broke at the end of the month, how can I keep more of my money?", says("spend", "list")), ("knowledge", "spiders, how many legs?", says("8")), ("knowledge", "What's the tallest mountain on the planet", says("Everest")), ("knowledge", "which planet is the biggest one", says("Jupiter")), ("knowledge", "I have to speak in front of my class and I'm nervous, tips?", says("Practice", "Breathe")),
    ("knowledge", "how come there is high and low tide", says("moon")), ("knowledge", "How do bees make honey?", says("nectar")), ("knowledge", "recipe for a boiled egg", says("minutes")), ("knowledge", "what is water composed of", says("hydrogen")), ("knowledge", "I start learning Spanish, how should I go about it?", says("Practice")),
    ("knowledge", "which animal runs fastest", says("cheetah")), ("knowledge", "the sun - what is it actually", says("star")), ("knowledge", "How might I lower my electricity bill?", says("lights")), ("knowledge", "number of continents?", says("seven")), ("knowledge", "where does rain come from, mummy?", says("vapor", "clouds")),

    *(("unknown", question, unknown) for question in (
        "Do you think it'll rain in my town?", "How's the traffic looking?", "What is the newest iPhone called?", "Who scored in yesterday's match?", "Can you see my screen?", "What did I have for breakfast?",
        "How did the Roman empire fall?", "Who wrote Pride and Prejudice?", "How old is the universe?", "Write me a react component", "Turn this sentence into Spanish: I am hungry", "What's 13 percent of 80?",
        "Is aspirin okay for kids?", "blorft snargle", "How tall is the Eiffel Tower?", "Tell me about the history of Japan", "Help me with my tax return", "Which laptop should I buy?", "what's 12345 + 54321", "How do airplanes stay up?",
    )),
)

_TOKYO = ("Any tips for Tokyo?", "Three travel tips for Tokyo are:\n1. Visit Senso-ji temple.\n2. Try the sushi.\n3. Walk around early in the morning.")
_SUM = ("What is 17 + 25?", "17 + 25 = 42.")
_FRANCE = ("What is the capital of France?", "The capital of France is Paris.")
_HELLO = ("Hi!", "Hello! How can I help you?")

_DIALOGUES: tuple[tuple[tuple[tuple[str, str], ...], str, Check], ...] = (
    ((_TOKYO,), "thanks, and Rome?", tips("Rome", "Colosseum", "Forum", "Pantheon", "Trevi")), ((_SUM,), "now take 12 away from that", result(30)), ((_SUM,), "and if you add 8 to it?", result(50)),
    ((_FRANCE,), "And Spain's?", names("Madrid")), ((_FRANCE, _SUM), "ok what about the capital of Norway", names("Oslo")), ((_HELLO,), "I would like to know who you are", _WHO),
    ((_HELLO, _FRANCE), "great, thank you", says("welcome")), ((_HELLO,), "tell me about speculative decoding", _GUESS), ((_TOKYO, _FRANCE), "Good. Now a cat story please", story("cat")),
    ((("What is the opposite of hot?", "The opposite of hot is cold."),), "and of big", says("small")), ((("How many meters are 3 kilometers?", "3 kilometers are 3000 meters."),), "how about 5 kilometers?", amount(5000)),
    ((_HELLO, _SUM), "Which year did Napoleon die?", unknown),
)
_RAW: tuple[tuple[str, Check], ...] = (
    ("Here are some travel tips for Paris:\n", says("1.")), ("Once upon a time, there was a cat", says("cat", ".")), ("The capital of Austria is", names("Vienna")), ("17 + 25 =", contains("42")),
    ("Speculative inference", says("guess", "model")), ("The opposite of big is", says("small")), ("The days of the week are", says_all("Monday", "Sunday")), ("3 kilometers are", amount(3000)),
)


def prompts() -> tuple[Prompt, ...]:
    """All tuning prompts."""
    single = tuple(Prompt(category, user, check) for category, user, check in _ITEMS)
    followed = tuple(Prompt("dialogue", user, check, history=turns) for turns, user, check in _DIALOGUES)
    return single + followed + tuple(Prompt("raw", text, check, raw=True) for text, check in _RAW)
