"""Makes what the check of groundedness was fitted on data: `rarity.json` and `profiles.json`.

    python -m benchmarks.rag.fit_groundedness --data DATA [--into src/seatrial/rag/groundedness]

DATA holds the folders ``wice_dev``, ``begin_wow_dev`` and ``cmrc2018`` (see `benchmarks.rag.sets`).
The same data give the same files.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from benchmarks.rag.sets import Pair, corpus, pairs
from seatrial.rag.groundedness.calibration import LabelledSentence, calibrate
from seatrial.rag.groundedness.profile import Profile
from seatrial.rag.groundedness.rarity import LEAST
from seatrial.rag.groundedness.terms import terms
from seatrial.rag.text.sentences import sentences

HOME = Path("src/seatrial/rag/groundedness")
_ENGLISH_SHARE = 1 / 3000
_CHINESE_SHARE = 1 / 500


def labelled(found: Iterable[Pair]) -> list[LabelledSentence]:
    """As `calibrate` takes them: each sentence of the context a passage."""
    return [
        LabelledSentence(sentence=pair.claim, passages=pair.context, supported=bool(pair.label))
        for pair in found
    ]


def rarities(data: Path) -> dict[str, int]:
    """Hundredths of the rarity of terms that are not rare; see `groundedness.rarity`."""
    english = [s for pair in pairs(data / "wice_dev") for s in sorted(set(pair.context))]
    chinese = [
        text[span.start : span.end]
        for _, text in corpus(data / "cmrc2018").values()
        for span in sentences(text)
    ]
    return dict(
        sorted(
            _hundredths(english, _ENGLISH_SHARE, ascii_=True).items()
            | _hundredths(chinese, _CHINESE_SHARE, ascii_=False).items()
        )
    )


def _hundredths(texts: list[str], share: float, *, ascii_: bool) -> dict[str, int]:
    held = Counter(term for text in texts for term in {term.text for term in terms(text)})
    most = math.log(len(texts))
    return {
        term: max(round(100 * LEAST), round(100 * math.log(len(texts) / n) / most))
        for term, n in held.items()
        if n >= len(texts) * share and term.isascii() is ascii_
    }


def profiles(data: Path) -> list[Profile]:
    """The profiles that seatrial ships."""
    answers = labelled(pairs(data / "begin_wow_dev"))
    claims = labelled(pairs(data / "wice_dev"))
    begin = "430 answers of dialogue models to one knowledge sentence each (BEGIN, WoW, dev)"
    wice = "349 claims of Wikipedia against the web pages they cite (WiCE, dev)"
    return [
        calibrate(answers, name="answers", fitted_on=begin),
        calibrate(claims, name="web_claims", fitted_on=wice),
        calibrate(answers + claims, name="general", fitted_on=f"{begin}, and {wice}"),
    ]


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--into", type=Path, default=HOME)
    told = parser.parse_args()
    table = json.dumps({"hundredths": rarities(told.data)}, ensure_ascii=False, indent=0)
    (told.into / "rarity.json").write_text(table + "\n", "utf-8")
    made = profiles(told.data)
    written = json.dumps([one.as_dict() for one in made], ensure_ascii=False, indent=2)
    (told.into / "profiles.json").write_text(written + "\n", "utf-8")
    for one in made:
        print(one.name, one.n, one.figures)


if __name__ == "__main__":
    main()
