import psycopg
import pytest

from seatrial.adapters.store.postgres_errors import first_line, translate
from seatrial.kernel.store import StoreDamaged, StoreDenied, StoreFull, StoreUnavailable


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("53100", StoreFull),
        ("25006", StoreDenied),
        ("42501", StoreDenied),
        ("42P01", StoreDamaged),
        ("XX001", StoreDamaged),
        ("57014", StoreUnavailable),
        ("57P01", StoreUnavailable),
        ("53300", StoreUnavailable),
        ("40P01", StoreUnavailable),
        ("55P03", StoreUnavailable),
    ],
)
def test_states_of_the_server_become_errors_of_the_store(state, kind):
    error = translate(psycopg.errors.lookup(state)("what happened\nDETAIL: more"), "db:5432")
    assert type(error) is kind
    assert "db:5432" in error.problem
    assert "(what happened)" in error.problem
    assert error.remedy


def test_a_mistake_of_our_own_is_not_dressed_up():
    assert translate(psycopg.errors.SyntaxError("x"), "db:5432") is None


def test_only_the_first_line_of_a_message_is_shown():
    assert first_line(psycopg.Error(" no room\nHINT: more")) == "no room"
