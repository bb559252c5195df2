"""The commands and programs of the pages on the gateway, run as they stand, beside a scripted
server of models in the providers' place."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import docs_blocks as docs
import pytest

from seatrial.gateway.routes.config import GatewayConfig
from seatrial.wiring.workspace import open_workspace

PAGE = docs.ROOT / "docs" / "how-to" / "gateway.md"
EXAMPLE = docs.ROOT / "examples" / "gateway.yaml"
READMES = ("README.md", "README.zh-CN.md")
_STANDS = """
until python -c 'import socket; socket.create_connection(("127.0.0.1", {port}), 1)' 2>/dev/null
do sleep 0.1; done
"""


class Folder:
    """Runs blocks in one shell, in a folder that looks like a checkout with seatrial installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"8080": free_port(), "9000": free_port()}
        programs = folder / "bin"
        programs.mkdir()
        for name, command in (("python", ""), ("seatrial", " -m seatrial")):
            program = programs / name
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)}{command} "$@"\n')
            program.chmod(0o755)
        (folder / "examples").mkdir()
        for example in (EXAMPLE, EXAMPLE.with_name("support.prompt.yaml")):
            text = self.here(example.read_text("utf-8"))
            (folder / "examples" / example.name).write_text(text)
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.endswith(("_API_KEY", "_BASE_URL"))},
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(docs.ROOT / "src"),
            "SEATRIAL_SERVER__PORT": self.ports["8080"],
        }

    def here(self, text: str) -> str:
        """A text with ports that are free."""
        return re.sub(r"\b(8080|9000)\b", lambda found: self.ports[found[0]], text)

    def run(self, blocks: list[docs.Block]) -> str:
        """What blocks write to stdout; fails the test where one ends with another code than 0."""
        script = "set -eu\n"
        for block in blocks:
            text = self.here(block.text)
            script += text if block.language == "sh" else f"python - <<'END'\n{text}END\n"
            script += "echo\n"  # bodies do not end with a new line
            if "scripted_llm" in text:
                script += _STANDS.format(port=self.ports["9000"])
        out, err = self.folder / "out.txt", self.folder / "err.txt"
        with out.open("w") as to_out, err.open("w") as to_err:
            process = subprocess.Popen(
                ["bash", "-c", script],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=to_out,
                stderr=to_err,
                start_new_session=True,  # what a block leaves in the background has its group
            )
            try:
                code = process.wait(timeout=600)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                if (self.folder / ".seatrial" / "server.json").exists():
                    record = json.loads((self.folder / ".seatrial" / "server.json").read_text())
                    with suppress(ProcessLookupError):
                        os.kill(record["pid"], signal.SIGTERM)
        assert code == 0, f"ended with {code}: {out.read_text()}{err.read_text()}"
        return out.read_text()


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def of_the_gateway(page: Path) -> list[docs.Block]:
    return [block for block in docs.blocks(page) if block.mark == "gateway"]


def said(page: Path) -> list[str]:
    """What the programs of a page say that they print: the comments at their ends."""
    return [
        line.removeprefix("# ")
        for block in of_the_gateway(page)
        if block.language == "python"
        for line in re.findall(r"^# .*$", block.text, re.MULTILINE)
    ]


@pytest.mark.integration
@pytest.mark.slow
def test_the_page_does_what_it_says(folder: Folder) -> None:
    printed = folder.run(of_the_gateway(PAGE)).splitlines()
    programs = [line for line in printed if line in said(PAGE)]
    assert programs == said(PAGE)
    (headers,) = (b.text for b in docs.blocks(PAGE) if b.language == "text")
    assert set(headers.splitlines()) <= set(printed)
    by_day, _ = json.JSONDecoder().raw_decode("\n".join(printed[printed.index("[") :]))
    assert by_day[0]["n"] == 4  # curl, both clients, the vectors
    assert any(line.startswith("search,2,") for line in printed)


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.parametrize("page", READMES)
def test_the_two_commands_of_the_front_page_answer(folder: Folder, page: str) -> None:
    found = of_the_gateway(docs.ROOT / page)
    ask = docs.Block(
        page,
        "sh",
        "gateway",
        "until curl -sf http://127.0.0.1:8080/v1/models > /dev/null; do sleep 0.1; done\n"
        "curl -s http://127.0.0.1:8080/v1/chat/completions "
        """-d '{"model": "small", "messages": [{"role": "user", "content": "Hello there"}]}'\n""",
    )
    assert len(found) == 1
    answer = json.loads(folder.run([*found, ask]).splitlines()[-1])
    assert answer["choices"][0]["message"]["content"] == "Hello there"


def test_the_example_is_one_that_opens(tmp_path: Path) -> None:
    config = open_workspace(home=tmp_path, config=EXAMPLE, environment={}).settings.gateway
    assert isinstance(config, GatewayConfig)
    assert {one.kind for one in config.providers.values()} == {"openai", "anthropic"}
    assert all(one.api_key_env is None for one in config.providers.values())
    used = {one.provider for model in config.models.values() for one in model.candidates}
    assert used == set(config.providers)
