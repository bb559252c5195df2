"""The routes of questions for people: what there is, in words and for OpenAPI."""

from __future__ import annotations

from typing import Any, Final

ROUTES: Final = (
    ("GET", "/v1/knowledge", "The indexes that can be asked"),
    ("GET", "/v1/knowledge/{name}", "One index: its live version, its languages, its size"),
    ("POST", "/v1/knowledge/{name}/search", "The passages that most likely answer a question"),
    ("POST", "/v1/knowledge/{name}/answer", "An answer whose sentences cite, or a refusal"),
)
"""Method, path and summary."""

_ASKED: Final = {
    "type": "object",
    "required": ["question"],
    "additionalProperties": False,
    "properties": {
        "question": {"type": "string", "minLength": 1},
        "k": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "description": "Passages wanted.",
        },
        "filter": {
            "type": "object",
            "description": 'A condition on metadata: {"year": {"gte": 2020}, "lang": "de"}.',
        },
        "readers": {
            "type": "array",
            "maxItems": 1000,
            "items": {"type": "string"},
            "description": "Groups the asker belongs to; with a key, some of the key's.",
        },
        "version": {"type": "integer", "minimum": 1, "description": "The live one if not given."},
        "user": {"type": "string", "description": "Who asks, for costs and budgets."},
    },
}
_REFUSED: Final = {
    "description": "Refused",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["error", "code"],
                "properties": {"error": {"type": "string"}, "code": {"type": "string"}},
            }
        }
    },
}


def document() -> dict[str, Any]:
    """What they add to an OpenAPI document: paths, and the tag of their operations."""
    text = "Ask documents: what is answered cites the passages that say so."
    paths: dict[str, Any] = {}
    for method, path, summary in ROUTES:
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, summary)
    return {"tags": [{"name": "knowledge", "description": text}], "paths": paths}


def _operation(method: str, path: str, summary: str) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": summary,
        "tags": ["knowledge"],
        "responses": {
            "200": {
                "description": "Done",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
            "default": _REFUSED,
        },
    }
    if "{name}" in path:
        operation["parameters"] = [
            {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
        ]
    if method == "POST":
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _ASKED}},
        }
    return operation
