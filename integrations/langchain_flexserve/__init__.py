"""LangChain's completion and chat model on a FlexServe engine, in this process or behind a URL."""

from __future__ import annotations

from langchain_flexserve.chat_models import ChatFlexServe
from langchain_flexserve.llms import FlexServeLLM
from langchain_flexserve.transport import ServiceError

__all__ = ["ChatFlexServe", "FlexServeLLM", "ServiceError"]
