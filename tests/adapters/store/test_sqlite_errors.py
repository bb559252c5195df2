"""Codes that no test can bring about; those it can are in test_sqlite.py."""

import sqlite3
from pathlib import Path

import pytest

from seatrial.adapters.store.sqlite_errors import translate
from seatrial.kernel.store import StoreDamaged, StoreDenied, StoreFull, StoreUnavailable

PATH = Path("/srv/seatrial.db")


def error(code: int) -> sqlite3.Error:
    raised = sqlite3.OperationalError("what happened")
    raised.sqlite_errorcode = code
    return raised


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (sqlite3.SQLITE_FULL, StoreFull),
        (sqlite3.SQLITE_IOERR_WRITE, StoreFull),
        (sqlite3.SQLITE_IOERR_READ, StoreUnavailable),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreUnavailable),
        (sqlite3.SQLITE_NOMEM, StoreUnavailable),
        (sqlite3.SQLITE_CORRUPT_INDEX, StoreDamaged),
        (sqlite3.SQLITE_READONLY_DIRECTORY, StoreDenied),
    ],
)
def test_a_code_means_what_its_family_means_unless_it_has_a_meaning_of_its_own(code, kind):
    translated = translate(error(code), PATH)
    assert type(translated) is kind
    assert "/srv/seatrial.db" in translated.problem
    assert translated.remedy


@pytest.mark.parametrize("mistake", [error(sqlite3.SQLITE_ERROR), sqlite3.ProgrammingError("x")])
def test_a_mistake_of_our_own_is_not_dressed_up(mistake):
    assert translate(mistake, PATH) is None
