from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from seatrial.release.endpoint import EndpointTarget
from seatrial.release.variant import Split
from seatrial.serving.reconcile import Applied, Bundle, reconcile

V1: Bundle = ("churn", 1, "d1")
V2: Bundle = ("churn", 2, "d2")
NONE: frozenset[Bundle] = frozenset()


def target(revision: int, **split: object) -> EndpointTarget:
    wanted = Split(**split)  # type: ignore[arg-type]
    return EndpointTarget(
        endpoint="churn",
        revision=revision,
        split=wanted,
        digests={version: f"d{version}" for version in wanted.versions},
    )


def applied(revision: int, *versions: int, **split: object) -> dict[str, Applied]:
    table = Applied(
        revision=revision,
        split=Split(**split),  # type: ignore[arg-type]
        versions=frozenset(versions),
    )
    return {"churn": table}


CANARY = target(5, stable=1, canary=2, canary_share=0.1)


def test_what_is_missing_is_loaded_and_the_old_split_stays_until_then() -> None:
    before = applied(3, 1, stable=1)
    todo = reconcile({"churn": CANARY}, loaded=frozenset({V1}), busy=NONE, applied=before)
    assert todo.load == {V2}
    assert todo.apply == {}
    assert todo.close == frozenset()


def test_what_loads_or_failed_just_now_is_not_loaded_again() -> None:
    before = applied(3, 1, stable=1)
    todo = reconcile(
        {"churn": CANARY}, loaded=frozenset({V1}), busy=frozenset({V2}), applied=before
    )
    assert todo.load == frozenset()


def test_a_split_is_applied_once_all_of_it_is_loaded_and_only_once() -> None:
    both = frozenset({V1, V2})
    todo = reconcile({"churn": CANARY}, loaded=both, busy=NONE, applied=applied(3, 1, stable=1))
    after = applied(5, 1, 2, stable=1, canary=2, canary_share=0.1)
    assert todo.apply == after
    again = reconcile({"churn": CANARY}, loaded=both, busy=NONE, applied=after)
    assert again.apply == {}


def test_a_version_is_closed_only_when_neither_table_nor_target_names_it() -> None:
    both = frozenset({V1, V2})
    serving_both = applied(5, 1, 2, stable=1, canary=2, canary_share=0.1)
    promoted = target(6, stable=2)
    todo = reconcile({"churn": promoted}, loaded=both, busy=NONE, applied=serving_both)
    assert todo.apply == applied(6, 2, stable=2)
    assert todo.close == {V1}


def test_a_version_still_in_the_table_stays_while_its_successor_loads() -> None:
    todo = reconcile(
        {"churn": target(6, stable=2)},
        loaded=frozenset({V1}),
        busy=frozenset({V2}),
        applied=applied(3, 1, stable=1),
    )
    assert (todo.apply, todo.close) == ({}, frozenset())


def test_a_fresh_worker_serves_stable_alone_when_the_canary_cannot_be_loaded() -> None:
    todo = reconcile({"churn": CANARY}, loaded=frozenset({V1}), busy=frozenset({V2}), applied={})
    assert todo.apply == applied(5, 1, stable=1)
    later = reconcile(
        {"churn": CANARY}, loaded=frozenset({V1, V2}), busy=NONE, applied=dict(todo.apply)
    )
    assert later.apply == applied(5, 1, 2, stable=1, canary=2, canary_share=0.1)


def test_an_endpoint_with_nothing_live_gets_an_empty_table() -> None:
    todo = reconcile({"churn": target(1)}, loaded=NONE, busy=NONE, applied={})
    assert todo.apply == applied(1)


versions = st.none() | st.integers(1, 4)


@given(
    stable=versions,
    canary=versions,
    loaded=st.frozensets(st.integers(1, 4)),
    old=st.none() | st.integers(1, 4),
)
def test_no_table_ever_names_a_version_that_is_not_loaded_or_is_being_closed(
    stable: int | None, canary: int | None, loaded: frozenset[int], old: int | None
) -> None:
    share = 0.5 if canary else 0.0
    wanted = target(2, stable=stable, canary=canary, canary_share=share)
    bundles = frozenset(("churn", v, f"d{v}") for v in loaded | ({old} if old else frozenset()))
    before = applied(1, old, stable=old) if old else {}
    todo = reconcile({"churn": wanted}, loaded=bundles, busy=NONE, applied=before)
    table = {**before, **todo.apply}.get("churn")
    if table is not None:
        here = {b[1] for b in bundles - todo.close}
        assert set(table.split.versions) <= here
        assert table.versions <= here
    assert not todo.close & todo.load
