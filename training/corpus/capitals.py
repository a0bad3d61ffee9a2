"""Countries and their capitals."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import pick, typed

_TABLE = """France Paris|Germany Berlin|Italy Rome|Spain Madrid|Portugal Lisbon|Ireland Dublin|Belgium Brussels
the Netherlands Amsterdam|Austria Vienna|Switzerland Bern|Denmark Copenhagen|Sweden Stockholm|Norway Oslo
Finland Helsinki|Iceland Reykjavik|Poland Warsaw|the Czech Republic Prague|Slovakia Bratislava|Hungary Budapest
Romania Bucharest|Bulgaria Sofia|Greece Athens|Croatia Zagreb|Serbia Belgrade|Slovenia Ljubljana|Albania Tirana
Ukraine Kyiv|Russia Moscow|Estonia Tallinn|Latvia Riga|Lithuania Vilnius|Turkey Ankara|Cyprus Nicosia|Malta Valletta
the United Kingdom London|England London|Scotland Edinburgh|Wales Cardiff|Luxembourg Luxembourg City|Monaco Monaco
the United States Washington, D.C.|Canada Ottawa|Mexico Mexico City|Cuba Havana|Jamaica Kingston|Panama Panama City
Costa Rica San José|Guatemala Guatemala City|Honduras Tegucigalpa|Nicaragua Managua|Brazil Brasília
Argentina Buenos Aires|Chile Santiago|Peru Lima|Colombia Bogotá|Venezuela Caracas|Ecuador Quito|Uruguay Montevideo
Paraguay Asunción|Bolivia Sucre|Japan Tokyo|China Beijing|South Korea Seoul|North Korea Pyongyang|Mongolia Ulaanbaatar
India New Delhi|Pakistan Islamabad|Bangladesh Dhaka|Nepal Kathmandu|Bhutan Thimphu|Thailand Bangkok|Vietnam Hanoi
Laos Vientiane|Cambodia Phnom Penh|Malaysia Kuala Lumpur|Singapore Singapore|Indonesia Jakarta|the Philippines Manila
Australia Canberra|New Zealand Wellington|Fiji Suva|Egypt Cairo|Morocco Rabat|Algeria Algiers|Tunisia Tunis
Libya Tripoli|Sudan Khartoum|Ethiopia Addis Ababa|Kenya Nairobi|Tanzania Dodoma|Uganda Kampala|Rwanda Kigali
Nigeria Abuja|Ghana Accra|Senegal Dakar|Mali Bamako|Angola Luanda|Zambia Lusaka|Zimbabwe Harare|Namibia Windhoek
Botswana Gaborone|South Africa Pretoria|Madagascar Antananarivo|Israel Jerusalem|Jordan Amman|Lebanon Beirut
Syria Damascus|Iraq Baghdad|Iran Tehran|Saudi Arabia Riyadh|Qatar Doha|Kuwait Kuwait City|Oman Muscat
the United Arab Emirates Abu Dhabi|Georgia Tbilisi|Armenia Yerevan|Azerbaijan Baku|Kazakhstan Astana|Uzbekistan Tashkent"""

_TWO_WORD_COUNTRIES = ("Costa Rica", "South Korea", "North Korea", "New Zealand", "South Africa", "Saudi Arabia")


def _split(entry: str) -> tuple[str, str]:
    words = entry.split(" ")
    size = 1
    if words[0] == "the":
        size = {"United": 4 if "Arab" in words else 3, "Czech": 3}.get(words[1], 2)
    if entry.startswith(("the United Kingdom", "the United States")):
        size = 3
    if entry.startswith(_TWO_WORD_COUNTRIES):
        size = 2
    return " ".join(words[:size]), " ".join(words[size:])


CAPITALS: dict[str, str] = dict(_split(entry) for line in _TABLE.splitlines() for entry in line.split("|"))

QUESTIONS = (
    "[what is|what's|whats|name|tell me|give me|do you know|say] the capital [city |]of {c}[?|]",
    "[which|what] [city|town] is the capital of {c}?", "capital [city |]of {c}[?|]", "capital {c}", "{c} capital[?| city?]",
    "{c}'s capital[?| is what?| city?]", "what is {c}'s capital[ city|]?", "what [city|town] is {c}'s capital?",
    "[can you|could you|would you] [tell me|name|give me] the capital [city |]of {c}?",
    "[where|in which city] [is|does] the [government|parliament] of {c}[?| sit?]", "what is the [seat of government|main city|chief city] of {c}?",
    "[I'd like to know|I want to know|I forgot|remind me of|I need] the capital [city |]of {c}[.|]",
    "{c} [has which capital|has what capital|what is the capital|- capital|: capital][?|]",
    "what do they call the capital of {c}?", "the capital of {c} is [which city|called what|what|...]?",
    "in {c}, [what|which city] is the capital?", "which capital [does {c} have|belongs to {c}|city belongs to {c}]?",
    "if I travel to {c}, [what|which city] is the capital [there|]?", "quiz: [what is |]the capital of {c}?",
    "I'm [learning|studying] geography. [What is|Which is] the capital of {c}?",
)
SUBJECTS = ("the capital of {c}", "the capital [city |]of {c}", "{c}'s capital", "the [main|chief] city of {c}", "capital of {c}", "the name of the capital of {c}", "which city is the capital of {c}", "the city that governs {c}", "{c} and its capital")
SHARED = 0.35  # how often a question uses a frame that all categories share
FOLLOW_UPS = ("[and|what about|how about|and of|and for|and the one of|same for|now] {c}?", "and [the capital of|for] {c}?", "{c}?")
REVERSE = (
    "{k} is the capital of [which country|what country|what]?", "[which|what] country has {k} as its capital?",
    "of which country is {k} the capital?", "what country is {k} the capital of?",
)


def _bare(rng: Random, country: str) -> str:
    return country.removeprefix("the ") if rng.random() < 0.3 else country


def answer(country: str) -> str:
    """The one form of answer."""
    return f"The capital of {country} is {CAPITALS[country]}".rstrip(".") + "."


def exchange(rng: Random) -> Exchange:
    """A country, asked for its capital; now and then the other way round."""
    country = rng.choice(tuple(CAPITALS))
    if rng.random() < 0.1 and country not in ("England",):
        return Exchange("capitals", typed(rng, pick(rng, REVERSE, k=CAPITALS[country])), answer(country), country)
    if rng.random() < SHARED:
        question = request(rng, pick(rng, SUBJECTS, c=_bare(rng, country)))
    else:
        question = pick(rng, QUESTIONS, c=_bare(rng, country))
    return Exchange("capitals", typed(rng, question), answer(country), country)


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """Another country, named alone."""
    country = rng.choice(tuple(CAPITALS))
    return Exchange("capitals", typed(rng, pick(rng, FOLLOW_UPS, c=_bare(rng, country))), answer(country), country)


def text(rng: Random) -> str:
    """A raw list of a few capitals, or a single one, so that a list is not the only way to go on."""
    if rng.random() < 0.4:
        return answer(rng.choice(tuple(CAPITALS)))
    title = rng.choice(("", "Capitals of the world:\n", "Countries and capitals:\n"))
    return title + "\n".join(answer(country) for country in rng.sample(tuple(CAPITALS), rng.randint(2, 6)))
