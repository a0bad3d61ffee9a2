"""LangChain's standard unit tests for chat models."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_flexserve import ChatFlexServe
from langchain_tests.unit_tests import ChatModelUnitTests


class TestStandard(ChatModelUnitTests):
    """Tools and structured output are not offered; the base class sees it, as `bind_tools` is LangChain's."""

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatFlexServe

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"base_url": "http://127.0.0.1:9/v1"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        env = {"FLEXSERVE_BASE_URL": "http://127.0.0.1:9/v1", "FLEXSERVE_API_KEY": "key"}
        return env, {}, {"base_url": "http://127.0.0.1:9/v1", "api_key": "key"}
