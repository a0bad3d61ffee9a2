"""Ways of asking that fit any subject.

Every category names its subject as a noun phrase; these frames are shared by all of them, so that what matters for the
answer is the subject and not the words around it.
"""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.phrasing import pick

FRAMES = (
    "{x}", "{x}?", "{x}!", "{x}, please", "{x} please?", "{x}, quick", "{x}, thanks", "so {x}?", "and {x}?", "hm, {x}", "ok {x}", "{x}, go", "{x} - [what|how|any] [is it|about it|idea]?",
    "[what is|what's|what was|what would be|what might be|what are|what about|how about] {x}?", "[what|which] [exactly |really |actually |]is {x}[, please|, again|, do you think|]?", "[how|what] is {x} [called|given|known|meant|seen]?",
    "[I want|I need|I'd like|I would like|I'd love|we need|we want|he wants|she needs|they want] {x}[.|, please.| now.| right away.| today.]", "[I want|I'd like|I would love|we'd like|I have] to [know|hear|see|learn|get|find out|understand|have|read] [about |more about |]{x}[.|, please.|]",
    "[can|could|would|will] [you|somebody|someone|anyone|anybody] [please |kindly |quickly |just |maybe |][give|tell|show|explain|offer|send|write|provide|find|share|get] [me |us |]{x}?", "[would|do] you mind [giving|telling|explaining|showing|sharing] [me |us |]{x}?",
    "[give|tell|show|offer|send|write|get|bring|hand|throw|name|state|report|share] [me |us |]{x}[.|, please.| please| now|!|]", "[let|have] [me|us] [have|know|see|hear|get] {x}[.|, please.|]", "[do|did] you [know|have|happen to know|remember|understand] {x}?",
    "[I am|I'm|we are] [looking for|searching for|interested in|asking for|curious about|after|wondering about|thinking of|keen on|in need of] {x}[.|, any ideas?| today.|]", "[any|some] [idea|clue|information|news|words|thoughts|suggestions|knowledge] [on|about|regarding|concerning] {x}?",
    "[is there|have you got|do you have] [anything|something] [on|about|for|like] {x}?", "[explain|describe|present|discuss|outline|clarify|mention|introduce] {x}[.| to me.| for us.| in short.|]", "[please|kindly|quickly|now] [tell|give|show|explain] [me |us |]{x}[.|]",
    "[it would be|that'd be] [nice|great|good|lovely|helpful|cool] to [know|hear|have|get|see] {x}[.|]", "{x} would be [nice|great|good|lovely|helpful|perfect][.|, thanks.|]", "[I don't|I do not|I never|we don't] [know|understand|get|remember|learned] {x}[.|. Help!|. Can you help?|]",
    "[my|our|his|her] [question|problem|task|request|topic|subject|exercise] [is|was|today is|:] {x}[.|?|]", "[the question is|here is my question|it's about|this is about|it concerns|I mean|question about|regarding|concerning|as for] {x}[.|?|: what do you say?|]", "[I was|somebody|my teacher|my boss|a friend|a colleague] asked [me |us |]for {x}[.|. What do I say?|]",
    "[what|how much|anything] do you [know|say|think|have] [about|on|for|regarding] {x}?", "[what|how] can you [tell|say|offer|teach|show] [me |us |][about |on |as |for |]{x}?", "[please |](let us talk|let's talk|talk|chat) about {x}[.|]", "[help|assist] [me|us] with {x}[.|, please.|]", "[I can't|I cannot|I couldn't] [find|remember|recall|figure out|think of] {x}[.|]",
    "[ever heard of|familiar with|know anything about|remind me of|teach me|fill me in on|brief me on|enlighten me about] {x}[?|.]", "[how would you|how do you|can you] [answer|explain|put|describe|handle|do] {x}?", "[time for|ready for|next up|on to|back to|one more|now] {x}[.|!|]",
    "[I'd|I would|we'd|we would] [be grateful|be glad|be thankful|appreciate it|be happy] if you [told|could tell|showed|could give|gave|explained to] me {x}[.|]", "[what|how] [do people|does one|do experts|would you] [mean by|say about|think of|make of] {x}?",
    "[maybe|perhaps|possibly|by chance] you [know|can tell me|could explain|remember|have] {x}[?|.]", "[wherein|in what] [lies|consists] {x}?", "[walk|talk|guide|lead] [me|us] through {x}[.|, please.|]", "[how come nobody|why does nobody|why did no one] [explains|told me|tells me|mentions] {x}[?|]",
    "[before I forget|while you are at it|apropos|speaking of which|another matter|and another thing|on a different note][,|:] {x}[?|.|]", "{x}[,| -] [I need to know|that's my question|that is what I ask|tell me|go ahead|if I may ask|could you|would you]?[?|]",
    "[I'm|I am|we're|we are] [trying to|struggling to|hoping to|supposed to|about to] [learn|understand|find out|look up|write down|present] {x}[.|. Help?|]", "[nobody|no one|none of my friends|not even my teacher] [could|can|would] [tell|explain to|show] me {x}[.|. Can you?|]",
    "[anyone|somebody|someone|who here] [know|knows|has|got|remembers] {x}?", "[search|look up|find|lookup|query|topic]: {x}", "[need|want|looking for|wanted|seeking] {x}[.|, thx| asap|]", "{x} [pls|plz|thx|quickly|now|anyone|info|explained|in short]",
    "[it's|it is] [unclear|not clear|a mystery|a riddle] to me[:|,] {x}[.|?]", "[a word|a line|one sentence|two words] [on|about] {x}[, please|.|?|]", "[may|might|could] I [ask|inquire|trouble you] [for|about] {x}[?|, please?|]",
)
FRAMES = tuple(frame.replace("(let us talk|let's talk|talk|chat)", "[let us talk|let's talk|talk|chat]") for frame in FRAMES)


def request(rng: Random, subject: str) -> str:
    """A request for the subject, a noun phrase, in one of the shared frames."""
    return pick(rng, FRAMES, x=subject)
