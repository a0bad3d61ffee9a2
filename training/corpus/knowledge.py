"""Everyday advice (three tips each) and a few plain facts."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.answers import Topic, ask, own_question, reply, topics
from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import pick, typed

# activity (-ing form / others): three tips
ADVICE = topics("""
# staying healthy / being healthy / living a healthy life / good health / keeping fit
> Three tips for staying healthy are:\\n1. Move every day, even if it is only a walk.\\n2. Eat vegetables and fruit.\\n3. Sleep at least seven hours.
# sleeping well / sleeping better / good sleep / falling asleep / a better night's sleep
> Three tips for sleeping well are:\\n1. Go to bed at the same time every day.\\n2. Keep the room dark and cool.\\n3. Put the phone away an hour before.
# learning a language / learning new words / studying a foreign language / practicing a language
> Three tips for learning a language are:\\n1. Practice a little every day.\\n2. Speak aloud, even with mistakes.\\n3. Read simple texts that you enjoy.
# studying / passing an exam / preparing for a test / learning for school / getting good grades
> Three tips for studying are:\\n1. Start early and make a plan.\\n2. Take short breaks.\\n3. Explain the topic to somebody else.
# saving money / spending less / keeping a budget / not wasting money
> Three tips for saving money are:\\n1. Write down what you spend.\\n2. Make a list before you shop.\\n3. Put some money aside every month.
# working from home / home office / remote work / being productive / getting more done
> Three tips for working from home are:\\n1. Keep a fixed place for work.\\n2. Do the hardest task first.\\n3. Take a real break at noon.
# packing a suitcase / packing for a trip / packing light / packing a bag
> Three tips for packing a suitcase are:\\n1. Make a list first.\\n2. Roll your clothes.\\n3. Keep important things in your hand luggage.
# cooking / learning to cook / cooking at home / becoming a better cook
> Three tips for cooking are:\\n1. Read the whole recipe first.\\n2. Prepare everything before you start.\\n3. Taste while you cook.
# growing plants / gardening / growing tomatoes / caring for house plants / starting a garden
> Three tips for growing plants are:\\n1. Give them enough light.\\n2. Water them in the morning.\\n3. Use good soil.
# running / starting to run / jogging / getting into running
> Three tips for running are:\\n1. Start slowly.\\n2. Wear good shoes.\\n3. Rest a day between two runs.
# making friends / finding friends / meeting people / getting to know people
> Three tips for making friends are:\\n1. Say hello first.\\n2. Listen and ask questions.\\n3. Meet often and do things together.
# giving a talk / public speaking / a presentation / speaking in front of people / holding a speech
> Three tips for giving a talk are:\\n1. Practice it aloud.\\n2. Tell one clear story.\\n3. Speak slowly and look at the people.
# keeping calm / reducing stress / relaxing / calming down / dealing with stress
> Three tips for keeping calm are:\\n1. Breathe slowly.\\n2. Do one thing at a time.\\n3. Go outside for a few minutes.
# writing a letter / writing better / writing a good text / writing an email / clear writing
> Three tips for writing are:\\n1. Use short sentences.\\n2. Say the important thing first.\\n3. Read it aloud before you send it.
# saving energy / using less electricity / protecting the environment / living green / saving power
> Three tips for saving energy are:\\n1. Turn off lights that you do not need.\\n2. Wash at low temperature.\\n3. Walk or ride a bicycle on short ways.
# making tea / making a cup of tea / brewing tea / a good cup of tea
> To make tea, boil fresh water, pour it over the tea, wait three to five minutes, and take the tea out.
# making coffee / brewing coffee / a good cup of coffee / making a cup of coffee
> To make coffee, grind the beans, put the powder into a filter, and pour hot water over it slowly.
# boiling an egg / cooking an egg / a boiled egg / soft-boiled eggs
> To boil an egg, put it into boiling water for six to eight minutes and cool it under cold water.
""")
ADVICE_FRAMES = (
    "[give|tell|show|name] me [three |some |a few |your best |good |][tips|hints|ideas] for {x}[.|]", "[any|what are|what are some|what are good|got any] [tips|advice|hints|recommendations] [for|on] {x}[?|]",
    "[tips|advice] [for|on] {x}[, please|]", "[do you have|can you give me|could you give me|I need|I'd like|I want] [tips|advice|hints|some tips|some advice] [for|on|about] {x}[?|]",
    "[what|how] [helps|can I do|should I do] [with|for|about] {x}?", "[what should I know|what is important|what matters|what do I need] [about|for|when] {x}?",
    "[help me with|I need help with|I struggle with|teach me] {x}[.|]", "{x}[ tips|, any tips?|, how?|, help me|: what helps?]", "[how does|how about] {x} [work|]?", "three tips for {x}[, please|]",
)
SUBJECTS = ("[tips|advice|hints|ideas|help|rules|tricks|suggestions] [for|on|about|with] {x}", "{x}", "{x}", "the [best|right|easiest|proper] way of {x}", "[good |]habits for {x}", "[what|something that] helps with {x}", "how {x} works best", "the secret of {x}")
ADVICE_DIRECT = {
    0: ("how [can|do|should] I [stay|keep|be|become] [healthy|fit|in shape]?", "[what is|what's] good for my health?", "I want to live healthier[.|]"),
    1: ("how [can|do] I [sleep|fall asleep] [better|well|faster|]?", "I [can't|cannot|don't] sleep[ well| at night|][.|]", "I sleep badly[.|]"),
    2: ("how [can|do|should] I learn [a language|Spanish|French|English|German|a new language]?", "I want to learn [a language|Spanish|French|Italian][.|]"),
    3: ("how [can|do|should] I [study|learn] [better|well|for an exam|for a test|]?", "I have an exam [soon|tomorrow|next week][.|]"),
    4: ("how [can|do] I [save|keep] [more |some |]money?", "I spend too much[ money|][.|]", "how do I spend less?"),
    5: ("how [can|do] I [work|work well|work better|be productive] [from home|at home]?", "how do I get more done?"),
    6: ("how [do|should] I pack [a suitcase|my suitcase|my bag|for a trip|for vacation]?", "what should I pack?"),
    7: ("how [can|do] I [learn to cook|cook better|cook well|become a better cook]?", "I can't cook[.|]"),
    8: ("how [do|can] I [grow|care for|water] [plants|tomatoes|flowers|house plants]?", "my plants [are dying|look sad|do not grow][.|]"),
    9: ("how [do|can|should] I [start running|begin to run|run better|start jogging]?", "I want to [run|start running|run more][.|]"),
    10: ("how [can|do] I [make|find|get] [new |more |]friends?", "I have no friends[.|]", "how do I meet people?"),
    11: ("how [can|do] I [give|hold|prepare] a [good |][talk|speech|presentation]?", "I have to give a [talk|speech|presentation][.|]"),
    12: ("how [can|do] I [keep calm|stay calm|calm down|relax|reduce stress]?", "I want to relax[.|]", "how do I deal with stress?"),
    13: ("how [can|do] I write [better|well|a letter|a good letter|a good email|clearly]?", "I have to write a letter[.|]"),
    14: ("how [can|do] I [save energy|use less electricity|save power|protect the environment]?",),
    15: ("how [do|can|should] I [make|brew|prepare|cook] [a cup of |][green |black |good |]tea?",),
    16: ("how [do|can|should] I [make|brew|prepare] [a cup of |][good |strong |]coffee?",),
    17: ("how [do|can|long do|should] I [boil|cook|make] [an egg|eggs|a soft egg]?",),
}
FACTS = topics("""
# sky
? why is the sky blue?
? what makes the sky blue?
? [explain|tell me] why the sky [is|looks] blue[.|]
> The sky looks blue because air scatters blue light more than red light.
# sun
? why does the sun shine?
? what is the sun?
? [is the sun|what kind of thing is the sun|the sun is] [a star|]?
> The sun is a star. It shines because it is very hot.
# rain
? why does it rain?
? where does rain come from?
? how does rain [form|work|happen]?
> Water rises from the sea as vapor, forms clouds, and falls down as rain.
# snow
? [why|when] does it snow?
? what is snow [made of|]?
> Snow is made of small ice crystals that form in cold clouds.
# seasons
? why [are there|do we have] seasons?
? what causes the seasons?
> We have seasons because the axis of the Earth is tilted.
# tides
? why are there tides?
? what causes the tides?
> Tides are caused mostly by the pull of the moon.
# freezing
? [when|at what temperature|at which temperature] does water freeze?
? [what is|what's] the freezing point of water?
> Water freezes at 0 degrees Celsius.
# boiling
? [when|at what temperature|at which temperature] does water boil?
? [what is|what's] the boiling point of water?
> Water boils at 100 degrees Celsius.
# water
? what is water [made of|]?
? [what is|what's] the [chemical |]formula [of|for] water?
> Water is made of hydrogen and oxygen. Its formula is H2O.
# spider
? how many legs [does a spider|do spiders] have?
? [number of|the number of] legs of a spider[?|]
> A spider has 8 legs.
# insect
? how many legs [does an insect|do insects|does an ant] have?
> An insect has 6 legs.
# weekdays
? how many days [are in|does|has|are there in] a week[ have|]?
> A week has 7 days.
# months
? how many months [are in|are there in|has] a year?
> A year has 12 months.
# yeardays
? how many days [are in|are there in|has] a year?
> A year has 365 days, a leap year 366.
# largest planet
? [what|which] is the [largest|biggest] planet?
? [what|which] planet is the [largest|biggest]?
> The largest planet of the solar system is Jupiter.
# largest animal
? [what|which] is the [largest|biggest] animal [in the world|on earth|]?
> The largest animal is the blue whale.
# fastest animal
? [what|which] is the fastest [land |]animal?
> The fastest land animal is the cheetah.
# highest mountain
? [what|which] is the [highest|tallest] mountain [in the world|on earth|]?
> The highest mountain is Mount Everest.
# largest ocean
? [what|which] is the [largest|biggest] ocean?
> The largest ocean is the Pacific Ocean.
# continents
? how many continents are there?
> There are seven continents.
# planets
? how many planets are there [in the solar system|]?
> There are eight planets in the solar system.
# moon
? [what|who] goes around the Earth?
? how long does the moon need to go around the Earth?
> The moon goes around the Earth in about 27 days.
# earth
? how long does the Earth need to go around the sun?
? is the Earth [round|flat]?
> The Earth is round and goes around the sun in one year.
# bees
? how do bees make honey?
? where does honey come from?
> Bees collect nectar from flowers and turn it into honey.
# plants
? how do plants [grow|make food|live]?
? what do plants need?
> Plants need light, water, air and soil. They make sugar from light, water and air.
# grass
? [what|which] color is [grass|the grass]?
? why is grass green?
> Grass is green because of chlorophyll.
# banana
? [what|which] color is [a banana|the banana|a lemon|the sun]?
> It is yellow.
# cow
? what [sound |noise |]does a cow [make|say]?
> A cow says moo.
# catsound
? what [sound |noise |]does a cat [make|say]?
> A cat says meow.
# dogsound
? what [sound |noise |]does a dog [make|say]?
> A dog says woof.
# milk
? where does milk come from?
? who gives milk?
> Milk comes from cows.
# paper
? what is paper made of?
> Paper is made of wood.
# glass
? what is glass made of?
> Glass is made of sand.
# triangle
? how many [sides|corners] [does|has] a triangle[ have|]?
> A triangle has 3 sides and 3 corners.
# square
? how many [sides|corners] [does|has] a square[ have|]?
> A square has 4 sides and 4 corners.
""")


def _advice(rng: Random) -> Exchange:
    index = rng.randrange(len(ADVICE))
    topic = ADVICE[index]
    draw = rng.random()
    if draw < 0.3:
        question = pick(rng, ADVICE_DIRECT[index])
    elif draw < 0.65:
        question = own_question(rng, topic)
    else:
        name = rng.choice(topic.name.split(" / "))
        shared = rng.random() < 0.4
        question = request(rng, pick(rng, SUBJECTS, x=name)) if shared else pick(rng, ADVICE_FRAMES, x=name)
    return Exchange("advice", typed(rng, question), reply(rng, topic), topic.name)


def exchange(rng: Random) -> Exchange:
    """Advice or a fact."""
    return _advice(rng) if rng.random() < 0.6 else ask(rng, "facts", rng.choice(FACTS))


def text(rng: Random) -> str:
    """A raw page of tips, or a few facts."""
    if rng.random() < 0.6:
        return rng.choice(ADVICE).answers[0]
    chosen: list[Topic] = rng.sample(FACTS, rng.randint(1, 4))
    return " ".join(topic.answers[0] for topic in chosen)
