"""The example of the page on tokens and prices prints what it says."""

import re

import docs_blocks as docs


def test_the_example_prints_what_its_comments_say(capsys):
    page = docs.ROOT / "docs/reference/tokens-and-prices.md"
    (block,) = (b for b in docs.blocks(page) if b.language == "python")
    exec(compile(block.text, str(page), "exec"), {})
    printed = capsys.readouterr().out.split()
    said = re.findall(r"print\(.*\)  # (\S+)", block.text)
    assert len(said) == 3
    assert [line.rstrip("0") for line in printed] == [line.rstrip("0") for line in said]


def test_the_page_has_the_default_prices():
    from seatrial.gateway.prices.defaults import DEFAULTS

    page = (docs.ROOT / "docs/reference/tokens-and-prices.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:GPT|Claude)[^|]* \| ([\d.]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    base = {(e.rates.base.input * 1000, e.rates.base.output * 1000) for e in DEFAULTS}
    assert {tuple(map(float, row)) for row in rows} == {tuple(map(float, pair)) for pair in base}
