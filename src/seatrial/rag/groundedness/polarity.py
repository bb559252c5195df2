"""Whether a sentence denies or turns round what another says: negation, opposites, comparisons."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from seatrial.rag.groundedness.rarity import rarity
from seatrial.rag.groundedness.terms import CJK, plain, stem, terms
from seatrial.rag.text.language import language_of
from seatrial.rag.text.language_words import CYRILLIC_WORDS, LATIN_WORDS
from seatrial.rag.text.words import Word


class Opposites(NamedTuple):
    """A word of a sentence, and its opposite in the evidence."""

    said: str
    found: str


_FOREIGN = (
    r"nicht|keine?|kein(?:e[mnrs]|erlei|esfalls)|nie|niemals|niemand|nichts|weder|ohne"
    r"|pas(?! à)|jamais|aucune?|rien|nunca|jamás|ningun[ao]|ningún|tampoco|nadie"
    r"|non(?!-)|nessun[ao]?|senza|não|nenhuma?|ninguém|niet|geen|nooit|zonder"
    r"|не|нет|нельзя|никогда|без"
)
_FOREIGN_NEGATION = re.compile(rf"\b(?:{_FOREIGN}|no)\b", re.IGNORECASE)
_COMMON = {
    language: frozenset(map(stem, words.split()))
    for language, words in (LATIN_WORDS | CYRILLIC_WORDS).items()
    if language != "en"
}
_NEGATION = re.compile(
    r"\b(?:not|n't|no|never|neither|nor|none|nobody|nothing|nowhere|without|cannot|hardly|barely"
    r"|failed to|fails to|fail to|failure to|refus\w+ to|unable to|lack(?:s|ed|ing)?|declin\w+ to"
    rf"|den(?:y|ies|ied)|instead of|rather than|{_FOREIGN})\b|n't\b"
    r"|没有|并非|并不|从未|从不|未曾|未能|不是|不能|不会|不可|不再|毫无|绝不|不得|无法|尚未|否认"
    r"|(?<![除不毫并从尚])[不没未](?![仅但过断同少久来论管知如满必只足朽锈妨禁免])",
    re.IGNORECASE,
)
_NO_NEGATION = re.compile(
    r"\b(?:not only|no doubt|no longer than|no\.\s*\d|not just|not to mention|nothing but"
    r"|nicht nur|не только)\b"
    r"|不得不|不可或缺|无不|不约而同|不锈钢",
    re.IGNORECASE,
)
_PAIRS = [
    "increase/decrease", "rise/fall", "rise/drop", "grow/shrink", "more/less", "more/fewer",
    "higher/lower", "high/low", "larger/smaller", "large/small", "big/small",
    "largest/smallest", "biggest/smallest", "oldest/youngest", "older/younger",
    "longer/shorter", "longest/shortest", "best/worst", "better/worse", "strong/weak",
    "faster/slower", "fastest/slowest", "most/least", "maximum/minimum", "before/after",
    "early/late", "earlier/later", "begin/end", "start/end", "start/finish", "open/close",
    "win/lose", "victory/defeat", "accept/reject", "allow/forbid", "allow/ban",
    "permit/prohibit", "support/oppose", "agree/disagree", "succeed/fail", "success/failure",
    "enter/leave", "arrive/depart", "buy/sell", "bear/die", "north/south", "east/west",
    "northern/southern", "eastern/western", "upper/lower", "above/below", "inside/outside",
    "male/female", "man/woman", "boy/girl", "husband/wife", "father/mother", "son/daughter",
    "brother/sister", "king/queen", "positive/negative", "true/false", "possible/impossible",
    "legal/illegal", "always/never", "everyone/nobody", "public/private", "indoor/outdoor",
    "single/married", "alive/dead", "hot/cold", "warm/cold", "wet/dry", "rich/poor",
    "safe/dangerous", "gain/lose", "join/leave", "increase/reduce", "expand/contract",
    "add/remove", "include/exclude", "active/inactive", "present/absent", "major/minor",
    "majority/minority", "first/last", "left/right", "new/old", "import/export", "start/stop",
    "enable/disable", "show/hide", "top/bottom", "plus/minus",
    "mehr/weniger", "größer/kleiner", "höher/niedriger", "links/rechts", "erste/letzte",
    "ersten/letzten", "immer/nie", "öffnen/schließen",
    "öffnet/schließt", "geöffnet/geschlossen", "steigt/sinkt", "aktivieren/deaktivieren",
    "hinzufügen/entfernen", "maximal/minimal", "erhöhen/senken", "plus/moins", "avant/après",
    "premier/dernier", "première/dernière", "gauche/droite", "ouvrir/fermer", "activer/désactiver",
    "ajouter/supprimer", "más/menos", "antes/después", "primero/último", "primera/última",
    "izquierda/derecha", "abrir/cerrar", "activar/desactivar", "añadir/eliminar",
]  # fmt: skip
_OPPOSITE: dict[str, frozenset[str]] = {}
for _pair in _PAIRS:
    _left, _right = map(stem, _pair.split("/"))
    _OPPOSITE[_left] = _OPPOSITE.get(_left, frozenset()) | {_right}
    _OPPOSITE[_right] = _OPPOSITE.get(_right, frozenset()) | {_left}
_HAN_PAIRS = [
    "增加/减少", "增长/下降", "上升/下降", "上涨/下跌", "提高/降低", "扩大/缩小", "高于/低于",
    "多于/少于", "大于/小于", "早于/晚于", "最大/最小", "最高/最低", "最多/最少", "最长/最短",
    "最早/最晚", "之前/之后", "以前/以后", "开始/结束", "成功/失败", "胜利/失败", "击败/败给",
    "支持/反对", "同意/拒绝", "接受/拒绝", "允许/禁止", "合法/非法", "赢/输", "出生/去世",
    "加入/退出", "进入/离开", "北部/南部", "东部/西部", "北方/南方", "东方/西方", "父亲/母亲",
    "儿子/女儿", "丈夫/妻子", "哥哥/弟弟", "姐姐/妹妹", "男性/女性", "内部/外部", "公开/秘密",
    "买入/卖出", "建立/解散", "开放/关闭", "优点/缺点", "积极/消极", "肯定/否定", "上游/下游",
    "第一/最后", "首次/末次", "强于/弱于", "快于/慢于", "打开/关闭", "启用/禁用",
    "添加/删除", "显示/隐藏", "水平/垂直", "左侧/右侧", "左键/右键", "上方/下方", "向上/向下",
    "向左/向右", "导入/导出",
]  # fmt: skip
_CLAUSE = re.compile(r"[^.,;:!?()，。；：！？（）]*")
_CLAUSE_ENDS = re.compile(r"[.,;:!?()]")
_AT_THE_END = {"nicht", "niet"}
"""Negations that may stand behind what they deny: "Das Programm öffnet die Datei nicht"."""
_REACH = 40
_N_DENIED = 3
_SAYS_SOMETHING = 0.45
_THAN = re.compile(r"\bthan\b", re.IGNORECASE)
_MORE_THAN = re.compile(
    rf"^([{CJK}\w·]{{1,30}})比([{CJK}\w·]{{1,30}}?)(?:更|还|要|大|小|高|低|多|少|长|短|早|晚|快|慢|强|弱)"
)


def negated(text: str) -> frozenset[str]:
    """The terms that a text denies: those that follow a negation, up to the end of the clause."""
    level = plain(text)
    spared = [match.span() for match in _NO_NEGATION.finditer(level)]
    found: set[str] = set()
    common = _common(level) if _FOREIGN_NEGATION.search(level) else frozenset()
    for match in _NEGATION.finditer(level):
        if any(start <= match.start() < end for start, end in spared):
            continue
        clause = _CLAUSE.match(level, match.end(), match.end() + _REACH)
        said = terms(clause.group()) if clause else []
        after = _but(common, said) or said
        if not after and match.group().lower() in _AT_THE_END:
            before = level[max(0, match.start() - 2 * _REACH) : match.start()]
            found.update(_saying(_but(common, terms(_CLAUSE_ENDS.split(before)[-1]))))
        latin = not after or after[0].text.isascii()
        found.update(_saying(after[: _N_DENIED + 2 if latin else _N_DENIED]))
    return frozenset(found)


def _saying(found: Sequence[Word]) -> Iterator[str]:
    """The terms that say something."""
    return (term.text for term in found if rarity(term.text) >= _SAYS_SOMETHING)


def _but(common: frozenset[str], found: Sequence[Word]) -> Sequence[Word]:
    return [term for term in found if term.text not in common] if common else found


def _common(text: str) -> frozenset[str]:
    """The commonest words of a text's language, where it is not English or Chinese, whose are the
    rarities."""
    language = language_of(text)
    return _COMMON.get(language or "", frozenset())


def denied(sentence: str, evidence: str) -> str | None:
    """A word of the sentence that both have and just one of both denies; None without one."""
    differing = negated(sentence) ^ negated(evidence)
    if not differing:
        return None
    held = {term.text for term in terms(evidence)}
    for term in terms(sentence):
        if term.text in differing and term.text in held:
            return sentence[term.start : term.end]
    return None


def opposites(sentence: str, evidence: str) -> Opposites | None:
    """A word of the sentence that the evidence lacks and has the opposite of instead, in a like
    place: with a word beside it that says something and is beside the other, too."""
    said, held = ([term.text for term in terms(text)] for text in (sentence, evidence))
    ours, theirs = set(said), set(held)
    for word in said:
        for other in sorted(_OPPOSITE.get(word, ())):
            instead = word not in theirs and other in theirs and other not in ours
            if instead and _beside(word, said) & _beside(other, held):
                return Opposites(word, other)
    for pair in _HAN_PAIRS:
        left, _, right = pair.partition("/")
        for one, other in ((left, right), (right, left)):
            ours_only = one in sentence and one not in evidence
            if ours_only and other in evidence and other not in sentence:
                return Opposites(one, other)
    return None


def _beside(word: str, text: Sequence[str]) -> set[str]:
    """What says something among the three terms before and after a word."""
    at = text.index(word)
    near = [*text[max(0, at - 3) : at], *text[at + 1 : at + 4]]
    return {term for term in near if rarity(term) >= _SAYS_SOMETHING}


def turned_round(sentence: str, evidence: Sequence[str]) -> bool:
    """Whether both compare the same two things, in opposite order: "A is larger than B"."""
    ours = _compared(sentence)
    if ours is None:
        return False
    for text in evidence:
        theirs = _compared(text)
        if theirs is None:
            continue
        (a, b), (c, d) = ours, theirs
        if (a & d) - c and (b & c) - d and not (b & d):
            return True
    return False


def _compared(text: str) -> tuple[frozenset[str], frozenset[str]] | None:
    level = plain(text)
    han = _MORE_THAN.search(level)
    if han is not None:
        sides = han.group(1), han.group(2)
    else:
        than = _THAN.search(level)
        if than is None:
            return None
        sides = level[: than.start()], level[than.end() :]
    left, right = (frozenset(term.text for term in terms(side)) for side in sides)
    return left - right, right - left
