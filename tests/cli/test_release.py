"""status, promote, rollback, history over a store with facts."""

from __future__ import annotations

import json

from seatrial.adapters.store.sqlite import SqliteStore
from seatrial.cli.exits import Exit
from seatrial.kernel.events import Draft
from seatrial.release.desk import Desk
from seatrial.wiring.background import announce
from seatrial.wiring.workspace import open_workspace


def test_an_empty_home_says_how_to_begin(home, seatrial) -> None:
    code, out, err = seatrial("status")
    assert code == Exit.DONE
    assert out == ""
    assert "Nothing is deployed yet. Start with: seatrial deploy" in err


def test_an_empty_home_is_an_empty_list_in_json(home, seatrial) -> None:
    code, out, _ = seatrial("status", "--json")
    assert (code, json.loads(out)) == (Exit.DONE, [])


def test_status_shows_the_versions_the_share_the_evidence_and_who_serves(filled, seatrial) -> None:
    code, out, err = seatrial("status", "churn")
    assert (code, out) == (Exit.DONE, "")
    assert "production  version 1" in err
    assert "version 2: canary; 5 % of keys" in err
    assert "inconclusive error rate 0 % (0 of 500)" in err
    assert "pass         p95" in err
    assert "http://127.0.0.1:1  (1 of 1 workers up to date)" in err


def test_status_of_one_endpoint_is_one_record_and_of_all_a_list(filled, seatrial) -> None:
    _, one, _ = seatrial("status", "churn", "--json")
    _, every, _ = seatrial("status", "--json")
    assert json.loads(one)["stable"] == 1
    assert [record["name"] for record in json.loads(every)] == ["churn"]


def test_promote_gives_the_version_on_trial_all_traffic(filled, seatrial) -> None:
    code, out, err = seatrial("promote", "churn", "--reason", "we are sure", "--json")
    record = json.loads(out)
    assert code == Exit.DONE
    assert (record["stable"], record["former"]) == (2, [1])
    assert record["release"]["phase"] == "promoted"
    assert "we are sure" in err


def test_promoting_twice_is_a_conflict_and_changes_nothing(filled, seatrial) -> None:
    seatrial("promote", "churn")
    _, before, _ = seatrial("history", "churn", "--json")
    code, _, err = seatrial("promote", "churn")
    _, after, _ = seatrial("history", "churn", "--json")
    assert code == Exit.CONFLICT
    assert "is promoted already" in err
    assert before == after


def test_rollback_ends_the_trial_under_way(filled, seatrial) -> None:
    code, out, _ = seatrial("rollback", "churn", "--json")
    record = json.loads(out)
    assert code == Exit.DONE
    assert (record["stable"], record["release"]["phase"]) == (1, "aborted")


def test_rollback_without_a_trial_returns_to_the_version_before(filled, seatrial) -> None:
    seatrial("promote", "churn")
    _, out, _ = seatrial("rollback", "churn", "--json")
    assert json.loads(out)["stable"] == 1


def test_rollback_to_a_version_that_never_served_is_refused(filled, seatrial) -> None:
    code, _, err = seatrial("rollback", "churn", "--to", "7")
    assert code != Exit.DONE
    assert "Version 7 of 'churn' was never in production." in err


def test_history_tells_every_fact_oldest_first(filled, seatrial) -> None:
    code, out, err = seatrial("history", "churn", "--json")
    kinds = [fact["kind"] for fact in json.loads(out)]
    assert code == Exit.DONE
    assert kinds[:3] == ["release.started", "staging.passed", "release.promoted"]
    assert kinds[3:7] == ["release.started", "staging.passed", "canary.warming", "step.entered"]
    lines = err.splitlines()
    assert len(lines) == len(kinds)
    assert "release.started" in lines[0]
    assert "ann" in lines[0]
    assert "version 2, 5 %" in lines[6]


def test_a_home_that_cannot_be_made_is_denied(tmp_path, seatrial) -> None:
    (tmp_path / "file").write_text("")
    code, _, err = seatrial("status", "--home", str(tmp_path / "file" / "below"))
    assert code == Exit.DENIED
    assert "cannot be made" in err


def test_an_unknown_key_of_the_configuration_is_refused(home, seatrial, tmp_path) -> None:
    (tmp_path / "seatrial.yaml").write_text("servr: {port: 1}\n")
    code, _, err = seatrial("status")
    assert code == Exit.INVALID
    assert "server" in err


def test_an_endpoint_that_stands_still_says_so_and_nothing_can_be_asked_of_it(
    filled, seatrial
) -> None:
    store = SqliteStore.from_url(f"sqlite:///{filled.folder / 'seatrial.db'}")
    revision = Desk(store).state("churn").revision
    fact = Draft(kind="evidence.recorded", data={"judgement": 1})
    store.append("endpoint/churn", [fact], expected=revision)
    store.close()
    code, _, err = seatrial("status")
    assert code == Exit.DONE
    assert f"stands still: Revision {revision + 1} of 'endpoint/churn'" in err
    assert "→ Restore the store from a backup" in err
    code, _, err = seatrial("promote", "churn")
    assert (code, "release.unknown_fact" in err) == (Exit.INVALID, True)
    code, _, err = seatrial("history", "churn")
    assert code == Exit.DONE
    assert err.strip().endswith("not read")


def test_an_endpoint_with_nothing_to_serve_is_not_shown_as_lagging_behind(home, seatrial) -> None:
    store = SqliteStore.from_url(f"sqlite:///{home.folder / 'seatrial.db'}")
    home.start(store, 1)
    store.beat("worker/s/0", {"address": "http://127.0.0.1:1", "applied": {}, "loaded": {}})
    store.close()
    _, _, err = seatrial("status", "churn")
    assert "http://127.0.0.1:1  (nothing to serve yet)" in err
    assert "workers up to date" not in err


def test_a_version_that_was_rolled_back_is_not_shown_as_promoted_only(filled, seatrial) -> None:
    seatrial("promote", "churn")
    seatrial("rollback", "churn")
    _, out, err = seatrial("status", "churn", "--json")
    assert json.loads(out)["release"]["rolled_back"] is True
    assert json.loads(out)["withdrawn"] == [2]
    assert "version 2: promoted; rolled back since" in err


def test_the_figures_after_a_promotion_are_those_that_stay(filled, seatrial) -> None:
    _, promoted, _ = seatrial("promote", "churn", "--json")
    store = SqliteStore.from_url(f"sqlite:///{filled.folder / 'seatrial.db'}")
    store.beat("controller", {"judgements": {}})
    store.close()
    _, later, _ = seatrial("status", "churn", "--json")
    assert json.loads(promoted)["release"] == json.loads(later)["release"]


def test_a_server_that_cannot_write_to_the_store_is_not_called_absent(
    filled, seatrial, monkeypatch
) -> None:
    store = SqliteStore.from_url(f"sqlite:///{filled.folder / 'seatrial.db'}")
    store.forget("worker/s/0")
    store.close()
    assert "no server runs on this store" in seatrial("status", "churn")[2]
    announce(open_workspace(home=filled.folder, environment={}), address="http://127.0.0.1:7")
    _, _, err = seatrial("status", "churn")
    assert "http://127.0.0.1:7, which reports nothing: see its log" in err


def test_gates_against_stable_say_so_before_any_request(home, seatrial) -> None:
    home.fill(n_answers=0)
    _, _, err = seatrial("status", "churn")
    lines = [line for line in err.splitlines() if "no request yet" in line]
    assert len(lines) == len(set(lines)) == 5
    assert sum("against stable" in line for line in lines) == 3
