"""Where secrets and personal data stand in a text.

What has a check digit is checked, so that an order number is not taken for a card. All patterns
take time linear in the text: none begins inside a run of its own letters, and every repetition has
a bound.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias


class Sensitive(StrEnum):
    """What is looked for; the value is how it is written where it is masked."""

    PRIVATE_KEY = "PRIVATE_KEY"
    API_KEY = "API_KEY"
    TOKEN = "TOKEN"  # noqa: S105 - a name
    PASSWORD = "PASSWORD"  # noqa: S105 - a name
    EMAIL = "EMAIL"
    IBAN = "IBAN"
    ID_NUMBER = "ID_NUMBER"
    CARD = "CARD"
    PHONE = "PHONE"


class Found(NamedTuple):
    """One of them, at ``text[start:end]``."""

    start: int
    end: int
    kind: Sensitive


def found(text: str) -> list[Found]:
    """All of them in order, none overlapping; of two that do, the kind that stands first in
    `Sensitive` counts."""
    kept: list[Found] = []
    for kind in Sensitive:
        for one in _finders(kind, text):
            place = bisect_left(kept, one)
            before, after = kept[max(0, place - 1) : place], kept[place : place + 1]
            if all(other.end <= one.start for other in before) and all(
                one.end <= other.start for other in after
            ):
                kept.insert(place, one)
    return kept


def _finders(kind: Sensitive, text: str) -> Iterator[Found]:
    trigger, find = _FINDERS[kind]
    if trigger is None or trigger.search(text):
        for start, end in find(text):
            yield Found(start, end, kind)


Spans: TypeAlias = Iterator[tuple[int, int]]

_KEY = re.compile(
    r"(?<![A-Za-z0-9_-])(?:"
    r"sk-[A-Za-z0-9_-]{16,400}"  # OpenAI, Anthropic, DeepSeek, OpenRouter and who copies them
    r"|(?:AKIA|ASIA)[A-Z0-9]{16}"  # AWS
    r"|gh[pousr]_[A-Za-z0-9]{36,255}|github_pat_[A-Za-z0-9_]{22,255}"
    r"|glpat-[A-Za-z0-9_-]{20,64}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,250}"  # Slack
    r"|AIza[A-Za-z0-9_-]{35}"  # Google
    r"|[rs]k_(?:live|test)_[A-Za-z0-9]{16,99}"  # Stripe
    r"|hf_[A-Za-z0-9]{30,64}|gsk_[A-Za-z0-9]{40,64}|r8_[A-Za-z0-9]{37,40}"
    r"|xai-[A-Za-z0-9]{40,100}|pplx-[A-Za-z0-9]{40,64}"
    r"|npm_[A-Za-z0-9]{36}|pypi-[A-Za-z0-9_-]{50,250}"
    r"|SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{16,64}"
    r"|LTAI[A-Za-z0-9]{12,24}"  # Alibaba Cloud
    r"|AKID[A-Za-z0-9]{32}"  # Tencent Cloud
    r")(?![A-Za-z0-9_-])"
)
_KEY_BEGINS = re.compile(
    r"sk-|A[KS]IA|gh[pousr]_|github_pat_|glpat-|xox|AIza|k_live_|k_test_|hf_|gsk_|r8_|xai-|pplx-"
    r"|npm_|pypi-|SG\.|LTAI|AKID"
)
_JWT = re.compile(
    r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,4000}\.eyJ[A-Za-z0-9_-]{8,8000}\.[A-Za-z0-9_-]{0,1000}"
)
_BEARER = re.compile(
    r"(?:(?<![a-z])bearer\s{1,3}|authorization[\"']?\s{0,3}[:=]\s{0,3}[\"']?(?:basic|token)\s{1,3})"
    r"([a-z0-9._~+/-]{12,4000}={0,2})",
    re.IGNORECASE,
)
_IN_ADDRESS = re.compile(r"(?<=://)[^\s/:@\"']{0,64}:([^\s/@\"']{1,128})(?=@)")
_BEGIN_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_END_KEY = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=\s\\:,-]{0,20000}")
_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_%+-](?:[A-Za-z0-9._%+-]{0,62}[A-Za-z0-9_%+-])?"
    r"@(?![1-9]x\.)(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![A-Za-z0-9-])"
)
_CARD = re.compile(
    r"(?<!\d)(?<!\d\.)(?:\d{13,19}|\d{4}([ -])\d{4}\1\d{4}\1\d{4}(?:\1\d{1,3})?"
    r"|\d{4}([ -])\d{6}\2\d{5})(?!\d|\.\d)"
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2})\d\d")
_CHINESE_ID = re.compile(r"(?<![A-Za-z0-9])[1-9]\d{16}[\dXx](?![A-Za-z0-9])")
_PHONE = re.compile(
    r"(?<![A-Za-z0-9_.+/=-])(?<!\d )(?:"
    r"(?:\+?86[ -]?)?1[3-9]\d([ -]?)\d{4}\1\d{4}"  # a Chinese mobile
    r"|\(?0\d{2,3}\)?[ -]\d{7,8}"  # a Chinese landline
    r"|(?:\+?1[ .-])?\(?[2-9]\d\d\)?[ .-]{1,2}[2-9]\d\d[ .-]\d{4}"  # North America
    r"|(?:\+[1-9]\d{0,2}|00[1-9]\d{0,2}[ -])(?:[ .()/-]{0,2}\d){6,13}"  # E.164, any country
    r")(?![A-Za-z0-9_-]|\.\d)"
)


def _all(pattern: re.Pattern[str], group: int = 0) -> Callable[[str], Spans]:
    return lambda text: (match.span(group) for match in pattern.finditer(text))


def _keys(text: str) -> Spans:
    # "sk-" also begins names of style sheets, which have no figures.
    for match in _KEY.finditer(text):
        if any(letter.isdigit() for letter in match[0]):
            yield match.span()


def _tokens(text: str) -> Spans:
    for match in _JWT.finditer(text):
        yield match.span()
    for match in _BEARER.finditer(text):
        token = match[1].strip("._~-")
        # "bearer" is an English word, too; the word after it is no token.
        is_word = token.isalpha() and (token.islower() or token.istitle() or token.isupper())
        if match[0][0] not in "bB" or not is_word:
            yield match.span(1)


def _private_keys(text: str) -> Spans:
    ends = [match.end() for match in _END_KEY.finditer(text)]
    begins = [match.span() for match in _BEGIN_KEY.finditer(text)]
    over = 0
    for number, (start, head_end) in enumerate(begins):
        if start < over:
            continue
        next_start = begins[number + 1][0] if number + 1 < len(begins) else len(text)
        place = bisect_left(ends, head_end)
        if place < len(ends) and ends[place] - start <= 20_000 and ends[place] <= next_start:
            over = ends[place]
        else:  # cut off: whatever could still belong to it
            body = _KEY_BODY.match(text, head_end, next_start)
            over = head_end if body is None else body.end()
        yield start, over


def _cards(text: str) -> Spans:
    match = _CARD.search(text)
    while match is not None:
        digits = match[0].replace(" ", "").replace("-", "")
        right = digits[0] in "23456" and len(set(digits)) > 1 and luhn(digits)
        if right:
            yield match.span()
        # Another number may have stood before the card's.
        match = _CARD.search(text, match.end() if right else match.start() + 1)


def _ibans(text: str) -> Spans:
    for match in _IBAN.finditer(text):
        rest = _IBAN_RESTS.get(match[1])
        account = None if rest is None else rest.match(text, match.end())
        if account is not None and iban(match[0] + account[0]):
            yield match.start(), account.end()


def _chinese_ids(text: str) -> Spans:
    for match in _CHINESE_ID.finditer(text):
        if chinese_id(match[0]):
            yield match.span()


def luhn(digits: str) -> bool:
    """Whether the last digit of a card's number checks.   Source: ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban(written: str) -> bool:
    """Whether an account's number checks, blanks aside.   Source: ISO 13616, MOD 97-10."""
    plain = written.replace(" ", "")
    return int("".join(str(int(letter, 36)) for letter in plain[4:] + plain[:4])) % 97 == 1


def chinese_id(written: str) -> bool:
    """Whether a resident's number of 18 signs has a day of birth that was, and checks.

    Source: GB 11643-1999, ISO 7064 MOD 11-2.
    """
    try:
        born = date(int(written[6:10]), int(written[10:12]), int(written[12:14]))
    except ValueError:
        return False
    total = sum(int(digit) << (17 - place) for place, digit in enumerate(written[:17]))
    return born.year >= 1900 and "10X98765432"[total % 11] == written[17].upper()


_IBAN_LENGTHS: Final = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 "
    "NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SD18 SE24 SI19 SK24 SM27 ST25 SV28 "
    "TL23 TN24 TR26 UA29 VA22 VG24 XK20"
)
"""Signs of an account's number by country.   Source: SWIFT IBAN registry."""
_IBAN_RESTS: Final = {
    one[:2]: re.compile(rf"(?: ?[A-Z0-9]){{{int(one[2:]) - 4}}}(?![A-Za-z0-9])")
    for one in _IBAN_LENGTHS.split()
}

_DIGITS = re.compile(r"\d{4}")
_FINDERS: Final[dict[Sensitive, tuple[re.Pattern[str] | None, Callable[[str], Spans]]]] = {
    Sensitive.PRIVATE_KEY: (re.compile("PRIVATE KEY"), _private_keys),
    Sensitive.API_KEY: (_KEY_BEGINS, _keys),
    Sensitive.TOKEN: (re.compile("eyJ|bearer|authorization", re.IGNORECASE), _tokens),
    Sensitive.PASSWORD: (re.compile("://"), _all(_IN_ADDRESS, 1)),
    Sensitive.EMAIL: (re.compile("@"), _all(_EMAIL)),
    Sensitive.CARD: (_DIGITS, _cards),
    Sensitive.IBAN: (re.compile(r"[A-Z]{2}\d\d"), _ibans),
    Sensitive.ID_NUMBER: (re.compile(r"\d{17}"), _chinese_ids),
    Sensitive.PHONE: (re.compile(r"\d{4}"), _all(_PHONE)),
}
"""What a text must hold for a search to be worth it, and the search."""
