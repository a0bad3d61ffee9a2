"""Exact unit conversions in whole numbers, both ways, in ranges a small model can learn."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from training.corpus.arithmetic import spelled
from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import pick, typed


@dataclass(frozen=True)
class Conversion:
    """One large unit holds `factor` small ones; amounts of the large unit go from 1 to `limit`."""

    large: str  # singular
    larges: str  # plural
    small: str
    smalls: str
    factor: int
    limit: int
    short: tuple[str, str] = ("", "")


def _regular(large: str, small: str, factor: int, limit: int, short: tuple[str, str] = ("", "")) -> Conversion:
    return Conversion(large, large + "s", small, small + "s", factor, limit, short)


CONVERSIONS = (
    _regular("kilometer", "meter", 1000, 50, ("km", "m")), _regular("meter", "centimeter", 100, 50, ("m", "cm")),
    _regular("centimeter", "millimeter", 10, 50, ("cm", "mm")), _regular("kilogram", "gram", 1000, 50, ("kg", "g")),
    _regular("ton", "kilogram", 1000, 30, ("t", "kg")), _regular("liter", "milliliter", 1000, 50, ("l", "ml")),
    _regular("hour", "minute", 60, 24, ("h", "min")), _regular("minute", "second", 60, 30, ("min", "s")),
    _regular("day", "hour", 24, 14), _regular("week", "day", 7, 20), _regular("year", "month", 12, 20),
    _regular("decade", "year", 10, 20), Conversion("century", "centuries", "year", "years", 100, 20),
    _regular("dollar", "cent", 100, 50), _regular("euro", "cent", 100, 50), _regular("dozen", "egg", 12, 12),
    Conversion("foot", "feet", "inch", "inches", 12, 12), Conversion("yard", "yards", "foot", "feet", 3, 30),
    _regular("kilobyte", "byte", 1000, 50), _regular("gigabyte", "megabyte", 1000, 50, ("GB", "MB")),
)
QUESTIONS = (
    "[tell|say|give] me {n} {from} in {many}[.|]", "{n} {from}, [in {many}|how many {many}|{many}|what's that in {many}|please in {many}|and in {many}]?", "[how many|the] {many} [for|per] {n} {from}[?|]", "[is|are] {n} {from} [a lot of|few|many] {many}, [how many exactly|how many|I mean how many]?",
    "[somebody|my coach|the label|the sign|grandma|the manual|the doctor|a customer] [says|said|wrote|asks for|shows] {n} {from}[.|,] [what is that in {many}|how many {many} is that|I need {many}|please turn it into {many}]?", "[my|the] [scale|ruler|watch|meter|app] [only|] shows {many}[.|,] [how many for|what will it show for|what do I read at] {n} {from}?", "{n} {from} [corresponds|corresponded|translates|comes|works out|amounts] to how many {many}?", "[which|what] [number|amount|count] of {many} [equals|matches|is the same as|corresponds to|makes up|is worth] {n} {from}?",
    "[swap|exchange|switch|recompute|rephrase|restate|reformulate] {n} {from} [for|to|into|in|as] {many}[.|]", "[instead of|not] {from}[,|] [I want|I need|use|give me] {many}: {n} {from}[.|]", "[write|put|say] {n} {from} [using|with the unit|with] {many}[.|]", "[do|does|will|would] {n} {from} [fit|make|give|yield] how many {many}?", "the same as {n} {from}, [but|only|just] in {many}[?|.|]",
    "[help me|I'm stuck|quick|homework|physics class|math class][:|,] {n} {from} [in|to|into] {many}[?|]", "[in|with] {many}[:|,] {n} {from}[?|]", "{n} {from} [expressed as|given as|stated in|put in|converted into|when converted to] {many}[?| is what?|, please]", "[am I right that one converts|can one convert|is it possible to convert] {n} {from} to {many}[?|, what comes out?]",
    "{n} {from} [long|in total|altogether|in all], [how many {many}|what in {many}]?", "[I|we|they] [counted|need|waited|ordered|have to wait|got|used] {n} {from}[.|,] [how many {many} [is|are] that|what's that in {many}|say it in {many}]?", "[when|if] [something|a thing|it] [is|has|lasts|measures|weighs] {n} {from}, [how many {many} is that|then it's how many {many}|what is it in {many}]?", "the {many} [contained|included|found|hidden] in {n} {from}[?|]",
    "[for|given] {n} {from}[,|:] [the number of {many}|how many {many}|find the {many}]?", "[calculate|determine|find|count|compute] the {many} [in|of|for] {n} {from}[.|]", "{many} [are|is] [what|how many] [for|in] {n} {from}?", "{n} {from} = [how many|x] {many}", "[can|could] you [put|turn|say|express] {n} {from} [in|into] {many}[?| for me?]", "{n} {from} [or|which is] how many {many}?",
    "I [know|see|read] it's {n} {from}, but [how many {many} is that|in {many}|what in {many}]?", "[from|out of] {n} {from} [I get|you get|one gets|we get] how many {many}?", "[what|how much] [makes|make] {n} {from} in {many}?",
    "[convert|change|turn|please convert|can you convert|could you convert] {n} {from} [to|into|in] {many}[?|.]",
    "how many {many} [are|is] [in |]{n} {from}?", "how many {many} [are|is|fit into|are there in|equal] {n} {from}?",
    "how many {many} [do|does] {n} {from} have?", "how many {many} [do|does] {n} {from} [equal|make]?",
    "[what is|what's|how much is|express|write|give me|tell me] {n} {from} in {many}[?|]",
    "{n} {from} [in|to|into|as] {many}[?|]", "{n} {from} [is|are|equals] how many {many}?",
    "[I have|we have|suppose I have] {n} {from}. How many {many} is that?",
    "[something is|it takes|I measured|it says] {n} {from}. [How much|What] is that in {many}?",
    "[do you know|can you tell me|I want to know] how many {many} {n} {from} [is|are|make][?|]",
    "{n} {from} = ? {many}", "{many} in {n} {from}[?|]", "the number of {many} in {n} {from}[?|]",
    "if I have {n} {from}, how many {many} do I have?",
    "{it} {n} {from}[.|,] [how many {many} is that|how many {many} are that|what is that in {many}|what would that be in {many}|please give it in {many}|I need it in {many}|how much is it in {many}]?", "[I need|I want|we need|give me|show me|tell me|let me have] {n} {from} [in|as|converted to|expressed in|changed to] {many}[.|, please.|]",
    "[what|which number] [are|is|do I get for|comes out for] {n} {from} [in|expressed in|given in|written in|measured in|when counted in] {many}?", "{n} {from} [make|makes|equal|equals|give|gives|correspond to|is the same as|are as much as] how many {many}?", "[go|switch|translate|transform|rewrite|recalculate] from {from} to {many}: {n}[?|]", "{from} to {many}: {n}[?|]", "{n} {from} -> {many}", "{n} {from} [==|=] how many {many}",
    "[with|for] {n} {from}, [what's|what is|tell me|calculate] the [amount|number|count] [of|in] {many}[?|.|]", "[can|could|would] you [work out|calculate|figure out|compute|find|say] [how many {many} there are in {n} {from}|{n} {from} in {many}|the {many} in {n} {from}][?|]", "[how much|how long|how many] [is|are] {n} {from} [if|when] [counted|measured|expressed|given|said] in {many}?",
    "how [many|much] {many} [go into|would be|would {n} {from} be,|make up|does one need for|do I need for|do you find in|come to|correspond to|are contained in|are the same as|can you get out of] {n} {from}?", "[my|a] [teacher|recipe|form|friend|map|boss] [says|wants|shows|gives] {n} {from}, [but I need|I only know|how many] {many}[.|?]", "[is there|do you know] a way to [say|write|express] {n} {from} in {many}?",
    "I [only|always] [think|count|calculate] in {many}, [what|how much] is {n} {from}?", "[count|measure|express|state|report] {n} {from} in {many}[.|, please.|]", "[in {many}|counted in {many}|measured in {many}], [what is|how much is|how many is] {n} {from}?", "[unit|] conversion: {n} {from} [to|in|into] {many}[?|]", "{many}? I have {n} {from}[.|]", "[so|and] {n} {from} [would be|is|are] [how many|what in] {many}?",
    "[there are|we count] how many {many} in {n} {from}?", "[how do you|how do I|how can I] [convert|turn|change|express] {n} {from} [to|into|in] {many}?", "the [equivalent|value|amount] of {n} {from} in {many}[?|]",
)
SUBJECTS = ("{n} {from} in {many}", "{n} {from} to {many}", "{n} {from} as {many}", "{n} {from} [given|expressed|measured|counted|written] in {many}", "the {many} in {n} {from}", "how many {many} {n} {from} are", "{n} {from} [converted|turned|changed] [to|into] {many}", "the number of {many} for {n} {from}", "{n} {from} but in {many}", "{many} for {n} {from}", "the conversion of {n} {from} [to|into] {many}", "the [amount|count|total] of {many} in {n} {from}", "converting {n} {from} to {many}", "the {many} that make {n} {from}", "how much {n} {from} [is|are] in {many}", "{n} {from} and how many {many} [it is|that is]")
MEASURED = {  # what is said to have the size of so many of the unit
    "kilometer": "[the walk|the road|the way|our trip|the race] is", "meter": "[the rope|the room|the pool|the garden|the tree] [is|measures]", "centimeter": "[the pen|the paper|the insect|the line|a finger] [is|measures]", "kilogram": "[the bag|the dog|a box|the parcel|my suitcase] [weighs|has]", "ton": "[the truck|the car|the elephant|a machine] weighs",
    "liter": "[the bottle|the tank|the pot|the bucket|a jug] [holds|contains|has]", "hour": "[the flight|the trip|the film|my work|the meeting] [takes|lasts|took]", "minute": "[the song|the video|the break|the call|the walk] [takes|lasts|took]", "day": "[the trip|the project|the visit|the festival] [takes|lasts|took]", "week": "[the course|the holiday|my vacation|the job|school] [takes|lasts|took]", "year": "[the study|the contract|my course|her job|the baby's age] [takes|lasts|is]",
    "decade": "[the war|his career|the project|their marriage] [takes|lasted|took]", "century": "[the castle|the tree|the empire|the city] [lasted|has stood for|is]", "dollar": "[the ticket|the book|a toy|the meal] costs", "euro": "[the ticket|the book|a coffee|the meal] costs", "dozen": "[the basket|the recipe|the box|the baker] [has|needs|holds]", "foot": "[the table|the man|the board|the door] [is|measures]", "yard": "[the field|the cloth|the garden|the fence] [is|measures]",
    "kilobyte": "[the file|my text|the note|the email] [has|is|takes]", "gigabyte": "[the film|the game|the disk|my phone] [has|is|takes]",
}
SPELLINGS = {  # other ways to write a unit in a question
    "kilometers": ("kilometres", "kms"), "meters": ("metres",), "centimeters": ("centimetres", "cms"), "millimeters": ("millimetres", "mms"), "kilograms": ("kilos", "kgs", "kilogrammes"), "grams": ("grammes",), "liters": ("litres",), "milliliters": ("millilitres", "mls"), "hours": ("hrs",), "minutes": ("mins",), "seconds": ("secs",), "years": ("yrs",), "dollars": ("bucks",), "tons": ("tonnes",), "feet": ("ft",), "weeks": ("wks",), "months": ("mths",), "inches": ("inchs",), "bytes": ("B",), "kilobytes": ("KB", "kB"), "gigabytes": ("gigs", "gigas"), "megabytes": ("megs", "MBs"),
}
FOLLOW_UPS = ("[and|what about|how about|and for|now] {n} {from}?", "and {n} {from} [in|to] {many}?", "{n} {from}?", "[and |now |then |]how many {many} [are|is|in] {n} {from}?", "[and |now |][the same|same thing|that] [for|with] {n} {from}[?|.|]", "{n} {from} [in|to] {many}[?|]", "what if it is {n} {from}?")


def _name(amount: int, one: str, many: str) -> str:
    return one if amount == 1 else many


def forward(conversion: Conversion, amount: int) -> str:
    """The answer for `amount` large units."""
    total = amount * conversion.factor
    unit = "dozen" if conversion.large == "dozen" else _name(amount, conversion.large, conversion.larges)
    things = "" if conversion.large == "dozen" else " " + _name(total, conversion.small, conversion.smalls)
    return f"{amount} {unit} {'is' if amount == 1 else 'are'} {total}{things}."


def backward(conversion: Conversion, amount: int) -> str:
    """The answer for as many small units as make `amount` large ones."""
    total = amount * conversion.factor
    large = "dozen" if conversion.large == "dozen" else _name(amount, conversion.large, conversion.larges)
    return f"{total} {_name(total, conversion.small, conversion.smalls)} are {amount} {large}."


def _ask(rng: Random, conversion: Conversion, templates: tuple[str, ...], back: bool) -> Exchange:
    amount = 1 if rng.random() < 0.08 else rng.randint(1, conversion.limit)
    dozen = conversion.large == "dozen"
    large = "dozen" if dozen else _name(amount, conversion.large, conversion.larges)
    small = rng.choice(("eggs", "items", "pieces", "things")) if dozen and not back else conversion.smalls
    shorts = bool(conversion.short[0]) and rng.random() < 0.25
    if shorts:
        large, small = conversion.short
    if back:
        source, target = small, large if shorts else ("dozen" if dozen else conversion.larges)
        shown: object = amount * conversion.factor
    else:
        source, target, shown = large, small, amount
        shown = rng.choice(("a", "one", 1)) if amount == 1 and not shorts else amount
        if shown == amount and not shorts and rng.random() < 0.1:
            shown = spelled(amount)
    if templates is QUESTIONS and rng.random() < 0.35:
        templates = (request(rng, rng.choice(SUBJECTS)),)
    if rng.random() < 0.12:
        source, target = (rng.choice(SPELLINGS.get(unit, (unit,))) for unit in (source, target))
    slots = {"from": source, "many": target, "it": pick(rng, (MEASURED[conversion.large],))}
    question = pick(rng, templates, n=shown, **slots)
    reply = backward(conversion, amount) if back else forward(conversion, amount)
    return Exchange("units", typed(rng, question), reply, f"{conversion.large}/{conversion.small}/{int(back)}")


def exchange(rng: Random) -> Exchange:
    """One conversion, two times of three from the large unit to the small one."""
    return _ask(rng, rng.choice(CONVERSIONS), QUESTIONS, rng.random() < 0.35)


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """Another amount of the same units."""
    large, small, back = last.topic.split("/")
    conversion = next(item for item in CONVERSIONS if (item.large, item.small) == (large, small))
    return _ask(rng, conversion, FOLLOW_UPS, back == "1")


def text(rng: Random) -> str:
    """A raw conversion table."""
    conversion = rng.choice(CONVERSIONS)
    amounts = sorted(rng.sample(range(1, conversion.limit + 1), min(rng.randint(3, 9), conversion.limit)))
    title = f"{conversion.larges} to {conversion.smalls}:\n".capitalize() if rng.random() < 0.5 else ""
    say = backward if rng.random() < 0.25 else forward
    return title + "\n".join(say(conversion, amount) for amount in amounts)
