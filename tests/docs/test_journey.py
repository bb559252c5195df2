"""The commands of the pages, run as they stand, page after page, over one workspace.

What a mark excuses is listed in `docs_blocks.MARKS`. A command that a page before has run is not
run again: the pages begin with the same two.
"""

import importlib.util
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from docs_blocks import JOURNEY, ROOT, Block, blocks

pytestmark = [pytest.mark.integration, pytest.mark.slow]

CONFIGURATION = """
release:
  staging_load: 1s
  gates: {error_rate: 0.002, p95_ms: 5000, against_stable: null}
"""
"""Wide gates: here the commands are tested, and the machine may be busy with other tests."""

_ROLLBACK = "docs/how-to/rollback.md"
_ERROR_ON_PURPOSE = '{"alcohol": "strong"}'


class Shell:
    """Runs blocks in a folder that looks like a checkout with seatrial installed."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.groups: list[int] = []
        programs = folder / "bin"
        programs.mkdir()
        for name, command in (("python", ""), ("seatrial", " -m seatrial")):
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{command} "$@"\n')
            program.chmod(0o755)
        for shared in ("examples", "scripts"):
            shutil.copytree(ROOT / shared, folder / shared, ignore=shutil.ignore_patterns("out"))
        (folder / "seatrial.yaml").write_text(CONFIGURATION)
        self.environment = {
            **os.environ,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
            "SEATRIAL_SERVER__PORT": str(port),
        }

    def run(self, command: str) -> str:
        """What a command writes to stdout; fails the test when it ends with another code than 0."""
        out, err = self.folder / "out.txt", self.folder / "err.txt"
        with out.open("w") as to_out, err.open("w") as to_err:
            process = subprocess.Popen(
                ["bash", "-euc", command.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                start_new_session=True,  # what a block leaves in the background has its group
            )
            self.groups.append(process.pid)
            code = process.wait(timeout=300)
        assert code == 0, f"{command}\nended with {code}: {out.read_text()}{err.read_text()}"
        return out.read_text()

    def end(self) -> None:
        """End what the blocks left running."""
        for group in self.groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
        if (self.folder / ".seatrial" / "server.json").exists():
            self.run("seatrial down")


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> Iterator[Shell]:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    shell = Shell(tmp_path_factory.mktemp("checkout"), port)
    yield shell
    shell.end()


def wait_for_canary(shell: Shell) -> None:
    """Until somebody may promote: the pages say that a person decides on a canary under way."""
    for _ in range(600):
        release = json.loads(shell.run("seatrial status wine --json"))["release"]
        if release["phase"] == "canary":
            return
        assert not release["over"], release
        time.sleep(0.2)
    raise AssertionError("the canary never began")


def promote_again(shell: Shell) -> None:
    """Give a rollback something to leave: what was rolled back from is no target of another."""
    shell.run(
        "seatrial deploy next.pkl --name wine --data sample.parquet --label target"
        " --target production --no-wait"
    )
    wait_for_canary(shell)
    shell.run("seatrial promote wine --reason 'to be rolled back'")
    for _ in range(300):
        if json.loads(shell.run("seatrial status wine --json"))["release"]["phase"] == "promoted":
            return
        time.sleep(0.2)
    raise AssertionError("the version was not promoted")


def commands(block: Block) -> Iterator[str]:
    """The commands of a block; one in the background goes with the one after it."""
    waiting = ""
    for line in block.text.strip().splitlines():
        waiting += line + "\n"
        if not line.endswith("&"):
            yield waiting
            waiting = ""


def run_block(shell: Shell, block: Block, done: set[str]) -> None:
    if block.mark == "ask":
        wait_for_canary(shell)
    for command in commands(block):
        if command in done:
            continue
        done.add(command)
        written = shell.run(command)
        if command.startswith("curl"):
            assert ("error" in json.loads(written)) == (_ERROR_ON_PURPOSE in command), written


def test_the_commands_of_the_pages_do_what_the_pages_say(shell):
    done: set[str] = set()
    for page in JOURNEY:
        for block in blocks(ROOT / page):
            if block.language == "sh" and block.mark in ("", "ask"):
                if page == _ROLLBACK:
                    promote_again(shell)
                run_block(shell, block, done)
            if block.mark == "tritonclient" and importlib.util.find_spec("tritonclient"):
                text = block.text.replace("127.0.0.1:8080", f"127.0.0.1:{shell.port}")
                assert shell.run(f"python -c {shlex.quote(text)}")
    kinds = [fact["kind"] for fact in json.loads(shell.run("seatrial history wine --json"))]
    assert kinds.count("release.promoted") == 6  # the first, by people, by the evidence
    assert kinds.count("endpoint.rolled_back") == 5
    staged = json.loads(shell.run("seatrial status next --json"))
    assert staged["release"]["phase"] == "staged"
