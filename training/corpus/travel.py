"""Travel tips for forty cities: sights, a dish, a way to get about, a good season."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import pick, typed

# city: first sight | second sight | dish | how to get about | season
_TABLE = """Tokyo: the Senso-ji temple|the Meiji Shrine|fresh sushi|the subway|spring
Kyoto: the Golden Pavilion|the bamboo grove of Arashiyama|matcha sweets|the bus|autumn
Osaka: Osaka Castle|the Dotonbori canal|takoyaki|the subway|spring
Seoul: the Gyeongbokgung Palace|Bukchon village|bibimbap|the subway|autumn
Beijing: the Forbidden City|the Great Wall|roast duck|the subway|autumn
Shanghai: the Bund|the Yu Garden|soup dumplings|the metro|spring
Hong Kong: Victoria Peak|the Star Ferry|dim sum|the tram|autumn
Singapore: Gardens by the Bay|Chinatown|chicken rice|the metro|any season
Bangkok: the Grand Palace|the temple Wat Arun|pad thai|the river boats|winter
Hanoi: the Old Quarter|Hoan Kiem Lake|pho|your own feet|autumn
Delhi: the Red Fort|the India Gate|butter chicken|the metro|winter
Mumbai: the Gateway of India|Marine Drive|vada pav|the local trains|winter
Dubai: the Burj Khalifa|the old souks|shawarma|the metro|winter
Istanbul: the Hagia Sophia|the Grand Bazaar|kebab|the ferries|spring
Cairo: the pyramids of Giza|the Egyptian Museum|koshari|the metro|winter
Marrakech: the Jemaa el-Fna square|the Majorelle Garden|tagine|your own feet|spring
Nairobi: the National Park|the Giraffe Centre|grilled meat|a taxi|summer
Cape Town: Table Mountain|the Cape of Good Hope|fresh fish|a rental car|summer
Paris: the Eiffel Tower|the Louvre|fresh croissants|the metro|spring
London: the Tower of London|the British Museum|fish and chips|the Underground|summer
Rome: the Colosseum|the Trevi Fountain|pasta carbonara|your own feet|spring
Venice: St Mark's Square|the Rialto Bridge|seafood risotto|the water buses|spring
Florence: the cathedral|the Uffizi Gallery|gelato|your own feet|spring
Milan: the cathedral|the Galleria|risotto|the tram|spring
Madrid: the Prado Museum|Retiro Park|churros|the metro|spring
Barcelona: the Sagrada Familia|Park Güell|tapas|the metro|spring
Lisbon: the Belém Tower|the Alfama district|custard tarts|the tram|spring
Berlin: the Brandenburg Gate|Museum Island|currywurst|the U-Bahn|summer
Munich: the Marienplatz|the English Garden|soft pretzels|the U-Bahn|summer
Vienna: Schönbrunn Palace|St Stephen's Cathedral|apple strudel|the tram|spring
Prague: the Charles Bridge|Prague Castle|goulash|the tram|spring
Budapest: the Parliament|the thermal baths|chimney cake|the tram|spring
Amsterdam: the Rijksmuseum|the canals|stroopwafels|a bicycle|spring
Copenhagen: the Tivoli Gardens|the Nyhavn harbor|open sandwiches|a bicycle|summer
Stockholm: the old town|the Vasa Museum|cinnamon buns|the ferries|summer
Athens: the Acropolis|the Plaka district|souvlaki|the metro|spring
New York: Central Park|the Statue of Liberty|a slice of pizza|the subway|autumn
San Francisco: the Golden Gate Bridge|Alcatraz|sourdough bread|the cable cars|autumn
Mexico City: the Zócalo|the pyramids of Teotihuacan|tacos|the metro|spring
Rio de Janeiro: the Christ the Redeemer statue|Copacabana beach|feijoada|the metro|winter
Buenos Aires: the La Boca district|the Recoleta Cemetery|grilled steak|the subway|spring
Sydney: the Opera House|Bondi Beach|meat pies|the ferries|summer"""

CITIES: dict[str, tuple[str, str, str, str, str]] = {}
for _line in _TABLE.splitlines():
    _city, _rest = _line.split(": ", 1)
    _a, _b, _c, _d, _e = _rest.split("|")
    CITIES[_city] = (_a, _b, _c, _d, _e)

QUESTIONS = (
    "[give|tell|show|send] me [some |a few |three |your best |good |][travel |][tips|hints|advice|ideas] for [a trip to |visiting |]{city}[.|]",
    "[do you have|have you got|any|got any] [travel |][tips|advice|recommendations|suggestions] [for|about] [visiting |a trip to |]{city}?",
    "[what|which] [should I|can I|must I|could I|do I] [see|do|visit|look at|try] in {city}?",
    "[I'm|I am|we are|we're] [going|traveling|travelling|flying|off] to {city} [soon|next week|next month|in spring|]. [Any tips?|What should I see?|What do you recommend?|Any advice?|Ideas?]",
    "[travel |][tips|guide|advice] [for |to |]{city}[, please|]", "{city} [travel |][tips|guide|advice|sights]",
    "what [is|are] [worth seeing|the best things to do|the best sights|the top sights|there to see|there to do|fun to do] in {city}?",
    "[I want|I'd like|I plan|I hope|I'm planning] to [visit|see|go to|travel to] {city}[.| one day.| soon.] [Any tips?|What should I know?|What is worth seeing?|Help me plan.|]",
    "[can|could|would] you [recommend|suggest] [something|things|places|sights] [to see |to visit |]in {city}?",
    "[help me|can you help me] plan [a trip|a visit|a weekend|a holiday|my vacation] [to|in] {city}[.|?]",
    "[how should|how do] I spend [a day|two days|a weekend|three days|my holiday] in {city}?",
    "[planning|I booked|dreaming of] a [trip|holiday|vacation|weekend] [to|in] {city}[.|, any ideas?|, help!]",
    "[what would you recommend|what do you recommend|what is there to do] [for tourists |for visitors |] in {city}?",
    "[tell me|say something|talk] about [traveling to |visiting |a visit to |]{city}[.|]", "[where|what] to [go|eat|see] in {city}?",
    "it's my first time in {city}, [what should I do|what do I need to know|any tips]?", "[your|the] top three [things|sights|places] in {city}?",
)
SUBJECTS = ("[travel |][tips|hints|advice|ideas|suggestions|recommendations] [for|on|about] {city}", "[a trip|a visit|a journey|a holiday|a vacation|a weekend|a day|a stay|two days|our honeymoon|my week] [to|in] {city}", "[the |][best |top |famous |nice |main |][sights|places|things to do|things to see|attractions|spots|highlights] [in|of] {city}", "[visiting|seeing|exploring|touring|traveling to|going to|flying to] {city}", "what to [see|do|visit|eat] in {city}", "{city} for [tourists|beginners|visitors|families|a weekend]", "a [travel |city |][guide|plan|program] for {city}", "{city} as a tourist")
FOLLOW_UPS = ("[and|what about|how about|and for|and in|now] {city}?", "[and|what about|how about] a trip to {city}?", "{city}?", "and [if I go to|for visiting] {city}?")
TITLES = ("Here are some travel tips for {city}:", "Here are some travel tips for {city}:", "Travel tips for {city}:", "Tips for a trip to {city}:")


def tips(city: str) -> str:
    """Four numbered tips; one form, so that greedy text is stable."""
    first, second, dish, way, season = CITIES[city]
    return (
        f"1. Visit {first} early in the morning, before the crowds come.\n2. Take time for {second}.\n"
        f"3. Try {dish} at a local place.\n4. Get around by {way}; the best time to go is {season}."
    ).replace("by your own feet", "on foot").replace("is any season", "any season")


def answer(city: str) -> str:
    """The tips under their heading."""
    return f"Here are some travel tips for {city}:\n{tips(city)}"


def exchange(rng: Random) -> Exchange:
    """A question about one city."""
    city = rng.choice(tuple(CITIES))
    question = request(rng, rng.choice(SUBJECTS)) if rng.random() < 0.4 else rng.choice(QUESTIONS)
    return Exchange("travel", typed(rng, pick(rng, (question,), city=city)), answer(city), city)


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """Another city, named alone."""
    city = rng.choice(tuple(CITIES))
    return Exchange("travel", typed(rng, pick(rng, FOLLOW_UPS, city=city)), answer(city), city)


def text(rng: Random) -> str:
    """A raw page of tips."""
    city = rng.choice(tuple(CITIES))
    return f"{pick(rng, TITLES, city=city)}\n{tips(city)}"
