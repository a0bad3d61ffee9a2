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
    "{c}, [the capital|capitol|capital city|which city|its seat of government]?", "[what's|whats|what is|name|tell me] the capitol [city |]of {c}[?|]", "capitol of {c}[?|]", "[for|in the case of|as for|regarding|concerning] {c}[,|] [the capital is|the capital is which city|which is the capital|what's the capital|what would be the capital]?",
    "[where|in which city] do the [ministers|politicians|lawmakers|leaders] of {c} [meet|work|sit|govern]?", "{c}'s [main|chief|most important|leading] city[,|:] [the capital|the one that's capital|I mean the capital|which is it][?|]", "[I|we|my parents|my cousin] [fly|move|travel|drive|go] to {c} [next week|soon|in May|tomorrow|for work][.|,] [what's the capital|name the capital|and the capital is|which city is the capital]?",
    "[somebody|a tourist|my nephew|my pupil|the quizmaster|a pen pal|grandpa] [asked|asks|wants to know|wonders] [what|which city] the capital of {c} is[.|]", "[can|could] [anyone|somebody|someone here] [recall|identify|point out|state] [{c}'s capital|the capital of {c}|which city is {c}'s capital]?", "[would|might] you happen to [remember|recall] [{c}'s capital|which city leads {c}|what {c} has for a capital]?", "the city [where|in which] {c} is [governed|ruled][?| is called?| is which?]",
    "[match|pair|link] {c} with its capital[.|]", "[fill in|complete]: [the capital of {c} is ...|{c} - ...?|capital of {c}: ___]", "[I looked at the map but forgot|my atlas lacks|the atlas page is torn,|help with geography:] [the capital of {c}|{c}'s capital][.|?|]", "[which|what] [metropolis|city|town] is [home to|the seat of] {c}'s [parliament|government|rulers]?",
    "[if|when] someone says {c}, [which capital comes to mind|what's the capital|you answer with the capital]?", "[country|nation|state] {c}[,|:] [the capital|capital city|what capital]?", "[what|which] city [would I|should I|do I] [put|write|mark] as [the |]capital of {c}?", "{c} has [its capital where|its capital in which city|what for a capital|which city as capital]?",
    "[that country|the country|the land] {c}[, what's|: tell me|; which is] its capital?", "on a trip through {c} I want to see the capital[.|, which is it?|. Where do I go?]", "[give|name|tell] me one [city|thing]: the capital of {c}[.|]",
    "[what is|what's|whats|name|tell me|give me|do you know|say] the capital [city |]of {c}[?|]",
    "[which|what] [city|town] is the capital of {c}?", "capital [city |]of {c}[?|]", "capital {c}", "{c} capital[?| city?]",
    "{c}'s capital[?| is what?| city?]", "what is {c}'s capital[ city|]?", "what [city|town] is {c}'s capital?",
    "[can you|could you|would you] [tell me|name|give me] the capital [city |]of {c}?",
    "[which|what] city [governs|rules|is the seat of government of|serves as the capital of|is the capital in|holds the government of|leads|is home to the government of|functions as the capital of] {c}?", "{c}[:|,|-] [capital|its capital|which capital|the capital, please|what's the capital|name the capital|capital city][?|]",
    "[I'm|I am|we are|my friend is|she is] [flying|traveling|moving|going|off] to {c}[.|,] [what is|what's|tell me|which city is] [the|its] capital[?|]", "[do you know|can you remember|can you say|any idea|tell me|I wonder|who knows] [which city|what city|what] [is|'s] the capital of {c}[?|]", "[what|which] [city|place|town] do [they|people|the people] in {c} [call|have as] their capital?", "[where is|where's|where would I find] the [capital|president's seat|parliament|government] of {c}?",
    "[a|one] [crossword|quiz|exam|test|homework] [question|clue|item]: [the |]capital of {c}[?|]", "[people|those] [who live|living] in {c} [have|see] [which|what] [city|town] as [the|their] capital?", "[for|about] {c}, [what|which] is the capital[ city|]?", "[the|what's the] name of {c}'s capital[ city|][?|]", "[name|give|state|tell me|write down] {c}'s capital[ city|][.|]", "[capitals:|geography:|next country:|country:] {c}[?|]", "[which|what] is the capital [city |][in|for|over] {c}?",
    "[the government|the parliament|the king|the president] of {c} [sits|meets|works|is] in [which|what] city?", "[I|we] [never|always|must|can't] [remember|forget|learn|recall] the capital of {c}[.|, what is it?|. Help?|]", "[how|what] is the capital of {c} [called|named]?", "[let me|help me] [guess|learn|know|remember]: [what is |]the capital of {c}[?|]", "[between|of] all cities [in|of] {c}, which [one |]is the capital?", "[my|our] [teacher|daughter|son|test|quiz] asks for the capital [city |]of {c}[.|]",
    "[every country has one:|map question:|true capital, please:] [the capital of |]{c}[?|]", "{c} [is governed from|is ruled from|has its government in|has its parliament in] [which city|what city|where][?|]", "[what would be|what might be|so what is|and what's] the capital of {c}?", "[tell|inform|remind] me [about|of|on] [the capital of {c}|{c}'s capital][.|]",
    "[where|in which city] [is|does] the [government|parliament] of {c}[?| sit?]", "what is the [seat of government|main city|chief city] of {c}?",
    "[I'd like to know|I want to know|I forgot|remind me of|I need] the capital [city |]of {c}[.|]",
    "{c} [has which capital|has what capital|what is the capital|- capital|: capital][?|]",
    "what do they call the capital of {c}?", "the capital of {c} is [which city|called what|what|...]?",
    "in {c}, [what|which city] is the capital?", "which capital [does {c} have|belongs to {c}|city belongs to {c}]?",
    "if I travel to {c}, [what|which city] is the capital [there|]?", "quiz: [what is |]the capital of {c}?",
    "I'm [learning|studying] geography. [What is|Which is] the capital of {c}?",
)
SUBJECTS = ("the capital of {c}", "the capital [city |]of {c}", "{c}'s capital", "the [main|chief] city of {c}", "capital of {c}", "the name of the capital of {c}", "which city is the capital of {c}", "the city that governs {c}", "{c} and its capital", "the seat of [government|the government|parliament] of {c}", "the capital for {c}", "the capital city in {c}", "which city [governs|rules] {c}", "what the capital of {c} is [called|named|]", "the city from which {c} is [governed|ruled]", "what {c} has as [its |]capital", "where the government of {c} [sits|is]")
SHARED = 0.35  # how often a question uses a frame that all categories share
FOLLOW_UPS = ("[and|what about|how about|and of|and for|and the one of|same for|now] {c}?", "and [the capital of|for] {c}?", "{c}?", "[and |then |]what is {c}'s[?|]", "do {c} [now|next|too][.|]", "[next|another|one more]: {c}")
REVERSE = (
    "{k} is the [capital|capital city|capitol] of [which|what] [land|state|nation|country]?", "[which|what] [land|nation|place|state] is [ruled|governed|led] [from|out of] {k}?", "{k}, [capital of what|capital of which land|which country's capital|capital where|of which country is it the capital]?", "[I'm|I am|we are|my aunt is] in {k}, the capital[.|,] [which country is that|of which country|what country am I in]?", "[to|for] [which|what] [country|land|nation] does [the capital|the capital city] {k} belong?", "[if|when] {k} is the capital, [what|which] is the [country|land|nation]?", "[the|a] [country|land|nation] [with|having] {k} as [its |]capital[?| is called?]", "[country|land|nation] with [the |]capital {k}[?|]", "[name|tell me|say] [which|what] [country|land|nation] {k} is the capital of[.|]", "[the parliament|the government] in {k} [rules|governs|leads] [which|what] [country|nation]?",
    "{k} is the capital of [which country|what country|what]?", "[which|what] country has {k} as its capital?",
    "of which country is {k} the capital?", "[which|what] [country|nation|state|land] [is|would be] {k} the capital [of|city of|for]?", "[{k} is|is {k}] the capital [city |][of|for] [which|what|whose] [country|nation|state|land]?", "[which|what] [country|nation] [is|are] [governed|ruled|run] from {k}?", "[which|what] country [calls|has|names] {k} [its|as its|for its] capital[ city|]?",
    "[which|what] country does {k} [govern|belong to as capital|serve as capital|lead]?", "[tell me|name|give me|I need|find] the country [whose capital is {k}|with the capital {k}|that has {k} as its capital|governed from {k}][.|]", "[whose|which country's|what country's] capital is {k}?", "{k} - capital of [what|which country|?|]", "[in|of] [which|what] country is {k} the capital[ city|]?", "the country [whose|of which the] capital is {k}[?|]", "what country is {k} the capital of?",
)


def _bare(rng: Random, country: str) -> str:
    return country.removeprefix("the ") if rng.random() < 0.3 else country


def answer(country: str) -> str:
    """The one form of answer."""
    return f"The capital of {country} is {CAPITALS[country]}".rstrip(".") + "."


def exchange(rng: Random) -> Exchange:
    """A country, asked for its capital; now and then the other way round."""
    country = rng.choice(tuple(CAPITALS))
    if rng.random() < 0.14 and country not in ("England",):
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
