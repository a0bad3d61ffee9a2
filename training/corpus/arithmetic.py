"""Sums and differences of numbers up to 99 and the small times table; every tenth pair is never shown in training."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501, SIM905
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.dialogue import Exchange
from training.corpus.frames import request
from training.corpus.phrasing import pick, typed

LIMIT = 99
TABLE = 10

PLAIN = (
    "{a} {op} {b}", "{a}{op}{b}", "{a} {op} {b} =", "{a} {op} {b} = ?", "{a}{op}{b}=?", "{a} {op} {b}?",
    "[what is|what's|whats|how much is|calculate|compute|work out|solve|evaluate|tell me|give me|find] {a} {op} {b}[?|]",
    "[can you|could you|would you|please] [calculate|compute|solve|work out|do|tell me] {a} {op} {b}[?|]",
    "[I need|I want to know|do you know|show me] [the result of|the answer to|the value of|] {a} {op} {b}[?|]",
    "what do I get [for|from|when I compute|if I do] {a} {op} {b}?",
    "[what does|how much does] {a} {op} {b} [equal|make|give|come to]?",
    "{a} {op} {b} [equals|is|makes] [what|how much]?",
)
CARRIERS = {
    "+": (
        "[top up|raise|boost|lift|grow|extend] {a} [by|with] {b}[.|, what is it then?|]", "[count|go|move|step|climb] {b} [further|up|on|onward|higher] from {a}[.|, where am I?|, what number is it?]", "{a} [joined by|together with|along with|plus another|and also|and then another] {b}[, how many|, what's the total| is what|][?|]", "[adding|putting] {b} on top of {a} [gives|makes|is] [what|how much]?", "[the|my] [bill|tab|score|total] [is|was] {a}[,| and| and then] {b} [more is added|comes on top|is added|gets added][.|,] [what now|what is it now|new total]?",
        "[sum|total|plus|addition]: {a}, {b}", "{a}, {b}, [added up|sum|total|together|in total][?|]", "[how much|what] [would|will|do] {a} [and|plus] {b} [be|make|total|sum to][ altogether|]?", "[a number is|if a number is|it is] {b} [above|over|beyond|larger than|greater than|more than] {a}[.|,] [which number|what is it]?",
        "[what is|what's|how much is|calculate|compute|tell me|work out|can you do|] {a} [plus|and|added to] {b}[?|]",
        "[add|sum|sum up|add up] {a} [and|to|with|plus] {b}[.|]", "[what is|give me|find|calculate] the sum of {a} and {b}[?|.]",
        "[can you|could you|please] add [the numbers|] {a} and {b}[?| for me?| together?]",
        "what [happens|do you get|do I get|results] [if|when] [I|you|we] add {b} to {a}?",
        "what do {a} and {b} [make|give|add up to|sum to] [together|]?", "{a} and {b} [together|in total|makes]?",
        "I have {a} {thing} and [get|buy|find|receive] {b} more. How many [{thing} |]do I have [now|in total|altogether]?",
        "{name} has {a} {thing} and {other} has {b}. How many [{thing} |]do they have [together|in total|altogether]?",
        "there are {a} {thing} [in a box|on a table|in a bag]. [someone|{name}] [adds|puts in] {b} more. How many [are there|{thing} are there] now?",
        "{a} and {b}[, what is that|, how much is that|, what's that][?|]", "[put|take|count] {a} and {b} together[.|, what do I get?|]", "{b} more than {a} [is what|is how much|is][?|]", "[what|which number] is {b} [more|larger|bigger|greater|higher] than {a}?",
        "[increase|raise] {a} by {b}[.|, what is it then?|]", "[what is|what's|how much is] {a} [increased|raised] by {b}?", "[what do|what does] [you|we|one|I|it] [get|have|end up with|arrive at] [when|if|after] [you|we|one|I] [add|adds|put] {a} [and|to|with] {b}[ together|]?",
        "[start with|start at|begin with|begin at|take] {a}[,| and| and then| then] [add|go up|count up|go up by] {b}[.|: where are you?|, what is it?|]", "[what|which] number [is|comes] {b} [after|above] {a}?", "[combined|together|altogether|in total|summed], {a} and {b} [are|make|give] [what|how much|how many]?",
        "[what does|what do] {a} and {b} [come to|amount to|make up|make][ together| in total| altogether|]?", "how [much|many] [do|does|would] {a} and {b} [make|come to|be|give] [altogether|together|in all|combined|in total|]?", "[the total|the sum|my total] when {b} [is|gets] added to {a}[?|]", "[give|tell] me {a} and {b} added [up|together][.|]",
        "[combine|join|unite|total|tally|tot up|count up] {a} and {b}[.|, please.|]", "[I'm|I am|we are] adding {a} [and|to] {b}[.|,] [what is it|what do I get|what comes out|how much]?", "if you add {b} onto {a}, [what's the result|what do you have|where do you land|what is it]?",
        "[the total of|total:] {a} and {b}[?|]", "if you [put|take] {a} {thing} and {b} {thing} together, how many [is that|do you have|are there]?",
    ),
    "-": (
        "[what is|what's|how much is|calculate|compute|tell me|work out|can you do|] {a} [minus|less|take away] {b}[?|]",
        "how [far apart|far away from each other|widely apart] [are|lie] {a} and {b}?", "[what|how big|how large|how wide] is the [distance|gap|difference|space] [between|from] {a} [and|to] {b}?", "[deduct|remove|strike|drop|withhold|discount] {b} [from|off|out of] {a}[.|, what stays?|, how much is that?|]", "what number [separates {a} from {b}|takes you from {b} to {a}|do I add to {b} for {a}]?",
        "{a} with {b} [deducted|removed|subtracted|taken off|gone|missing][, how much|, what's left| is what|][?|]", "[count|go|step|move] {b} [back|down|backwards|lower] from {a}[.|, where am I?|, what number is it?]", "[difference|minus|subtraction]: {a}, {b}", "[how much|how many] [less|fewer|smaller|lower] is {b} than {a}?", "[a number is|if a number is|it is] {b} [below|under|less than|smaller than] {a}[.|,] [which number|what is it]?", "{a} [but|only|just] {b} [less|fewer|lower|smaller][?|, how much is that?]", "[how many|how much] [is|are] missing [from {b} to {a}|if I have {b} and need {a}]?", "[from|out of] {a} I [deduct|remove|subtract|cross out] {b}[.|, what stays?|, the rest is?]",
        "[subtract|take|take away|deduct] {b} from {a}[.|]", "[what is|give me|find|calculate] the difference [between|of] {a} and {b}[?|.]",
        "[can you|could you|please] subtract {b} from {a}[?| for me?]",
        "what [happens|do you get|do I get|remains|is left] [if|when] [I|you|we] [subtract|take|take away|remove] {b} from {a}?",
        "I have {a} {thing} and [give away|lose|eat|sell|use] {b}[ of them|]. How many [{thing} |]are left[?| over?]",
        "{name} has {a} {thing} and [gives|sells] {b} to {other}. How many [{thing} |]does {name} [keep|have left|still have]?",
        "there are {a} {thing} [in a box|on a table|in a bag]. [someone|{name}] [takes|removes] {b}. How many [are left|{thing} remain]?",
        "{b} [from|off|out of] {a}[?|, what is that?| is what?|]", "{a} less {b} [is what|is how much|is][?|]", "[take|pull|knock|cut] {b} [away from|off|from|out of] {a}[.|, what is left?|]", "[what|which number] is {b} [less|smaller|lower|fewer] than {a}?",
        "[decrease|reduce|lower|shrink|cut] {a} by {b}[.|, what is it then?|]", "[what is|what's|how much is] {a} [decreased|reduced|lowered] by {b}?", "[what do|what does] [you|we|one|I] [get|have|end up with] [when|if|after] [you|we|I] [take away|subtract|remove|deduct] {b} from {a}?",
        "[start with|start at|begin with|take] {a}[,| and| and then| then] [take away|go down|subtract|go back|count down by] {b}[.|: where are you?|, what is it?|]", "[what|which] number [is|comes] {b} [before|below] {a}?", "[what|how much] must [I|you|we] add to {b} to [get|reach|have|make] {a}?",
        "[how far|how many steps|how much] is it from {b} to {a}?", "[by how much|how much] [does {a} exceed {b}|is {a} larger than {b}|is {b} smaller than {a}|is {a} above {b}|is {b} short of {a}]?", "[what|how much] [remains|is left|stays|is over|is left over] of {a} [after taking|without|minus|when you take away|once you remove] {b}?",
        "[the gap|the distance|the difference] between {a} and {b}[?|, please|]", "how [much|many] [is|are] left [if|when] {b} [is|are] [taken|gone|removed] [from|of|out of] {a}?", "{a} [take away|without] {b} [leaves|makes|is] [what|how much]?", "what [plus|added to] {b} [is|makes|gives] {a}?",
        "{a} minus {b} [equals|is|makes|gives] [what|how much]", "[I'm|I am|we are] [subtracting|taking] {b} from {a}[.|,] [what is it|what do I get|what comes out|how much]?", "if you [take|deduct|subtract] {b} [off|from] {a}, [what's the result|what do you have|where do you land|what is left]?",
        "how much [more is {a} than {b}|bigger is {a} than {b}]?", "{b} less than {a} is [what|how much]?",
    ),
    "x": (
        "[what is|what's|how much is|calculate|tell me|] {a} [times|multiplied by] {b}[?|]",
        "[what do|how much do|how many are] {a} [groups|rows|sets|times] of {b} [make|give|]?", "{a} [lots|groups|sets] of {b}[?|]", "[take|use] {b} {a} times[.|, what is it?|]", "[can you|could you|please] multiply {a} [by|and|with] {b}[?|]", "{a} times {b} [is|equals|makes|gives] [what|how much]?", "what [does|do] {a} times {b} [make|give|equal|come to]?",
        "[multiply] {a} [by|with|and|times] {b}[.|]", "[what is|give me|find] the product of {a} and {b}[?|]",
    ),
}
STORIES = {  # word problems
    "+": (
        "{name} has {a} [euros|dollars|coins|pounds|{thing}][,|.| and|;] [grandma|grandpa|mum|dad|uncle {other}|aunt {other}|the teacher|{other}] [gives|hands|sends|lends|brings|slips] [her|him|them] [another |]{b}[ more|]. How [much [money |]has {name} now|many has {name} now|much is that now|many does {name} own then]?", "[a|the|our] [farmer|shepherd|neighbor] [has|keeps|owns|herds] {a} [sheep|cows|hens|goats|ducks|pigs] and [buys|gets|finds|adds] {b} more[.|,] [how many [animals |]now|how many are there|how large is the herd now]?", "[in|on] [the barn|our farm|the meadow|the yard|the pond] [are|stand|live] {a} [sheep|hens|brown cows|ducks] and {b} [goats|geese|white cows|swans][.|,] how many animals [in all|is that|are there|altogether]?",
        "{name} read {a} pages [before lunch|at noon|in bed|on the bus] and {b} [later|after dinner|in the evening|at home][.|,] how many pages [did {name} read|in total|was that]?", "the [shop|baker|bookstore|florist|market stall] sold {a} [rolls|cakes|books|roses|{thing}] [in the morning|on Saturday|before noon] and {b} [in the afternoon|on Sunday|after noon][.|,] how many [were sold|in total|altogether]?", "{name} [drove|cycled|hiked|swam|ran] {a} [miles|kilometers|laps|km] [to {other}|first|on day one] and {b} [back another way|after that|on day two][.|,] [how far|how many] [in all|altogether|was that]?", "{name} is {a}[.|,] [her|his|the] [brother|sister|cousin|husband|wife|friend] is {b} years older[.|,] [what age is that|how old is [he|she|the other]|which age]?",
        "[a|the] [plant|child|tree|tower] [is|was|measured] {a} [centimeters|meters|feet] [tall|high] and [grew|grows|rose] [by |another |]{b}[.|,] how [tall|high] [now|is it now|is it then]?", "[the temperature|it] [was|is] {a} degrees and [rises|rose|goes up|climbs] [by |]{b}[.|,] [how warm is it now|what is it now|which temperature now]?", "[my|our] [piggy bank|purse|wallet|account] [holds|has|had] {a} [coins|euros|dollars][;|,|.] I [put in|add|deposit|top it up by|drop in] {b}[ more|][.|,] [how much is in it|what's in it now|new balance|how much then]?", "[we|they] [baked|invited|planted|picked|painted|caught|packed] {a} {thing} and then {b} [more|others|again][.|,] how many [is that|altogether|in all|did [we|they] do]?", "{a} [guests|kids|people|passengers] [came|arrived|are here] [early|first] and {b} [came|arrived] [late|later|after that][.|,] how many [came|in all|are there now]?",
        "[I|we|they|you] [have|had|own|owned|hold] {a} {thing} and [get|buy|find|receive|win|pick up|collect|earn|borrow|take] {b} [more|others|extra|further ones][.|,] [how many|how many {thing}] [do|did] [I|we|they|you] have [now|in total|altogether|in all|then|at the end|]?",
        "{name} [has|had|owns|keeps|collects] {a} {thing}[.|,| and then| and] [{other} gives {name}|{name} buys|{name} finds|{name} gets|{name} receives|a friend brings|{name} wins|{name} collects|{other} brings] {b} [more|others|extra|more {thing}]. How many [does {name} have|are there|{thing} does {name} have|{thing} is that] [now|in total|altogether|in all|then|]?",
        "{name} [has|bought|found|ate|sold|read|picked|made|saw|counted|won] {a} {thing} and {other} {b}[.|,] [how many [{thing} |]is that|how many [{thing} |]are that|what is that] [together|in total|altogether|in all|combined]?",
        "{name} [ate|sold|picked|made|counted|found|bought] {a} {thing} [on monday|in the morning|yesterday|last week] and {b} [on tuesday|in the evening|today|this week]. How many [{thing} |][in total|altogether|in all|together]?",
        "[one|the first|the left|a small|the red] [box|bag|shelf|basket|drawer] [has|holds|contains] {a} {thing}, [the other|the second|the right|a big|the blue] [one |box |bag |]{b}. How many [{thing} |][together|are there|in both|in total|altogether]?",
        "[there are|I see|we counted|here are] {a} [red|small|old|black] and {b} [blue|big|new|white] {thing}[.|,] how many [{thing} |][are there|is that|do we have|together] [in total|altogether|in all|]?",
        "[the|a|my|one] [book|ticket|meal|shirt|lamp|cup|game] [costs|is|was] {a} [dollars|euros|coins|pounds] and the [other|second|bag|cake|hat|drink] [costs |is |]{b}[ dollars| euros|]. [How much [is that|do I pay|do they cost|is it] [together|in total|altogether]|What is the [total|sum|bill]]?",
        "I [spent|paid|earned|saved|got] {a} [dollars|euros|coins] [yesterday|on food|at first|in may] and {b} [today|on drinks|later|in june]. How much [altogether|in total|is that|is that together]?",
        "{name} [is|was|turned] {a} [years old |]and {other} is {b} years older[.|,] how old is {other}?", "{name} is {a} [years old|]. How old [will {name} be|is {name}] in {b} years?", "[in|after] {b} years, how old [is|will be] [someone|a person|a man|a tree|a house] who is {a} [now|today]?",
        "I [read|wrote|learned|typed] {a} pages [yesterday|on monday] and {b} [pages |][today|on tuesday]. How many pages [in all|altogether|in total|is that]?", "[a|the|our] [bus|train|boat|class|team|club|room] [has|with] {a} [people|passengers|children|members] [and|, then] {b} more [get on|join|come|come in|enter]. How many [are there|people are there|is that] [now|in all|]?",
        "we [walk|drive|run|ride|walked|drove] {a} [miles|kilometers|steps|blocks] and then [another |]{b}[ more|]. How [far|many|long] [is that|did we go] [in total|altogether|in all|]?", "[our team|{name}] scored {a} points in the first [half|round|game] and {b} in the second[.|,] [what is the total|how many points in all|how many points is that|the total score]?",
        "[the film|the lesson|the ride|the walk|part one] [takes|lasts|is] {a} minutes, [the break|the next one|the way back|part two] {b}[ minutes|]. How [long|many minutes] [is that|does it take] [in total|altogether|together|in all|]?", "{name} [needs|wants|orders] {a} {thing}, {other} [needs|wants|orders] {b}. [How many must I [buy|bring|order]|How many do they need together]?",
    ),
    "-": (
        "{name} has {a} [euros|dollars|coins|pounds|{thing}] and [gives|hands|pays|sends|lends] {b} [to {other}|to her brother|to his sister|to the shopkeeper|away]. How [much has {name} now|many has {name} now|much is left|many are left|much money stays]?", "[a|the|our] [farmer|shepherd|neighbor] [has|keeps|owns|herds] {a} [sheep|cows|hens|goats|ducks|pigs][,|.| and|;] {b} [run away|are sold|die|get lost|escape|are on another meadow][.|,] [how many [animals |]now|how many remain|how many are still there]?", "{name} is {a} and {other} is {b}[.|,] [how much older is {name}|what's the age difference|how many years apart are they|by how many years is {other} younger]?", "[a|the|my] [book|novel|comic|magazine] [has|with|of] {a} pages[,|.|;] {name} [is on page|stopped at page|has finished|got through|read] {b}[.|,] how many pages [are left|remain|still to read|to the end]?",
        "the [shop|baker|bookstore|florist] had {a} [rolls|cakes|books|roses|{thing}] and sold {b}[ of them|][.|,] how many [are unsold|are left|remain|stay on the shelf]?", "[from|it is] {a} [miles|kilometers|km|steps] [to the lake|to grandma|home|to town][,|;|.] [we|I|{name}] [walked|drove|covered|did] {b}[ so far|][.|,] [how far is it still|how many are left|what distance remains]?", "[a|the] [coat|bike|toy|ticket|chair] [was|cost|costs] {a} [euros|dollars|pounds], now it is {b} [cheaper|less|off][.|,] [what is the new price|how much now|what do I pay]?", "[the temperature|it] [was|is] {a} degrees and [falls|drops|sinks|goes down] [by |]{b}[.|,] [how warm is it now|what is it now|which temperature now]?",
        "[my|our] [piggy bank|purse|wallet|account] [holds|has|had] {a} [coins|euros|dollars][;|,|.] I [take out|withdraw|spend|remove|pay] {b}[.|,] [how much is in it|what's left|new balance|what stays]?", "[a|the] [rope|ribbon|board|fence] [is|measures] {a} [meters|feet|centimeters] and I cut off {b}[.|,] how [much|long] is [left|the rest]?", "{a} [guests|kids|people] were invited, {b} [cannot come|said no|are ill|stay away][.|,] how many [come|will be there|show up]?", "{name} [wants|needs|saves for|dreams of] [a bike|a game|a lamp|a toy] for {a} [euros|dollars|pounds] and has {b}[.|,] how much [is missing|more is needed|is still lacking]?",
        "there were {a} [birds|pigeons|crows] [on a roof|in a tree|on the wire] and {b} flew [away|off][.|,] how many [stay|are left|are still there]?",
        "[I|we|they|you] [have|had|own|owned|hold] {a} {thing} and [give away|lose|eat|sell|use|break|drop|throw away|lend|share|donate|spend|gave away|lost|ate|sold|used|broke|lent] {b}[ of them|][.|,] how many [{thing} |][are left|remain|do I have left|are still there|are left over|do I still have|do we keep|stay]?",
        "{name} [has|had|owns|bought|baked|found] {a} {thing}[.|,| and then| and| but] [{other} takes|{name} loses|{name} gives {other}|{name} eats|{name} sells|{name} breaks|{other} steals|{other} borrows|{name} uses|{name} lends {other}|{name} drops] {b}[ of them|]. How many [{thing} |][are left|remain|does {name} have left|does {name} still have|does {name} have now|are left over|does {name} keep]?",
        "{name} has {a} {thing}, {other} [has |only |]{b}. How many [more |fewer |][{thing} |][more does {name} have|does {other} lack|is the difference|more is that]?", "{b} of [my|our|the|{name}'s] {a} {thing} [are|were|got] [gone|broken|lost|sold|eaten|stolen|red|old|missing]. How many [{thing} |][are left|are not|remain|are still [there|good|fine]]?",
        "[there are|there were|we had|I see] {a} {thing} [in a box|on a table|in a bag|on the shelf|in the shop|in the basket|]. {b} [are taken|fall out|are sold|break|get lost|disappear|are eaten|go bad]. How many [are left|{thing} remain|stay|are still there|are there now]?",
        "[the|a|my] [book|ticket|meal|shirt|lamp|game|hat] costs {a} [dollars|euros|coins] [and|but] I [have|own|get] [only |a discount of |]{b}[ off|]. How much [do I [still |]need|is missing|is left|do I pay|more do I need]?",
        "I [have|had|saved|got] {a} [dollars|euros|coins|pounds] and [spend|pay|lose|spent|paid|give away] {b}[ of it|]. [How much [is left|do I have left|remains|do I keep]|What is my change]?", "I pay with {a} [dollars|euros] [for something that costs|and it costs|, the price is] {b}[.|,] how much [change [do I get|comes back]|do I get back|is the change]?",
        "{name} is {a} [years old |]and {other} is {b} [years younger|]. How [old is {other}|many years are between them]?", "{name} is {a} [years old|]. How old was {name} {b} years ago?", "[what is|how big is] the age difference between {name} [, who is|(]{a}[,|)] and {other} [, who is|(]{b}[,|)]?",
        "[a|the|my] book has {a} pages and I [have read|read] {b}[.|,] how many [pages |][are left|remain|do I have to read|to go]?", "[a|the|our] [bus|train|boat|class|team|club|room] [has|with] {a} [people|passengers|children|members] [and|, then] {b} [get off|leave|go home|go out|are sick]. How many [are left|stay|remain|people stay|are still there]?",
        "the [way|trip|race|walk] is {a} [miles|kilometers|minutes|steps] [long|] and we [did|have done|walked] {b}[.|,] how [much|many|far] [is left|remain|are left|is it still]?", "[our team|{name}] scored {a} points and [the others|{other}] {b}[.|,] [by how many points did [we|they|{name}] win|what is the difference|how many points between them]?",
        "[we need|{name} needs|I want] {a} {thing} [and|but] [have|has|got|already have] [only |]{b}[.|,] how many [are missing|more do we need|are still needed|{thing} are missing|to go]?", "the [oven|clock|timer|game] runs {a} minutes, {b} [are over|have passed|are gone][.|,] how many [minutes |]are left?",
    ),
    "x": (
        "[there are|I have|we have|{name} has] {a} [boxes|bags|baskets|rows|shelves|plates] with {b} {thing} [each|in each|in every one][.|,] how many [{thing} |][is that|are there|do I have|in all|in total|altogether]?", "{a} [children|friends|people|players] [get|have|bring|buy] {b} {thing} each[.|,] how many [{thing} |][is that|are there|in all|in total|do I need]?",
        "[one|a] [ticket|book|lamp|cup] costs {b} [dollars|euros|coins][.|,] how much [are|do I pay for|is it for|cost] {a}[ of them|]?", "{name} [runs|reads|walks|works] {b} [miles|pages|hours|rounds] [a|every|each] day[.|,] how many [is that |]in {a} days?",
    ),
}
SUBJECTS = {
    "+": ("{a} + {b}", "{a}+{b}", "{a} plus {b}", "the sum of {a} and {b}", "{a} and {b} together", "{a} added to {b}", "the total of {a} and {b}", "{a} and {b} [summed|added|added up|combined|in total]", "{b} more than {a}", "the result of {a} + {b}", "the number {b} above {a}", "{a} increased by {b}", "{a} and {b} more", "adding {a} and {b}", "adding {b} to {a}", "the addition {a} + {b}", "how much {a} and {b} [make|are|is|come to]", "the answer to {a} + {b}", "what {a} plus {b} [is|makes|gives]"),
    "-": ("{a} - {b}", "{a}-{b}", "{a} minus {b}", "the difference of {a} and {b}", "{a} less {b}", "{a} reduced by {b}", "what is left of {a} after {b}", "{a} without {b}", "{b} less than {a}", "{a} take away {b}", "the result of {a} - {b}", "the number {b} below {a}", "{a} decreased by {b}", "{a} with {b} taken off", "subtracting {b} from {a}", "taking {b} from {a}", "the subtraction {a} - {b}", "how much {a} less {b} [makes|is|comes to]", "the answer to {a} - {b}", "what {a} minus {b} [is|makes|gives]", "what remains of {a} without {b}", "the gap between {a} and {b}"),
    "x": ("{a} x {b}", "{a}*{b}", "{a} * {b}", "{a} times {b}", "the product of {a} and {b}", "{a} multiplied by {b}", "multiplying {a} by {b}", "what {a} times {b} is", "the answer to {a} x {b}", "{a} groups of {b}"),
}
THINGS = tuple(
    "apples books coins marbles pens stamps cards eggs cookies balls shells flowers pears oranges candies sweets toys stickers pencils chairs tickets photos buttons "
    "nuts plums cakes stones keys cups plates letters beads bottles fish birds cats sheep chickens cars bricks lamps socks hats rings bananas lemons cherries muffins balloons "
    "postcards magazines chocolates tomatoes potatoes seeds crayons dolls kites puzzles comics notebooks dollars euros points grapes carrots donuts".split()
)
NAMES = tuple(
    "Anna Ben Clara David Emma Felix Lena Max Nora Paul Sara Tom Mary John Lisa Peter Kate Sam Lucy Jack Mia Leo Julia Mark Alice Bob Maria Luke Sofia Noah Olivia Liam "
    "Grandma Dad Mum Sally Jim Rita Omar Aisha Yuki Chen Ivan Carlos Priya Amy Tim Zoe Eric Jane Mike".split()
)
CHAINED = {  # something done to the last result
    "+": (
        "[now |and |then |ok, |next, |]add {b}[ to that| to it| to the result| more| on top|][.|]", "[now |and |]plus {b}[?|]", "[and|now] {b} more[?|]", "[and |now |][increase|raise] [it|that|the result] by {b}[.|]", "[what if|and if] [I|you|we] add {b}[ to that| to it| more|]?",
    ),
    "-": (
        "[now |and |then |ok, |next, |][subtract|take away|take off|deduct] {b}[ from that| from it| from the result|][.|]", "[now |and |][minus|less] {b}[?|]", "[and|now] {b} less[?|]", "[and |now |][decrease|reduce|lower] [it|that|the result] by {b}[.|]", "[what if|and if] [I|you|we] [take away|subtract] {b}[ from that| from it|]?",
    ),
}
FOLLOW_UPS = ("[and|what about|how about|and what is|now|next:|then] {a} {op} {b}?", "{a} {op} {b}[?|]", "[and|now] [do|try|compute|solve] {a} {op} {b}[.|]", "another one: {a} {op} {b}")
SIGNS = {"+": ("+",), "-": ("-",), "x": ("x", "*")}
TENS = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()


def result(a: int, sign: str, b: int) -> int:
    """The value of `a sign b`, sign one of + - x."""
    return {"+": a + b, "-": a - b, "x": a * b}[sign]


def held_out(a: int, sign: str, b: int) -> bool:
    """Whether training never shows this pair (a fixed tenth of all sums and differences of two-digit numbers)."""
    return sign != "x" and a > 9 and b > 9 and (a * 7 + b * 13 + (5 if sign == "-" else 0)) % 10 == 3


def spelled(number: int) -> str:
    """A number from 0 to 99 in English words."""
    if number < 20:
        return ONES[number]
    return TENS[number // 10] + ("" if number % 10 == 0 else "-" + ONES[number % 10])


def problem(rng: Random) -> tuple[int, str, int]:
    """A pair to train on: (a, sign, b); few differences are negative."""
    while True:
        sign = rng.choices(("+", "-", "x"), (5, 4, 1))[0]
        if sign == "x":
            return rng.randint(0, TABLE), sign, rng.randint(0, TABLE)
        top = LIMIT if rng.random() < 0.85 else 20
        a, b = rng.randint(0, top), rng.randint(0, top)
        if sign == "-" and b > a and rng.random() < 0.9:
            a, b = b, a
        if not held_out(a, sign, b):
            return a, sign, b


def answer(a: int, sign: str, b: int) -> str:
    """The one form of answer, so that a small model can be right."""
    return f"{a} {sign} {b} = {result(a, sign, b)}."


def exchange(rng: Random) -> Exchange:
    """One question in digits or words."""
    a, sign, b = problem(rng)
    shown = (spelled(a), spelled(b)) if rng.random() < 0.1 else (a, b)
    draw = rng.random()
    if draw < 0.2:
        question = request(rng, pick(rng, SUBJECTS[sign], a=a, b=b))
    elif draw < 0.45:
        question = pick(rng, PLAIN, a=a, b=b, op=rng.choice(SIGNS[sign]))
    else:
        table = CARRIERS if draw < 0.72 else STORIES
        name, other = rng.sample(NAMES, 2)
        question = pick(rng, table[sign], a=shown[0], b=shown[1], thing=rng.choice(THINGS), name=name, other=other)
    return Exchange("arithmetic", typed(rng, question), answer(a, sign, b), str(result(a, sign, b)))


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """Another sum asked in passing, or something added to the last result."""
    value = int(last.topic)
    if 0 <= value <= LIMIT and rng.random() < 0.5:
        sign = rng.choice("+-")
        b = rng.randint(0, LIMIT if sign == "+" else value)
        if not held_out(value, sign, b):
            question = pick(rng, CHAINED[sign], b=b)
            return Exchange("arithmetic", typed(rng, question), answer(value, sign, b), str(result(value, sign, b)))
    a, sign, b = problem(rng)
    question = pick(rng, FOLLOW_UPS, a=a, b=b, op=rng.choice(SIGNS[sign]))
    return Exchange("arithmetic", typed(rng, question), answer(a, sign, b), str(result(a, sign, b)))


def text(rng: Random) -> str:
    """A raw list of sums, the densest way to practise; or a single one, so that one sum may be all."""
    if rng.random() < 0.3:
        a, sign, b = problem(rng)
        return f"{a} {sign} {b} = {result(a, sign, b)}."
    title = rng.choice(("", "", "Arithmetic practice:\n", "Sums:\n", "Some exercises:\n"))
    lines = []
    for _ in range(rng.randint(8, 24)):
        a, sign, b = problem(rng)
        lines.append(f"{a} {sign} {b} = {result(a, sign, b)}.")
    return title + "\n".join(lines)
