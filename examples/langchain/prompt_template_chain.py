"""LangChain on FlexServe: a prompt template, a model and a parser as one chain; then a chat chain, streamed.

Run: python examples/langchain/prompt_template_chain.py                                     (in process)
     python examples/langchain/prompt_template_chain.py --url http://127.0.0.1:8000/v1     (against a server)
"""

from __future__ import annotations

import argparse
from typing import Any

from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate, PromptTemplate
from langchain_flexserve import ChatFlexServe, FlexServeLLM

CITIES = ("Tokyo", "Paris", "Rome")


def travel_tips(engine: dict[str, Any]) -> list[str]:
    """One chain over many inputs: `batch` puts all prompts into the engine at once."""
    prompt = PromptTemplate.from_template("Here are some travel tips for {city}:\n")
    chain = prompt | FlexServeLLM(**engine, temperature=0, max_tokens=48) | StrOutputParser()
    return chain.batch([{"city": city} for city in CITIES])


def stream_answer(engine: dict[str, Any], question: str) -> str:
    """A chat chain, printed while it is written."""
    prompt = ChatPromptTemplate.from_messages([("user", "{question}")])
    chain = prompt | ChatFlexServe(**engine, temperature=0, max_tokens=128) | StrOutputParser()
    text = ""
    for piece in chain.stream({"question": question}):
        print(piece, end="", flush=True)
        text += piece
    print()
    return text


def run(engine: dict[str, Any]) -> None:
    """Both chains on `engine`: {"server": a running EngineServer} or {"base_url": a URL}."""
    for city, tips in zip(CITIES, travel_tips(engine), strict=True):
        print(f"--- {city}\n{tips.strip()}\n")
    print("--- What is speculative inference?")
    stream_answer(engine, "What is speculative inference?")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", help="an OpenAI-compatible URL; without it the model runs in this process")
    parser.add_argument("--model", default="demo", help="the model to run in this process (default: demo)")
    arguments = parser.parse_args()
    if arguments.url:
        run({"base_url": arguments.url})
        return
    from flexserve_core import EngineConfig, build_server

    with build_server(EngineConfig(model=arguments.model)) as server:
        run({"server": server})


if __name__ == "__main__":
    main()
