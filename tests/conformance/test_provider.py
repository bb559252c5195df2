"""The adapters of vendors keep the suite, against the scripted server."""

from collections.abc import AsyncIterator
from typing import ClassVar

import pytest

from seatrial.adapters.llm.anthropic import AnthropicOptions, AnthropicProvider
from seatrial.adapters.llm.endpoint import HttpLimits
from seatrial.adapters.llm.openai import OpenAIOptions, OpenAIProvider
from seatrial.gateway.chat.failures import NotOffered
from seatrial.testing.scripted_llm import ScriptedLLM
from seatrial.testing.vendor_suite import VendorSuite

LIMITS = HttpLimits(idle_s=0.3)


class TestOpenAI(VendorSuite):
    @pytest.fixture
    async def provider(self, server: ScriptedLLM) -> AsyncIterator[OpenAIProvider]:
        options = OpenAIOptions(name="ours", base_url=server.openai_url, limits=LIMITS)
        provider = OpenAIProvider(options)
        yield provider
        await provider.close()


class TestAnthropic(VendorSuite):
    gaps: ClassVar = {"several": NotOffered, "embed": NotOffered}

    @pytest.fixture
    async def provider(self, server: ScriptedLLM) -> AsyncIterator[AnthropicProvider]:
        options = AnthropicOptions(name="theirs", base_url=server.anthropic_url, limits=LIMITS)
        provider = AnthropicProvider(options)
        yield provider
        await provider.close()
