"""A server that began with a gateway alone loads numerics, the watch and its pages when they are
asked for, by whichever threads come first: in turn, or one of them finds a module half made."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml

from seatrial.packaging.http import request_bytes
from seatrial.testing import ScriptedLLM
from seatrial.testing.scripted_llm import Says
from seatrial.wiring.deploying.deploy import deploy_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.workspace import open_workspace

pytestmark = [pytest.mark.integration, pytest.mark.slow]

RECORDER = Path(__file__).parent / "late_imports"
LETTERS = "letters"


@pytest.fixture
def llm() -> Iterator[ScriptedLLM]:
    with ScriptedLLM(lambda _: Says(text="A parcel.")).in_thread() as llm:
        yield llm


def deploy_prompt(home: Any) -> None:
    file: Path = home.folder / f"{LETTERS}.prompt.yaml"
    prompt = "---\nvariables: {letter: {}}\n---\n[user]\n{{ letter }}"
    golden = {
        "compare": "exact",
        "examples": [{"variables": {"letter": "a"}, "expected": "A parcel."}],
    }
    file.write_text(yaml.safe_dump({"prompt": prompt, "model": "small", "golden": golden}))
    placed = deploy_order(
        open_workspace(home=home.folder, config=home.config),
        Order(model=file, target="production"),
        on_step=lambda *_: None,
        on_progress=lambda *_: None,
    )
    placed.store.close()


def out_of_turn(file: Path) -> dict[str, set[str]]:
    """Packages that several threads of a process loaded parts of, and not in turn, with who did.

    One that a single thread loads cannot be found half made. Those of the standard library are no
    circles. The rest of anyio is asked for by pages, which are there when their libraries are;
    numpy.ma by numpy itself once it is whole, as that one part.
    """
    loaded: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in file.read_text().splitlines():
        record = json.loads(line)
        package = record["module"].partition(".")[0]
        if package not in {*sys.stdlib_module_names, "anyio"} and not record["module"].startswith(
            "numpy.ma"
        ):
            loaded[package].append(record)
    return {
        package: {f"{one['thread']}: {one['module']}" for one in records if not one["in_turn"]}
        for package, records in loaded.items()
        if len({one["thread"] for one in records}) > 1
        and not all(one["in_turn"] for one in records)
    }


def test_threads_of_a_server_load_modules_in_turn(
    home: Any, lab: Any, bundles: Any, llm: ScriptedLLM, tmp_path: Path
) -> None:
    home.configure(
        gateway={
            "providers": {
                "one": {"kind": "openai", "base_url": llm.openai_url, "vendor": "openai"}
            },
            "models": {"small": "one/gpt-4o-mini"},
        },
        prompts={"golden_usd": 0.01, "release": dict(lab.QUICK)},
        monitoring={"windows": {"every": "5s"}},
    )
    records = tmp_path / "imports"
    records.mkdir()
    source = Path(__file__).parents[2] / "src"
    up = home.up("--workers", "1", PYTHONPATH=f"{source}:{RECORDER}", LATE_IMPORTS=str(records))
    home.release(bundles.onnx())
    deploy_prompt(home)
    for path in ("/", "/docs", "/metrics"):
        with urlopen(f"http://127.0.0.1:{up.port}{path}", timeout=60) as page:
            page.read()
    lab.until("the prompt", lambda: home.desk.view(LETTERS)["stable"] == 1)
    home.reach("promoted")
    ask = json.dumps({"model": f"prompt/{LETTERS}", "variables": {"letter": "a"}}).encode()
    asked = [
        *lab.PLAIN[:3],
        request_bytes(
            "POST", "/v1/chat/completions", body=ask, headers={"content-type": "application/json"}
        ).replace(b"host: seatrial", b"host: 127.0.0.1"),
    ]
    with lab.Traffic(up.port, asked, n_clients=2) as traffic:
        lab.until("answers", lambda: sum(one.status == 200 for one in traffic.asked) > 40)
    assert up.stop() == 0
    found = {file.name: out_of_turn(file) for file in records.iterdir()}
    assert not any(found.values()), found
    late = [file for file in records.iterdir() if '"module": "numpy"' in file.read_text()]
    assert len(late) == 2, "of the worker and the controller, or nothing was seen"
