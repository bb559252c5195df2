"""Errors on Chinese pages."""

from pathlib import Path
from typing import ClassVar

import pytest

from seatrial.kernel.errors import Conflict, NotFound, SeatrialError, Unavailable
from seatrial.web.console.trouble_words import CODES_ZH, coded, trouble

REFERENCE = Path(__file__).parents[3] / "docs" / "reference" / "errors.md"


class Unheard(Unavailable):
    code: ClassVar[str] = "test.unheard"


def test_every_code_that_has_a_line_is_one_of_an_error() -> None:
    known = REFERENCE.read_text("utf-8")
    assert [code for code in CODES_ZH if f"| `{code}` |" not in known] == []


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (NotFound("No 'x'.", remedy="Name another."), "没有找到。（原文：No 'x'. Name another.）"),
        (
            Conflict("It moved.", remedy="Reload."),
            "状态已经改变，请刷新页面后再试。（原文：It moved. Reload.）",
        ),
        (Unheard("No word.", remedy="Wait."), "暂时不可用，请稍后再试。（原文：No word. Wait.）"),
        (SeatrialError("Bad.", remedy="Ask."), "出错了。（原文：Bad. Ask.）"),
    ],
)
def test_errors_without_a_line_of_their_own_are_told_by_their_kind(
    problem: SeatrialError, said: str
) -> None:
    assert trouble(problem, "zh") == said
    assert trouble(problem, "en") == str(problem)


def test_an_error_of_the_past_is_told_by_its_code_and_else_as_it_was() -> None:
    said = "a.pkl imports os.system."
    assert coded("model.unsafe", said, language="zh").endswith(f"已拒绝加载。（原文：{said}）")
    assert coded("model.unsafe", said, language="en") == said
    assert coded("not.known", said, language="zh") == coded(None, said, language="zh") == said
