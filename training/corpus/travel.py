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
    "{city} [for|as] [a first timer|first timers|a newcomer|a beginner|someone new|a rookie|a first-time visitor|my first time abroad][?|, ideas?|, please|]", "[three|two|four|five|a couple of|a few|10] days in {city}[.|,|:] [plan|plan please|a plan|what's the plan|itinerary|program|ideas|what to do|schedule]?", "{city} with [two |three |small |][kids|children|teens|toddlers|a baby|grandparents|my parents|my dog][,|:|.] [what to do|ideas|what's fun|where to go|any tips|what works]?", "[is|would] {city} [worth|be worth] [a trip|a journey|the trip|a weekend|the flight|the money][,| and|;] [what's on offer|what is there to do|and what should I see|what is on offer|what can one do there|and why]?", "{city} [itinerary|city guide|travel plan|weekend plan|route|day plan|travel advice|visit|city break|tour][, please|?|]",
    "[worth|is it worth] [visiting|seeing|going to] {city}[?|, and what for?]", "[what's|what is] [on offer|cool|worth the time|unmissable|good to see] in {city}[ for tourists| for a visitor| for newcomers]?", "[my|our] [suitcase is packed|flight leaves tomorrow|train goes tonight|tickets are booked|hotel is paid][,|.|:] {city}[!|.] [What should we see?|What now?|Any tips?|Where to first?]", "[aunt|uncle|grandma|a colleague|my boss|my pen pal|my neighbor] [visits|is off to|flies to|retires to|travels to] {city}[.|,] [what should she see|what can I recommend|any tips to pass on|what would you suggest]?",
    "[a|one|the] [rainy|sunny|cheap|romantic|lazy|perfect] [day|weekend|week] in {city}[:|,] [how|what to do|ideas|your plan]?", "[sights|food|museums|walks|places] [and food |and sights |]in {city}[?|, please|]", "[first|next] [stop|destination|station|city on our tour][:|,] {city}[.|!|. What to see?|. Tips?]", "[where|what] [would|do] [you|locals|guides] [send|show|recommend to] [a tourist|a visitor|guests|friends] in {city}?", "[I|we] [land|arrive|get off] [at the airport of|in|at the station in] {city}[,|.] [where to|what first|what now|what should we look at]?",
    "[backpacking|interrailing|honeymooning|a school trip|a stag party|a business trip|a layover|a stopover|a cruise stop] [in|to] {city}[?|, what to see?|, any tips?|. Ideas?]", "[travel|tourist|visitor|holiday|sightseeing] [info|information|advice|help|pointers|inspiration] [on|about|for|regarding] {city}[?|, please|]", "[never|not once] [been|was I] [to|in] {city}[.|:] [what's good there|what should I see|what should I start with]?", "[can|could] [one|we|a family|tourists] [have fun|spend a week|enjoy a weekend] in {city}[, and how|, what is there to see|; what do you suggest]?",
    "{city}[:|,|;] [what to see|what to eat|must-sees|highlights|where to go|how to get around|tell me the best spots|top things]?", "[we|they|I] [can't|cannot] [agree|decide] what to [do|see|visit] in {city}[.|, help!|. Suggestions?]", "[why do so many people|do many tourists|what draws people, why do they] [go to|visit|love] {city}[, and what do they see|]?", "[show|take] me around {city}[.|, please.|]", "[pointers|suggestions|recs|recommendations|must-dos|tips and tricks] for {city}[?| please|]", "[got|we have|there's] [just |only |][a few hours|an afternoon|one night|a morning|half a day|36 hours] [for|in] {city}[.|, what to do?|: what should I see?]",
    "how [to|can I|do I] [do|tour|explore|enjoy] {city} [cheaply|on foot|in a hurry|with little money|in style|like a local|off the beaten path]?", "[the|a] [kids|teenagers|seniors|couples|art lovers|foodies|students] [will visit|are going to|love to see|travel to] {city}[.|,] [what will they like|what do you suggest|what is there for them]?", "[planing a trip|traveling|travelling|going] to {city}, [tipps|tips|advise|what to see][?| please|]", "{city}, [yes or no|worth it|good idea]? [What would I see?|What is there to do?|And what to do there?]", "[spring|summer|autumn|winter|easter|christmas|new year] [break|holiday|trip|vacation] in {city}[, tips|, what to do|: ideas|]?",
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
    "[I|we|he|she|they|my parents|my sister|my friends] [will be|am|are|is|arrive|land|stay] in {city} [for|next|on|this|over] [a day|two days|three days|a week|the weekend|week|Friday|summer|Christmas|a few hours][.|,] [what [should|can|could] [I|we|they] [see|do|visit]|any [tips|ideas|suggestions]|what is worth seeing|where to go]?",
    "[what would|how would|what should] [a|the] [perfect|good|nice|typical|great] [day|weekend|trip|visit|holiday|tour] [in|to] {city} [look like|include|be]?", "[I've|I have|we have|she has] [never been to|only one day in|48 hours in|24 hours in|a weekend in|a stopover in|a long layover in|two days in|a free afternoon in] {city}[.|, what now?|, what should I do?|. Where do I start?|. What should I not miss?]",
    "[we|we all|I] [take|bring|travel with|go with] [the kids|our children|my family|my parents|two kids|my grandma|my girlfriend|friends] to {city}[.|, any ideas?|, what can we do?|. What do you suggest?]", "[things|stuff|something fun|something nice|what] to [do|see|try|visit] [in|around] {city} [with [kids|children|family|friends]|on a budget|on a rainy day|for free|at night|alone|as a couple|in one day|in winter|in summer|in two days|at the weekend|][?|]",
    "[must-sees|must sees|must-see sights|highlights|attractions|landmarks|hot spots|top sights|sightseeing|bucket list|hidden gems|places of interest] [in|of|for] {city}[?|, please|]", "[an|a|my|a short|a simple] [itinerary|plan|program|schedule|route|travel guide|mini guide|tour] [for|through|of|in] {city}[?|, please|]", "[make|write|create|draw up|put together|draft|suggest] [me |us |][an itinerary|a plan|a travel plan|a program|a small guide|a day trip|a schedule] for {city}[.|]",
    "[is|would] {city} [worth|be worth] [a visit|a trip|seeing|visiting|it][?| and what should I see?]", "[why|when] should [I|we|one|anyone] [go to|visit|travel to] {city}?", "[what's|what is] {city} [famous|known|good|great|best known] for?", "[what|which] [places|sights|attractions|spots|landmarks|corners|parts] [of|in] {city} [should I not miss|are a must|do you recommend|are the best|are worth it|would you pick|are worth a look]?",
    "[how|what's the best way] [do I|to|do people|can I] get [around|about] [in|] {city}?", "[what|which] [food|dish|dishes|local food|specialty] [should I|can I|must I|to] [try|eat|taste] in {city}?", "[when|what] is the best [time|season|month] to [visit|see|go to|travel to] {city}?", "[my|our|the] [next|first|big|summer|winter] [trip|holiday|vacation|honeymoon|flight|journey] [is|goes|takes me|takes us|will be] to {city}[.|, help me.|. What do you recommend?|. Any advice?|]",
    "[just|we just|I just|I have] [booked|bought|got] [a flight|tickets|a hotel|a room|a train] [to|in|for] {city}[.|!|. Any tips?|. What should I see?|, now what?]", "[I|we] [want|need|would like|plan|hope|am thinking] [to|] [explore|discover|tour|see the best of|get to know|walk around|spend my birthday in|spend some days in] {city}[.|, any ideas?|. What do you say?|]", "[advise|guide|help|inspire|show] [me|us] [in|around|through|for|about] {city}[.|]",
    "[what|anything|something] [do you know|can you say|do tourists do|do locals love|do people visit|do visitors like] [about|in|around] {city}[ as a travel destination|]?", "[suppose|imagine|say|if] [you|I|we] [had|have|spend] [one day|a day|three days|a weekend] in {city}, [what would you do|where would you go|what should we see|what comes first]?", "[a|some] [local's|travel|insider|good|few|quick] [tips|advice|hints] [on|for|about] {city}[?|, please|]",
    "[where|what] [should|do|can] [tourists|visitors|travelers|first-timers|families|students] [go|see|do|visit|start] in {city}?", "{city} [in|for] [a day|two days|three days|one weekend|a week|24 hours|beginners|first timers|families][?|, any ideas?|]", "{city} [trip|holiday|vacation|must see|itinerary|sightseeing|things to do|what to see|what to do|recommendations|highlights|ideas|help][?|]", "[going|off|moving|traveling|heading|flying] to {city} [soon|tomorrow|next month|in may|for work|on business|for the first time|], [any tips|what to see|what should I do|ideas|suggestions]?",
    "it's my first time in {city}, [what should I do|what do I need to know|any tips]?", "[your|the] top three [things|sights|places] in {city}?",
)
SUBJECTS = ("[travel |][tips|hints|advice|ideas|suggestions|recommendations] [for|on|about] {city}", "[a trip|a visit|a journey|a holiday|a vacation|a weekend|a day|a stay|two days|our honeymoon|my week] [to|in] {city}", "[the |][best |top |famous |nice |main |][sights|places|things to do|things to see|attractions|spots|highlights] [in|of] {city}", "[visiting|seeing|exploring|touring|traveling to|going to|flying to] {city}", "what to [see|do|visit|eat] in {city}", "{city} for [tourists|beginners|visitors|families|a weekend]", "a [travel |city |][guide|plan|program] for {city}", "{city} as a tourist", "the [must-sees|highlights|landmarks|best parts|hidden gems] of {city}", "an itinerary for {city}", "[sightseeing|a weekend break|a city break|a day trip|our family trip] in {city}", "where to go in {city}", "my [next|first] trip to {city}", "{city} in [one day|two days|a weekend]", "what [tourists|visitors] do in {city}", "a [good|nice] plan for {city}", "a stay in {city} with [kids|children|friends]", "what {city} is famous for")
FOLLOW_UPS = ("[and|what about|how about|and for|and in|now] {city}?", "[and|what about|how about] a trip to {city}?", "{city}?", "and [if I go to|for visiting|when I visit|in|the same for|tips for] {city}?", "[and |now |][the same|same question|tips|advice|ideas] for {city}[, please|?|]", "what should I see in {city}?", "[and |]what if I [go|fly|travel] to {city} instead?")
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
