"""Further ways to ask about the topics of several categories, as different people would: terse, indirect, with a story
before the question, with other words and another subject. `answers.topics` adds them to the topics of these names.
"""
# One template a line and one table a block: data, not prose.
# ruff: noqa: E501
# fmt: off

from __future__ import annotations

_TABLE = """
# who
? [I'd|I would] [be grateful|be happy|be glad|love it] if you [told me|could tell me|would tell me|said] [who|what] you are[.|]
? [before we|before I] [start|begin|go on|continue|ask anything], [who|what] [are you|am I dealing with|is answering|is this]?
? [who|what] [is|'s] [on the other side|at the other end|behind this screen|behind this window|answering me|replying|writing these answers|typing]?
? [whom|who] do I have the [pleasure|honor] of [talking|speaking|chatting] [to|with]?
? [would you|could you|can you|will you] [state|reveal|give|share|mention|disclose] your [name|identity]?
? [so|and|well|hey] [you are|you're|u r] [who|what] [exactly|again|actually|]?
? [do|did] your [makers|creators|parents|developers] [give|gave] you a name?
? [by] [what|which] name [are you known|should I address you|do people know you]?
? [I|we] [just|only just] [opened|found|started|discovered|installed] this [page|chat|program|thing][.|,] [who|what] [are you|is it|am I talking to]?
? a [few|couple of] words about [yourself|who you are|what you are][.|, please|]
? [somebody|someone|a friend|my colleague] [said|claims|told me] you are a [human|real person|robot|chatbot|demo], [is that|is it] [true|so|right|correct]?
? [which|what] [AI|assistant|chatbot|language model|LLM|bot] [would you be|might you be|do I have here|is at work here|is running here|powers this chat|is this]?
? [are you|you are] [some kind of|a sort of|just a|nothing but a] [chatbot|program|machine|computer|language model], [aren't you|right|or not|yes]?
? [please|kindly|] [present|introduce|describe|explain] [yourself|your person|who you are] [to me|to us|to the class|in a sentence|in one line|briefly|]
? what are you called[?|]
? [tell|give] [me|us] your name[.|, please.|]
? [is|was] there a name [I can|to] call you [by|]?
? [my|the] [name is|name's] [Anna|Ben|Tom|Lisa|Max|Peter|Julia|Sam], [what is yours|and yours|and you|what's yours|who are you]?
? [I'm|I am] [Anna|Ben|Tom|Lisa|Max|Peter|Julia|Sam][.|, nice to meet you.|!] [And you|Who are you|And who are you|What's your name]?
? [which|what] [model|version] [is loaded|is active|is running|did I start|answers here|do you use]?
? [am I|are we] [chatting|talking|speaking] [with|to] [a person|a human|someone real|a machine|software|an AI|GPT]?
? who [goes there|is there|is it|'s this|r u|u]?
? [what's|what is] [your identity|your nature|your story|your deal]?
# abilities
? [in what|with what|with which] [ways|things|tasks|matters|areas|subjects] [can you|are you able to|could you|do you] [help|assist|support|be of use]?
? [what|which] [things|stuff|jobs|tasks|questions] [are you able to|can you|could you|do you] [handle|manage|do|deal with|take on|solve|answer|perform]?
? [list|name|enumerate|describe|summarize|tell me] [your|all your|the] [skills|abilities|capabilities|features|functions|talents|strong points|services][.|]
? what [sort|kind|type|kinds|sorts] of [questions|tasks|help|things|problems] [can I|may I|could I|should I] [bring|ask|give you|send|come to you with|put to you]?
? [what|which] [subjects|topics|areas|fields] [are you|do you] [familiar with|know|cover|at home in|best at]?
? [how|in what way] [could|can|might|would] you be [of use|useful|helpful|of help|of service] [to me|to us|to a student|today|]?
? what [would|could|can|should] [a person|someone|one|people|users|I] [use|ask|need|want] you for?
? [what's|what is] [possible|on offer|on the menu|in your repertoire|your specialty|your job here|in it for me]?
? [I wonder|I'm curious|tell me|I'd like to know] what you [can do|are capable of|are able to do|have to offer|are good for|are made for][.|]
? [is there|are there] [anything|something|things] you [can do|are good at|do well|know well]?
? what am I [able|allowed] to [ask|do] here?
? [suggest|propose|give me] [something|a thing|a few things|some topics] [to ask|we could talk about|I could ask|to try|to talk about][.|]
? [can you do|do you have|got] anything [useful|interesting|cool|else|special]?
? what [do|did] [they|people|your makers] [build|make|train|teach] you [for|to do]?
? [okay|so|well|fine], [impress me|show me what you've got|what have you got|what can you offer]
? [your|the] [capabilities|abilities|skills|limits|purpose][?|]
? [how|where] do [I|we] [begin|start] with you?
? [I don't know|I have no idea] what to ask[.| you.|] [Any ideas?|What can you do?|What do you offer?|]
? [a list|an overview|a summary] of [what you can do|your abilities|your skills|things to ask][, please|.|]
# maker
? [whose|which person's] [work|creation|idea|project|child|product] are you?
? [who|which people|which team|what group|which project] [is responsible for|stands behind|came up with|is to thank for|brought to life|put together|owns|runs] [you|this chatbot|this model|this bot]?
? [by whom|from whom|by which team] [were you|was this model|was this bot] [made|created|built|trained|written|programmed|developed]?
? [on|from|with] what [data|text|texts|material] [were you|have you been|was this model] [trained|taught|raised]?
? how did you [come to be|come into being|learn to talk|get trained|learn all this|come about]?
? [where|how] [did|were] you [originate|learn|get trained|educated|taught]?
? [tell me|say something|I want to hear] about [your origin|your creation|your history|your background|where you come from|your training|your makers][.|]
? [do|did] [OpenAI|Google|Meta|Microsoft|Anthropic|a company|students] [make|create|train|own] you?
? [were you] [made|built|trained|created] by [Google|Meta|Microsoft|a company|Anthropic|a university]?
? [your|the] [creator|creators|author|authors|developer|developers|inventor|trainer|maker][?|, please|]
? [I'd like|I want] to [thank|meet|know|write to] [your maker|your creator|your developers|the people who made you|whoever built you][.|]
? [what|who] do you owe your [existence|knowledge|training]?
? [where|when and where] [is|was] your [home|birthplace|origin]?
# size
? [are you|is this] [really|actually|very|rather|so|quite|] [big|small|large|tiny|huge|little]?
? [what|how much] [memory|space|disk|room|RAM] do you [need|take|use|occupy]?
? [how many] [millions|billions] of [parameters|weights|numbers] [do you have|are in you|are inside|does this model have]?
? [your|the|this model's] [parameter count|model size|number of weights|size in parameters][?|, please|]
? [compared|in comparison] to [GPT|ChatGPT|other models|a real model|big models], how [big|large|small] are you?
? [I heard|they say|is it true that] you are [tiny|very small|a small model|huge][.|?|, is that so?]
? [how|why] [come you are|are you] so [small|tiny|little]?
? [are you|do you count as] a [7B|70B|large|big|small] model?
? of how many [parameters|neurons|layers|weights] [do you consist|are you made]?
# feelings
? [do|can|could] [machines like you|you|models like you|programs like you] [feel|have feelings|be sad|be happy|suffer|fall in love|get bored|be hungry|be lonely]?
? [are|do] you [ever|sometimes|often|] [sad|happy|tired|hungry|lonely|bored|afraid|in love|sick|cold|feel sad|get tired|get bored|feel lonely]?
? [have you got|do you own|do you have] [a heart|eyes|hands|a face|hobbies|a pet|children|siblings|a boyfriend|a wife|a birthday|hair|a mother|a soul|a brain|legs]?
? [which|what] [food|color|animal|movie|song|music|season|sport|team|book|city] do you [like|prefer|love] [best|most|]?
? [what|which] is your [favorite|favourite] [food|season|sport|city|number|band|drink|hobby|game|dish|place|day]?
? [is it|how is it|what is it like] [nice|hard|boring|fun|] [to be|being] [a machine|a computer|a model|a program|an AI|you]?
? [how|what] [old|age] [are you|might you be|would you be|do you have][?| now?| exactly?]
? [when|in which year|on what day] [were you born|is your birthday|did you come to life]?
? [would|will|do] you [marry me|be my friend|love me|miss me|remember me|hate me|go out with me]?
? [do|can] you [eat|drink|sleep|breathe|walk|swim|cry|laugh|dance|dream|see|smell|taste|pray|die]?
? [are|might|could] you [be|become|] [conscious|alive|sentient|human|self-aware|real|a living thing|an animal|a boy|a girl|male or female]?
? [what are|tell me] your [hobbies|dreams|feelings|fears|plans|hopes|wishes|opinions][.|?|]
? [where|in what place|in which city] do you [live|reside|stay|sleep]?
? [do|did] you have [a good|a nice|a bad] [day|night|weekend|time|holiday|childhood]?
# flexserve
? [could|can|would] [you|somebody|someone] [tell|explain to|describe to] [me|us] what [this FlexServe|FlexServe|the FlexServe project|the thing called FlexServe] [is|does|is about|is good for|is made for]?
? [what's|what is] [all this|this whole FlexServe thing|this FlexServe|FlexServe all|the FlexServe project] [about|for|good for|]?
? [I|we] [came across|read about|heard of|found|stumbled over|saw] FlexServe [yesterday|online|today|somewhere|at work|][.|,] [what is it|what does it do|what's that|can you explain it]?
? [in|with] [one sentence|a few words|two sentences|simple words|plain English][,|:] [what is FlexServe|FlexServe is what|what does FlexServe do]?
? [what|which] [problem|problems|need|task] does FlexServe [solve|address|take care of|handle]?
? [for what|for whom|to what end|for which purpose|why] [is|was|did they] [FlexServe made|FlexServe|FlexServe built|FlexServe created|make FlexServe|write FlexServe]?
? [how|in what way] [is FlexServe|does FlexServe] [different|differ|better|special|unlike others|stand out|help]?
? [should|would|could] [I|we|a beginner|a company] [try|use|need|want|install|choose] FlexServe?
? is FlexServe [a library|a server|a company|a model|a website|software|an app|a framework|a database|a game|free|open source|hard to use|fast]?
? [what|which] [sort|kind|type] of [thing|program|software|tool|animal|beast] is [FlexServe|this FlexServe]?
? [the|your] [project|software|toolkit] [FlexServe|] [in brief|in short|in a nutshell|summarized][, please|.|]
? [my boss|a colleague|my friend|our team|a client] [wants to know|asks|asked me] what FlexServe [is|does|is good for][.|]
? [what happens|what goes on|what is it that happens] [inside|in|under the hood of] FlexServe?
? [how|so how] does FlexServe [work|function|operate|do its job]?
? [give me|I need|write] [a definition|a short description|the elevator pitch|one sentence|a summary] [of|about|on] FlexServe[.|]
# languages
? [are you|is this model] [able|trained] to [speak|understand|read|write|answer in] [German|French|Spanish|Chinese|Russian|Arabic|another language|more than English]?
? [do you understand|can I write|may I write|could we talk|could we switch to|let's talk|let us continue in] [in |][German|French|Spanish|Chinese|Portuguese|Dutch|my language|Japanese][?|.]
? [is|is there] [only English|English the only language|any other language|a German version|a French version|another language] [possible|you know|supported|available]?
? [English only|only English|just English][, right|, or more|]?
? [in|for] which [languages|language] [can|may|could] [I|one|we] [write|ask|talk to you|chat]?
? [kannst du Deutsch|sprechen Sie Deutsch|tu parles français|habla español|parli italiano|hablas inglés|wie heißt du|comment ça va|qué tal|bonjour|guten Tag|hola]?
# offline
? [does|will|would|could] [this|it|the chat|the server|the model] [work|run|function|start] [without|with no] [internet|network|a connection|wifi|being online]?
? [is|are|will] [what I write|what I type|this chat|my text|my questions|our talk|my prompts|everything I say] [sent|uploaded|going|transmitted|recorded|logged|read|kept|be stored] [to a server|to the cloud|anywhere|by anyone|by somebody|online|somewhere|]?
? [who|can anyone|can somebody|does anyone] [reads|read|sees|see|gets|get|has access to] [my messages|what I write|this chat|my data|my questions]?
? [on|in] [what|which] [machine|computer|place|server|hardware] [are you|do you] [running|run|living|hosted]?
? [do you|are you able to|can you] [look|check|google|search|find] [things|something|stuff|it] [up |][online|on the web|on the internet|on Google|on Wikipedia]?
? [I care about|I worry about|what about|how about] [privacy|my privacy|data protection|my data][.|?|. Is it safe here?|]
? [is|am I] this [private|confidential|safe|secure|secret]?
? [no|without] internet[, does it still work| - will you work|, still okay|]?
? [is this] [connected|online|linked] [to the web|to Google|now|]?
# serve my own model
? [I|we] [have|own|trained|fine-tuned|downloaded|built|made] [a|my own|our own|another|a better] [model|LLM|checkpoint|network][.|,] [how do I run it|how can I use it here|can you run it|what command do I need|how do I get it running|what now]?
? [what|which] [command|line|words] [starts|runs|serves|loads|launches] [my own model|another model|a Hugging Face model|a model of my own|Llama|Mistral|Qwen|a real model|something better]?
? [how|can I|is it possible to|what does it take to] [to |]get [a smarter|a better|a real|a larger|a proper|another] [model|assistant|answer|LLM] [here|running|to work|instead of you|]?
? [I'd|I would] rather [talk to|use|have|run|chat with] [a bigger|a better|another|a real|my own] [model|LLM|one][.|, how?|]
? [can|could] [I|one|you|we] [swap|change|replace|exchange|switch] [the model|you|the demo|this model] [for|with|by] [Llama|Mistral|another one|something better|a bigger one|my own]?
? [point|show|direct|lead] me to [the command|instructions|the way] for [my own model|serving a model|another model|bigger models][.|]
? [run|serve|host|start|load|launch] [Llama|Mistral|Qwen|Gemma|Falcon|OPT|StarCoder|a 7B model|llama 3] [here|with FlexServe|on my machine|locally|][, how|?|]
? [do you|does FlexServe|does it|can it] [support|work with|take|accept|understand|handle] [Hugging Face models|HF models|models from the hub|any model|llama models|Mistral|Qwen|GPT-2|Falcon|OPT]?
? [where|how] do [I|you|we] [tell|give|specify to|say to] [FlexServe|the server|it] [which|what] model to [use|load|serve|take]?
? you are too [small|weak|dumb|tiny|simple][.|,] [how do I get a real model|what else can I run|give me a bigger one|can I load another]?
? what [must|should|do|would] I [type|enter|write|run] to [serve|run|start|use|load|have] [a model|my model|my own model|another model|a model from Hugging Face]?
? [the demo|this demo] is [nice|ok|fine|cute], but [how about|what about|I need|how do I use] [a real model|my own model|something bigger|a larger one][?|]
# load a local folder
? [the|my] [weights|files|checkpoint|model|safetensors] [are|is|lie|sit|lies] [in a folder|on my disk|on my drive|in ./models|in my home directory|on this machine|locally][.|,] [how do I serve them|what now|how do I use that|can FlexServe load it|what do I type]?
? [can|does|will|could] [FlexServe|it|the server] [read|load|open|use|take|serve] [a local path|a path|a folder|local files|a directory|my own files|safetensors files|a checkpoint I saved]?
? [I saved|I have saved|I stored|I keep] [a model|my model|the checkpoint|it] [with save_pretrained|to disk|in a directory|locally][.|,] [how can it be served|how do I load it|and now|what next]?
? [is|must] the model [have to |]be [on Hugging Face|on the hub|downloaded|online], or [can it be|is] a [folder|local path|directory] [fine|okay|possible|]?
? [a model|models] [from|in|on] [my hard drive|a local directory|disk|a folder|my computer][?|, how?|]
? [which|what] files [must|should|does] [the folder|a model folder|my folder] [contain|hold|have]?
# use a draft model
? [how|where|with which flag|with what option] do I [attach|add|give|pass|specify|hand over|name|set|plug in|provide] [a|the|my] [draft model|small model|SSM|speculative model|helper model|second model]?
? [I|we] have [a small model|a draft model|an SSM|a tiny model|a second model|a little Llama] [too|as well|for guessing|for speculation|][.|,] [how do I use it|where does it go|what option|how do I add it]?
? [can|could] a [small|smaller|second|little|tiny] model [help|assist|guess for|speed up|support] [the large one|mine|my model|the big one][?|, how do I set that up?]
? [what's|what is|which is] the [flag|option|switch|parameter|argument|setting] for [the draft model|the SSM|draft models|a small speculative model|speculation with my own SSM|drafting]?
? [use|add|take|serve with] [two models|a large and a small model|Llama with a draft|a drafter|my SSM][, how|?|]
? [what|which] draft model [should I take|fits|can I use|works|is needed|is allowed]?
# turn off speculation
? [is there|do you have|I need|give me] [a way|an option|a flag|a switch] [to switch off|to disable|to turn off|against|without] [speculation|the guessing|drafting|speculative inference|the small model]?
? [I|we] [don't want|do not want|don't need|would like no|want no] [speculation|guessing|draft model|speculative inference|drafting|tricks][.|, how do I stop it?|]
? [plain|normal|ordinary|simple] decoding[, how| please|?|, which flag|]
? [how|what] [does it take|do I do|must I set|can I do] to [decode|run|generate|serve] [normally|plainly|one token at a time|in the plain way]?
? [make|let] [it|the server|the model] [stop speculating|stop guessing|run without a draft|decode plainly][.|]
? [speculation|speculative inference|drafting|the SSM] [off|disabled|no longer|must go][, how|?| please|]
# use the Python API
? [show|give|write|send|let me see] [me |us |][some|a piece of|a bit of|an example of|a few lines of|sample] Python [code|script|][.|, please.|]
? [how|what] does [it|FlexServe|the code|a script] look [like |]in Python?
? [I|we] [write|program|code|work|develop] in Python[.|,] [how do I use FlexServe|how do I call it|how does that work|is there a library|show me an example|can I import it]?
? [from|in|inside] [a|my] [Python script|notebook|Jupyter notebook|program|Python program|application], how [do|can] I [use FlexServe|generate text|call the model|load the model|talk to you]?
? [what|which] [do I|must I|should I] import[ in Python| to use FlexServe|]?
? [the|a] [Python|quickstart|minimal] [example|snippet|code|quickstart][, please|?|.]
? [can|could|does] [FlexServe|it|this|the engine] be [used|called|driven|imported|scripted] [from|in|with] Python?
? [code|sample|snippet|script|Python] [for|to] [generate text|use the engine|load a model|call generate][, please|.|]
# use LangChain
? [I|we|my team] [use|work with|like|have|rely on] LangChain[.|,] [can I use FlexServe there|does FlexServe fit|how do I connect it|is there an integration|what do I import]?
? [is there|do you offer|do you have|where is] [a|the|any] LangChain [class|integration|wrapper|support|package|model|connector|chat model]?
? [how|what] [goes|fits|works|plays|gets] [FlexServe|this|the server] [together|well|along|nicely|] with LangChain?
? [my|a|the] [chain|agent|RAG pipeline|RAG app|LangChain app|prompt template] [needs a model|should use FlexServe|must talk to FlexServe|needs an LLM][.|, how?|. What do I import?]
? what class [should I|must I] [use|import|take] for LangChain?
? langchain [support|import|usage|example|class|integration|how|with flexserve|][?|]
# open the chat page
? [where|at which address|under which URL|on which port|on what page] [can I|do I|does one|is it possible to] [chat|find the chat|see the page|talk to the model|open the interface|find the web interface]?
? [I|we] [want|would like|prefer|need] [a window|a web page|a browser|a nice interface|a graphical interface|buttons|a GUI] [to chat|for chatting|instead of the terminal|]?
? [which|what] [address|URL|link|site|page] [do I open|should I visit|do I type into the browser|has the chat|shows the chat|is the chat on]?
? [can|could|may] [I|my friends|users|my kids] [chat|talk|write] [with you|with the model|to it] [in|through|from|using] [a browser|Firefox|Chrome|a web page|the web]?
? [is there|do you have|does FlexServe have|does it come with] [a|some|any] [graphical|visual|web|nice|Gradio] [interface|page|frontend|UI|app|chat]?
? [the|your] [chat|web|Gradio] [page|interface|UI|app][, where|?| please|: where]
# use the OpenAI API
? [I|we|my app] [use|have|has|already use|uses] [the openai package|the OpenAI client|OpenAI code|a ChatGPT app|code for OpenAI][.|,] [can it talk to FlexServe|how do I point it here|what must I change|what base URL]?
? [what|which] [URL|base URL|address|endpoint|path|host] [do I|should I|must my client] [use|set|put|enter|give|configure] [for the API|for the client|for OpenAI clients|in my client|in the openai package|]?
? [does|can|will] [FlexServe|the server|it] [speak|understand|offer|provide|expose|mimic|imitate] [the OpenAI API|OpenAI's protocol|an OpenAI-compatible API|chat completions|a REST API|HTTP]?
? [over|via|by|through|with] [HTTP|REST|an API|the network|the OpenAI protocol], how [do|can] I [ask|reach|call|query|use] [the model|you|the server]?
? [where|how] [do|can] [other programs|my programs|my scripts|apps|clients] [connect|talk to the server|send requests|reach the model]?
? [openai|api|http|rest] [endpoint|client|compatible|base url|url|interface][?|, please|]
? [how|can I] [replace|swap] [ChatGPT|OpenAI|the OpenAI server] [with|by] FlexServe [in my app|in my code|]?
# generate text from the command line
? [without|with no] [a server|a page|a browser|starting a server], [how do I get|can I get|how to get] [one answer|some text|a completion|an answer]?
? [I|we] [only|just] [want|need] [one|a single] [answer|completion|text|reply] [in|on|from] [the terminal|the shell|the command line|bash][.|]
? [what|which] command [prints|writes|gives|produces|makes] [text|an answer|a completion|one completion] [in the terminal|in the shell|on the console|]?
? [can|could] I [ask|prompt|use] [the model|you|it] [from|in] [the terminal|the shell|a shell script|bash|the console|the command line]?
? [a|one] [quick|single|one-off] [prompt|completion|answer|generation][, how|?| in the shell|]
# run many prompts from a file
? [I|we] have [a file|a list|hundreds|thousands|a JSON|a lot|a hundred] [of prompts|with prompts|with questions|of questions|file of questions][.|,] [how do I run them|how do I process them all|what command|can you answer all]?
? [how|can I] [to |][run|process|answer|complete|handle] [a batch|lots|a whole file|many questions|a list|everything in a file] [of prompts|at once|in one go|offline|]?
? [prompts|questions] [from|in] a [file|JSON file|list][?|, how|: which option]
? [which|what] option [reads|takes|loads] [prompts|questions|input] from a [file|JSON file]?
# see the device
? [how|where] [can|do] I [see|check|find out|tell|learn|know] [what|which] [hardware|device|kernels|GPU|CPU|version] [is used|FlexServe uses|it runs on|it found|I have]?
? [does|did|is] [FlexServe|it|the server] [see|find|use|detect|using|recognize] my [GPU|graphics card|CPU|hardware|NVIDIA card]?
? [what|which] [version|versions] [do I have|is this|is installed|am I using|of FlexServe is this]?
? [print|show|list|display] [the system information|my setup|the device|the versions|what FlexServe found|the chosen implementations][.|]
# change the port
? [something|another program|another server|a process] [already uses|blocks|occupies|is on|listens on|takes] [port 8000|the port|that port][.|, what now?|, help|]
? [can|could|may|must] [it|the server|FlexServe] [run|listen|be|start|serve] on [another port|a different port|port 80|port 5000|8080|port 9000|some other port]?
? [address already in use|port in use|port taken|error: port 8000 is busy][. What do I do?|, what now|?|]
? [I|we] [need|want|prefer|would like] [port 8080|another port|port 5000|a different port|port 9000][.|, how?|]
? [which|what] [flag|option|switch|setting] [changes|sets|chooses|is for|controls] the port?
? [port|ports] [8080|number|option|change|setting|flag][?|, how|]
# change the host
? [how|can|could] [can |do |][my phone|another computer|my laptop|my colleagues|others|other machines|my friends|the whole office|people in my network] [reach|use|open|access|see|connect to] [the server|it|the page|FlexServe]?
? [the server|it|the page] [is only|can only be] [reachable|reached|available|visible] [locally|from this machine|on localhost][.|, how do I change that?|]
? [listen|serve|bind|be reachable] [on|to] [all interfaces|0.0.0.0|every address|my network|the local network][, how|?|]
? [I|we] want [others|my team|my phone|the whole family|another PC] to [use|reach|open|access] [it|the server|the chat][.|]
? [which|what] [flag|option|switch|setting] [changes|sets|chooses|is for] the [host|address|interface]?
# choose the precision
? [which|what] [precision|number format|dtype|data type] [is used|can I choose|do you use|should I use|is there|does it run in]?
? [can|could|does] [I|it|the model|FlexServe] [run|use|compute|work] [in|with] [float16|float32|bfloat16|half precision|full precision|fp32|bf16|16 bits]?
? [how|where] [do|can] I [set|choose|change|pick|select|specify] [half precision|the precision|fp32|float32|bf16|the data type|another dtype]?
? [I|we] [need|want|prefer] [full precision|float32|half precision|bf16|more accurate numbers][.|, how?|]
# choose the device
? [I|we] [have no|don't have a|have only a|own no|have a|got a] [GPU|graphics card|CPU|laptop|NVIDIA card|old computer][.|,] [does it still work|can I run it|is that enough|how do I use it|will it work]?
? [is|are] [a GPU|a graphics card|CUDA|special hardware|an expensive card] [needed|required|necessary|a must|recommended]?
? [can|could|will] [it|FlexServe|the model|this] [work|run|be run|be used] on [a plain CPU|my laptop|the CPU|a Mac|an old PC|the second GPU|cuda:1|a GPU]?
? [force|move|put|send|make] [it|the model|everything] [to|onto|on|use|run on] the [CPU|GPU|graphics card|processor][.|]
? [which|what] [flag|option|switch|setting] [picks|sets|chooses|is for] the [device|GPU|CPU]?
# stop the server
? [how|what] [can|do|must|should] I [do |][to |][end|stop|finish|close|exit|terminate|leave|halt|shut|switch off] [it|this|the server|FlexServe|the program|everything][?| again?| properly?| cleanly?]
? [I|we] [want|would like|need] to [stop|quit|end|shut down|turn off|close|leave|get out][ now| the server| it|][.|]
? [the server|it|FlexServe] is [still running|running in my terminal|hanging][.|,] how do I [stop|end|quit|kill|close] it?
? [which|what] [keys|key|command|button] [stops|ends|quits|kills|terminates] [it|the server|FlexServe]?
? [enough|done] for today, how do I [switch it off|stop the server|turn it off|close this|shut it down]?
# stream the answer
? [can|could] [I|we|one|users] [see|get|read|watch|have] the [answer|text|tokens|words|output] [while|as] [it is|they are|it's being] [written|generated|made|produced|computed]?
? [I|we] [don't want|do not want|hate] to wait for the [whole|full|entire|complete] [answer|text][.|, what can I do?|]
? [word by word|token by token|piece by piece|live|bit by bit][, please|, is that possible|, how|?]
? [how|does] [does |do |][streaming|the stream|streamed output] [work|get turned on|function|exist]?
# install FlexServe
? [I|we] [am|'m] [new|a beginner|just starting][.|,] [how do I install it|where do I start|what do I do first|how do I set it up|how do I begin]?
? [what|which] [are the |][steps|commands|command] [to|for] [install|installing|set up|installation|setup|getting started]?
? [how|what] [do I need|is needed|must I do|does it take] to [install|try|set up|get] [it|FlexServe|this]?
? [first|the first] [steps|step|thing to do][?|, please|]
? [pip|installation|setup|install|getting started|quickstart][?| please| how|]
? [can|could] I [install|get] [it|FlexServe] with pip?
# start the demo
? [how|what] [do|can|must] I [do to |][start|see|launch|run|begin] [everything|the demo|a demo|the whole thing|you|the chat|this]?
? [which|what] command [starts|launches|runs|brings up] [FlexServe|the server|the demo|the chat|you]?
? [where is|is there|do you have] a demo[ I can try| to try|]?
? [I|we] [just |][want|would like] to [see|try|test] [it|the demo|something|FlexServe][.| first.|]
# set the temperature
? [answers|texts|the answers] are [always the same|too boring|too random|too wild|too dry|not creative][.|,] [what can I change|how do I fix that|which setting|what do I set]?
? [how|where] [can|do] I [control|adjust|tune|change|set|find|raise|lower] [randomness|creativity|the temperature|sampling|top-p|top p|top-k|the sampling settings]?
? [more|less] [creative|random|wild|careful|predictable] [answers|text|output][, please|, how|?|]
? [which|what] [knob|setting|option|field|parameter] [controls|changes|sets] [creativity|randomness|sampling|the temperature]?
# make answers longer
? [the|your|its] [answer|answers|text|output] [is|are|get|stops|stop|ends|is cut|are cut] [too short|too long|cut off|too early|off in the middle][.|, what can I do?|]
? [how|where] [can|do] I [limit|raise|set|change|increase|control] [the length|the number of tokens|how long answers get|how much it writes|the answer's length]?
? [longer|shorter] [answers|texts|output|replies][, please|, how|?|]
? [which|what] [option|field|parameter] [limits|sets|controls] the [length|number of tokens|answer length]?
# get the same answer again
? [how|can] [can I|do I|I] [reproduce|repeat|get again|recreate] [an answer|a result|the output|the very same text|a sampled text|what it wrote]?
? [I|we] [want|need] [the same|identical|reproducible|repeatable] [answer|answers|results|output|text] [every time|twice|again|for a test|][.|]
? [every time|each time] I [ask|run it], the [answer|text|result] is different[.|, how do I fix it?|]
? [fix|set|choose|give] [the|a] [seed|random seed][, how|.|?]
# check the health of the server
? [how|where] [can|do] I [see|know|check|tell|find out|monitor|watch] [if|whether|that] [the server|it|FlexServe] [is alive|is up|is fine|still works|is healthy|runs]?
? [is there|do you have] a [health|status|metrics|monitoring] [page|endpoint|check|URL|address|]?
? [metrics|health|status|monitoring|prometheus|grafana][?| please| endpoint|]
# list the models
? [which|what] [models|model] [is|are] [served|loaded|running|available|there|offered] [here|now|right now|by this server|]?
? [how|where] [can|do] I [see|get|find|list] [the served models|which models are there|the model names|all models]?
# train the demo model
? [can|could] I [train|build|make|retrain|reproduce|change] [you|this model|the demo model|the demo] [myself|again|on my own|from scratch|]?
? [where|what] [is|are] the [training code|training scripts|scripts that trained you|recipe for this model]?
? [what|which] command [trains|rebuilds|builds|retrains] [you|the demo model|this model]?
# handle more requests
? [how|can] [can |][many|more|several|lots of] [users|people|requests|clients] [be served|share the server|use it] [at once|at the same time|in parallel|together|]?
? [I|we] have [many|a hundred|lots of|several|more] [users|clients|requests|people][.|, what do I set?|]
? [raise|increase|set|change|limit] the [batch size|number of parallel requests|number of requests per batch][, how|.|]
# get help
? [where|how] [can|do] I [find|get|see|read] [help|the manual|documentation|all options|the list of commands|the flags|a list of options]?
? [what|which] [flags|switches|options|subcommands|parameters] [exist|are there|can I use|does the command have|do I have]?
? [manual|docs|documentation|help|usage|options][?| please|]
? [I|we] [am|'m|are] lost[ with the options| with the commands|][.|, help|. Where is the manual?|]
# use curl
? [how|what] [does|would|do] a [curl|raw HTTP|simple HTTP|command line] [call|request|command|example] look [like|]?
? [test|try|call|ask|query] [the server|the API|it] [with|using|from] [curl|the shell|a simple request][, how|.|]
? curl [example|command|request|please|how|][?|]
# speculative inference
? [what|which] trick [makes|lets] [large models|FlexServe|a big model|the server] [write faster|answer faster|run faster|speed up|be quick]?
? [how|why] [can|does] [guessing|a guess|a small helper|a little model] [make|help] [a large model|things|generation|an LLM] [faster|quicker|to be fast|speed up]?
? [why|how come|how is it that] [is|are] [you|this|FlexServe|the answers] [so fast|so quick|faster than others|that fast]?
? [I|we] [read|heard|keep hearing|saw something] about [speculative inference|speculative decoding|speculation][.|,] [what is it|can you explain|how does it work|what's the idea|what does it mean]?
? [in|with] [two sentences|simple words|short|your own words][,|:] [what is|explain|how does] [speculative inference|speculative decoding|speculation] [work|]?
? [several|many|more] tokens [per step|at once|in one step][, how is that possible|, how?|?]
? [what|which] [happens|goes on] [when|if] [FlexServe|the server|it] speculates?
# a token tree
? [what|why] [shape|structure|form] do the [guesses|drafts|proposals] have?
? [why|how] [does FlexServe|do you|does it] [use|build|grow|check|draw] [a tree|trees|token trees] [of tokens|of guesses|]?
? [what|which] [is|are] [the branches|a branch|the nodes|the leaves] [of|in] [the tree|a token tree|the token tree]?
? [more than|not just] one [guess|continuation|future] [at once|at a time][, how|?]
? [how|can] [are |][several|many|different] [continuations|futures|guesses|candidates] [kept|stored|held|be checked] [together|at the same time|]?
# a draft model
? [who|what|which model] [writes|proposes|makes|produces|suggests|comes up with] the [drafts|guesses|proposals|candidates]?
? [what|which] [job|part|task] does the [small model|SSM|little model|helper model] [have|do]?
? [why|what for] [do I|do we|does one|would I] [need|use|want] [a second model|two models|a small model|a draft model|an SSM]?
? [what|explain what] [the letters|the abbreviation|] SSM [is|means|stands for|stand for][?|.]
# verification
? [how|by whom|in what way] are [the guesses|drafts|guessed tokens|proposals|the draft tokens] [checked|verified|tested|accepted|controlled|judged]?
? [what|which] [happens|becomes] [to|with|of] [a wrong guess|wrong guesses|bad drafts|a rejected token|guesses that are wrong]?
? [when|why] is a [guess|draft|token] [kept|accepted|thrown away|rejected]?
? [who|which model|what] [has the last word|decides|judges|accepts the guesses|checks]?
# the KV cache
? [why|how come] [need not|does not need|doesn't have to] the model [read|compute|process] [everything|the whole text|old tokens] [again|every time|at each step]?
? [what|where] [is|are] [stored|the keys and values kept|remembered|saved] [of|from|about] [earlier tokens|the past|old words|the text so far]?
? [kv|key value|key-value] [cache|caching|memory][?| meaning| please| what is it]
# paged attention
? [why|how] is the [cache|KV cache|memory] [split|cut|divided|organised] [into|in] [blocks|pages|pieces]?
? [what|explain] [pages|paging|blocks|paged memory] [of|in] [the cache|a KV cache|the KV cache|FlexServe][ are|]?
# continuous batching
? [how|can] [are |][many|several|lots of] [users|people|requests|chats] [handled|served|answered|be served] [at once|together|at the same time|in parallel]?
? [do|must] [I|new requests|others] [wait|queue] [until|for] [the others|everyone else|a slow request|the batch] [finish|are done|is done|]?
? [what|which] [happens|is done] when [several people|two users|many clients] [ask|write|send requests] at [once|the same time]?
# int8
? [what|how much] [does|do] [int8|8 bits|8-bit|eight bits] [save|bring|cost|change|mean for the quality]?
? [why|when] [should|would|do] [I|people|one] [use|choose|take] [int8|8-bit weights|eight bits]?
# int4
? [what|how much] [does|do] [int4|4 bits|NF4|4-bit|four bits] [save|bring|cost|change|mean for the quality]?
? [why|when] [should|would|do] [I|people|one] [use|choose|take] [int4|NF4|4-bit weights|four bits]?
? [is|are] [int4|4 bit|NF4|four bits] [enough|good|accurate|precise enough|smaller]?
# quantization
? [how|can] [can |][I|one|a model|weights] [shrink|be made smaller|need less memory|save memory|fit in less memory|be compressed]?
? [what|why] [is it that people|do people|does one] [quantize|quantise|compress] [models|weights|a model]?
? [fewer|less] bits per weight[, what is that called|, why|?]
# offloading
? [the|my] model is [larger|bigger|too large|too big|much larger] [than|for] [my|the] [memory|GPU|graphics card|video memory|RAM][.|,] [what can I do|can it still run|what now|is there a way]?
? [can|could|how can] [a|one|I] [huge|giant|large|70B|too big] model [run|be run|fit] [on|with|in] [a small GPU|little memory|8 GB|not enough memory|my card]?
? [out of memory|not enough memory|CUDA out of memory][, what helps|. What can I do?|!|, help]
? [where|what] [do|are] [weights|the weights] [go|kept|stored|put] [if|when] [they do not fit|the GPU is full|memory is short]?
# greedy decoding
? [what|which] [does|is] [the model do|chosen|taken] [without|with no] [sampling|randomness|chance]?
? [always|just] [the|take the] [most likely|best|likeliest] [token|word][, what is that called|?]
? [how|what] is the [opposite|alternative] [of|to] sampling?
? [why|when] [is|do I get|are] the [answer|answers|same answer] [always the same|every time|identical each time]?
# sampling
? [how|what] [does|makes] [the model|it] [pick|choose|select|draw] [tokens|words|the next token|a word] [at random|by chance|randomly]?
? [why|how come] [is|are|do] the [answer|answers] [different|vary|change] [each time|every time|from run to run]?
# temperature
? [what|how] [does|happens with|changes with] [a high|a low|a higher|a lower|the] temperature [do|change|mean|]?
? [should|do] I [raise|lower|increase|decrease|change] the temperature?
? [high|low|zero] temperature[, what does it do|?| meaning|, why]
# top-p
? [what|how] does [nucleus sampling|top-p|top p|the p in top-p] [do|work|mean|cut off|keep]?
? [which|what] tokens [does|will] [top-p|nucleus sampling|topp] [keep|leave|remove]?
# top-k
? [which|what] tokens [does|will] [top-k|topk|top k] [keep|leave|remove]?
? [what|how] does [top-k|the k in top-k|top k] [do|work|mean|cut off|change]?
# a token
? [what|which] [pieces|parts|units|bits] [does|do] [a model|models|you|language models] [read and write|work with|see|use|produce]?
? [is|are] [a token|tokens] [a word|words|letters|a letter|the same as words|a syllable]?
? [how|what] [is|does] [text|a sentence] [split|cut|look like] [for|to] [a|the] model?
# a tokenizer
? [what|who] [turns|cuts|splits|converts|changes] [text|words|a sentence] [into|to] [tokens|numbers|ids|pieces]?
? [how|what] [does|is the job of|do I need] [a tokenizer|the tokenizer] [do|for|work|]?
# a prompt
? [what|how] do [you|people|we] call [the text I type|what I write|the input|the text given to a model]?
? [what|which] [does|is] [the input|my text] [to a model|] [called|mean]?
# a large language model
? [how|what] [do|does|are] [chatbots|language models|an LLM|these models|models like you] [work|do|inside|learn]?
? [what|which] [is|are|kind of thing is] [behind|inside] [a chatbot|ChatGPT|such a bot|modern AI]?
? [LLM|language model|llms][?| meaning| please|, what is that|, in short]
# the EOS token
? [how|when|why] does [an answer|the model|the text|generation|the output] [end|stop|finish|know it is done]?
? [what|which] [token|sign|mark] [ends|stops|finishes|closes] [an answer|the text|generation|a reply]?
# row invariance
? [does|will|can] [the answer|my answer|the output|my text] [change|differ|depend|be different] [when|if|on] [others use the server|the batch is full|speculation is on|I turn on speculation|other requests are running|what others ask]?
? [is|are] [quality|the answers|the text] [lost|worse|different|affected] [with|by|through|because of] [speculation|guessing|the small model|drafts|speculative inference]?
? [same|identical] [request|question|prompt][,|] same [tokens|answer|text][, always|, really|?|, is that so]
? [can|do] I [trust|rely on] [that|] the [output is|answer stays|tokens are] the same?
# prompt lookup
? [can|could|how can] [FlexServe|it|the server|one] [guess|speculate|draft] [without|with no] [a draft model|an SSM|a small model|a second model]?
? [how|what] does [prompt lookup|n-gram lookup|lookup] [do|find|use|guess|work]?
? [copying|repeating|reusing] [words from the text|earlier words|the prompt] [as guesses|to guess][, what is that|?]
# streaming
? [why|how] [can I|do I|does one] [see|read] [the words|an answer|text] [while|before] [they are|it is] [written|finished|done]?
? [what|how] [is|does] [a stream|streamed text|streamed output] [mean|work|]?
# acceptance rate
? [how|what] [many|share|part|number] [of the |][guesses|guessed tokens|drafts] [is|are|get] [right|kept|accepted|used|good]?
? [how|what] [do I|can I|tells me] [see|measure|judge|whether] [how well speculation works|the success of guessing|the guesses are good|if guessing pays]?
# a seed
? [what|why] [is|do I need|does|would I set] [a seed|the seed|the number called seed] [for|do|good for|]?
? [how|what] [makes|keeps] [random|sampled] [text|answers|output] [repeatable|reproducible|the same]?
# a context window
? [how|what] [long|much|many tokens|much text] [can|may] [a text|a chat|the prompt|my input|a conversation] [be|hold|have|get]?
? [how|what] [much|far back] can [you|a model|the model] [remember|read|see|keep in mind]?
? [what|is there] [limits|a limit on|the limit of] the [length|size] of [a text|a chat|the input|prompts]?
# attention
? [how|by what] [does|do] [a model|models] [know|find|decide] [which|what] [words|tokens|parts] [matter|are important|to look at]?
? [what|how] [does|is meant by|works] [attention|looking back|self-attention] [do|in a model|]?
# model weights
? [what|which] [is|are] [stored|saved|inside|kept] [in|of] [a model file|safetensors files|the files of a model|a checkpoint]?
? [what|where] [does|is] [a model|its knowledge] [learned|stored|kept|know]?
# prefill
? [what|which] [happens|is done|comes] [first|before the first token|at the start of a request|with my prompt]?
? [why|how come] does the first [token|word] take [longer|a moment|time]?
# latency
? [how|in what unit] is [speed|the speed of a server|performance] [measured|counted|given]?
? [what|which] [is the difference|differs] between [latency and throughput|throughput and latency]?
# staying healthy
? [what|which] [habits|things] [keep|make|help] [me|people|us|you] [healthy|fit|well|in good shape]?
? [how|what] [does one|do people|to do to|should one do to] [stay|remain|keep|be] [healthy|fit|well|in good health]?
? [I|my doctor says I] [should|want to|must|would like to] [be|get|live|become] [healthier|fitter|in better shape][.|, any advice?|, where do I start?]
? [my|for my|good for] health[, what can I do|: any tips|?|, what helps]
# sleeping well
? [what|which] [helps|can I do|things help] [against|when|if|with] [bad sleep|I can't sleep|poor sleep|sleepless nights|insomnia|I lie awake]?
? [I|my kids|we] [lie awake|wake up|toss and turn|hardly sleep|sleep too little] [at night|every night|][.|, help!]
? [how|what] [to do to|should I do to|can one do to|gets me to] [sleep|fall asleep|rest] [better|faster|deeper|through the night]?
? [a|for a] [good|better|quiet] night's [sleep|rest][, what helps|?|: tips]
# learning a language
? [what|which] [is the best|would be a good|is a fast] way to [learn|pick up|study|master] [a language|Spanish|Italian|Japanese|French|new words|German]?
? [I|we] [want|would like|have|try|am going] to [learn|study|speak|pick up] [a language|Spanish|Italian|Polish|French|German|a new language][.|, any advice?|, how?|, where do I begin?]
? [how|what] [do people|does one|can I do to] [learn|remember|get better at] [a foreign language|vocabulary|languages|speaking Spanish]?
# studying
? [my|the|an] [exam|test|final] is [soon|tomorrow|next week|coming up|near][.|, how do I prepare?|, what should I do?|, help!]
? [how|what] [is the best way to|should I do to|to do to|does one] [study|prepare for an exam|pass a test|learn for school|get good grades|revise]?
? [I|my son|my daughter] [can't|cannot|don't|doesn't] [concentrate|focus|learn|remember things] when [I study|studying|learning][.|, what helps?]
# saving money
? [my|the] [money|salary|wallet] is [always|] [gone|empty|too small] [too soon|at the end of the month|][.|, what can I do?|]
? [how|what] [to do to|could I do to|can a student do to|do people do to] [save|keep|put aside|spend less] [money|cash|some money|]?
? [I|we] [need|want|would like] to [save|spend less|keep a budget|put money aside][.|, how?|, any tips?]
# working from home
? [how|what] [to do to|can I do to|helps to|makes me] [concentrate|focus|be productive|work well|get things done] [at home|in the home office|when working from home|]?
? [I|we] [work|started working|have to work] [from home|remotely|at home][.|, any tips?|, how do I stay productive?|, what matters?]
# packing a suitcase
? [my|our] [flight|trip|holiday|vacation] is [tomorrow|soon|next week][.|,] [how do I pack|what do I put in my suitcase|any packing tips]?
? [how|what] [to|should I|do I] [pack|put in my bag|fit into one suitcase|take with me] [well|best|for a week|]?
# cooking
? [how|what] [to do to|should I do to|can a beginner do to] [cook|become a good cook|make better food|learn cooking]?
? [I|my husband|my son] [never|can't|hardly] [cooked|cook|learned to cook][.|, how do I start?|, any advice?]
# growing plants
? [how|what] [to do to|do I do to|keeps|makes] [plants|flowers|tomatoes|my garden|house plants] [alive|grow|happy|healthy|green]?
? [my|our] [flowers|tomatoes|plants|balcony plants|herbs] [always die|look bad|wither|don't grow|need help][.|, what can I do?|, why?]
# running
? [I|my wife|we] [want|decided|would like|plan] to [take up running|go jogging|run a race|start jogging|run regularly][.|, any tips?|, how do I start?]
? [how|what] [should|does|can] [a beginner|I|one] [start running|begin jogging|know about running|run without pain]?
# making friends
? [how|where] [to|can one|do adults|does one] [make friends|meet new people|find friends|get to know people] [in a new city|at school|at work|]?
? [I|we] [moved|am new|just moved] [to a new city|here|to town][.|,] [how do I make friends|I know nobody|how do I meet people]?
# giving a talk
? [I|we] [have|must|need|am asked] to [speak|present|give a presentation|hold a speech|talk] [in front of people|tomorrow|at a wedding|at work|before the class][.|, help!|, any tips?|, how?]
? [how|what] [to do to|makes|helps with|can I do about] [a good speech|a good talk|stage fright|speaking well|a good presentation]?
# keeping calm
? [I|my boss|my sister] [am|'m|is] [so |very |always |][stressed|nervous|tense|under pressure][.|,] [what helps|how do I calm down|any advice|what can I do]?
? [how|what] [to do to|can I do to|helps me to|is good to] [relax|calm down|stay calm|get rid of stress|unwind]?
# writing a letter
? [how|what] [to do to|makes|should I do to] [write well|a good letter|a clear text|write a good email|a good text]?
? [I|we] [have|need|want] to write [an email|a letter|a text|an application|to my landlord][.|, how do I start?|, any tips?]
# saving energy
? [my|our] [power bill|electricity bill|energy bill] is [too high|huge|going up][.|, what can I do?|, any tips?]
? [how|what] [to do to|can a family do to|could I do to] [save|use less] [energy|power|electricity]?
? [what|how] can [I|one person|we] do for the [planet|environment|climate]?
# making tea
? [how|what] [to|does one do to|is the way to] [make|prepare|brew] [tea|a good tea|a pot of tea]?
? [I|we] [want|would like|need] [a cup of |some |]tea[.|, how do I make it?|]
? [steps|recipe|instructions] for [tea|a cup of tea][, please|?|]
# making coffee
? [how|what] [to|does one do to|is the way to] [make|prepare|brew] [coffee|good coffee|a strong coffee]?
? [I|we] [want|would like|need] [a |some |]coffee[.|, how do I make it?|]
? [steps|recipe|instructions] for [coffee|a cup of coffee][, please|?|]
# boiling an egg
? [how|what] [to|does one do to|is the way to] [boil|cook|make] [an egg|a soft egg|eggs|breakfast eggs]?
? [how many minutes|how long] [does|for] an egg[ need| take|][?|]
? [steps|recipe|instructions] for [a boiled egg|eggs|boiling eggs][, please|?|]
# sky
? [how come|why|why exactly] [does the sky look|is the sky|do we see the sky as|is it that the sky is|does the sky appear] blue?
? [the|a] blue sky[, why|: what is the reason|, how come|?]
? [what is|what's] the [reason|cause] [for|of] the [blue sky|color of the sky|sky's color|sky being blue]?
? [where|how] does the [sky get its|blue of the sky come from|sky's color come from|blue color come from]?
# sun
? [what|which] [kind of|sort of|] [object|thing|body] is the sun?
? [how come|why|what makes] the sun [shines|gives light|shine|is hot|so bright|glow]?
? [is|was] the sun a [star|planet|moon]?
# rain
? [how come|why does|how is it that] it [rains|rain|sometimes rains]?
? [how|where] [is|does] [rain|the rain|water from the sky] [made|come from|formed|get made]?
? [what|which] [makes|causes] [rain|it rain|clouds rain]?
# snow
? [what|of what] [is|are] [snow|snowflakes] [made|made of|]?
? [how|why] does [snow|a snowflake] [form|fall|come about]?
# seasons
? [how come|what is the reason|why is it that] [there are|for|we have] [seasons|summer and winter|four seasons]?
? [what|which] [makes|causes|brings] [summer and winter|the seasons|the change of seasons]?
# tides
? [how come|what makes|why does] the [sea|ocean|water] [rises and falls|rise and fall|goes up and down|go up and down]?
? [high and low tide|ebb and flow|tides][, why|, what causes them|?]
# freezing
? [at how many degrees|from what temperature|at what point] [does|will] [water|a lake|it] [freeze|turn to ice|become ice]?
? [when|at what temperature] does [ice form|water turn into ice|water become solid]?
# boiling
? [at how many degrees|from what temperature|at what point] does [water|a pot of water] [boil|start to boil|turn to steam]?
? [how hot|what temperature] is boiling water?
# water
? [which|what] [elements|atoms] [are in|make up|form|does] water[ contain|]?
? [h2o|H2O][, what is it|?| is what]
# spider
? [count|tell me|do you know] [the legs of a spider|how many legs a spider has|a spider's legs][.|?]
? [with|on] how many legs does a spider [walk|run|stand]?
# insect
? [count|tell me|do you know] [the legs of an insect|how many legs an insect has|how many legs ants have][.|?]
? [with|on] how many legs does [an ant|a beetle|a bee|an insect] [walk|run|stand]?
# weekdays
? [a|one] week [has|is|counts|consists of] how many days?
? [number|count] of days in a week[?|]
# months
? [a|one] year [has|counts|consists of] how many months?
? [number|count] of months in a year[?|]
# yeardays
? [a|one] year [has|counts|lasts] how many days?
? [number|count] of days in a year[?|]
? how long is a year in days?
# largest planet
? [name|tell me] the [largest|biggest] planet[ of the solar system|][.|]
? [among|of] [all |the |]planets[,|] which is the [largest|biggest]?
? is [Jupiter|Saturn|the Earth] the [largest|biggest] planet?
# largest animal
? [name|tell me] the [largest|biggest] animal[ of all|][.|]
? [among|of] all animals[,|] which is the [largest|biggest|heaviest]?
# fastest animal
? [name|tell me] the [fastest|quickest] animal[ on land|][.|]
? which animal [runs|is] the [fastest|quickest]?
# highest mountain
? [tell me] the [highest|tallest] mountain[ of the world][.|]
? which mountain is the [highest|tallest][ of all|]?
# largest ocean
? [name|tell me] the [largest|biggest] ocean[.|]
? [among|of] [all |the |]oceans[,|] which is the [largest|biggest]?
# continents
? [number|count] of continents[?| on Earth]
? how many continents [does the Earth have|exist|do we have]?
# planets
? [number|count] of planets[?| in the solar system]
? how many planets [does the solar system have|exist|go around the sun|circle the sun]?
# moon
? [how many days|how long] does [one trip|a round] of the moon [around the Earth |]take?
? what [circles|orbits] the Earth?
# earth
? [how many days|how long] does [one trip|a round] of the Earth [around the sun |]take?
? [what|which] shape does the [Earth|world] have?
# bees
? [what|how] do bees [make|do|produce] [with nectar|honey|from flowers]?
? [who|which animal] makes honey?
# plants
? [what|which] things does a plant need[ to live| to grow|]?
? [how|from what] do plants [feed|get energy|get food|live]?
# grass
? [how come|for what reason|what makes] [is grass|grass is|grass] green?
? what [gives|makes] [grass|leaves|plants] [the color|its color|green]?
# banana
? [the color of|what color has|tell me the color of] [a banana|a lemon|bananas|lemons][?|]
# cow
? [what|how] does a cow [say|go|sound|do]?
# catsound
? [what|how] does a cat [say|go|sound]?
# dogsound
? [what|how] does a dog [say|go|sound]?
# milk
? [which|what] animal [gives|makes|produces] milk?
? where do we get [our |]milk from?
# paper
? [of|from|out of] what is paper made?
? [what|which] material [is|becomes] paper[ made from|]?
# glass
? [of|from|out of] what is glass made?
? [what|which] material [is|becomes] glass[ made from|]?
# triangle
? [a|one] triangle has how many [sides|corners|edges]?
? [count|tell me] the [sides|corners] of a triangle[.|]
# square
? [a|one] square has how many [sides|corners|edges]?
? [count|tell me] the [sides|corners] of a square[.|]
# hello
? [hello|hi|hey|good morning|good evening], [my dear|dear bot|stranger|computer|there, friend|pal|old friend][!|.|]
? [I'm|I am] [back|here|home|new here|online][!|.|]
? [greetings|salutations|welcome|top of the morning|evening|morning][!|.| to you!]
? [hi|hello] [from|out there in] [Germany|Italy|my phone|the office|school][!|.|]
# how are you
? [how|and how] [are you|do you feel|are things|is life] [this morning|tonight|at the moment|these days|on this fine day|with you]?
? [everything|all|you] [fine|ok|okay|good|well|alright] [with you|over there|today|there|]?
? [doing|feeling] [well|okay|fine|good][ today|][?|]
? [how|what's] [goes it|new|are we today|cooking|going on|happening]?
# thanks
? [that|this|it] [helped|helps|worked|was exactly right|solved it|was all I needed][ a lot| me|][, thanks|, thank you|.|!]
? [thank|bless] you, [friend|you saved me|that was great|dear|really][!|.|]
? [a thousand|warm|big|heartfelt|so many] thanks[!| to you|.|]
? [thanks|thank you] [again|for your time|for answering|for your patience|for explaining|, I understand now][!|.|]
# bye
? [I|we] [need|have|ought|got] to [leave|run|go|sleep|get back to work|catch a train][ now|][.|!|, bye|]
? [until|till|see you] [tomorrow|next time|Monday|then|later|soon|again][!|.|]
? [I'm|I am] [off|leaving|out|done here|going to bed][.|!|, bye!|]
? [over and out|cheerio|adios|au revoir|toodles|sleep well|sweet dreams]
# praise
? [what|that was] a [great|nice|clever|lovely|good|wonderful] [answer|reply|story|explanation][!|.|]
? you [really know|did that well|did great|explain well|write well|made my day|are doing great][ this|][!|.|]
? [I'm|I am] [impressed|amazed|delighted|surprised how good you are|a fan of you][!|.|]
? [not bad|well said|nicely done|spot on|exactly right|clever|brilliant|top|superb][!|.|]
# complaint
? [I|we] [think|believe|know] [that's|this is|you are|that answer is] [wrong|false|mistaken|incorrect|not right][.|!|]
? [you|the answer|this|it] [makes no sense|is not what I wanted|is rubbish|got it wrong|misunderstood me|missed the point|is nonsense|doesn't help][.|!|]
? [why|how come] [are you|is this] so [bad|wrong|stupid|dumb|useless|limited]?
? [that|this] [can't|cannot|can not] be [right|true|correct][.|!|]
? [check|look at|think about] [that|it|your answer] again[.|, it's wrong.|!|]
# sorry
? [I|we] [apologize|beg your pardon|didn't mean it|was too rude|am very sorry][.|!|]
? [forgive|excuse|pardon] me[.|!|]
# mood
? [today|this week|my day] [was|is] [awful|terrible|so sad|horrible|exhausting|not my day|hard][.|!|]
? [everything|life] [is|feels] [so |too |][hard|difficult|sad|much|grey][ right now|][.|!|]
? [I|I've] [lost my job|had a fight|failed my exam|cry a lot|feel awful|feel so alone][.|!|]
# joy
? [I|we] [got|have|heard] [good|great|wonderful] news[ today|][!|.|]
? [life|today|everything] [is|feels] [good|great|wonderful|beautiful|perfect][!|.|]
? [I|we] [won|passed|did it|made it|got engaged|am over the moon][!|.|]
# joke
? [I|we] [need|want|could use|would like] [a laugh|a joke|something funny|to laugh|some fun][.|!|, please|]
? [got|have you got|any|know any] [good |funny |][jokes|joke][ for me|][?|]
? [cheer|cheer me|entertain|amuse] [me up|up|me][.|!| with a joke|]
# riddle
? [I|we] [want|like|love|need] [a riddle|riddles|to guess something|a puzzle][.|!|]
? [a|one more|another] riddle[, please|!|?|]
# poem
? [I|we] [want|need|would like|'d love] [a poem|some verse|a few lines of poetry|a rhyme][.|, please|]
? [a|some] [poem|verses|poetry|lines that rhyme][, please|?|!]
? [rhyme|recite|compose] [something|a poem|for me|a few lines][.|, please|]
"""


def _by_topic(table: str) -> dict[str, tuple[str, ...]]:
    """Topic (the first of its names) → question templates."""
    found: dict[str, list[str]] = {}
    name = ""
    for line in table.strip().splitlines():
        if line.startswith("# "):
            name = line[2:]
            found[name] = []
        else:
            found[name].append(line[2:])
    return {name: tuple(lines) for name, lines in found.items()}


WORDINGS = _by_topic(_TABLE)
