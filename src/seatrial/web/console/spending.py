"""How the page of spending says things: amounts, whose a budget is, troubles in a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

from seatrial.kernel.duration import show_duration
from seatrial.web.console.legible import cut, visible
from seatrial.web.console.words import percent, words


def spend_spoken(language: str) -> dict[str, Callable[..., str]]:
    """What the templates say in a language."""
    return {
        "trouble_said": partial(trouble_said, language=language),
        "whose": partial(whose, language=language),
        "share_said": partial(share_said, language=language),
        "span_between": partial(span_between, language=language),
    }


def money(amount_usd: str) -> str:
    """An amount as people read it: whole dollars, cents, or two digits of what is smaller."""
    amount = Decimal(amount_usd)
    if amount and abs(amount) < 1:
        exact = f"{amount:.{1 - amount.adjusted()}f}".rstrip("0")  # two digits
        return f"${exact:0<4}"  # $0.50, but $0.013 and $0.0000015
    return f"${amount:,.2f}".removesuffix(".00")


def seconds(value: float | None) -> str:
    """A latency as people read it."""
    if value is None:
        return "–"
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.3g} s"


def share_said(n: int, of: int, *, language: str) -> str:
    """A part of a number, in percent."""
    share = 100 * n / of if of else 0.0
    return percent(f"{share:.0f}" if share >= 10 or not share else f"{share:.2g}", language)


def span_between(start: str, end: str, *, language: str) -> str:
    """How long from one time to another, both ISO 8601."""
    apart = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return show_duration(max(0.0, apart.total_seconds()), language=language)


def whose(budget: Mapping[str, Any], *, language: str) -> str:
    """Whom a budget bounds, such as ``Key search``."""
    w = words(language)
    scope, who = budget["scope"], budget["who"]
    tag = cut(budget["tag"] or "")
    if scope == "total":
        return w["spend.whose.total"]
    if who is None:
        return w[f"spend.each.{scope}"].format(tag=tag)
    if not who:
        return w[f"spend.nobody.{scope}"].format(tag=tag)
    return w[f"spend.whose.{scope}"].format(who=cut(budget["key_name"] or who), tag=tag)


def trouble_said(trouble: Mapping[str, Any], at: str, *, language: str) -> str:
    """A trouble in a sentence.

    Args: at: when it was so, ISO 8601.
    """
    w = words(language)
    facts = {name: value for name, value in trouble.items() if name not in ("kind", "level")}
    budget = facts.pop("budget", None)
    if budget is not None:
        facts |= {
            "whose": whose(budget, language=language),
            "limit": money(budget["limit_usd"]),
            "window": w[f"spend.window.{budget['window']}"],
            "left": money(budget["left_usd"]),
            "span": _until(at, budget["runs_out_at"], language),
            "until": "",
        }
        if budget["ends_at"] is not None:
            span = _until(at, budget["ends_at"], language)
            facts["until"] = w["spend.trouble.until"].format(span=span)
    if "share" in facts:
        facts["share"] = share_said(facts["n_failed"], facts["n"], language=language)
    facts |= {name: f"{value:,}" for name, value in facts.items() if isinstance(value, int)}
    said: str = visible(w[f"spend.trouble.{trouble['kind']}"].format(**facts))
    return said


def _until(at: str, end: str | None, language: str) -> str:
    return "" if end is None else span_between(at, end, language=language)
