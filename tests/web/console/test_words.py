"""Every word in every language, and none too many."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import seatrial
import seatrial.release.view
import seatrial.web.console
from seatrial.gateway.ledger.budget import Scope, Window
from seatrial.gateway.spend import troubles
from seatrial.gateway.spend.desk import SPANS
from seatrial.gateway.spend.outlook import Level as SpendLevel
from seatrial.monitoring.alerts.alert import Phase as AlertPhase
from seatrial.monitoring.alerts.finding import Kind, Level
from seatrial.monitoring.alerts.wording import kind_name
from seatrial.monitoring.drift.decision import DriftOutcome
from seatrial.monitoring.drift.severity import Severity
from seatrial.monitoring.service.alarms import KINDS as SIGNALS
from seatrial.monitoring.triggers.fold import EVALUATION, RETRAINING
from seatrial.rag.answering.reply import Refusal
from seatrial.rag.retrieval.found import DenseUse
from seatrial.release.fold import CHANGES
from seatrial.release.rollout import Phase
from seatrial.release.verdict import Code, Outcome, Quantity
from seatrial.training.runs.desk import INTERRUPTED, beside
from seatrial.training.runs.run import Against
from seatrial.training.runs.run import Outcome as RunOutcome
from seatrial.training.runs.run import Status as RunStatus
from seatrial.web.console.evidence import _ZH as SENTENCES
from seatrial.web.console.reason_words import reason_zh, waiting
from seatrial.web.console.words import LANGUAGES, choose, words

HERE = Path(seatrial.web.console.__file__).parent
COMPUTED = (
    "phase.",
    "evaluated.",
    "outcome.",
    "arrival.",
    "fact.",
    "severity.",
    "kind.",
    "experiment.phase.",
    "experiment.outcome.",
    "experiment.towards.",
    "signal.",
    "asked.",
    "alarm.",
    "figure.",
    "knowledge.refusal.",
    "knowledge.use.",
    "left.",
    "model.",
    "retraining.says.",
    "retraining.source.",
    "run.",
    "step.",
    "runs.against.",
    "runs.differ.",
    "runs.outcome.",
    "runs.status.",
    "span.",
    "spend.each.",
    "spend.level.",
    "spend.nobody.",
    "spend.span.",
    "spend.trouble.",
    "spend.whose.",
    "spend.window.",
)


ROLES = {f"runs.{role}" for role in ("data", "more_data", "holdout", "warm_start")}


def used() -> str:
    files = [*HERE.glob("templates/*.html"), *HERE.glob("*.py")]
    words_alone = (
        "words.py",
        "page_words.py",
        "watch_words.py",
        "reason_words.py",
        "spend_words.py",
        "knowledge_words.py",
        "retraining_words.py",
        "feature_words.py",
        "experiment_words.py",
        "runs_words.py",
        "trouble_words.py",
    )
    return "\n".join(f.read_text() for f in files if f.name not in words_alone)


def test_every_language_has_the_same_words() -> None:
    keys = {language: set(words(language)) for language in LANGUAGES}
    assert all(found == keys["en"] for found in keys.values())
    assert all(text.strip() for language in LANGUAGES for text in words(language).values())


def test_what_is_filled_in_is_the_same_in_every_language() -> None:
    def fields(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, text in words("en").items():
        assert fields(text) == fields(words("zh")[key]), key


def test_every_word_is_used() -> None:
    source = used()
    for key in words("en"):
        named = re.search(
            rf"""w\.{re.escape(key)}\b|\[["']{re.escape(key)}["']\]|"{key}\"""", source
        )
        computed = key.startswith(COMPUTED) or key in ROLES or key in {*Outcome, *Quantity}
        assert named or computed, key


def test_every_word_a_template_asks_for_exists() -> None:
    for template in HERE.glob("templates/*.html"):
        for key in re.findall(r"\bw\.([a-z_0-9]+)", template.read_text()):
            assert key in words("en") or key == "get", (template.name, key)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_phase_fact_and_outcome_has_a_word(language: str) -> None:
    w = words(language)
    assert {f"phase.{phase.value}" for phase in Phase} <= w.keys()
    assert {f"fact.{kind}" for kind in CHANGES} <= w.keys()
    assert set(Outcome) <= w.keys()
    assert {f"phase.{phase.value}" for phase in AlertPhase} <= w.keys()
    assert {f"severity.{level.value}" for level in (*Level, *Severity)} <= w.keys()
    assert {f"kind.{kind.value}" for kind in Kind} <= w.keys()
    assert {f"alarm.{outcome.value}" for outcome in DriftOutcome} <= w.keys()
    assert {f"signal.{signal}" for signal in SIGNALS if signal[0] != "p"} <= w.keys()
    assert {f"asked.{kind}" for kind in (RETRAINING, EVALUATION)} <= w.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_budget_span_and_trouble_has_a_word(language: str) -> None:
    w = words(language)
    assert {f"spend.whose.{scope.value}" for scope in Scope} <= w.keys()
    for scope in set(Scope) - {Scope.TOTAL}:
        assert {f"spend.each.{scope.value}", f"spend.nobody.{scope.value}"} <= w.keys()
    assert {f"spend.window.{window.value}" for window in Window} <= w.keys()
    assert {f"spend.level.{level.value}" for level in SpendLevel} <= w.keys()
    assert {f"spend.span.{span}" for span in SPANS} <= w.keys()
    source = Path(troubles.__file__).read_text()
    kinds = set(re.findall(r'"kind": "(\w+)"|"(budget_\w+)"|\("(\w+)", "n_\w+"\)', source))
    named = {name for some in kinds for name in some if name}
    assert {f"spend.trouble.{kind}" for kind in named} <= w.keys()
    assert len(named) == 8


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_refusal_and_use_of_vectors_has_a_word(language: str) -> None:
    w = words(language)
    assert {f"knowledge.refusal.{one.value}" for one in Refusal} <= w.keys()
    assert {f"knowledge.use.{one.value}" for one in DenseUse} <= w.keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_status_outcome_and_difference_of_a_run_has_a_word(language: str) -> None:
    w = words(language)
    assert {f"runs.outcome.{one.value}" for one in RunOutcome} <= w.keys()
    assert {f"runs.status.{one}" for one in (*RunStatus, INTERRUPTED)} <= w.keys()
    assert {f"runs.against.{one.value}" for one in Against} <= w.keys()
    run = {"environment": {"python": "", "packages": {}}, "code": {"commit": "", "files": {}}}
    run |= dict.fromkeys(("id", "program", "seed", "data_digest", "outcome"), "")
    run |= {"parameters": {}, "metrics": {}}
    other = {**run, "environment": {"python": "3", "packages": {}}}
    other |= {"code": {"commit": "c", "files": {"f": "d"}}}
    other |= dict.fromkeys(("program", "seed", "data_digest", "outcome"), "x")
    assert {f"runs.differ.{name}" for name in beside(run, other)["differ"]} == {
        key for key in w if key.startswith("runs.differ.")
    }
    for role in ("data", "more_data", "holdout", "warm_start"):
        assert f"runs.{role}" in w


def test_every_verdict_has_a_chinese_sentence() -> None:
    assert set(SENTENCES) == {code.value for code in Code}


def test_what_is_waited_for_is_said_in_chinese() -> None:
    from seatrial.release.view import WAITS_FOR
    from seatrial.web.console.reason_words import _WAITING_ZH

    source = Path(seatrial.release.view.__file__).read_text()
    said = [*re.findall(r'return "(.+)"', source), *WAITS_FOR.values()]
    assert {text for text in said if text} == set(_WAITING_ZH)
    assert waiting("zh", said[0]) != said[0]
    assert waiting("en", said[0]) == said[0]


def test_reasons_known_in_chinese_are_those_that_are_given() -> None:
    from seatrial.web.console.reason_words import _REASONS_ZH

    source = " ".join(
        re.sub(r'"\s*\n\s*"', "", (HERE.parents[1] / "release" / name).read_text())
        for name in ("rollout.py", "endpoint.py")
    )
    for text in _REASONS_ZH:
        assert text in source, text
    assert reason_zh("because I say so") == "because I say so"


def test_console_and_messages_name_the_kinds_of_alerts_alike() -> None:
    for kind in Kind:
        assert words("zh")[f"kind.{kind.value}"] == kind_name(kind, "zh")
        assert words("en")[f"kind.{kind.value}"].lower() == kind_name(kind, "en")


@pytest.mark.parametrize("module", ["web.console", "monitoring", "packaging"])
def test_punctuation_between_chinese_characters_is_chinese(module: str) -> None:
    folder = Path(seatrial.__file__).parent / module.replace(".", "/")
    for file in folder.glob("*.py"):
        found = re.findall(r"[一-鿿][,;:?()][一-鿿]|\d %[一-鿿]", file.read_text())
        assert found == [], file.name


def test_an_unknown_language_is_english() -> None:
    assert words("xx") is words("en")


@pytest.mark.parametrize(
    ("cookie", "accepted", "expected"),
    [
        ("zh", "en", "zh"),
        ("xx", "zh", "zh"),
        (None, "", "en"),
        (None, ";;,,", "en"),
        (None, "ZH-hans", "zh"),
    ],
)
def test_choose(cookie: str | None, accepted: str, expected: str) -> None:
    assert choose(cookie, accepted) == expected
