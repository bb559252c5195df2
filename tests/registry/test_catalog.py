import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.kernel.events import Draft, Fact
from seatrial.kernel.store import StoreFull, StreamChanged
from seatrial.registry import catalog
from seatrial.registry.catalog import (
    ModelUnknown,
    Registration,
    VersionUnknown,
    VersionUnreadable,
    get,
    models,
    register,
    versions,
)
from seatrial.registry.manifest import Framework
from seatrial.registry.naming import ModelNameInvalid

AT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
SAMPLE = Path(__file__).parent / "samples" / "version-registered-1.json"


class Log:
    """The smallest fact log; `before_append` lets a test act between reading and appending."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.before_append: Any = lambda: None

    def append(self, stream: str, drafts: Sequence[Draft], *, expected: int) -> list[Fact]:
        self.before_append()
        revision = sum(fact.stream == stream for fact in self.facts)
        if revision != expected:
            raise StreamChanged("The stream moved.", remedy="Read it again.")
        added = [
            Fact(
                seq=len(self.facts) + i,
                stream=stream,
                revision=revision + i,
                kind=draft.kind,
                schema=draft.schema,
                data=json.loads(json.dumps(draft.data)),
                at=AT,
                by=draft.by,
            )
            for i, draft in enumerate(drafts, start=1)
        ]
        self.facts += added
        return added

    def read(self, *, stream: str | None = None, after: int = 0, limit: int = 1000) -> list[Fact]:
        wanted = (f for f in self.facts if f.seq > after and stream in (None, f.stream))
        return list(wanted)[: min(limit, 2)]  # small pages, so that paging is exercised

    def streams(self, prefix: str = "") -> list[str]:
        return sorted({f.stream for f in self.facts if f.stream.startswith(prefix)})

    def head(self) -> int:
        return len(self.facts)


def of(content: str) -> Registration:
    return Registration(
        digest=content * 64,
        framework=Framework(name="scikit-learn", version="1.5.2"),
        source_name="model.pkl",
        source_sha256="f" * 64,
        label="churned",
        metrics={"auc": 0.91},
        notes="first try",
    )


def test_numbers_are_given_in_the_order_of_registration() -> None:
    log = Log()
    registered = [register(log, "churn", of(c), by="ann") for c in "abcde"]
    assert [v.number for v in registered] == [1, 2, 3, 4, 5]
    assert versions(log, "churn") == registered
    assert get(log, "churn", 3) == registered[2]


def test_a_version_keeps_what_was_said_of_it() -> None:
    log = Log()
    version = register(log, "churn", of("a"), by="ann")
    assert (version.name, version.of, version.at, version.by) == ("churn", of("a"), AT, "ann")
    assert version.digest == "a" * 64


def test_the_same_content_keeps_its_number_and_appends_nothing() -> None:
    log = Log()
    first = register(log, "churn", of("a"), by="ann")
    register(log, "churn", of("b"), by="ann")
    again = register(log, "churn", replace(of("a"), notes="once more"), by="bob")
    assert again == first
    assert len(log.facts) == 2


def test_models_count_apart() -> None:
    log = Log()
    assert register(log, "churn", of("a"), by="ann").number == 1
    assert register(log, "fraud", of("a"), by="ann").number == 1
    assert models(log) == ["churn", "fraud"]
    assert versions(log, "nothing") == []


def test_facts_of_other_kinds_in_the_stream_do_not_disturb() -> None:
    log = Log()
    register(log, "churn", of("a"), by="ann")
    log.append("model/churn", [Draft(kind="version.noted", data={"text": "x"})], expected=1)
    assert register(log, "churn", of("b"), by="ann").number == 2


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=8))
def test_deployers_at_once_get_distinct_numbers_and_one_per_content(contents: list[str]) -> None:
    log = Log()
    pending = list(contents)

    def another_deployer_is_faster() -> None:
        if pending:
            register(log, "churn", of(pending.pop()), by="bob")

    log.before_append = another_deployer_is_faster
    register(log, "churn", of("z"), by="ann")

    digests = [version.digest[0] for version in versions(log, "churn")]
    assert sorted(digests) == sorted({*contents, "z"})
    assert [v.number for v in versions(log, "churn")] == list(range(1, len(digests) + 1))


def test_a_log_that_never_stands_still_is_given_up() -> None:
    log = Log()
    grow = iter(range(1000))

    def somebody_else_appends() -> None:
        log.before_append, kept = lambda: None, log.before_append
        log.append("model/churn", [Draft(kind="noise")], expected=next(grow))
        log.before_append = kept

    log.before_append = somebody_else_appends
    with pytest.raises(StreamChanged):
        register(log, "churn", of("a"), by="ann")
    assert versions(log, "churn") == []


def test_nothing_is_registered_when_the_log_refuses() -> None:
    log = Log()

    def full() -> None:
        raise StoreFull("The disk is full.", remedy="Free some space.")

    log.before_append = full
    with pytest.raises(StoreFull):
        register(log, "churn", of("a"), by="ann")
    assert log.facts == []


def test_a_name_that_is_no_address_is_refused_before_anything_is_written() -> None:
    log = Log()
    with pytest.raises(ModelNameInvalid):
        register(log, "My Model", of("a"), by="ann")
    assert log.facts == []


def test_an_unknown_version_is_told_the_known_ones() -> None:
    log = Log()
    register(log, "churn", of("a"), by="ann")
    for number in (0, 2, -1):
        with pytest.raises(VersionUnknown) as caught:
            get(log, "churn", number)
        assert f"no version {number}, only 1 to 1" in caught.value.problem


def test_an_unknown_model_is_told_the_nearest_name() -> None:
    log = Log()
    register(log, "churn", of("a"), by="ann")
    with pytest.raises(ModelUnknown) as caught:
        get(log, "chrun", 1)
    assert caught.value.remedy == "Did you mean 'churn'?"
    with pytest.raises(ModelUnknown) as caught:
        get(Log(), "churn", 1)
    assert "seatrial deploy" in caught.value.remedy


def test_a_saved_fact_of_schema_1_is_read() -> None:
    log = Log()
    data = json.loads(SAMPLE.read_bytes())
    log.append("model/churn", [Draft(kind=catalog.REGISTERED, data=data, by="ann")], expected=0)
    assert get(log, "churn", 1).of == of("a")


@pytest.mark.parametrize(("schema", "data"), [(2, {}), (1, {}), (1, {"version": "1"})])
def test_a_fact_that_cannot_be_read_is_named(schema: int, data: dict[str, object]) -> None:
    log = Log()
    log.append(
        "model/churn", [Draft(kind=catalog.REGISTERED, data=data, schema=schema)], expected=0
    )
    with pytest.raises(VersionUnreadable) as caught:
        versions(log, "churn")
    assert caught.value.facts == {"stream": "model/churn", "revision": 1}
