"""The words of a question that a text which answers it would hold.

"What was the name of ..." is matched by texts that ask, not by those that answer. Words that only
ask, and words that are in every text, are closed classes of a language; they are cut from what is
searched lexically and left in what is embedded.
"""

from __future__ import annotations

import re
from functools import lru_cache

from seatrial.rag.text.language_words import LATIN_WORDS

# The function words of Lucene's EnglishAnalyzer, personal pronouns, and the interrogatives and
# auxiliaries that make questions in English, with what clings to them.
_ENGLISH = re.compile(
    """a|an|and|are|as|at|be|but|by|for|if|in|into|is|it|no|not|of|on|or|such|that|the|their|then
    |there|these|they|this|to|was|will|with
    |what|which|who|whom|whose|when|where|why|how|do|does|did|has|have|had|were|been|being|am|can
    |could|would|should|may|might|must|shall|from
    |i|me|my|mine|myself|you|yours?|yourself|he|him|his|she|hers?|we|us|ours?|them|theirs?|its
    |(?:i|you|he|she|it|we|they|that|there|what|who|where|when|why|how|here)['’](?:s|m|re|ve|d|ll)
    |(?:do|does|did|is|are|was|were|has|have|had|ca|could|would|should|wo|must)n['’]t""",
    re.VERBOSE | re.IGNORECASE,
)
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
_COMMONEST = {
    language: re.compile("|".join({*LATIN_WORDS[language].split()} - _NOUNS), re.IGNORECASE)
    for language in ("es", "it", "nl", "pt")
}
_ITALIAN_AT_ONCE = re.compile(
    r"\b(?:[cdlmnstv]|un|(?:d|n|qu)?ell|all|dall|sull|cos|com|dov|quest)['’]", re.IGNORECASE
)
_ONLY_ASK = {"en": _ENGLISH, "de": _GERMAN, "fr": _FRENCH} | _COMMONEST
_AT_ONCE = {"de": _GERMAN_AT_ONCE, "fr": _FRENCH_AT_ONCE, "it": _ITALIAN_AT_ONCE}
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_USUAL = 32
"""Characters of what is remembered."""
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
        at_once = _AT_ONCE.get(language)
        whole = question if at_once is None else at_once.sub(" ", question)
        kept = " ".join([_without_asking(run, language) for run in whole.split(" ")])
    elif language and language in _WITHOUT_SPACES:
        kept = _WITHOUT_SPACES[language].sub(" ", question)
    else:
        return question
    return kept if _WORD.search(kept) else question


def _without_asking(run: str, language: str) -> str:
    """What stands between spaces, without the words in it that only ask."""
    return _known(run, language) if len(run) <= _USUAL else _cut(run, language)


def _cut(run: str, language: str) -> str:
    """Acronyms do not ask: IT, WHO, US. A whole question in capitals is rare enough."""
    asks = _ONLY_ASK[language].fullmatch
    words = _WORD_OR_GAP.findall(run)
    return "".join([one for one in words if not asks(one) or (len(one) > 1 and one.isupper())])


_known = lru_cache(maxsize=1 << 14)(_cut)
