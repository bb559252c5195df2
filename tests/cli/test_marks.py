"""Levels in their colours, and names cut to a width."""

from __future__ import annotations

import click
import pytest

from seatrial.cli.marks import cut, mark


@pytest.mark.parametrize(
    ("level", "colour"), [("critical", "red"), ("pending", "yellow"), ("clear", "green")]
)
def test_a_level_has_its_colour_and_keeps_its_width(level: str, colour: str) -> None:
    shown = mark(level, 9)
    assert click.unstyle(shown) == f"{level:<9}"
    assert shown.startswith(click.style("", fg=colour, reset=False))


def test_another_text_may_stand_for_a_level_and_what_is_no_level_stays_plain() -> None:
    assert click.unstyle(mark("alarm", text="ALARM")) == "ALARM"
    assert mark("none", 9) == "none     "


def test_names_are_cut_to_a_width() -> None:
    assert cut("region", 6) == "region"
    assert cut("regions", 6) == "regio…"
