"""`seatrial demo`: the whole journey on real data; only the watch is shorter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from seatrial.cli.exits import Exit
from seatrial.cli.invocation import invocation, through_make
from seatrial.cli.options import DURATION, NumberType
from seatrial.cli.output import Console
from seatrial.kernel.duration import show_duration
from seatrial.kernel.errors import Unavailable

_NAME = "tumour"
_CONFIG = "demo.yaml"
_SETTLE_S = 1.5
_WARDS = {"many": 0.15, "many_rows": 48}
"""Requests that ask for a ward of patients at once: enough of them meet a zero that some of the
few that version 3 gets do fail. It is slower too; either gate may be the first to say so. And large
enough that version 4 is far too slow for them, while staging, which asks for one, finds it quick
enough on a slow machine too."""


class DemoFailed(Unavailable):
    """A part of the demo did not work on this machine."""

    code = "demo.failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """How one version fared.

    Args:
        n_judged: requests behind the evidence that decided; 0 where no gate was asked.
    """

    version: int
    story: str
    accuracy: float
    phase: str
    n_judged: int
    reason: str


@click.command()
@click.option("--keep", is_flag=True, help="Leave the server and its console running.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port.  [default: a free one]"
)
@click.option("--watch", type=DURATION, default="20s", show_default=True, help="Shortest canary.")
@click.option("--rate", type=NumberType(min=50), default=2000.0, help="Requests a second.")
@click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for everything the demo makes.  [default: a new temporary one]",
)
def demo(keep: bool, port: int, watch: float, rate: float, home: Path | None) -> int:
    """The whole journey on real data: four versions, two promoted, two aborted."""
    from seatrial.wiring.background import start_detached, stop_detached
    from seatrial.wiring.workspace import open_workspace

    console = Console()
    begun = time.monotonic()
    folder = home or Path(tempfile.mkdtemp(prefix="seatrial-demo-"))
    console.head("seatrial demo: from model.pkl to promoted, four times")
    models = _train(console, folder / "models")
    workspace = open_workspace(home=folder / "state", config=_own_config(folder))
    workspace = workspace.listening(host=None, port=port, workers=None)
    server = start_detached(workspace)
    console.step("ok", "server", f"{server.address}  (console at /)")
    try:
        with _traffic(folder, server.address, rate) as traffic:
            ended = [
                _release(console, workspace, folder / "models", model, number, watch, traffic)
                for number, model in enumerate(models, start=1)
            ]
            answers = traffic.stop()
        _summary(console, folder, ended, answers, time.monotonic() - begun)
    finally:
        if not keep:
            stop_detached(workspace)
    _farewell(console, folder / "state", server.address if keep else None)
    return Exit.DONE if _as_expected(ended) else Exit.UNEXPECTED


def _own_config(folder: Path) -> Path:
    """A file of defaults: one that lies where the demo was started is somebody's real one."""
    file = folder / _CONFIG
    file.write_text("# The demo's: every key as it is by default.\n", encoding="utf-8")
    return file


def _train(console: Console, folder: Path) -> list[dict[str, Any]]:
    console.progress("train", "four models on the Wisconsin breast cancer data")
    done = subprocess.run(
        [sys.executable, "-m", "seatrial.adapters.demo_sklearn", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise DemoFailed(
            f"The demo's models could not be trained: {last}.",
            remedy="Run: pip install 'seatrial[sklearn]'"
            if "ModuleNotFoundError" in last
            else "Check the folder named with --home, and the space on its disk.",
        )
    models: list[dict[str, Any]] = json.loads(done.stdout)
    console.step("ok", "train", "four models on the Wisconsin breast cancer data")
    return models


class _Traffic:
    """The process that sends requests; started when there is something to answer them."""

    def __init__(self, spec: Path) -> None:
        self._spec = spec
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Begin to send, unless it does already."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "seatrial.packaging.traffic", str(self._spec)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )

    def stop(self) -> dict[str, int]:
        """Stop sending; returns the answers by status and version."""
        if self._process is None:
            return {}
        out, _ = self._process.communicate(timeout=60)
        self._process = None
        answers: dict[str, int] = json.loads(out)["answers"]
        return answers


@contextmanager
def _traffic(folder: Path, address: str, rate: float) -> Iterator[_Traffic]:
    rows = _rows(folder / "models" / "patients.json")
    host, _, port = address.removeprefix("http://").rpartition(":")
    spec = {
        "host": host,
        "port": int(port),
        "path": f"/v1/models/{_NAME}:predict",
        "rows": rows,
        "rate": rate,
        **_WARDS,
    }
    file = folder / "traffic.json"
    file.write_text(json.dumps(spec), encoding="utf-8")
    traffic = _Traffic(file)
    try:
        yield traffic
    finally:
        traffic.stop()


def _rows(file: Path) -> list[object]:
    rows: list[object] = json.loads(file.read_text(encoding="utf-8"))
    return rows


def _release(
    console: Console,
    workspace: Any,
    models: Path,
    model: dict[str, Any],
    number: int,
    watch: float,
    traffic: _Traffic,
) -> _Ended:
    from seatrial.cli.deploy import run_order
    from seatrial.wiring.deploying.order import Order

    console.say("")
    console.head(f"version {number}: {model['story']} (accuracy {model['accuracy']:.3f})")
    order = Order(
        model=models / model["file"],
        name=_NAME,
        data=models / "sample.parquet",
        label="benign",
        target="production",
        watch_s=watch,
    )
    view = run_order(console, workspace, order, up=False)  # the demo has its own server
    if number == 1:
        traffic.start()
        time.sleep(_SETTLE_S)
    release: Any = view["release"]
    return _Ended(
        version=number,
        story=model["story"],
        accuracy=model["accuracy"],
        phase=release["phase"],
        n_judged=_n_judged(release),
        reason=release["reason"],
    )


def _n_judged(release: dict[str, Any]) -> int:
    verdicts = (release.get("evidence") or {}).get("verdicts") or []
    n: int = max((v["n"] for v in verdicts), default=0)
    return n


def _as_expected(ended: list[_Ended]) -> bool:
    return [e.phase for e in ended] == ["promoted", "promoted", "aborted", "aborted"]


def _summary(
    console: Console,
    folder: Path,
    ended: list[_Ended],
    answers: dict[str, int],
    seconds: float,
) -> None:
    console.say("")
    console.head(f"What happened in {show_duration(seconds)}")
    for e in ended:
        mark = "ok" if e.phase == "promoted" else "bad"
        console.step(mark, f"v{e.version}", f"{e.phase}{_on_what(e, answers)}")
        console.say(f"               {e.reason}")
    total = sum(answers.values())
    good = sum(n for status, n in answers.items() if status.startswith("200"))
    console.say("")
    console.say(
        f"  {total:,} requests were sent, {good:,} answered with 200; by answer and version:"
    )
    for status in sorted(answers):
        console.say(f"    {answers[status]:>9,}  {status}")
    console.say("")
    console.say(f"  files, reports  {folder / 'state' / 'releases' / _NAME}")


def _on_what(ended: _Ended, answers: dict[str, int]) -> str:
    """What a version was judged on, and for one that was withdrawn, whom it had met by then.

    It meets some more than it is judged on: those answered between the verdict and the split.
    """
    if not ended.n_judged:
        return ", no canary"
    judged = f" on the evidence of {ended.n_judged:,} requests"
    if ended.phase == "promoted":
        return judged
    n_met = sum(n for status, n in answers.items() if status.endswith(f" v{ended.version}"))
    return f"{judged}; it answered {n_met:,} before it was withdrawn"


def _farewell(console: Console, state: Path, address: str | None) -> None:
    """Where to look on, in commands that work from here.

    Args: address: of the server; None when it was stopped.
    """
    from seatrial.wiring.settings import FILE

    typed = invocation()
    there = f"--home {state}"
    if Path(FILE).is_file():
        there += f" --config {state.parent / _CONFIG}"
    console.say(f"  history         {typed} history {_NAME} {there}")
    if address is None:
        again = "make demo ARGS=--keep" if through_make(os.environ) else f"{typed} demo --keep"
        console.say(f"  console         was stopped with the demo; to keep it: {again}")
        return
    console.say(f"  console         {address}/  (goes on)")
    console.say(f"  stop it with    {typed} down {there}")
