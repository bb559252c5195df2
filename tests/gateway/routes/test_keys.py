from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.ledger.budget import Scope, Window
from seatrial.gateway.routes.keys import (
    CREATED,
    Key,
    KeyNameTaken,
    KeyRing,
    ModelForbidden,
    creation,
    digest_of,
    revocation,
    shown,
    written,
)
from seatrial.kernel.events import Draft, Fact

AT = datetime(2026, 11, 26, tzinfo=UTC)
NOW = AT.timestamp()
SECRET, KEY_ID = written(bytes(range(37)))


def key(**changes: object) -> Key:
    return Key(**{"id": KEY_ID, "name": "ana", "digest": digest_of(SECRET)} | changes)  # type: ignore[arg-type]


def kept(seq: int, draft: Draft) -> Fact:
    return Fact(
        seq=seq, stream="s", revision=seq, kind=draft.kind, schema=1, data=draft.data, at=AT, by="t"
    )


def ring(*drafts: Draft) -> KeyRing:
    return KeyRing().with_facts([kept(n, draft) for n, draft in enumerate(drafts, 1)])


def made(made_key: Key) -> Draft:
    return creation(KeyRing(), made_key, at=AT, by="t")


@given(st.binary(min_size=37, max_size=37))
def test_a_key_is_found_by_all_of_it_and_by_nothing_else(random: bytes) -> None:
    secret, key_id = written(random)
    known = ring(made(key(id=key_id, digest=digest_of(secret))))
    found = known.find(secret, at_s=NOW)
    assert found is not None
    assert found.id == key_id
    for wrong in (secret[:-1], secret + "x", secret.upper(), key_id, "", "\udc80" + secret):
        assert known.find(wrong, at_s=NOW) is None


@given(st.text())
def test_no_other_text_is_a_key(text: str) -> None:
    assert ring(made(key())).find(text, at_s=NOW) is None


def test_a_key_holds_256_bits_beside_its_id() -> None:
    one, other = (written(bytes(5) + bytes([n]) * 32)[0] for n in (1, 2))
    assert one != other
    assert len(one) == len("sk-seatrial-") + 10 + 1 + 43
    with pytest.raises(ValueError, match="37 bytes"):
        written(bytes(36))


def test_what_is_kept_and_shown_holds_nothing_of_the_key() -> None:
    draft = made(key())
    secret = SECRET.rpartition("-")[2]
    assert secret not in str(draft.data)
    record = shown(key(expires=NOW + 60), at=AT)
    assert "digest" not in record
    assert record["expires"] == "2026-11-26T00:01:00+00:00"


def test_a_key_survives_the_store_with_all_it_says() -> None:
    whole = key(
        models=("a", "b"),
        tenant="t",
        budget_usd=Decimal("0.30"),
        window=Window.DAY,
        requests_per_minute=3,
        tokens_per_minute=9,
        expires=NOW + 1,
    )
    assert ring(made(whole)).get(KEY_ID) == whole


def test_a_key_that_was_revoked_or_expired_opens_nothing() -> None:
    assert ring(made(key()), revocation(key(), by="t")).find(SECRET, at_s=NOW) is None
    expiring = ring(made(key(expires=NOW + 1)))
    assert expiring.find(SECRET, at_s=NOW) is not None
    assert expiring.find(SECRET, at_s=NOW + 1) is None


def test_a_ring_with_only_revoked_keys_is_no_open_door() -> None:
    assert not KeyRing()
    assert ring(made(key()), revocation(key(), by="t"))


def test_facts_that_say_nothing_change_nothing_but_the_place() -> None:
    known = ring(made(key()))
    later = known.with_facts([kept(7, Draft(kind="gateway.other", data={"id": KEY_ID}))])
    assert (later.seq, list(later)) == (7, list(known))
    damaged = Fact(
        seq=8, stream="s", revision=8, kind=CREATED, schema=1, data={}, at=AT, by="t", damage="cut"
    )
    assert list(later.with_facts([damaged])) == list(known)


def test_two_keys_that_may_be_used_never_share_a_name() -> None:
    known = ring(made(key()))
    with pytest.raises(KeyNameTaken, match="'ana'"):
        creation(known, key(id="other"), at=AT, by="t")
    ended = ring(made(key()), revocation(key(), by="t"))
    assert creation(ended, key(id="other"), at=AT, by="t").data["id"] == "other"


def test_a_name_or_an_id_names_the_key_that_may_be_used() -> None:
    again = key(id="0123456789")
    known = ring(made(key()), revocation(key(), by="t"), made(again))
    assert known.named("ana", at_s=NOW) == again
    assert known.named("0123456789", at_s=NOW) == again
    assert known.named("bob", at_s=NOW) is None


def test_a_key_is_for_its_models_or_for_all() -> None:
    key().check_model("any")
    key(models=("a",)).check_model("a")
    with pytest.raises(ModelForbidden, match="Use one of: a"):
        key(models=("a",)).check_model("b")


def test_a_budget_of_a_key_bounds_that_key_alone() -> None:
    assert key().budget is None
    budget = key(budget_usd=Decimal(3), window=Window.TOTAL).budget
    assert budget is not None
    assert (budget.scope, budget.name, budget.window) == (Scope.KEY, KEY_ID, Window.TOTAL)
