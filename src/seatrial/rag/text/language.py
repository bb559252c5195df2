"""Which language a text is in: by its script, and where several share one, by its commonest words
and its own letters."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import repeat

from seatrial.rag.text.language_words import (
    CYRILLIC_LETTERS,
    CYRILLIC_WORDS,
    LATIN_LETTERS,
    LATIN_WORDS,
)

N_CHARACTERS = 1200
"""How much of a text is read: all of a short one, else as much in four pieces spread over it."""

_SCRIPTS = {
    "Latin": "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u1e00-\u1eff",
    "Han": "\u3005\u3006\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003347f",
    "Kana": "\u3041-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9d",
    "Hangul": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7a3",
    "Cyrillic": "\u0400-\u052f",
    "Greek": "\u0370-\u03ff\u1f00-\u1fff",
    "Arabic": "\u0620-\u064a\u066e-\u06d3\u06ee-\u06ff\u0750-\u077f",
    "Hebrew": "\u05d0-\u05ea",
    "Devanagari": "\u0900-\u0963\u0971-\u097f",
    "Bengali": "\u0980-\u09e3",
    "Gurmukhi": "\u0a01-\u0a5e",
    "Gujarati": "\u0a81-\u0ae3",
    "Tamil": "\u0b82-\u0bd7",
    "Telugu": "\u0c00-\u0c63",
    "Kannada": "\u0c80-\u0ce3",
    "Malayalam": "\u0d00-\u0d63",
    "Sinhala": "\u0d81-\u0df3",
    "Thai": "\u0e01-\u0e4e",
    "Lao": "\u0e81-\u0ecd",
    "Myanmar": "\u1000-\u103f",
    "Khmer": "\u1780-\u17d3",
    "Georgian": "\u10a0-\u10ff\u1c90-\u1cbf",
    "Armenian": "\u0531-\u0587",
    "Ethiopic": "\u1200-\u135a",
}
_RUNS = {script: re.compile(f"[{letters}]+") for script, letters in _SCRIPTS.items()}
# A character of these says about as much as three letters: what "the larger part" compares.
_DENSE = {"Han": 3.0, "Kana": 1.5, "Hangul": 2.0}
_LANGUAGE = {
    "Hangul": "ko", "Greek": "el", "Hebrew": "he", "Bengali": "bn", "Gurmukhi": "pa",
    "Gujarati": "gu", "Tamil": "ta", "Telugu": "te", "Kannada": "kn", "Malayalam": "ml",
    "Sinhala": "si", "Thai": "th", "Lao": "lo", "Myanmar": "my", "Khmer": "km", "Georgian": "ka",
    "Armenian": "hy", "Ethiopic": "am", "Devanagari": "hi",
}  # fmt: skip
_URDU = re.compile("[ٹڈڑںھہے]")
_PERSIAN = re.compile("[پچژگکی]")
# Japan's own shapes of characters, which neither Chinese script uses.
_JAPANESE = re.compile(
    "[気駅円図広価県働込畑庁斎応対実発変売読転経済続検験単戦関団囲営処択沢訳釈桜楽様権歩毎浜渋"
    "焼稲穏絵総縄聴脳薬蔵覚覧観豊軽鉄銭録険雑霊顕顔黒齢両仏仮伝帰悪戻拡拠掲撃桟渓満]"
)
# One in ten characters of running Chinese; kana stand in their place in Japanese.
_CHINESE = re.compile("[的是了在这這们們我他她为為也就而被从從]")
_NO_LETTER = re.compile(r"[\W\d_]+")
_ASCII_LETTER = re.compile("[A-Za-z]")
_ASCII_RUN = re.compile(r"[\x00-\x7f]+")
_WORD = re.compile(r"\w+")
_LETTERS = string.ascii_letters.encode()
_ASCII = bytes(range(128))
_NO_LETTERS = bytes(sorted({*range(256)} - {*_LETTERS}))
_IN_WORDS = {*_LETTERS, *string.digits.encode(), *b"_", *range(128, 256)}
# Bytes of UTF-8, small, with spaces for the ASCII that is in no word: many times faster than a
# search for words.
_SPACED = bytes(byte if byte in _IN_WORDS else 0x20 for byte in bytes(range(256)).lower())


def _words_speak_for(listed: Mapping[str, str]) -> dict[str, tuple[tuple[str, float], ...]]:
    """What finding a word adds to which languages: the fewer share it, the more, and the more the
    commoner it is, which the order of the lists tells."""
    n_owners = Counter(word for words in listed.values() for word in set(words.split()))
    found: dict[str, dict[str, float]] = {}
    for language, words in listed.items():
        for rank, word in enumerate(words.split()):
            weight = (1 + 20 / (rank + 10)) / n_owners[word] * (0.4 if len(word) == 1 else 1)
            found.setdefault(word, {}).setdefault(language, weight)
    return {word: tuple(owners.items()) for word, owners in found.items()}


def _letters_speak_for(listed: Mapping[str, str]) -> dict[str, tuple[tuple[str, float], ...]]:
    return {
        letter: tuple((language, 1 / len(named.split())) for language in named.split())
        for letter, named in listed.items()
    }


_SIGNS = {
    "Latin": (_words_speak_for(LATIN_WORDS), _letters_speak_for(LATIN_LETTERS)),
    "Cyrillic": (_words_speak_for(CYRILLIC_WORDS), _letters_speak_for(CYRILLIC_LETTERS)),
}


def _lead_of(language: str, owners: tuple[tuple[str, float], ...]) -> float:
    """How much more a word adds to a language than to any other."""
    others = [weight for other, weight in owners if other != language]
    return dict(owners).get(language, 0.0) - max(others, default=0.0)


_ENGLISH_LEADS = {word: _lead_of("en", owners) for word, owners in _SIGNS["Latin"][0].items()}
_ROUNDED = 1e-6


def language_of(text: str) -> str | None:
    """ISO 639-1 of the larger part of a text, as far as 1,200 characters of it tell.

    Chinese is ``zh`` in both its scripts. Code is in the language of its words. A text of Latin or
    Cyrillic letters without one common word or telling letter is None: a name is in no language.
    """
    sample = _sample(text)
    shares = script_shares(sample)
    if not shares:
        return None
    east = shares.pop("Han", 0.0) + shares.pop("Kana", 0.0)
    script = max(shares, key=lambda name: shares[name], default="")
    if east > shares.get(script, 0.0):
        return _chinese_or_japanese(sample)
    if script in _SIGNS:
        return _by_words(sample, script)
    return _arabic_persian_or_urdu(sample) if script == "Arabic" else _LANGUAGE[script]


def script_shares(text: str) -> dict[str, float]:
    """The scripts of a text and their shares in (0, 1], which sum to 1; empty without letters.

    The names are those of Unicode (``Latin``, ``Han``, ``Cyrillic``), with hiragana and katakana
    together as ``Kana``. A character of Han, kana or Hangul counts as 3, 1.5 and 2 letters.
    """
    if text.isascii():
        return {"Latin": 1.0} if _ASCII_LETTER.search(text) else {}
    encoded = text.encode("utf-8", "surrogatepass")
    counts = {"Latin": len(encoded.translate(None, _NO_LETTERS))}
    foreign = encoded.translate(None, _ASCII).decode("utf-8", "surrogatepass")
    rest = _NO_LETTER.sub("", foreign)
    for script, run in _RUNS.items():
        if not rest:
            break
        others = run.sub("", rest)
        counts[script] = counts.get(script, 0) + len(rest) - len(others)
        rest = others
    weights = {script: n * _DENSE.get(script, 1.0) for script, n in counts.items() if n}
    whole = sum(weights.values())
    return {script: weight / whole for script, weight in weights.items()}


def _sample(text: str) -> str:
    if len(text) <= N_CHARACTERS:
        return text
    size = N_CHARACTERS // 4
    step = (len(text) - size) // 3
    return " ".join(text[at : at + size] for at in range(0, 3 * step + 1, step))


def _chinese_or_japanese(sample: str) -> str:
    n_kana = len(sample) - len(_RUNS["Kana"].sub("", sample))
    n_han = len(sample) - len(_RUNS["Han"].sub("", sample))
    n_japanese = max(n_kana, len(_JAPANESE.findall(sample)))
    few = max(len(_CHINESE.findall(sample)) * 2, (n_kana + n_han) // 20)
    return "ja" if n_japanese > few else "zh"


def _arabic_persian_or_urdu(sample: str) -> str:
    few = len(sample) // 50
    if len(_URDU.findall(sample)) > few:
        return "ur"
    return "fa" if len(_PERSIAN.findall(sample)) > few else "ar"


def _by_words(sample: str, script: str) -> str | None:
    of_words, of_letters = _SIGNS[script]
    words = _words(sample)
    letters = "" if sample.isascii() else _ASCII_RUN.sub("", sample.lower())
    if script == "Latin" and _is_plainly_english(words, len(letters)):
        return "en"
    scores: dict[str, float] = {}
    for signs, found in (
        (of_words, Counter(filter(of_words.__contains__, words))),
        (of_letters, Counter(letters)),
    ):
        for sign, n_times in found.items():
            for language, weight in signs.get(sign, ()):
                scores[language] = scores.get(language, 0.0) + weight * n_times
    return max(scores, key=lambda language: scores[language], default=None)


def _is_plainly_english(words: Sequence[str], n_letters: int) -> bool:
    """Whether English has the most whatever the scores of the others are: a short way to the same,
    for most texts.

    Args: n_letters: not ASCII; each adds 1 at most to a language, and none to English.
    """
    return sum(map(_ENGLISH_LEADS.get, words, repeat(0.0))) > n_letters + _ROUNDED


def _words(sample: str) -> list[str]:
    """Runs of letters and digits, small."""
    if sample.isascii():
        return sample.encode().translate(_SPACED).decode().split()
    lowered = sample.lower().encode("utf-8", "surrogatepass").translate(_SPACED)
    runs = lowered.decode("utf-8", "surrogatepass").split()
    return [word for run in runs for word in ((run,) if run.isascii() else _WORD.findall(run))]
