"""How to use FlexServe: commands, the Python API, the HTTP endpoints, LangChain and the chat page."""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

from random import Random

from training.corpus.answers import ask, reply, topics
from training.corpus.dialogue import Exchange
from training.corpus.phrasing import pick, typed

FRAMES = (
    "[how do I|how can I|how to|how would I|how should I|how does one|how do you|how do we] {x}[?|]", "[I want|I'd like|I need|I am trying|we want] to {x}[.|. How?|. What do I type?|]",
    "[what is the command|which command do I use|what do I type|what command lets me|what's the way] to {x}?", "[show|tell|explain] me how [to|I can|I] {x}[.|]",
    "[can I|is it possible to|is there a way to|could I] {x}[ with FlexServe| with you| here| in FlexServe|]?", "{x}[?|]",
    "[steps|instructions|the command|an example|a short guide] to {x}[, please|]", "[please |]help me [to |]{x}[.|]",
    "[with FlexServe, |in FlexServe, ]how do I {x}?", "[what's the best way|what is the easiest way|the quickest way] to {x}?",
    "how do I {x} [with|in|using] FlexServe?", "[can|could] you [explain|show|tell me] how [to|I can] {x}?",
)

SUBJECTS = ("how to {x}", "how I [can |could |]{x}", "the [command|option|flag|switch|setting|line|call|code|way|trick|steps|method] to {x}", "a way to {x}", "the best way to {x}", "what to [type|do|run|write|use|enter] to {x}", "an example of how to {x}", "[help|instructions|a guide|a hint] to {x}", "to {x}", "where to {x}")

TOPICS = topics("""
# serve my own model / serve a model / run my own model / load another model / use a different model / start the server with my model / serve a Hugging Face model / load a real model / use a bigger model / host a model / deploy my model / switch to a better model / replace the demo model / serve a larger model / load my own LLM
? which models [can|does] [you|FlexServe] [serve|run|load|support]?
? [can|does] FlexServe [run|serve|load] [llama|mistral|qwen|other models|my model]?
? I don't like the demo model. [What now?|How do I get a better one?]
> Run `flexserve serve MODEL`, where MODEL is a Hugging Face id or a local folder. Then open http://127.0.0.1:8000 in a browser.
# load a local folder / serve a model from a local folder / use a model on my disk / load a model from a directory / serve a folder / use local files / load a checkpoint from disk / serve weights that I saved
? my model is [in a folder|on my disk|stored locally|in a directory]. [How do I serve it?|How can I load it?]
> Give the folder in place of the model name: `flexserve serve ./my-model`. The folder holds config.json, the tokenizer and the safetensors files.
# use a draft model / add a draft model / turn on speculation with my own SSM / choose a small model for speculation / serve with an SSM / add an SSM / set the draft model / pick the small model
? [which|what] option [sets|adds|chooses] the [draft model|SSM|small model]?
> Add a draft model with `--ssm`: `flexserve serve MODEL --ssm DRAFT`. The draft model must share the tokenizer of the large model.
# turn off speculation / disable speculation / switch off speculative inference / run without speculation / stop using the draft model / decode without guessing
> Start the server with `flexserve serve MODEL --no-speculation`. The answers stay the same, only the speed changes.
# use the Python API / use FlexServe from Python / call FlexServe in Python / use it in a Python script / generate text in Python / use the library / import FlexServe / write Python code with FlexServe / use you from Python / use it in a notebook
? [is there|do you have] a Python [API|library|package|interface]?
> In Python:\\nimport flexserve_core as ff\\nllm = ff.LLM("demo")\\nllm.compile(ff.GenerationConfig())\\nllm.start_server()\\nprint(llm.generate("Hello").text)\\nllm.stop_server()
# use an SSM in Python / add a draft model in Python / speculate from Python / compile with SSMs / use ff.SSM
> Create the small model with `ssm = ff.SSM("demo-ssm")`, call `ssm.compile(gc)`, and pass it on: `llm.compile(gc, ssms=[ssm])`.
# use LangChain / use FlexServe with LangChain / connect LangChain / build a chain / put FlexServe in a LangChain chain / integrate with LangChain
? [does|is] [FlexServe|it] [work with|compatible with|support] LangChain?
> Import `ChatFlexServe` or `FlexServeLLM` from `langchain_flexserve`. Both take a running engine or the URL of a server, and work in any chain.
# open the chat page / use the Gradio page / chat in a browser / open the web page / use the chat UI / see the user interface / use Gradio / open the web interface / get a chat window
? [is there|do you have] a [web page|chat page|user interface|UI|website|GUI]?
? where is the [chat page|web page|UI]?
> Start `flexserve serve` and open http://127.0.0.1:8000 in a browser. The Gradio chat page is there.
# use the OpenAI API / call the OpenAI endpoint / use the openai client / connect the openai package / use the OpenAI-style API / send requests over HTTP / use the REST API / connect my app / use the chat completions endpoint
? [is there|do you have] an [OpenAI|HTTP|REST] [API|endpoint]?
? is [FlexServe|the server|the API] compatible with OpenAI?
? [what is|what's] the [base url|endpoint|address of the API]?
> The server speaks the OpenAI API. Set the base URL of your client to http://127.0.0.1:8000/v1 and call chat completions as usual.
# generate text from the command line / generate text in the terminal / run one prompt / use flexserve generate / get one answer in the shell / complete a prompt in the terminal / run a prompt without a server
> Use `flexserve generate --prompt "Hello"`. Add a model name before the options to use another model.
# run many prompts from a file / use a prompt file / process a file of prompts / generate from a JSON file / answer a list of prompts
> Use `flexserve generate --prompt-file prompts.json --output-file answers.json`.
# see the device / show system information / check my setup / see which device is used / print the version / use flexserve info / find out what FlexServe uses / see the versions
? [am I|is it] using [the|my|a] GPU?
? which device [is used|does it use|am I running on]?
> Run `flexserve info`. It shows the device, the chosen implementations, the embedded models and the versions.
# change the port / use another port / set the port / run on port 9000 / choose a port / serve on a different port
? port 8000 is [busy|taken|in use|not free]. [What now?|What can I do?|Help!]
> Use the option `--port`, for example `flexserve serve --port 9000`.
# quantize a model / use int8 weights / use int4 weights / serve a quantized model / write a quantized copy
? [what|which] [option|flag|switch|parameter|command] [quantizes|compresses|shrinks] [a model|the weights|my model]?
? how [do|can|would] [I|we|one] [quantize|compress|shrink] [a model|my model|the weights|a checkpoint][ to int8| to int4| to 4 bits| to 8 bits| with bitsandbytes|]?
? [I|we] [want|need|would like] to [serve|run|load|store] [a model|my model|it] in [int8|int4|8 bits|4 bits|four bits|eight bits][.|, how?|]
? [is there|do you have|does FlexServe have] [an option|a flag|a switch] for [int8|int4|4-bit|8-bit|bitsandbytes] [weights|quantization|models]?
? [half|a quarter] of the memory: how [do|can] I [get|load|serve] [the weights|a model] [smaller|in int8|in int4]?
> Add `--quantize int8` or `--quantize int4` to `flexserve serve MODEL`, or write a copy with `flexserve quantize MODEL --int4 -o FOLDER`.
# offload weights / turn on offloading / serve a model larger than memory / put weights on disk
? [what|which] [option|flag|switch|parameter|command] [offloads|turns on offloading|moves weights to disk|keeps weights on disk]?
? how [do|can] [I|we] [turn on|enable|activate|switch on|use] [offloading|the offload|the disk tier]?
? how [do|can] [I|we] [tell|make] [FlexServe|the server] [to |][put|keep|move|leave] [weights|layers|part of the model] [on disk|in RAM|in main memory]?
? [I|we] [want|need] to [enable|use|switch on] [offloading|offload to disk|offload to RAM][.|, which flag?|, how?|]
> Use `flexserve serve MODEL --offload auto`. Weights that do not fit stay in main memory or on disk.
# change the host / listen on all addresses / reach the server from another computer / set the host / open the server to my network / use it from another machine
> Use the option `--host` with a key, for example `flexserve serve --host 0.0.0.0 --api-key KEY`. By default the server listens only on 127.0.0.1.
# choose the precision / set the dtype / change the dtype / use float32 / use bfloat16 / run in bf16 / choose the number format
> Use the option `--dtype`, for example `flexserve serve MODEL --dtype bfloat16`. In Python write `ff.LLM(MODEL, dtype="bfloat16")`.
# choose the device / run on the CPU / run on the GPU / set the device / use my GPU / use the graphics card / use CUDA
? [do I need|is there need for] a GPU?
? [does it|can it|does FlexServe] run without a GPU?
> Use the option `--device`, for example `flexserve serve MODEL --device cpu`. FlexServe runs with a GPU or without one.
# stop the server / shut down the server / quit / end the server / turn the server off / kill the server / exit
> Press Ctrl+C in the terminal. In Python call `llm.stop_server()`.
# stream the answer / get streamed output / stream tokens / see tokens as they come / use streaming
> Use `llm.stream(...)` in Python, `flexserve generate --stream` in the terminal, or `"stream": true` in an API request.
# install FlexServe / set up FlexServe / install it / get started / get FlexServe running / begin with FlexServe / start / set it up / try FlexServe
> In a clone of the project run `make demo`, or `pip install .` and then `flexserve serve`. The demo model is included.
# start the demo / run the demo / launch the demo model / try the demo model / start the server / launch FlexServe / start FlexServe
> Run `make demo` or `flexserve serve`. Without a model name FlexServe serves the demo model on http://127.0.0.1:8000.
# set the temperature / change the sampling / make answers more random / choose top-p / use sampling / make you more creative / set top-k
> Set it per request: `temperature`, `top_p` and `top_k` are fields of the API, options of `flexserve generate` and sliders on the chat page.
# make answers longer / set the length of answers / limit the number of tokens / set max tokens / get shorter answers / change the answer length
> Use `--max-new-tokens` with `flexserve generate`, or `max_tokens` in an API request.
# get the same answer again / make the output reproducible / fix the seed / set a seed / repeat a sampled answer
> Set a seed: `--seed 42` with `flexserve generate`, or `"seed": 42` in an API request. The seed used is returned with the result.
# check the health of the server / see if the server is alive / monitor the server / get metrics / use prometheus / see server statistics
? is the server [up|alive|running|ok]?
> Ask http://127.0.0.1:8000/health for the state and http://127.0.0.1:8000/metrics for Prometheus metrics.
# list the models / see the available models / know the model name / find the served models / get the model list
> Ask http://127.0.0.1:8000/v1/models, it lists the served models.
# train the demo model / rebuild the demo model / retrain you / make the demo model myself
? how [were you|was this model|was the demo model] [trained|made|built]?
> The demo model is trained by scripts in the folder training. Run `make train-demo` to rebuild it.
# handle more requests / serve more users / change the batch size / set the number of parallel requests
> Use the option `--max-requests-per-batch`, for example `flexserve serve MODEL --max-requests-per-batch 16`.
# get help / see all options / list the commands / see the options / read the help
? [what|which] [commands|options] [are there|do you have|does flexserve have]?
> Run `flexserve --help`. The commands are serve, generate, info, plan, bench, tune, quantize and replay, and each has its own `--help`.
# use curl / send a request with curl / test the API from the shell / make an HTTP request / post a prompt
> Send it with curl:\\ncurl http://127.0.0.1:8000/generate/ -H "Content-Type: application/json" -d '{"prompt": "Hello"}'
# set an API key / use an API key / protect the server with a key / require a password / ask clients for a key / secure the server / lock the server / add authentication / keep strangers out
? [is there|do you have|does the server have|does it support] [a password|an API key|authentication|a login|access control|some protection]?
? [do I|does my client|must I|do clients] need [an API key|a key|a token|a password]?
? [which|what] [API key|key] [do I|should I|must my client] [use|set|send|enter|give]?
? [api key|api-key|apikey|authentication|password|auth token][?|, how| please| for the server|]
? [I|we] [don't want|do not want] [strangers|everybody|others|anyone] to [use|reach|query] [my server|it|the API][.|. What can I do?|]
> Start the server with `flexserve serve --api-key KEY`. Then every route asks for this key. To listen to other machines without one, add `--allow-unauthenticated`.
# use several draft models / add more than one SSM / use two draft models / combine draft models / serve with many SSMs / use multiple SSMs / speculate with several small models
? [can|could|may] I [use|have|add|give|combine] [more than one|two|several|three|many|multiple] [SSMs|draft models|small models|drafters]?
? how many [SSMs|draft models|drafters|small models] [are allowed|can I use|can there be|does FlexServe take]?
? [two|three|several|multiple|many] [SSMs|draft models|drafters|small models][?|, how|, possible?|]
> Give `--ssm` once for each of them: `flexserve serve MODEL --ssm A --ssm B`. Their guesses meet in one token tree.
# run the tests / test FlexServe / start the test suite / check that everything works / test the installation
? [where|how] [are|do I find|do I run|can I run] the [tests|unit tests|test suite]?
? [which|what] command [runs|starts|launches] the [tests|test suite]?
? [tests|test suite|unit tests|pytest][?|, how|]
> Run `make test` in a clone of the project. It installs the test tools and runs the tests.
# run a benchmark / measure the speed / benchmark FlexServe / measure tokens per second / compare speed with and without speculation / time the server
? how [fast|quick|slow] is [FlexServe|it|the server] [on my machine|here|on this computer|on my hardware]?
? [is there|do you have|does FlexServe have] a [benchmark|speed test|performance test]?
? [benchmark|benchmarks|speed test|performance numbers][?|, how|, please|]
? [how many|what] tokens [per|a] second [do I get|can I expect|does it reach|does it make]?
> Run `make bench`. It measures tokens per second with and without speculation on your machine.
# tune the settings / find the fastest settings / tune FlexServe for my machine / optimize the settings / use flexserve tune / choose the best tree size / get the most speed
? [which|what] settings are [best|fastest|right|optimal] for [my machine|my prompts|my hardware|me]?
? [can|could|does] [FlexServe|it] [tune|optimize|configure|adjust] itself?
> Run `flexserve tune MODEL`. It measures precision, drafters, tree size and threads and writes the fastest settings to a file for `flexserve serve --config`.
# get JSON / force JSON output / hold the answer to a JSON schema / get structured output / make the answer match a regex / constrain the output / use a grammar / get valid JSON
? [can|could] [the answer|the output|the model|it] be [forced|held|restricted|made|bound] to [JSON|a schema|a regex|a pattern|valid JSON|a format]?
? [I|we|my program] [need|needs|want|wants] [JSON|valid JSON|an object|a fixed format|machine-readable answers][.|, how?|. Which option?|]
? [json|json schema|regex|structured output|guided decoding|grammar][?|, how|, supported?|]
> Use `--json-schema schema.json` or `--regex R` with `flexserve generate`, or `response_format` in an API request.
# set the maximum length / change the context length / use --max-seq-length / allow longer prompts / raise the context limit / set the context window / serve long prompts
? my [prompt|text|document|input] is too long[.|, what can I do?|. Which option helps?|]
? [which|what] [option|flag|setting] [sets|limits|raises|controls] the [context length|maximum sequence length|prompt length|context window]?
> Use the option `--max-seq-length`: the largest number of tokens of prompt and completion together.
# set the number of threads / use more CPU threads / limit the CPU threads / use all cores / choose the threads / use fewer cores
? [how many|which] [threads|cores|CPU threads] [are used|does it use|should I use|does FlexServe take]?
? [it|FlexServe|the server] [uses|takes|eats] [all|too many|too few] [cores|threads|CPUs][.|, what now?|, how do I change that?|]
> Use the option `--threads`, for example `flexserve serve --threads 4`.
# serve without the chat page / hide the chat page / turn off the chat page / have only the API / disable Gradio / start without the web page
? [I|we] [don't need|do not want|don't want|have no use for] [the chat page|Gradio|the web page|the UI|a page][.|, how?|]
? [only|just] the API[, please|, no page|, how|?|]
> Use `flexserve serve --no-page`. Then there is only the API.
# limit the memory / limit the GPU memory / set a memory limit / use less GPU memory / cap the memory / use --device-memory / stay below 6 GiB
? [which|what] [option|flag|setting] [limits|caps|sets|controls] the [GPU memory|host memory|memory|RAM|VRAM]?
? [it|FlexServe|the server] [uses|takes|needs] [all|too much of] my [memory|RAM|VRAM|GPU memory][.|, what now?|, help|]
> Use `--device-memory` for the GPU and `--host-memory` for main memory, for example `--device-memory 6GiB`. Weights that do not fit are offloaded.
# prove an answer / check that an answer is right token by token / use a receipt / replay an answer / verify an answer later / write a receipt
? what is [flexserve replay|a receipt|the receipt file|--receipt-file] [for|good for|]?
? [how|can] [can I|do I|I] [prove|show|verify] that [speculation|the tree] [changed nothing|did not change the answer|gave the same tokens]?
> Write a receipt with `flexserve generate --receipt-file r.json`. Then `flexserve replay r.json` computes the answer again without speculation and compares every token.
# plan the memory / see if a model fits / use flexserve plan / check whether a model fits before loading it / estimate the memory
? [will|does|would|could] [a 7B model|a 70B model|Llama|this model|my model|a big model] fit [on my GPU|into my memory|here|on this machine|in my RAM]?
? how much [memory|RAM|VRAM] [does|will|would] [a model|my model|a 7B model|Llama] [need|take|use]?
> Run `flexserve plan MODEL`. It says what would go where and how long a step would take, and loads no weights.
""")


def exchange(rng: Random) -> Exchange:
    """A how-to question; serving one's own model is asked most."""
    topic = rng.choice(TOPICS[:3]) if rng.random() < 0.25 else rng.choice(TOPICS)
    return ask(rng, "usage", topic, FRAMES, 0.55 if topic.has_questions else 1.0, SUBJECTS)


def follow_up(rng: Random, last: Exchange) -> Exchange:
    """The next thing one wants to do."""
    topic = rng.choice(TOPICS)
    goal = rng.choice(topic.name.split(" / "))
    question = pick(rng, ("[and|ok, and|then] how [do|can] I {x}?", "and to {x}?", "what if I want to {x}?"), x=goal)
    return Exchange("usage", typed(rng, question), reply(rng, topic), topic.name)


def text(rng: Random) -> str:
    """A raw how-to page of one or two entries."""
    parts = []
    for topic in rng.sample(TOPICS, rng.randint(1, 2)):
        parts.append(f"How to {rng.choice(topic.name.split(' / '))}:\n{topic.answers[0]}")
    return "\n\n".join(parts)
