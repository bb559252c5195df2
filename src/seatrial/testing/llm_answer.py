"""What the scripted server of models answers, in words, before it is written on a wire."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seatrial.testing.llm_script import Asked, Says, Tokens

_WORD = re.compile(r"\s*\S+|\s+$")


def words(text: str) -> list[str]:
    """The pieces of a text; each counts as a token."""
    return _WORD.findall(text)


@dataclass(frozen=True, slots=True)
class Piece:
    """A word of the answer.

    Args:
        kind: what it is a part of.
        text: the word.
        call: which of the tool calls, from 0.
    """

    kind: str
    text: str
    call: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer, in words.

    Args:
        names: of the tools it calls.
        tokens: what it takes, if all of it goes out.
        tells_usage: whether that is told.
    """

    pieces: tuple[Piece, ...]
    names: tuple[str, ...]
    finish: str
    tokens: Tokens
    tells_usage: bool

    def text(self, kind: str, call: int = 0) -> str:
        """The words of a kind, joined."""
        return "".join(p.text for p in self.pieces if p.kind == kind and p.call == call)

    def told(self, n_pieces: int) -> Tokens:
        """What it takes when only so many pieces went out."""
        if n_pieces >= len(self.pieces):
            return self.tokens
        return Tokens(
            input=self.tokens.input,
            cached=self.tokens.cached,
            cache_write=self.tokens.cache_write,
            output=min(n_pieces, self.tokens.output),
        )


def answer_to(asked: Asked, says: Says) -> Answer:
    """The answer in words, cut at the ``max_tokens`` that was asked for."""
    calls = says.tool_calls
    text = says.text
    if text is None and not calls:
        text, calls = _fitting(asked)
    pieces = [Piece("reasoning", word) for word in words(says.reasoning)]
    pieces += [Piece("text", word) for word in words(text or "")]
    for n, (_, arguments) in enumerate(calls):
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        pieces += [Piece("call", word, n) for word in words(written)]
    body = asked.body
    most = body.get("max_completion_tokens") or body.get("max_tokens") or len(pieces)
    finish = says.finish or ("tool_calls" if calls else "stop")
    if len(pieces) > most:
        pieces, finish = pieces[:most], "length"
    n_answers = int(body.get("n") or 1) if asked.wire == "openai" else 1
    return Answer(
        pieces=tuple(pieces),
        names=tuple(name for name, _ in calls),
        finish=finish,
        tokens=says.tokens
        or Tokens(
            input=input_tokens(body),
            output=max(1, len(pieces)) * n_answers,
            reasoning=sum(piece.kind == "reasoning" for piece in pieces) * n_answers,
        ),
        tells_usage=says.tells_usage,
    )


def input_tokens(body: Mapping[str, Any]) -> int:
    """The words of all messages, at least 1."""
    said = [body.get("system"), body.get("input")]
    said += [message.get("content") for message in body.get("messages", ())]
    return max(1, sum(len(_plain(content).split()) for content in said))


def _plain(content: Any) -> str:
    """The text in what a message, or a block, says."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(_plain(part) for part in content)
    if isinstance(content, dict):
        return _plain(content.get("text") or content.get("content"))
    return ""


def _fitting(asked: Asked) -> tuple[str, list[tuple[str, Any]]]:
    """A text, or calls of tools, that fit what was asked."""
    body, last = asked.body, asked.body["messages"][-1]
    result = last.get("role") == "tool" or '"tool_result"' in json.dumps(last.get("content"))
    tools = {_function(tool)["name"]: _function(tool) for tool in body.get("tools") or ()}
    choice = body.get("tool_choice")
    kind = choice if isinstance(choice, str) else (choice or {}).get("type", "auto")
    if tools and kind != "none" and (not result or kind in ("required", "any")):
        named = (choice or {}) if not isinstance(choice, str) else {}
        name = named.get("name") or named.get("function", {}).get("name") or next(iter(tools))
        tool = tools[name]
        return "", [(name, instance_of(tool.get("parameters") or tool.get("input_schema") or {}))]
    schema = _schema(body)
    if schema is not None:
        return json.dumps(instance_of(schema)), []
    return _plain(last.get("content")) or "Nothing was said.", []


def _function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = tool.get("function", tool)
    return found


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    form = body.get("response_format") or (body.get("output_config") or {}).get("format") or {}
    if form.get("type") == "json_object":
        return {"type": "object", "properties": {"answer": {"type": "string"}}}
    found: Mapping[str, Any] | None = form.get("json_schema", form).get("schema")
    return found


def instance_of(schema: Mapping[str, Any], root: Mapping[str, Any] | None = None) -> Any:  # noqa: PLR0911
    """A small instance of a JSON schema of the kinds that structured output allows."""
    root = schema if root is None else root
    if "$ref" in schema:
        found: Any = root
        for name in schema["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return instance_of(found, root)
    if "const" in schema or "enum" in schema:
        return schema["const"] if "const" in schema else schema["enum"][0]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return instance_of(schema[several][0], root)
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {n: instance_of(s, root) for n, s in schema.get("properties", {}).items()}
    if kind == "array":
        count = max(1, schema.get("minItems", 1))
        return [instance_of(schema.get("items", {"type": "string"}), root)] * count
    if kind in ("integer", "number"):
        least = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
        return min(least, schema.get("maximum", least))
    plain = {"string": "word".ljust(schema.get("minLength", 0), "s"), "boolean": True}
    return plain.get(kind)


@dataclass(frozen=True, slots=True)
class Event:
    """A piece of a stream as bytes.

    Args:
        n_told: pieces of the answer that are out with it.
    """

    data: bytes
    n_told: int
