"""FlexServe's own ideas in plain words: speculative inference, token trees, drafts, precision, offloading."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.answers import Topic, ask, reply, topics
from training.corpus.dialogue import Exchange
from training.corpus.phrasing import pick, typed

FRAMES = (
    "[what is|what's|whats|what are|define|explain|describe] {x}[?|]", "[what does|what do] {x} mean[?|]", "{x}[?|]",
    "[can|could|would] you [explain|describe|define] {x}[ to me| in simple words| in plain words|]?", "what is meant by {x}?",
    "[tell me|teach me|say something] about {x}[.|]", "[what do you know|what can you tell me] about {x}?",
    "[I don't understand|I do not understand|I don't get|I'm confused by|I never heard of] {x}[.|]", "how [does|do] {x} work[?|]",
    "[explain|describe] {x} [like I'm five|to a beginner|in simple words|in plain words|simply|shortly|quickly][.|]",
    "[in FlexServe, |]what is {x}?", "[the meaning|a definition|an explanation] of {x}[, please|]", "why [is|are] {x} [useful|needed|important|there]?",
    "[I want|I'd like] to [understand|learn about|know about] {x}[.|]", "{x}: what is that?", "what is {x} good for?",
    "what exactly is {x}?", "[help me understand|give me an idea of|summarize] {x}[.|]", "what is the [idea|point|purpose] [of|behind] {x}?",
)
SUBJECTS = ("{x}", "{x}", "what {x} [is|are|means|does]", "the [meaning|idea|purpose|role|use|benefit|point|trick|job|effect] of {x}", "the [term|word|concept|notion|idea] {x}", "how {x} [works|helps|is used]", "the reason for {x}", "{x} in [simple|plain|easy|everyday] [words|terms|language]", "why [people use|there is|we need|I need] {x}")
FOLLOW_UPS = ("[and|what about|how about|and what is|and what are] {x}?", "{x}?", "ok, and {x}?", "[then|so] what is {x}?")

TOPICS = topics("""
# speculative inference / speculative decoding / speculation / speculative execution
? how [does|can] [FlexServe|it|the server] [guess|predict] [tokens|words] ahead?
? why is [FlexServe|this] fast[er]?
? how can a small model [speed up|help|accelerate] a [large|big] [one|model]?
> Speculative inference makes a large model faster: a small model guesses several tokens ahead, and the large model checks all of them in one step. Correct guesses are kept, so the output stays the same.
> In speculative inference a small model guesses the next tokens and the large model checks them all at once. The output is exactly what the large model alone would write.
# a token tree / the token tree / token trees / tree speculation / the tree
? why [a tree|are the guesses kept in a tree] [and not a list|instead of a chain|]?
? how are [many|several] guesses checked [together|at once]?
> A token tree holds several possible continuations at once. Each branch is one guess, and the large model checks the whole tree in a single forward pass.
# a draft model / the draft model / draft models / an SSM / SSMs / the SSM / a small speculative model / the drafter
? [which|what] model makes the guesses?
? what does SSM [mean|stand for]?
> A draft model, or SSM, is a small speculative model. It proposes tokens quickly, and the large model decides which of them are kept.
# verification / verifying tokens / tree verification / the verifier / the check of the guesses
? [who|what] checks the guesses[ of the small model|]?
? how does FlexServe know [that|if] a guess is [right|correct|wrong]?
> Verification means that the large model checks the guessed tokens. A guess is kept only if the large model would have chosen the same token.
# the KV cache / a KV cache / key-value cache / KV caching / the cache
? what is kept [in memory|] for [old|past|earlier] tokens?
> The KV cache keeps the keys and values of earlier tokens in memory, so that the model does not have to compute them again for every new token.
# paged attention / a paged KV cache / paging / cache blocks / paged memory
> A paged KV cache is cut into small blocks. Requests take blocks when they need them and give them back at the end, so little memory is wasted.
# continuous batching / batching / a batch / iteration-level batching
? how [can|does] [FlexServe|the server] [serve|handle] many [users|requests|people] at once?
> Continuous batching means that new requests join the running batch at every step, and finished ones leave it. Nobody has to wait for the slowest request.
# int8 / int8 weights / int8 quantization / 8-bit weights / eight bit weights / 8 bit
> With int8 every weight is stored in 8 bits, which is half the memory of 16-bit weights. The quality stays almost the same.
# int4 / int4 weights / 4-bit weights / NF4 / four bit weights / 4 bit / int4 quantization
> With int4 or NF4 every weight is stored in 4 bits, which is a quarter of the memory of 16-bit weights. Some accuracy is lost.
# quantization / quantisation / a quantized model / quantizing / compressed weights
? how can [a model|weights] [use|take] less memory?
> Quantization stores weights with fewer bits, for example int8 or int4. The model needs less memory and often runs faster.
# offloading / offload / weight offloading / CPU offload / memory tiers
? what [if|happens if] [the|my] model [does not fit|doesn't fit|is too big for] [into memory|in memory|on the GPU|the GPU|my card]?
> Offloading keeps some of the weights in main memory or on disk and brings them in when they are needed. So a model larger than the GPU memory can run.
# greedy decoding / greedy search / greedy / greedy sampling
? what [if|happens when] [do_sample is false|temperature is zero]?
> Greedy decoding always takes the most likely next token. The same prompt then always gives the same answer.
# sampling / random sampling / do_sample
> Sampling draws the next token by chance, likely tokens more often than unlikely ones. It makes answers more varied.
# temperature / the temperature / temperature in sampling / the temperature setting
? what [temperature|value] makes [text|answers] more [random|creative]?
> Temperature says how bold sampling is. A low value gives careful text, a high value gives more surprising text.
# top-p / top p / nucleus sampling / topp
> Top-p keeps the smallest set of likely tokens whose probabilities add up to p, and samples only from them.
# top-k / top k / topk / top-k sampling
> Top-k keeps only the k most likely tokens and samples from them.
# a token / tokens / the word token
? how does a model [see|read] text?
> A token is a small piece of text, such as a word or a part of a word. Models read and write text token by token.
# a tokenizer / the tokenizer / tokenization / tokenizers / BPE
> A tokenizer cuts text into tokens and turns tokens back into text.
# a prompt / prompts / the prompt
> A prompt is the text that you give to a model. The model reads it and writes a continuation.
# a large language model / an LLM / LLMs / language models / a language model
? what does LLM [mean|stand for]?
> A large language model, or LLM, is a neural network that has learned to continue text. It predicts one token after another.
# the EOS token / EOS / the end token / end of sequence / the end-of-sequence token
? how does [the|a] model know when to stop?
> The EOS token marks the end of an answer. When the model writes it, generation stops.
# row invariance / the same tokens rule / reproducible output / batch invariance
? [is|does] the output [stay|] the same with [and without|] speculation?
? does speculation change the [answer|answers|output|text|result]?
> In FlexServe the output of a request does not depend on what else is in the batch, and speculation does not change it. The same request gives the same tokens.
# prompt lookup / n-gram lookup / prompt-lookup decoding / lookup drafting
> Prompt lookup guesses the next tokens by finding the same words earlier in the text. It needs no draft model.
# streaming / token streaming / a streamed answer / streamed output
> Streaming sends every piece of the answer as soon as it is ready, so you can read while the model is still writing.
# acceptance rate / the acceptance rate / accepted tokens / acceptance / tokens per step
? how do I know [if|that] speculation [helps|works|is good]?
> The acceptance rate says how many guessed tokens the large model keeps. The more it keeps, the more tokens it writes per step.
# a seed / the seed / seeds / a random seed
? how [can I|do I] [repeat|reproduce] a [sampled|random] answer?
> A seed fixes the random choices. With the same seed and the same request you get the same text again.
# a context window / the context length / context length / max-seq-length / the maximum length
> The context length is the largest number of tokens, prompt and answer together, that a model can work with.
# attention / self-attention / the attention mechanism / tree attention
> Attention lets a model look back at earlier tokens and use those that matter for the next one.
# model weights / weights / parameters / the weights / model parameters
> Weights, or parameters, are the numbers that a model has learned. They are stored in files and loaded at the start.
# prefill / the prefill phase / prompt processing / chunked prefill
> Prefill is the first phase of a request: the model reads the whole prompt before it writes the first new token.
# latency / throughput / tokens per second
> Latency is how long one answer takes; throughput is how many tokens per second the server writes for everybody together.
# prefix caching / a prefix cache / prefix reuse / shared prefixes / prompt caching
? [why|how come] is the second [question|request|prompt] [of a chat |with the same start |][faster|quicker]?
? [must|does] [the model|the server|FlexServe] [read|compute] the same [beginning|system prompt|start|prefix] [again|twice|every time]?
> Prefix caching keeps the KV cache of a prompt's beginning. A later request that starts with the same text uses it again instead of computing it.
# structured output / guided decoding / constrained decoding / a JSON schema / grammar-guided output
? how [can|does] [the server|FlexServe|a model] [make sure|guarantee] that [the answer is JSON|the output fits a schema|the text matches a pattern]?
> Structured output means that only tokens which fit a JSON schema, a regex or a grammar are allowed, so the answer always has the wanted form.
# a receipt / receipts / a replay / answer receipts
> A receipt notes what an answer depended on. With it `flexserve replay` computes the answer again without speculation and compares every token.
# safetensors / the safetensors format / safetensors files / a safetensors checkpoint
? [which|what] [file format|format] [are|do] [the weights|checkpoints] [stored in|have|need]?
> Safetensors is a file format for weights that holds only numbers and runs no code. FlexServe reads no other weight files.
# min-p / min p / minp / the min-p setting
> Min-p keeps the tokens whose probability is at least the fraction p of the most likely one, and samples only from them.
# a stop string / stop strings / stop sequences / a stop sequence / stop words
? how [can|do] I [end|stop|cut] the answer at a [word|certain text|marker]?
> A stop string ends the answer: as soon as the text contains it, generation stops.
# log probabilities / logprobs / a logprob / token probabilities
? how [sure|certain|confident] [is the model|was the model] [of a token|about each token]?
> Logprobs are the logarithms of the probabilities of tokens. They say how sure the model was of each token.
# an adaptive policy / the adaptive policy / adaptive speculation / the speculation policy
? does FlexServe [always|ever stop] [speculate|speculating]?
> The adaptive policy watches how many guesses are kept and how long steps take, and lets speculation rest where it does not pay.
""")


def exchange(rng: Random) -> Exchange:
    """A question about one concept; the first few are asked more often."""
    topic = rng.choice(TOPICS[:4]) if rng.random() < 0.3 else rng.choice(TOPICS)
    return ask(rng, "concepts", topic, FRAMES, 0.6 if topic.has_questions else 1.0, SUBJECTS)


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """Another concept, named alone."""
    topic = rng.choice(TOPICS)
    question = pick(rng, FOLLOW_UPS, x=rng.choice(topic.name.split(" / ")))
    return Exchange("concepts", typed(rng, question), reply(rng, topic), topic.name)


def _continuation(rng: Random, topic: Topic) -> str:
    name = topic.name.split(" / ")[0]
    return f"What is {name}?\n\n{reply(rng, topic)}" if rng.random() < 0.3 else reply(rng, topic)


DEFINITIONS = (
    "Speculative inference is a way to make a large model faster: a small model guesses several tokens ahead, and the large model checks all of them in one step. Correct guesses are kept, so the output stays the same.",
    "Speculative decoding is a way to make a large model faster: a small model guesses several tokens ahead, and the large model checks all of them in one step.",
    "A token tree is a set of possible continuations. Each branch is one guess, and the large model checks the whole tree in a single forward pass.",
    "Continuous batching is a way to serve many requests at once: new requests join the running batch at every step, and finished ones leave it.",
    "A large language model is a neural network that has learned to continue text. It predicts one token after another.",
    "FlexServe is a toolkit that serves large language models. It uses speculative inference: small models guess tokens, and the large model checks them.",
    "Quantization is a way to store weights with fewer bits, for example int8 or int4. The model needs less memory and often runs faster.",
    "Offloading is a way to run a model larger than the GPU memory: some of the weights stay in main memory or on disk and are brought in when they are needed.",
)


def text(rng: Random) -> str:
    """A raw paragraph or two of documentation."""
    if rng.random() < 0.4:
        return rng.choice(DEFINITIONS)
    return "\n\n".join(_continuation(rng, topic) for topic in rng.sample(TOPICS, rng.randint(1, 3)))
