"""The words of a question that a text which answers it would hold.

"What was the name of ..." is matched by texts that ask, not by those that answer. Words that only
ask, and words that are in every text, are closed classes of a language; they are cut from what is
searched lexically and left in what is embedded.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from seatrial.rag.text.language_words import LATIN_WORDS

# The function words of Lucene's EnglishAnalyzer, personal pronouns, and the interrogatives and
# auxiliaries that make questions in English; then what clings to them.
_ENGLISH = """
    a an and are as at be but by for if in into is it no not of on or such that the their then there
    these they this to was will with
    what which who whom whose when where why how do does did has have had were been being am can
    could would should may might must shall from
    i me my mine myself you your yours yourself he him his she her hers we us our ours them their
    theirs its"""
_CLINGING = {
    f"{word}{mark}{end}"
    for words, ends in (
        ("i you he she it we they that there what who where when why how here", "s m re ve d ll"),
        ("don doesn didn isn aren wasn weren hasn haven hadn can couldn wouldn shouldn won", "t"),
        ("mustn", "t"),
    )
    for word in words.split()
    for mark in "'’"
    for end in ends.split()
}
# The same classes of German: articles, pronouns, prepositions without a meaning of their own,
# conjunctions, interrogatives and auxiliaries. "Wie viele" is one word in two.
_GERMAN = re.compile(
    """der|die|das|den|dem|des|eine?|einen|einem|einer|eines|keine?|keinen|keinem|keiner|keines
    |ich|du|er|sie|es|wir|ihr|mich|dich|ihn|uns|euch|mir|dir|ihm|ihnen|sich|man
    |(?:mein|dein|sein|ihr|unser|euer|eur|dies|jen|welch)(?:e[nmrs]?)?
    |an|am|auf|aus|bei|beim|bis|durch|für|in|im|ins|mit|nach|um|von|vom|vor|zu|zum|zur
    |und|oder|aber|denn|dass|wenn|ob|als|weil|nicht|da|dann|dort|hier|so
    |was|wer|wen|wem|wessen|wann|wo|wohin|woher|warum|weshalb|wieso|wie|wieviele?
    |wo(?:ran|rauf|durch|für|mit|rin|von|zu)
    |bin|bist|ist|sind|seid|war|waren|wird|werden|werde|wurden?|worden|gewesen
    |habe?|hast|hat|haben|hatten?|kann|kannst|können|könnten?|konnten?|muss|musst|müssen|müssten?
    |mussten?|soll|sollst|sollen|sollten?|darf|darfst|dürfen|dürften?|durften?|will|willst|wollen
    |wollten?|möchten?""",
    re.VERBOSE | re.IGNORECASE,
)
_GERMAN_AT_ONCE = re.compile(r"\b(?:wie\s+viel(?:e[nrs]?)?|gibt\s+es)\b", re.IGNORECASE)
# And of French, whose short words lose their vowel before another.
_FRENCH = re.compile(
    """le|la|les|une?|des|du|de|aux?|je|tu|il|elle|on|nous|vous|ils|elles|me|te|se|lui|leurs?|y|en
    |mon|ma|mes|ta|tes|sa|ses|notre|nos|votre|vos|cet?|cette|ces|cela|ça|celui|celles?|ceux
    |à|dans|par|pour|sur|avec|et|ou|mais|donc|ni|si|comme|ne|pas
    |qui|que|quoi|quels?|quelles?|quand|où|comment|pourquoi|combien|lequel|laquelle|lesquel(?:le)?s
    |suis|es|est|sommes|êtes|sont|était|étaient|être|sera|seront
    |ai|as|a|t|avons|avez|ont|avait|avaient|avoir|peux|peut|pouvons|pouvez|peuvent|pouvait|pourrait
    |puis|dois|doit|devons|devez|doivent|devrait|faut|faudrait|veux|veut|voulons|voulez|veulent""",
    re.VERBOSE | re.IGNORECASE,
)
_FRENCH_AT_ONCE = re.compile(r"\b(?:[cdjlmnst]|(?:jus|lors|puis)?qu)['’]", re.IGNORECASE)
# Of these the commonest words of running text, without the nouns among them.
_NOUNS = {"anni", "años", "parte", "vez", "vezes"}
_ITALIAN_AT_ONCE = re.compile(
    r"\b(?:[cdlmnstv]|un|(?:d|n|qu)?ell|all|dall|sull|cos|com|dov|quest)['’]", re.IGNORECASE
)
_ONLY_ASK: dict[str, Callable[[str], object]] = {
    "en": {*_ENGLISH.split(), *_CLINGING}.__contains__,
    "de": _GERMAN.fullmatch,
    "fr": _FRENCH.fullmatch,
}
_ONLY_ASK.update(
    (language, ({*LATIN_WORDS[language].split()} - _NOUNS).__contains__)
    for language in ("es", "it", "nl", "pt")
)
_AT_ONCE = {"de": _GERMAN_AT_ONCE, "fr": _FRENCH_AT_ONCE, "it": _ITALIAN_AT_ONCE}
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_MARKS = ".,;:?!()"
"""Around words."""
_WORD_OR_GAP = re.compile(rf"{_WORD.pattern}|[\W_]+")

# The interrogatives of Chinese, and the particles that end questions; the longer before those that
# they begin with. 几 asks only before a measure word (几何 is geometry).
_CHINESE = re.compile(
    "请问|什么|甚么|哪些|哪个|哪里|哪儿|哪一|哪|谁|多少|如何|怎么样|怎么|怎样|为什么|为何|何时|何处|何地|吗|呢"
    "|請問|什麼|甚麼|哪個|哪裡|誰|怎麼樣|怎麼|怎樣|為什麼|為何|何時|何處|嗎"
    "|[几幾](?=[个個年月日岁歲位次名种種人])"
)

# The same of Japanese, with the polite ends of its verbs.
_JAPANESE = re.compile(
    "何時|何故|何|どのように|どうすれば|どうやって|どうして|どういう|どんな|どちら|どの|どれ|どこ|どう"
    "|なぜ|いつ|誰|いくつ|いくら|ください|でしょうか|ましょうか|ありますか|できますか|ますか|ですか|とは"
    "|か(?=[?？])"
)
_WITHOUT_SPACES = {"zh": _CHINESE, "ja": _JAPANESE}


def keywords(question: str, language: str | None) -> str:
    """A question without the words that only ask; all of it where nothing else would be left.

    Args:
        language: ISO 639-1 of the question. Of others than Chinese, Dutch, English, French,
            German, Italian, Japanese, Portuguese and Spanish nothing is cut.
    """
    if language and language in _ONLY_ASK:
        asks, at_once = _ONLY_ASK[language], _AT_ONCE.get(language)
        whole = question if at_once is None else at_once.sub(" ", question)
        kept = " ".join(
            [
                run
                if (word := run.strip(_MARKS)).isalnum() and not asks(word.lower())
                else _cut(run, asks)
                for run in whole.split(" ")
            ]
        )
    elif language and language in _WITHOUT_SPACES:
        kept = _WITHOUT_SPACES[language].sub(" ", question)
    else:
        return question
    return kept if _WORD.search(kept) else question


def _cut(run: str, asks: Callable[[str], object]) -> str:
    """What stands between spaces, without the words in it that only ask."""
    return "".join(
        [one for one in _WORD_OR_GAP.findall(run) if not asks(one.lower()) or _is_acronym(one)]
    )


def _is_acronym(word: str) -> bool:
    """IT, WHO, US do not ask. A whole question in capitals is rare enough."""
    return len(word) > 1 and word.isupper()
