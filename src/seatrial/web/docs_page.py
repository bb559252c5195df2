"""The routes as one page for people, from the OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --quiet: #566472; --line: #8884; --sea: #0a7193; }
@media (prefers-color-scheme: dark) { :root { --quiet: #9aa9b5; --sea: #4cc2e6; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem;
overflow-wrap: anywhere; }
a { color: var(--sea); } h1 { font-size: 1.6rem; } h2 { font-size: 1.1rem; margin: 1.8rem 0 0; }
p { margin: .3rem 0 .6rem; } .quiet { color: var(--quiet); }
ul { list-style: none; margin: 0; padding: 0; }
li { border-top: 1px solid var(--line); padding: .4rem 0; display: grid; gap: 0 1rem;
grid-template-columns: 3.5rem 1fr 22rem; }
@media (max-width: 48rem) { li { grid-template-columns: 3.5rem 1fr; }
li .what { grid-column: 2; } }
"""


def page(described: Mapping[str, Any]) -> str:
    """The routes as one page that needs no script and no other address.

    Args: described: an OpenAPI document; its tags are the headings, in their order.
    """
    info = described["info"]
    title = f"{info['title']} {info['version']}: routes"
    parts = "".join(_part(tag, described["paths"]) for tag in described["tags"])
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body>"
        '<nav><a href="./">← Console</a></nav>'
        f"<h1>{escape(title)}</h1><p>{escape(info['description'])}</p>"
        '<p class="quiet">For programs, with the schema of every body: '
        '<a href="openapi.json">openapi.json</a></p>'
        f"{parts}</body></html>"
    )


def _part(tag: Mapping[str, str], paths: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<li><strong>{method.upper()}</strong><code>{escape(path)}</code>"
        f'<span class="what quiet">{escape(operation.get("summary", ""))}</span></li>'
        for path, operations in paths.items()
        for method, operation in operations.items()
        if tag["name"] in operation.get("tags", ())
    )
    head = f"<h2>{escape(tag['name'].capitalize())}</h2><p>{escape(tag['description'])}</p>"
    return f"{head}<ul>{rows}</ul>" if rows else ""
