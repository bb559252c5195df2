"""The frame of a report: one page that needs nothing else, no script and no other address.

What is reported, and its words, are the business of the package that reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
"""Of reports, by code, as their readers call them."""

_STYLE = """
:root { color-scheme: light dark; --ok: #1a7f37; --bad: #c5221f; --quiet: #566472;
--line: #8884; --sea: #0a7193; }
@media (prefers-color-scheme: dark) {
:root { --ok: #3fb950; --bad: #ff7b72; --quiet: #9aa9b5; --sea: #4cc2e6; } }
body { font: 16px/1.5 system-ui, "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif;
max-width: 64rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
a { color: var(--sea); } nav { display: flex; justify-content: flex-end; gap: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin-top: 1.8rem; }
.ok { color: var(--ok); } .bad { color: var(--bad); } .quiet { color: var(--quiet); }
.sum { font-size: 1.15rem; } .wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { border-top: 1px solid var(--line); padding: .4rem .6rem; text-align: left;
vertical-align: top; overflow-wrap: normal; } th { font-weight: 600; color: var(--quiet); }
td.number, th.number { text-align: right; white-space: nowrap; }
tr.chosen td { font-weight: 600; }
dl { margin: 0; } dl div { border-top: 1px solid var(--line); padding: .4rem 0; display: grid;
grid-template-columns: minmax(10rem, 1fr) 3fr; gap: 0 1rem; } dd { margin: 0; }
"""


def page(
    title: str, body: str, language: str, languages: Mapping[str, str], *, style: str = ""
) -> str:
    """A whole page.

    Args:
        title: plain text.
        body: HTML.
        languages: address of the page in each language.
        style: rules beyond those of all reports.
    """
    others = "".join(
        f'<a href="{escape(address)}" lang="{code}">{LANGUAGES[code]}</a>'
        for code, address in languages.items()
        if code != language
    )
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<title>{escape(title)}</title><meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><style>{_STYLE}{style}</style></head><body><nav>{others}</nav>'
        f"<h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def table(
    heads: Sequence[str], rows: Sequence[Sequence[str]], *, n_texts: int = 1, chosen: int = -1
) -> str:
    """A table of plain texts.

    Args:
        n_texts: columns that hold words, before those that hold numbers.
        chosen: the row that stands out; -1 for none.
    """
    return (
        f'<div class="wide"><table><thead><tr>{_cells("th", heads, n_texts)}</tr></thead><tbody>'
        + "".join(
            f"<tr{' class=chosen' if place == chosen else ''}>{_cells('td', row, n_texts)}</tr>"
            for place, row in enumerate(rows)
        )
        + "</tbody></table></div>"
    )


def _cells(tag: str, texts: Sequence[str], n_texts: int) -> str:
    return "".join(
        f"<{tag}{'' if place < n_texts else ' class=number'}>{escape(text)}</{tag}>"
        for place, text in enumerate(texts)
    )


def terms(pairs: Sequence[tuple[str, str]]) -> str:
    """Names with what they are, of plain texts."""
    return (
        "<dl>"
        + "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in pairs
        )
        + "</dl>"
    )


def share(value: float) -> str:
    """A share in percent: one decimal below 10 %."""
    return f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def size(n_bytes: int) -> str:
    """Bytes in the largest unit that leaves 1 or more."""
    value, unit = float(n_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.3g} {unit}" if unit != "B" else f"{n_bytes} B"
