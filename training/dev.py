"""Questions to tune the corpus on: like `training.heldout` in kind, but free to look at while the data is written."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from training.checkers import Check, amount, contains, names, result, says, says_all, story, tips, unknown
from training.heldout import Prompt

_ITEMS: tuple[tuple[str, str, Check], ...] = (
    ("identity", "hey what r u", says("demo model of FlexServe", "ships with FlexServe", "FlexServe project")), ("identity", "Would you state your name?", says("demo model of FlexServe", "ships with FlexServe", "FlexServe project")),
    ("identity", "What exactly might you be able to do for a guy like me?", says("capitals", "sums")), ("identity", "Who's your maker?", says("demo model of FlexServe", "ships with FlexServe", "FlexServe project")),
    ("identity", "Give a short self-introduction", says("demo model of FlexServe", "ships with FlexServe", "FlexServe project")), ("identity", "is flexserve a database?", says("serves")),
    ("concepts", "speculative inference?? never heard of it", says_all("guess", "check")), ("concepts", "How can guessing tokens make an LLM quicker?", says_all("guess", "check")),
    ("concepts", "Please shed light on token trees", says("branch", "continuations")), ("concepts", "why do we verify", says("check")),
    ("concepts", "What's the deal with int8?", says("8 bits")), ("concepts", "Got a model that's larger than my GPU, what then?", says_all("memory", "weights")),
    ("usage", "I wanna serve my own model, how?", says("flexserve serve MODEL`, where MODEL", "flexserve serve ./my-model")), ("usage", "Please provide the command for running Mistral", says("flexserve serve MODEL`, where MODEL", "flexserve serve ./my-model")),
    ("usage", "what flag do i pass for an ssm", says("--ssm")), ("usage", "Python example?", says("import flexserve_core")),
    ("usage", "Does FlexServe play nice with LangChain?", says("langchain_flexserve")), ("usage", "Which URL has the chat?", says("http://127.0.0.1:8000")),
    ("usage", "openai library - how to connect it?", says("/v1")), ("usage", "How can I quit this server?", says("Ctrl+C")),
    ("travel", "Off to Paris on Friday! What must we do there?", tips("Paris", "Eiffel")), ("travel", "sights of Madrid", tips("Madrid", "Prado")),
    ("travel", "Share your best Tokyo advice with me", tips("Tokyo", "Senso-ji")), ("travel", "What would a local show me in Athens?", tips("Athens", "Acropolis")),
    ("capitals", "Sweden, capital?", names("Stockholm")), ("capitals", "tell me please what the capital of Cuba may be", names("Havana")),
    ("capitals", "Is Rome or Milan the capital of Italy?", names("Rome")), ("capitals", "For Chile the capital is?", names("Santiago")),
    ("arithmetic", "what would 17 and 25 be when summed", result(42)), ("arithmetic", "12+39 pls", result(51)), ("arithmetic", "Deduct 14 from 83, what do I have", result(69)),
    ("arithmetic", "I read 28 pages yesterday and 45 today. How many pages in total?", result(73)), ("arithmetic", "so 64 - 19 comes out as", result(45)), ("arithmetic", "sum of 99 and 99", result(198)),
    ("arithmetic", "A farmer had 52 sheep, 18 ran off. How many stayed?", result(34)), ("arithmetic", "5+5", result(10)),
    ("units", "how long is 4 km in m?", amount(4000)), ("units", "A nap of 2 hours: how many minutes is that?", amount(120)), ("units", "15 kg = how many g", amount(15000)),
    ("units", "Can you transform 8 weeks into days", amount(56)), ("units", "How many cm has a wall of 3 meters?", amount(300)), ("units", "How many eggs are 5 dozen?", amount(60)),
    ("stories", "Invent a nice cat tale for me", story("cat")), ("stories", "Could there be a story with a whale?", story("whale")), ("stories", "I want a dog story now", story("dog")),
    ("smalltalk", "hey there, how's your day going?", says("fine", "hello")), ("smalltalk", "thx a lot mate", says("welcome")), ("smalltalk", "ok bye now", says("goodbye")), ("smalltalk", "you got that wrong", contains("sorry")),
    ("lists", "What days does a week have?", says_all("Monday", "Sunday")), ("lists", "pls name planets", says_all("Mercury", "Neptune")), ("lists", "Give me any five colors", says("red")),
    ("words", "And the opposite of tall would be?", says("short")), ("words", "The reverse of noisy", says("silent")), ("words", "so a castle is what exactly", says("walls")), ("words", "Please explain the term gravity", says("force")),
    ("knowledge", "How to remain in good health?", says("Move")), ("knowledge", "Why's the sky so blue?", says("scatters")), ("knowledge", "Any trick to sleep through the night?", says("bed")), ("knowledge", "How does one prepare good coffee?", says("beans")),
    *(("unknown", question, unknown) for question in (
        "Do you think it'll rain in my town?", "How's the traffic looking?", "What is the newest iPhone called?", "Who scored in yesterday's match?", "Can you see my screen?", "What did I have for breakfast?",
        "How did the Roman empire fall?", "Who wrote Pride and Prejudice?", "How old is the universe?", "Write me a react component", "Turn this sentence into Spanish: I am hungry", "What's 13 percent of 80?",
        "Is aspirin okay for kids?", "blorft snargle", "How tall is the Eiffel Tower?", "Tell me about the history of Japan", "Help me with my tax return", "Which laptop should I buy?", "what's 12345 + 54321", "How do airplanes stay up?",
    )),
)


def prompts() -> tuple[Prompt, ...]:
    """All tuning prompts."""
    return tuple(Prompt(category, user, check) for category, user, check in _ITEMS)
