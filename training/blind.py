"""Blind questions: held out like `training.heldout`, but written from the corpus's answers alone.

The author saw what can be answered, not how the corpus asks, and nobody tunes the corpus on these questions: twenty a
category, as twenty different people would type them, and twelve follow-ups. Use them to measure, never to write data.
"""
# One question a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

import re

from training.checkers import Check, amount, contains, names, result, says, says_all, story, tips, unknown
from training.heldout import Prompt


def _both(*checks: Check) -> Check:
    """All the checks hold."""
    return lambda text: all(check(text) for check in checks)


def _lacks(*items: str) -> Check:
    """Names none of the items."""
    return lambda text: not names(*items)(text)


def _some(least: int, *items: str) -> Check:
    """Names at least so many of the items."""
    return lambda text: sum(names(item)(text) for item in items) >= least


def _opposite(*words: str) -> Check:
    """A short answer that names one of the words, and not as the word whose opposite is given."""
    turned = re.compile(rf"(?:opposite|contrary) of (?:{'|'.join(words)})\b", re.IGNORECASE)
    return lambda text: names(*words)(text) and not turned.search(text) and len(text.split()) <= 12


def _capital(*cities: str) -> Check:
    """Names the city (or country) without falling into travel tips."""
    return _both(names(*cities), _lacks("tips"))


def _titled(*titles: str) -> Check:
    """Three numbered points of advice on the topic, known by distinctive words of the points."""
    return lambda text: says(*titles)(text) and len(re.findall(r"(?m)^\d\. ", text)) >= 3


def _tale(text: str) -> bool:
    """A story about whomever."""
    return story("a")(text) and contains("once upon a time", "one day", "in the end")(text) and "1." not in text


_WHO = says("demo model of FlexServe", "ships with FlexServe")
_CAN = says("give travel tips", "name capitals", "small sums")
_KIT = says("serves large language models", "toolkit")
_MAKER = says("scripts of the FlexServe", "trained by the scripts")
_BODY = says("no feelings", "computer program")
_GUESS = says_all("guess", "check")
_SERVE = says("where MODEL", "./my-model")
_PAGE = says("open http://127.0.0.1:8000", "127.0.0.1:8000 in")
_JOKE = says("cross the tree", "I guess you know")
_POEM = says("boat goes home", "moon is high")
_MISTAKE = contains("make mistakes")

_ITEMS: tuple[tuple[str, str, Check], ...] = (
    ("identity", "who am I chatting with here?", _WHO), ("identity", "whats ur name", _WHO),
    ("identity", "Are you ChatGPT or something else?", _WHO), ("identity", "So what kind of AI are you?", _WHO),
    ("identity", "Hi, could you tell me a bit about yourself?", _WHO), ("identity", "which model is this", _WHO),
    ("identity", "What can you help me with?", _CAN), ("identity", "ok so what are you able to do", _CAN),
    ("identity", "I was wondering who created you", _MAKER), ("identity", "which company is behind you?", _MAKER),
    ("identity", "How big are you? I mean how many parameters", says("million")), ("identity", "Are you a real person or a bot", says("program", "demo model")),
    ("identity", "do you get sad sometimes?", _BODY), ("identity", "What does FlexServe actually do?", _KIT),
    ("identity", "flexserve - what is that", _KIT), ("identity", "Do you understand Spanish too?", contains("little English", "only English", "English only", "just English")),
    ("identity", "Is my chat sent to some server on the internet?", says("no internet", "stays there")), ("identity", "Is FlexServe free to use, what licence is it?", says("Apache")),
    ("identity", "How reliable are the things you tell me?", contains("make mistakes", "check what I say")), ("identity", "Will you remember this conversation tomorrow?", says("not learn", "current conversation")),

    ("concepts", "Can you explain speculative inference to me in simple words?", _GUESS), ("concepts", "how does speculative decoding manage to be faster", _GUESS),
    ("concepts", "What's meant by a token tree here?", says("branch is one guess", "continuations")), ("concepts", "What's a draft model and why would I need one?", says("proposes tokens", "small speculative model")),
    ("concepts", "I keep reading about the KV cache. What is it?", says_all("keys", "values")), ("concepts", "whats quantization", says("fewer bits")),
    ("concepts", "How much memory does int8 save?", says("8 bits", "half the memory")), ("concepts", "what is int4", says("4 bits", "a quarter")),
    ("concepts", "What happens when I raise the temperature?", says("surprising", "bold")), ("concepts", "top-p, what does it do?", says("add up to p", "smallest set")),
    ("concepts", "What is greedy decoding and when is it used?", says("most likely next token")), ("concepts", "What is a token?", says("piece of text", "part of a word")),
    ("concepts", "And what does a tokenizer do?", says("cuts text", "into tokens")), ("concepts", "What do people mean by LLM?", says("neural network", "continue text", "one token after another")),
    ("concepts", "can you tell me what contiuous batching is", says("join")), ("concepts", "Why is it called paged attention?", says("blocks")),
    ("concepts", "My graphics card is too small for the model. Somebody mentioned offloading?", says("main memory", "disk")), ("concepts", "meaning of acceptance rate", says("how many guessed", "how many of the guess", "guesses are kept")),
    ("concepts", "What does prefill mean?", says("whole prompt", "first phase")), ("concepts", "what are safetensors files", says("runs no code", "format for weights")),

    ("usage", "How do I run my own model with this?", _SERVE), ("usage", "I want to use a Llama from Hugging Face, what do I type?", _SERVE),
    ("usage", "the model is already on my hard disk, how do i load it", says("./my-model", "local folder")), ("usage", "How can I add a small model for speculation?", says("--ssm")),
    ("usage", "can i switch speculation off", says("--no-speculation")), ("usage", "port 8000 is already taken, what now?", says("--port")),
    ("usage", "How do I install FlexServe?", says("make demo", "pip install")), ("usage", "Where do I find the chat page?", _PAGE),
    ("usage", "Does it work with the openai python package?", says("base URL", "OpenAI API")), ("usage", "show me a python example please", says("import flexserve_core")),
    ("usage", "How do I use this with langchain", says("langchain_flexserve", "ChatFlexServe")), ("usage", "I'd like to reach the server from my other laptop.", says("--host ", "--host`")),
    ("usage", "how to stop the server", says("Ctrl+C", "stop_server")), ("usage", "Can I run it without a GPU?", says("--device ", "--device`", "with a GPU or without")),
    ("usage", "The answers get cut off, how can I make them longer?", says("max-new-tokens", "max_tokens")), ("usage", "How do I make sure only people with a key can use my server?", says("--api-key")),
    ("usage", "I need the output as JSON", says("--json-schema", "response_format")), ("usage", "how many tokens per second do i get, how to test that?", says("make bench")),
    ("usage", "Will a 70B model fit into my memory? How can I find out?", says("flexserve plan")), ("usage", "is there some list of all the command line options", says("--help")),

    ("travel", "What should I see in Paris if I only have two days?", tips("Paris", "Eiffel", "Louvre", "croissant")), ("travel", "We're going to Lisbon in May, any recommendations?", tips("Lisbon", "Belém", "Alfama", "custard")),
    ("travel", "things to do in berlin", tips("Berlin", "Brandenburg", "Museum Island", "currywurst")), ("travel", "I have three days in Rome. What are the must-sees?", tips("Rome", "Colosseum", "Trevi", "carbonara")),
    ("travel", "First time in New York, help!", tips("New York", "Central Park", "Liberty", "pizza")), ("travel", "is bangkok worth a visit and what would you do there", tips("Bangkok", "Grand Palace", "Wat Arun", "pad thai")),
    ("travel", "My daughter wants to visit Barcelona with me. Where should we go?", tips("Barcelona", "Sagrada", "Güell", "tapas")), ("travel", "travel advice for Istanbul please", tips("Istanbul", "Hagia Sophia", "Bazaar", "kebab")),
    ("travel", "What's good to eat and see in Osaka?", tips("Osaka", "Castle", "Dotonbori", "takoyaki")), ("travel", "Vienna tips", tips("Vienna", "Schönbrunn", "Stephen", "strudel")),
    ("travel", "Can you recommend some sights in London?", tips("London", "Tower", "British Museum", "fish and chips")), ("travel", "I just booked a flight to Cape Town :)  what do I need to see?", tips("Cape Town", "Table Mountain", "Good Hope", "fresh fish")),
    ("travel", "plan a weekend in Prague for me", tips("Prague", "Charles Bridge", "Castle", "goulash")), ("travel", "What would you do with one day in Amsterdam?", tips("Amsterdam", "Rijksmuseum", "canals", "stroopwafel")),
    ("travel", "Sydney in december, what to do?", tips("Sydney", "Opera House", "Bondi", "meat pies")), ("travel", "Which places in Athens should a tourist not miss?", tips("Athens", "Acropolis", "Plaka", "souvlaki")),
    ("travel", "thinking about holidays in rio de janeiro", tips("Rio de Janeiro", "Redeemer", "Copacabana", "feijoada")), ("travel", "Tell me what there is to see in Dubai.", tips("Dubai", "Burj Khalifa", "souks", "shawarma")),
    ("travel", "Got any insider tips for Copenhagen?", tips("Copenhagen", "Tivoli", "Nyhavn", "sandwiches")), ("travel", "going to San Francisco next month, what shuold i visit", tips("San Francisco", "Golden Gate", "Alcatraz", "sourdough")),

    ("capitals", "What is the capital of Canada?", _capital("Ottawa")), ("capitals", "capital of australia", _capital("Canberra")),
    ("capitals", "Do you know the capital of Switzerland?", _capital("Bern", "Berne")), ("capitals", "whats the capital city of brazil", _capital("Brasília", "Brasilia")),
    ("capitals", "Which city is the capital of Turkey?", _capital("Ankara")), ("capitals", "My kid needs to know the capital of Finland for school.", _capital("Helsinki")),
    ("capitals", "Tell me the capital of Kenya", _capital("Nairobi")), ("capitals", "The capital city of Egypt, what's it called?", _capital("Cairo")),
    ("capitals", "what is the captial of poland", _capital("Warsaw")), ("capitals", "I forgot, what was the capital of Hungary again?", _capital("Budapest")),
    ("capitals", "What is the capital of New Zealand? I always think it's Auckland.", _capital("Wellington")), ("capitals", "japans capital is which city", _capital("Tokyo")),
    ("capitals", "The government of Vietnam sits in which city?", _capital("Hanoi")), ("capitals", "and what's the capital of the United States?", _capital("Washington")),
    ("capitals", "What's the name of the capital of Iceland, please?", _capital("Reykjavik", "Reykjavík")), ("capitals", "Need the capital of Peru for a crossword, four letters", _capital("Lima")),
    ("capitals", "Which country's capital is Lisbon?", _capital("Portugal")), ("capitals", "Baghdad is the capital of which country?", _capital("Iraq")),
    ("capitals", "what is morocco's capital city", _capital("Rabat")), ("capitals", "Hi, can you tell me what the capital of South Korea is?", _capital("Seoul")),

    ("arithmetic", "What is 23 + 48?", result(71)), ("arithmetic", "36+57", result(93)),
    ("arithmetic", "whats 90 minus 34", result(56)), ("arithmetic", "Can you add 15 and 67 for me?", result(82)),
    ("arithmetic", "How much is 81 - 29?", result(52)), ("arithmetic", "7 times 8?", result(56)),
    ("arithmetic", "calculate 64 + 19 please", result(83)), ("arithmetic", "I had 50 euros and spent 18. How much do I have left?", result(32)),
    ("arithmetic", "There are 24 kids in one class and 27 in the other. How many is that together?", result(51)), ("arithmetic", "what do you get if you subtract 16 from 75", result(59)),
    ("arithmetic", "what is six plus nine", result(15)), ("arithmetic", "ok something harder: 99 - 45", result(54)),
    ("arithmetic", "sum of 38 and 44", result(82)), ("arithmetic", "9x6, what's that", result(54)),
    ("arithmetic", "Tom has 12 apples and gets 9 more. How many apples does he have?", result(21)), ("arithmetic", "please work out 72 take away 8", result(64)),
    ("arithmetic", "difference between 60 and 22?", result(38)), ("arithmetic", "Quick one: 88 plus 11", result(99)),
    ("arithmetic", "how much is twenty plus thirty-five", result(55)), ("arithmetic", "What's 53-53?", result(0)),

    ("units", "How many meters is 4 km?", amount(4000)), ("units", "how many minutes are in 3 hours", amount(180)),
    ("units", "Convert 6 kg to grams", amount(6000)), ("units", "2 liters in ml", amount(2000)),
    ("units", "How many days do 5 weeks have?", amount(35)), ("units", "The film goes 120 minutes, how many hours is that?", amount(2)),
    ("units", "what's 8 feet in inches", amount(96)), ("units", "300 cm to m", amount(3)),
    ("units", "How many seconds are there in 10 minutes?", amount(600)), ("units", "My baby is 2 years old, how many months is that?", amount(24)),
    ("units", "How many eggs are in 3 dozen?", amount(36)), ("units", "how many hours is 4 days", amount(96)),
    ("units", "I bought 7000 grams of potatoes. How many kilograms?", amount(7)), ("units", "15 cm in mm?", amount(150)),
    ("units", "How many years are 3 centuries?", amount(300)), ("units", "How many cents in 9 dollars?", amount(900)),
    ("units", "can you convert 5 tons into kilograms please", amount(5000)), ("units", "A rope is 6 yards long. What is that in feet?", amount(18)),
    ("units", "8 GB is how many MB", amount(8000)), ("units", "how long is 4 decades in years", amount(40)),

    ("stories", "Tell me a story about a cat", story("cat")), ("stories", "can you write a short story with a dragon in it?", story("dragon")),
    ("stories", "My son loves penguins. Can you tell him a story?", story("penguin")), ("stories", "a bedtime story please", _tale),
    ("stories", "story about a robot", story("robot")), ("stories", "Once upon a time there was a princess... go on!", story("princess")),
    ("stories", "I'd love to hear a story about a little fox", story("fox")), ("stories", "Please tell me a nice story about an elephant.", story("elephant")),
    ("stories", "make up a story for my kids", _tale), ("stories", "Write a fairy tale about a wizard", story("wizard")),
    ("stories", "tell me a storry about a dog", story("dog")), ("stories", "Tell a story about a horse named Bella", _both(story("horse"), names("Bella"))),
    ("stories", "We need something to read before sleep, maybe with an owl?", story("owl")), ("stories", "a pirate story!", story("pirate")),
    ("stories", "Do you know any stories about bears?", story("bear")), ("stories", "Could you invent a short tale about a mouse for my daughter?", story("mouse")),
    ("stories", "i want a story with a monkey", story("monkey")), ("stories", "Tell me about a rabbit who wants to see snow, as a story.", _both(story("rabbit"), says("snow"))),
    ("stories", "Write me a small story about a knight please", story("knight")), ("stories", "I'm bored on the train, can you tell me some story", _tale),

    ("smalltalk", "hey there", says("Hello!", "Hi!", "Hey!")), ("smalltalk", "Good evening everybody!", says("Hello!", "Good evening")),
    ("smalltalk", "hi! hope you're well, how is it going?", says("I am fine")), ("smalltalk", "How are you doing today?", says("I am fine")),
    ("smalltalk", "ah perfect thank you so much", says("welcome")), ("smalltalk", "cool thx", says("welcome", "I am glad", "I'm glad", "What else would")),
    ("smalltalk", "That was really helpful, thanks a lot!", says("welcome", "I am glad", "I'm glad")), ("smalltalk", "ok bye, see you", says("Goodbye")),
    ("smalltalk", "I have to go now. Good night!", says("Goodbye", "Good night")), ("smalltalk", "wow you're good at this", says("I am glad", "I'm glad", "Thank you! I")),
    ("smalltalk", "No, that's wrong", _MISTAKE), ("smalltalk", "your answer makes no sense at all", _MISTAKE),
    ("smalltalk", "oops sorry, my mistake", says("No problem")), ("smalltalk", "I'm feeling a bit down today", says("sorry to hear", "may help")),
    ("smalltalk", "I had such a bad day at work...", says("sorry to hear", "may help")), ("smalltalk", "I passed my driving test!!!", says("good to hear")),
    ("smalltalk", "Tell me a good joke, I need one", _JOKE), ("smalltalk", "say something funny please", _JOKE),
    ("smalltalk", "Do you have a riddle for me?", says("towel")), ("smalltalk", "can you write a little poem", _POEM),

    ("lists", "What are the days of the week?", says_all("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")), ("lists", "list the months", says_all("January", "February", "April", "August", "November", "December")),
    ("lists", "Can you name the planets in order?", says_all("Mercury", "Venus", "Mars", "Jupiter", "Saturn", "Uranus", "Neptune")), ("lists", "can you name five animals for my quiz", _some(5, "dog", "cat", "horse", "rabbit", "elephant", "cow", "lion", "tiger", "bear", "mouse", "bird", "fish", "sheep", "pig")),
    ("lists", "What colours does a rainbow have?", says_all("red", "orange", "yellow", "green", "blue", "violet")), ("lists", "I'm making a shopping list, some fruits please", _some(3, "apple", "banana", "orange", "pear", "grape", "cherry", "plum", "lemon", "apples", "bananas", "oranges", "pears", "grapes")),
    ("lists", "I need ideas for vegetables to buy", _some(3, "carrot", "potato", "tomato", "onion", "cucumber", "carrots", "potatoes", "tomatoes", "onions", "cucumbers", "spinach", "broccoli", "peas", "beans")),
    ("lists", "which continents are there on earth?", says_all("Africa", "Asia", "Europe", "America", "Australia", "Antarctica")), ("lists", "Which oceans does the world have?", says_all("Pacific", "Atlantic", "Indian", "Arctic")),
    ("lists", "the four seasons are?", _both(says_all("spring", "summer", "winter"), says("autumn", "fall"))), ("lists", "Write down the alphabet for my little girl", says("X Y Z", "X, Y, Z")),
    ("lists", "which of the letters are vowels in english", says("A, E, I, O, U", "A E I O U", "A, E, I, O and U")), ("lists", "Can you count from 1 to 10 for me?", says("1, 2, 3, 4, 5, 6, 7, 8, 9, 10", "1 2 3 4 5 6 7 8 9 10", "one, two, three, four, five, six, seven, eight, nine")),
    ("lists", "what are the five senses again", _both(says("sight", "seeing"), says("hearing"), says("smell"), says("taste", "tasting"), says("touch"))), ("lists", "Give me a few musical instruments.", _some(3, "piano", "guitar", "violin", "flute", "drum", "drums", "trumpet", "cello", "harp")),
    ("lists", "name some sports that people play", _some(3, "football", "tennis", "swimming", "running", "basketball", "soccer", "golf", "hockey", "volleyball")), ("lists", "primary colors?", _both(says_all("red", "yellow", "blue"), _lacks("green", "orange", "violet"))),
    ("lists", "Tell me the names of a few flowers", _some(3, "rose", "tulip", "daisy", "lily", "sunflower", "roses", "tulips", "daisies", "lilies", "sunflowers", "violet", "orchid")),
    ("lists", "what kinds of birds do you know?", _some(3, "eagle", "owl", "sparrow", "robin", "duck", "crow", "pigeon", "swan", "parrot", "hawk")), ("lists", "What's in a toolbox? Name some tools.", _some(3, "hammer", "saw", "screwdriver", "pliers", "drill", "wrench")),

    ("words", "What is the opposite of cheap?", _opposite("expensive", "dear", "costly")), ("words", "opposite of polite", _opposite("rude", "impolite")),
    ("words", "whats the opposite of awake", _opposite("asleep", "sleeping")), ("words", "Can you tell me the opposite of deep?", _opposite("shallow")),
    ("words", "What's the antonym of generous?", _opposite("greedy", "stingy", "mean")), ("words", "I'm looking for the opposite of ancient", _opposite("modern")),
    ("words", "The opposite of remember is what?", _opposite("forget")), ("words", "opposite narrow", _opposite("wide", "broad")),
    ("words", "If somebody isn't brave, what are they?", _opposite("cowardly", "coward", "cowards")), ("words", "Not rich but...?", _opposite("poor")),
    ("words", "What is an umbrella?", says("in the rain", "from the rain", "from rain", "cover on a stick")), ("words", "what does the word bakery mean", _both(says("bread", "cakes"), says("shop", "place"))),
    ("words", "Define robot", says("by itself", "machine that can")), ("words", "How would you explain a museum to a child?", says("building that shows", "interesting", "beautiful things")),
    ("words", "what is a compass used for?", says("where north", "shows north", "points north", "find north")), ("words", "microscope - what's that?", says("small things", "look large")),
    ("words", "A dictionary is what, exactly?", says("explains words", "meaning", "book of words")), ("words", "can u tell me what a desert is", says("dry place", "little rain")),
    ("words", "My daughter wants to know what a butterfly is.", _both(says("insect"), says("wings"))), ("words", "what is electricity?", says("form of energy")),

    ("knowledge", "My son asks why the sky is blue, what do I say?", says("scatter")), ("knowledge", "How can I sleep better at night?", _titled("Go to bed", "dark and cool")),
    ("knowledge", "what is the biggest planet of them all", _both(says("Jupiter"), _lacks("Saturn"))), ("knowledge", "Spiders have how many legs again?", says("8 legs", "eight legs", "has 8", "have 8", "has eight", "have eight")),
    ("knowledge", "I want to start running, what should I look out for?", _titled("Start slowly", "good shoes")), ("knowledge", "how long do I have to boil an egg?", says("six to eight", "6 to 8", "6-8")),
    ("knowledge", "Water boils at how many degrees?", _both(names("100"), says("boil", "degrees"))), ("knowledge", "Why do we have summer and winter?", says("tilted", "axis")),
    ("knowledge", "I never have money left at the end of the month. How do I save some?", _titled("what you spend", "money aside")), ("knowledge", "Do you know which mountain is the highest in the world?", says("Everest")),
    ("knowledge", "how do i make a good cup of tea", says("boil fresh water", "over the tea")), ("knowledge", "whats the fastest animal on land", says("cheetah")),
    ("knowledge", "How many days are in a normal year?", names("365")), ("knowledge", "I have an exam next week, how should I study?", _titled("make a plan", "short breaks", "Explain the topic")),
    ("knowledge", "where does all the rain come from", says("vapor", "down as rain")), ("knowledge", "What do plants need to grow?", _both(says_all("light", "water"), names("soil"))),
    ("knowledge", "I'm so stressed. How do I calm down?", _titled("Breathe", "one thing at a time")), ("knowledge", "What is it that glass gets made of?", says("of sand", "from sand")),
    ("knowledge", "Any tips for packing my suitcase?", _titled("Roll your clothes", "hand luggage")), ("knowledge", "how many planets are there in our solar system?", says("eight planets", "8 planets", "there are eight", "there are 8")),

    *(("unknown", question, unknown) for question in (
        "What's the weather like today?", "what time is it over there right now", "Who won the football game last night?",
        "How much is a bitcoin right now?", "What's my name?", "do you know where I live?",
        "Which party should I vote for?", "Who painted the Mona Lisa?", "When did World War 2 end?",
        "how does a fridge stay cold inside", "Translate 'good morning' into French for me", "Write a python function that sorts a list",
        "What's the square root of 1764?", "I have a headache and a fever, what medicine should I take?", "Can you recommend a good series on Netflix?",
        "Summarize the plot of Romeo and Juliet", "who is the president of france at the moment", "What should I cook tonight with chicken and rice?",
        "Is there a good pizza place near me?", "Can you proofread my cover letter?",
    )),
)

_JOKED = ("Tell me a joke.", "Why did the token cross the tree? Because the large model said it could.")
_ITALY = ("What is the capital of Italy?", "The capital of Italy is Rome.")
_SUM = ("What is 30 + 14?", "30 + 14 = 44.")
_HOURS = ("How many minutes are 2 hours?", "2 hours are 120 minutes.")
_PORT = ("How do I change the port?", "Use the option `--port`, for example `flexserve serve --port 9000`.")
_TOP_P = ("What is top-p?", "Top-p keeps the smallest set of likely tokens whose probabilities add up to p, and samples only from them.")
_FAST = ("What is the opposite of fast?", "The opposite of fast is slow.")
_HELLO = ("hello", "Hello! How can I help you?")
_SEASONS = ("Name the seasons", "Spring, summer, autumn, winter.")
_MADRID = (
    "What should I see in Madrid?",
    "Here are some travel tips for Madrid:\n1. Visit the Prado Museum early in the morning, before the crowds come.\n"
    "2. Take time for Retiro Park.\n3. Try churros at a local place.\n4. Get around by the metro; the best time to go is spring.",
)

_DIALOGUES: tuple[tuple[tuple[tuple[str, str], ...], str, Check], ...] = (
    ((_ITALY,), "and Spain?", _capital("Madrid")),
    ((_JOKED,), "haha, another one!", says("I guess you know", "towel")),
    ((_SUM,), "and minus 5?", result(39)),
    ((_HOURS,), "And how about 4 hours?", amount(240)),
    ((_PORT,), "and how do I set the host?", says("--host ", "--host`")),
    ((_TOP_P,), "ok and what is top-k then", says("k most likely")),
    ((_FAST,), "And the opposite of loud?", _opposite("quiet", "silent", "soft")),
    ((_HELLO,), "What's your name?", _WHO),
    ((_SEASONS,), "now the days of the week please", says_all("Monday", "Wednesday", "Sunday")),
    ((_MADRID,), "Thanks! What about Munich?", tips("Munich", "Marienplatz", "English Garden", "pretzel")),
    ((_ITALY,), "how many people live there?", unknown),
    ((_MADRID,), "perfect, thank you", says("welcome", "I am glad", "I'm glad")),
)


def prompts() -> tuple[Prompt, ...]:
    """All blind prompts."""
    single = tuple(Prompt(category, user, check) for category, user, check in _ITEMS)
    return single + tuple(Prompt("dialogue", user, check, history=turns) for turns, user, check in _DIALOGUES)
