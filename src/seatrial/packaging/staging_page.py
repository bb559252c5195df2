"""The report of a staging run as one page that needs nothing else: no script, no other address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape

from seatrial.packaging.staging_about import said
from seatrial.packaging.staging_report import StagingReport, TestResult
from seatrial.packaging.staging_words import LANGUAGES, figures, name_of_test, seen, took, words

FILES: Mapping[str, str] = {"en": "staging.html", "zh": "staging.zh-CN.html"}
"""Where the page of each language lies in the folder of a release."""

STYLE = """
:root { color-scheme: light dark; --ok: #1a7f37; --bad: #c5221f; --quiet: #566472;
--line: #8884; --sea: #0a7193; }
@media (prefers-color-scheme: dark) {
:root { --ok: #3fb950; --bad: #ff7b72; --quiet: #9aa9b5; --sea: #4cc2e6; } }
body { font: 16px/1.5 system-ui, "Noto Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif;
max-width: 60rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
a { color: var(--sea); } nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; }
nav .languages { margin-left: auto; display: flex; gap: 1rem; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin-top: 1.8rem; }
.ok { color: var(--ok); } .bad { color: var(--bad); } .quiet { color: var(--quiet); }
.sum { font-size: 1.15rem; } code { font-size: .85rem; }
ul, dl { list-style: none; margin: 0; padding: 0; }
li, dl div { border-top: 1px solid var(--line); padding: .45rem 0; display: grid;
gap: 0 1rem; grid-template-columns: 4rem 11rem 1fr 5rem; }
dl div { grid-template-columns: 1fr auto; max-width: 30rem; }
dl.about div { grid-template-columns: minmax(7rem, 13rem) 1fr; }
dl.about div { max-width: none; } dl.about dt { color: var(--quiet); }
dd { margin: 0; } dd, .time { text-align: right; font-variant-numeric: tabular-nums; }
dl.about dd { text-align: left; }
@media (max-width: 42rem) { li { grid-template-columns: 4rem 1fr auto; }
li .seen { grid-column: 1 / -1; grid-row: 2; } }
"""


def page(
    report: StagingReport,
    language: str = "en",
    *,
    languages: Mapping[str, str] = FILES,
    back: str = "",
) -> str:
    """The page of a report.

    Args:
        language: ``en`` or ``zh``.
        languages: address of the page in each language.
        back: address of what the page was reached from; empty when there is none.
    """
    w = words(language)
    title = escape(w["title"].format(endpoint=report.endpoint, version=report.version))
    verdict = w["passed"] if report.passed else w["failed"]
    tests = "".join(_test(test, language) for test in report.tests)
    measured = _list(w["measured"], figures(report.measured, language))
    version = _list(w["version"], said(report.about, language), kind=' class="about"')
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        f'<title>{title}</title><meta name="viewport" content="width=device-width, '
        f'initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{_links(language, languages, back)}<h1>{title}</h1>"
        f'<p class="sum {_mark(passed=report.passed)}">{verdict}{w["colon"]}'
        f"{escape(report.said(language))}</p>"
        f'<p class="quiet">{w["bundle"]} <code>{escape(report.digest)}</code></p>'
        f"<h2>{w['tests']}</h2><ul>{tests}</ul>{version}{measured}</body></html>\n"
    )


def _list(title: str, known: Iterable[tuple[str, str]], *, kind: str = "") -> str:
    """Names and values under a title; nothing where there are none."""
    lines = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in known
    )
    return f"<h2>{title}</h2><dl{kind}>{lines}</dl>" if lines else ""


def _links(language: str, languages: Mapping[str, str], back: str) -> str:
    home = f'<a href="{escape(back)}">← {words(language)["back"]}</a>' if back else ""
    others = "".join(
        f'<a href="{escape(address)}" lang="{code}">{LANGUAGES[code]}</a>'
        for code, address in languages.items()
        if code != language
    )
    return f'<nav>{home}<span class="languages">{others}</span></nav>'


def _mark(*, passed: bool) -> str:
    return "ok" if passed else "bad"


def _test(test: TestResult, language: str) -> str:
    said = words(language)["pass" if test.passed else "fail"]
    return (
        f'<li><span class="{_mark(passed=test.passed)}">{said}</span>'
        f"<strong>{escape(name_of_test(test.name, language))}</strong>"
        f'<span class="seen">{escape(seen(test.detail, language))}</span>'
        f'<span class="time quiet">{took(test.seconds, language)}</span></li>'
    )
