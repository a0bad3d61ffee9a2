"""LangChain's messages as the role/content dictionaries of a chat template.

Text only; anything else is refused by name, never dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage

from flexserve_core import InvalidRequestError

_ROLES = {SystemMessage: "system", HumanMessage: "user", AIMessage: "assistant"}


def to_dicts(messages: Sequence[BaseMessage]) -> tuple[dict[str, str], ...]:
    """One `{"role", "content"}` per message; `InvalidRequestError` for tools, images, audio and files.

    A message's `name` is left out: chat templates have no place for it.
    """
    return tuple({"role": _role(message), "content": _text(message)} for message in messages)


def _role(message: BaseMessage) -> str:
    if isinstance(message, ChatMessage):
        return message.role
    if isinstance(message, AIMessage) and message.tool_calls:
        raise _refused("tool_calls", "tool calls are not supported", "Leave them out of the history.")
    for kind, role in _ROLES.items():
        if isinstance(message, kind):
            return role
    remedy = "Use system, human, AI or chat messages."
    raise _refused(message.type, f"{message.type} messages are not supported", remedy)


def _text(message: BaseMessage) -> str:
    for block in message.content_blocks:
        if block["type"] != "text":
            raise _refused(block["type"], "only text content is supported", "Put it into words.")
    return message.text


def _refused(value: str, limit: str, remedy: str) -> InvalidRequestError:
    return InvalidRequestError("messages", value, limit, remedy)
