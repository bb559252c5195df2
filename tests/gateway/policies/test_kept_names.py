"""Users and tags as the ledger keeps them."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.ledger.budget import Budget, Scope, Window, plain_name
from seatrial.gateway.policies.kept_names import kept_budget, kept_name
from seatrial.gateway.policies.mask import Mask


def test_personal_data_is_written_over_and_told_apart():
    ana, bob = kept_name("ana@example.com"), kept_name("bob@example.com")
    assert ana.startswith("[EMAIL] #")
    assert "example" not in ana + bob
    assert ana != bob
    assert ana == kept_name("ana@example.com")
    secret = kept_name("key=sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD")
    assert "abcdefgh" not in secret


def test_other_names_stay_as_they_are():
    for name in ("ana", "team 7", "模型", "search", ""):
        assert kept_name(name) == name


@given(st.text(max_size=300))
def test_a_kept_name_is_one_that_every_database_keeps_and_has_nothing_left_to_mask(name):
    kept = kept_name(name)
    assert plain_name(kept) == kept or kept.startswith("sha256:")
    assert kept_name(kept.partition(" #")[0]).startswith("[") or Mask().text(name) == name


def test_budgets_find_whom_they_are_about_under_the_name_that_is_kept():
    def of(scope: Scope, **names: str) -> Budget:
        return kept_budget(Budget(limit_usd=Decimal(1), window=Window.DAY, scope=scope, **names))

    assert of(Scope.USER, name="ana@example.com").name == kept_name("ana@example.com")
    tag = of(Scope.TAG, tag="mail", name="ana@example.com")
    assert (tag.tag, tag.name) == ("mail", kept_name("ana@example.com"))
    assert of(Scope.MODEL, name="gpt-4o").name == "gpt-4o"
    assert of(Scope.USER).name is None
