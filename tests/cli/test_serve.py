"""Commands that run servers, as far as they come without one."""

from __future__ import annotations

import gc

from seatrial.cli.exits import Exit


def test_where_a_server_does_not_start_the_collector_is_on_again(seatrial, tmp_path) -> None:
    code, _, err = seatrial("up", "--config", str(tmp_path / "none.yaml"))
    assert code != Exit.DONE
    assert "config.missing" in err
    assert gc.isenabled()
