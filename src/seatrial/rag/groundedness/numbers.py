"""Numbers and dates in a text, however they are written, as values that can be compared.

``1,000``, ``1000``, ``one thousand``, ``一千`` and ``１０００`` are one value; ``5 %``,
``five percent`` and ``百分之五`` another; ``1 March 2017``, ``2017-03-01`` and ``2017年3月1日`` one
date. What is no claim about quantity is left out: "one of them", 一些, 万一.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from seatrial.rag.groundedness.terms import plain


class Number(NamedTuple):
    """A quantity: its value in the unit's smallest usual size, its dimension, its characters.

    Args:
        dimension: ``%``, ``length``, ``mass``, ``time``, or "" for a bare number.
        rough: whether the text says "about" or the like.
    """

    value: float
    dimension: str
    rough: bool
    start: int
    end: int


class Date(NamedTuple):
    """A calendar date as far as it is told; None is not told."""

    year: int | None
    month: int | None
    day: int | None
    start: int
    end: int


_ONES = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
]  # fmt: skip
_TENS = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
]  # fmt: skip
_ORDINALS = [
    "zeroth", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
    "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth",
    "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth",
]  # fmt: skip
_SMALL = (
    {word: i for i, word in enumerate(_ONES)}
    | {word: i for i, word in enumerate(_ORDINALS)}
    | {word: 10 * i for i, word in enumerate(_TENS, start=2)}
)
_LARGE = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_SHORT = {"k": 10**3, "m": 10**6, "mn": 10**6, "bn": 10**9, "b": 10**9}
_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "○": 0}
_PLACES = {"十": 10, "百": 100, "千": 1000}
_MYRIADS = {"万": 10**4, "亿": 10**8}
_MONTHS = {
    name: i
    for i, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
# Names of months that stand for one only behind a day: "3 mars 2020", but not "Mars 2020".
_MONTHS |= {
    name: i
    for i, names in enumerate(
        (
            "januar jänner janvier enero gennaio janeiro januari",
            "februar février febrero febbraio fevereiro februari",
            "märz mars marzo março maart",
            "avril abril aprile",
            "mai mayo maggio maio mei",
            "juni juin junio giugno junho",
            "juli juillet julio luglio julho",
            "août agosto augustus",
            "septembre septiembre settembre setembro",
            "oktober octobre octubre ottobre outubro",
            "novembre noviembre novembro",
            "dezember décembre diciembre dicembre dezembro december",
        ),
        start=1,
    )
    for name in names.split()
}
_DIMENSIONS: dict[str, dict[str, float]] = {
    "%": {"%/percent/per cent/percentage/prozent/pour cent/por ciento/por cento/per cento": 1},
    "length": {
        "m/metres/meters/metre/meter/米": 1,
        "km/kilometres/kilometers/kilometre/kilometer/公里/千米": 1000,
        "miles/mile/英里": 1609.344,
        "feet/foot/ft/英尺": 0.3048,
    },
    "mass": {
        "kg/kilograms/kilogram/kilos/公斤/千克": 1,
        "tonnes/tonne/tons/ton/吨": 1000,
        "pounds/lb/lbs/磅": 0.45359237,
    },
    "time": {"seconds/second/秒": 1, "minutes/minute/分钟": 60, "hours/hour/小时": 3600},
}
_UNITS: dict[str, tuple[str, float]] = {
    spelling: (dimension, factor)
    for dimension, table in _DIMENSIONS.items()
    for spellings, factor in table.items()
    for spelling in spellings.split("/")
}
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_ANY_MONTH = "|".join(sorted(_MONTHS, key=len, reverse=True))
_LARGES = "|".join(_LARGE)
_WORD = "|".join(sorted([*_SMALL, *_LARGE], key=len, reverse=True))
_HAN = "零〇○一二两三四五六七八九十百千万亿"
# What makes a lone Chinese digit a count: the word that measures or numbers things.
_COUNTED = (
    "个位名年月日号天岁次条件种部家座所只本台辆架层倍元届场集卷章代级期国省市县篇首支艘人米吨秒"
    "公小分美英万亿周楼"
)
_NUMBER = re.compile(
    rf"(?P<fraction>百分之)(?P<of>[\d.]+|[{_HAN}点]+)"
    rf"|(?<![A-Za-z0-9_.])(?P<digits>\d+(?:,\d{{3}})+(?:\.\d+)?"
    rf"|\d{{1,3}}(?:(?:\.\d{{3}})+,\d+|(?:\.\d{{3}}){{2,}})|\d+(?:\.\d+)?)"
    rf"(?P<ordinal>(?:st|nd|rd|th)\b)?(?:s\b)?"
    rf"(?:(?:\s|-)?(?P<times>(?:{_LARGES}|[kmb]|mn|bn)\b|[百千]?[万亿]|[百千](?![克米])))?"
    rf"(?:(?:\s|-)?(?P<unit>%|(?:{_UNIT})(?![a-z])))?"
    rf"|\b(?P<words>(?:{_WORD})(?:(?:(?<=hundred|housand)\s+and\s+|\s|-)(?:{_WORD}))*)\b"
    rf"(?:(?:\s|-)(?P<unit2>(?:{_UNIT})\b))?"
    rf"|(?P<han>[{_HAN}]+)(?P<unit3>公里|千米|英里|英尺|公斤|千克|米|吨|磅|秒|分钟|小时)?",
    re.IGNORECASE,
)
_DATE = re.compile(
    rf"(?<![A-Za-z])(?P<m1>{_MONTH})\.?\s+(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s*[-:]?\d)"
    rf"(?:,?\s+(?P<y1>\d{{4}})\b)?"
    rf"|(?<![\dA-Za-z])(?P<d2>\d{{1,2}})(?:st|nd|rd|th|\.|er|º)?\s+(?:(?:of|de)\s+)?"
    rf"(?P<m2>{_ANY_MONTH})\b\.?(?:,?\s+(?:del?\s+)?(?P<y2>\d{{4}})\b)?"
    r"|(?<![\dA-Za-z.])(?P<d8>\d{1,2})\.\s?(?P<m8>\d{1,2})\.\s?(?P<y8>\d{4})\b"
    rf"|(?<![A-Za-z])(?P<m3>{_MONTH})\.?,?\s+(?:of\s+)?(?P<y3>\d{{4}})\b"
    r"|(?<![\dA-Za-z])(?P<y4>\d{4})[-/.](?P<m4>\d{1,2})[-/.](?P<d4>\d{1,2})(?!\d)"
    r"|(?<![\dA-Za-z])(?P<m5>\d{1,2})/(?P<d5>\d{1,2})/(?P<y5>\d{4})\b"
    rf"|(?P<y6>\d{{4}}|[零〇○一二三四五六七八九]{{4}})\s*[年년]"
    rf"(?:\s*(?P<m6>\d{{1,2}}|[一二三四五六七八九十]{{1,3}})\s*月"
    rf"(?:\s*(?P<d6>\d{{1,2}}|[一二三四五六七八九十]{{1,3}})\s*[日号])?)?"
    rf"|(?P<m7>\d{{1,2}}|(?<![{_HAN}])[一二三四五六七八九十]{{1,3}})\s*月"
    rf"\s*(?P<d7>\d{{1,2}}|[一二三四五六七八九十]{{1,3}})\s*[日号]",
    re.IGNORECASE,
)
_ROUGH = re.compile(
    r"(?:about|around|approximately|roughly|nearly|almost|some|over|more than|at least|up to|circa"
    r"|under|less than|fewer than|大约|约|近|将近|超过|逾|至少|左右|不到|接近)\s*\$?$",
    re.IGNORECASE,
)
_ROUGH_AFTER = re.compile(r"\s*(?:or so|左右|多|余|以上)")
_EUROPEAN = re.compile(r"\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})")  # 1.234,5; 1.234.567
_SINCE = re.compile(r"\b(\d{4})-$")
# Words with numerals in them that count nothing.
_NO_COUNT = re.compile(r"万一|千万别|一一|十分|百姓|万物|千百|万分|千万不|第一时间|三明治|四周")


def dates(text: str) -> list[Date]:
    """The dates of a text in order; those that no calendar has are left out."""
    found: list[Date] = []
    for match in _DATE.finditer(plain(text)):
        given = {k[0]: v for k, v in match.groupdict().items() if v is not None}
        year, month, day = (_part(given.get(k)) for k in "ymd")
        if month is not None and month > 12 and day is not None and day <= 12:
            month, day = day, month
        if (month is None or 1 <= month <= 12) and (day is None or 1 <= day <= 31):
            found.append(Date(year, month, day, *match.span()))
    return found


def _part(written: str | None) -> int | None:
    if written is None:
        return None
    if written.isdecimal() and written.isascii():
        return int(written)
    named = _MONTHS.get(written.lower())
    return named if named is not None else int(_han_value(written))


def numbers(text: str, among: list[Date] | None = None) -> list[Number]:
    """The numbers of a text in order, those of its dates left out.

    Args: among: the dates of the text, where they are known already.
    """
    text = plain(text)
    taken = iter(dates(text) if among is None else among)
    date = next(taken, None)
    found: list[Number] = []
    for match in _NUMBER.finditer(text):
        start, end = match.span()
        while date is not None and date.end <= start:
            date = next(taken, None)
        if date is not None and start < date.end and end > date.start:
            continue
        read = _read(match, text)
        if read is not None:
            value, dimension = read
            rough = (
                _ROUGH.search(text, max(0, start - 16), start) is not None
                or _ROUGH_AFTER.match(text, end) is not None
            )
            found.append(Number(value, dimension, rough, start, end))
    return found


def _read(match: re.Match[str], text: str) -> tuple[float, str] | None:
    if match["fraction"]:
        written = match["of"]
        value = _han_value(written) if written[0] in _HAN else _digits_value(written)
        return value, "%"
    if match["digits"]:
        value = _digits_value(match["digits"])
        since = _SINCE.search(text, max(0, match.start() - 5), match.start())
        if since and len(match["digits"]) == 2:  # 1939-45
            value += int(since.group(1)) // 100 * 100
        times = match["times"]
        if times:
            value *= _times(times)
        return _with_unit(value, match["unit"])
    if match["words"]:
        words = re.findall(r"[a-z]+", match["words"].lower())
        # "one" and "second" alone are a pronoun and a moment more often than a count.
        if len(words) == 1 and words[0] in {"one", "first", "second", "hundred", "zero", *_LARGE}:
            return None
        return _with_unit(_words_value(words), match["unit2"])
    return _counted(match, text)


def _counted(match: re.Match[str], text: str) -> tuple[float, str] | None:
    han, (start, end) = match["han"], match.span("han")
    if _NO_COUNT.search(text, max(0, start - 1), end + 2):
        return None
    if len(han) == 1 and not match["unit3"]:
        nexts = text[end : end + 1]
        counts = (nexts and nexts in _COUNTED) or text[start - 1 : start] == "第"
        if han in "一零〇○万亿百千" or not counts:
            return None
    return _with_unit(_han_value(han), match["unit3"])


def _with_unit(value: float, unit: str | None) -> tuple[float, str]:
    if unit is None:
        return value, ""
    dimension, factor = _UNITS[unit.lower()]
    return value * factor, dimension


def _digits_value(written: str) -> float:
    try:
        if _EUROPEAN.fullmatch(written):
            written = written.replace(".", "").replace(",", ".")
        return float(written.replace(",", "")[:300])
    except ValueError:
        return 0.0


def _times(written: str) -> float:
    lowered = written.lower()
    if lowered in _LARGE:
        return _LARGE[lowered]
    if lowered in _SHORT:
        return _SHORT[lowered]
    value = 1.0
    for char in written:
        value *= _PLACES.get(char) or _MYRIADS[char]
    return value


def _words_value(words: list[str]) -> float:
    total, part = 0.0, 0.0
    for word in words:
        if word in _SMALL:
            part += _SMALL[word]
        elif word == "hundred":
            part = (part or 1) * 100
        elif word in _LARGE:
            total += (part or 1) * _LARGE[word]
            part = 0
    return min(total + part, 1e18)


def _han_value(written: str) -> float:
    written = written[:64]
    whole, _, decimals = written.partition("点")
    if not any(c in _PLACES or c in _MYRIADS for c in whole):
        value = float("".join(str(_DIGITS[c]) for c in whole if c in _DIGITS) or "0")
    else:
        value, part, digit = 0.0, 0.0, 0.0
        for char in whole:
            if char in _DIGITS:
                digit = _DIGITS[char]
            elif char in _PLACES:
                part += (digit or 1) * _PLACES[char]
                digit = 0
            else:
                value = (value + part + digit or 1) * _MYRIADS[char]
                part = digit = 0
        value += part + digit
    if decimals:
        value += float("0." + "".join(str(_DIGITS[c]) for c in decimals if c in _DIGITS))
    return value
