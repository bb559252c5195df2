"""LangChain, LlamaIndex, DSPy and Instructor, unchanged, with the server in place of the vendor.

They bring hundreds of packages, so they live in an environment of their own.
"""

from __future__ import annotations

import json
import subprocess
import venv
from pathlib import Path
from typing import Any

import pytest

from seatrial.testing import ScriptedLLM
from seatrial.testing.scripted_llm import Asked, Says

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PINS = (
    "langchain-openai==1.7.4",
    "llama-index-llms-openai-like==0.8.1",
    "llama-index-embeddings-openai-like==0.4.0",
    "dspy==3.4.1",
    "instructor==1.17.0",
)
SHARED = """
import json, sys
from pydantic import BaseModel

url = sys.argv[1] + "/v1"

class Town(BaseModel):
    name: str
    people: int

said = {}
"""
LANGCHAIN = """
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

llm = ChatOpenAI(model="gpt", base_url=url, api_key="none", max_retries=0, stream_usage=True)
said["chat"] = llm.invoke("Hello there").content
said["stream"] = "".join(piece.content for piece in llm.stream("Hello there"))
def look(city: str) -> str:
    "Looks a city up."
    return city
said["tools"] = [call["name"] for call in llm.bind_tools([look]).invoke("Hello there").tool_calls]
said["structured"] = sorted(llm.with_structured_output(Town).invoke("Where?").model_dump())
made = OpenAIEmbeddings(model="vectors", base_url=url, api_key="none",
                        check_embedding_ctx_length=False).embed_documents(["a", "b"])
said["vectors"] = [len(vector) == len(made[0]) for vector in made]
try:
    ChatOpenAI(model="none", base_url=url, api_key="none", max_retries=0).invoke("Hello")
except Exception as problem:
    said["error"] = "NotFoundError" in [kind.__name__ for kind in type(problem).__mro__]
"""
LLAMA_INDEX = """
from llama_index.core.llms import ChatMessage
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai_like import OpenAILike

llm = OpenAILike(model="gpt", api_base=url, api_key="none", is_chat_model=True,
                 is_function_calling_model=True, max_retries=0)
ask = [ChatMessage(role="user", content="Hello there")]
said["chat"] = llm.chat(ask).message.content
said["stream"] = "".join(piece.delta or "" for piece in llm.stream_chat(ask))
from llama_index.core.tools import FunctionTool
def look(city: str) -> str:
    "Looks a city up."
    return city
answer = llm.chat_with_tools([FunctionTool.from_defaults(look)], "Hello there")
said["tools"] = [call.tool_name for call in llm.get_tool_calls_from_response(answer)]
said["structured"] = sorted(llm.as_structured_llm(Town).complete("Where?").raw.model_dump())
embed = OpenAILikeEmbedding(model_name="vectors", api_base=url, api_key="none", max_retries=0)
made = embed.get_text_embedding_batch(["a", "b"])
said["vectors"] = [len(vector) == len(made[0]) for vector in made]
try:
    OpenAILike(model="none", api_base=url, api_key="none", is_chat_model=True,
               max_retries=0).chat(ask)
except Exception as problem:
    said["error"] = "NotFoundError" in [kind.__name__ for kind in type(problem).__mro__]
"""
DSPY = """
import dspy

dspy.configure(lm=dspy.LM("openai/gpt", api_base=url, api_key="none", cache=False, num_retries=0))
said["chat"] = dspy.Predict("question -> answer")(question="Hello?").answer
try:
    dspy.LM("openai/none", api_base=url, api_key="none", cache=False, num_retries=0)("Hello")
except Exception as problem:
    said["error"] = "none" in str(problem)
"""
INSTRUCTOR = """
import instructor, openai

client = instructor.from_openai(openai.OpenAI(base_url=url, api_key="none", max_retries=0))
ask = [{"role": "user", "content": "Where?"}]
town = client.chat.completions.create(model="gpt", messages=ask, response_model=Town)
said["structured"] = sorted(town.model_dump())
client = instructor.from_openai(
    openai.OpenAI(base_url=url, api_key="none", max_retries=0), mode=instructor.Mode.JSON
)
town = client.chat.completions.create(model="claude", messages=ask, response_model=Town)
said["json"] = sorted(town.model_dump())
"""
WHOLE = {
    "chat": "Hello there",
    "stream": "Hello there",
    "tools": ["look"],
    "structured": ["name", "people"],
    "vectors": [True, True],
    "error": True,
}


@pytest.fixture(scope="module")
def python(request: pytest.FixtureRequest) -> Path:
    """An interpreter with the frameworks; kept in pytest's cache from run to run."""
    folder = request.config.cache.mkdir("llm-frameworks-" + PINS[0].partition("==")[2])
    interpreter = folder / "bin" / "python"
    if not (folder / "done").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *PINS], check=True)
        (folder / "done").touch()
    return interpreter


def decide(asked: Asked) -> Says:
    """An answer in DSPy's form where it asks for that, and one in JSON where words ask for it."""
    text = json.dumps(asked.body)
    if "[[ ## answer ## ]]" in text:
        return Says(text="[[ ## answer ## ]]\nHello there\n\n[[ ## completed ## ]]")
    if "json_schema" in text and not asked.body.get("tools"):
        return Says(text='{"name": "Ulm", "people": 126000}')
    return Says()


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (LANGCHAIN, WHOLE),
        (LLAMA_INDEX, WHOLE),
        (DSPY, {"chat": "Hello there", "error": True}),
        (INSTRUCTOR, {"structured": ["name", "people"], "json": ["name", "people"]}),
    ],
    ids=["langchain", "llama-index", "dspy", "instructor"],
)
def test_a_framework_finds_all_it_knows(
    python: Path, home: Any, program: str, expected: dict[str, Any]
) -> None:
    with ScriptedLLM(decide).in_thread() as llm:
        home.configure(
            gateway={
                "providers": {
                    "one": {"kind": "openai", "base_url": llm.openai_url},
                    "two": {"kind": "anthropic", "base_url": llm.anthropic_url},
                },
                "models": {
                    "gpt": "one/gpt-4o-mini",
                    "claude": "two/claude-3-haiku-20240307",
                    "vectors": {
                        "kind": "embedding",
                        "candidates": ["one/text-embedding-3-small"],
                    },
                },
            }
        )
        address = f"http://127.0.0.1:{home.up().port}"
        ran = subprocess.run(
            [python, "-c", f"{SHARED}{program}\nprint(json.dumps(said))", address],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            cwd=home.folder,
        )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout.splitlines()[-1]) == expected
