"""The openai package against a FlexServe server: a streamed chat answer, then what it cost.

Run: flexserve serve            (in one terminal)
     python examples/openai_client.py "Who are you?"
"""

from __future__ import annotations

import argparse
import os

from openai import OpenAI


def ask(client: OpenAI, question: str) -> str:
    """Stream the answer to `question` to the terminal; the whole text is returned."""
    model = client.models.list().data[0].id
    stream = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": question}],
        temperature=0,
        max_tokens=128,
        stream=True,
        stream_options={"include_usage": True},
    )
    text = ""
    for event in stream:
        for choice in event.choices:
            text += choice.delta.content or ""
            print(choice.delta.content or "", end="", flush=True)
        if event.usage:
            print(f"\n[{model}: {event.usage.prompt_tokens} + {event.usage.completion_tokens} tokens]")
    return text


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("question", nargs="?", default="What is speculative inference?")
    parser.add_argument("--url", default="http://127.0.0.1:8000/v1")
    arguments = parser.parse_args()
    key = os.environ.get("FLEXSERVE_API_KEY", "none")  # the package wants one even where the server does not
    with OpenAI(base_url=arguments.url, api_key=key) as client:
        ask(client, arguments.question)


if __name__ == "__main__":
    main()
