"""TorchServe 0.12 with the archive that ``seatrial export --to mar`` writes.

- One worker, as that command's own configuration says; metrics in their log only.
- Its requests come to our handler one by one: the archive asks for no batching.
- Needs Java 17. Its front end is Java, its worker a Python process with PyTorch loaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.serving.peer import Command, Place
from benchmarks.serving.peers.seatrial import why
from benchmarks.serving.scenario import Encoding, Model
from benchmarks.serving.server import ServerFailed, free_port
from benchmarks.serving.wire import Answer, Call, Rows, Wire, answer_of, ask_plain

ROOT = Path(__file__).resolve().parents[3]
EXPORT_LIMIT_S = 600


def _ask(model: str, rows: Rows) -> Call:
    return ask_plain(f"/predictions/{model}", rows)


def _read(_headers: Mapping[str, str], body: bytes) -> Answer:
    rows = json.loads(body)["predictions"]
    return answer_of({name: [row[name] for row in rows] for name in rows[0]})


class TorchServe:
    """One worker."""

    name = "torchserve"
    title = "TorchServe (our archive)"
    requirements = (
        "torch==2.13.0",
        "torchserve==0.12.0",
        "setuptools<81",
        "pyyaml",
        "numpy>=2",
        "onnxruntime>=1.20",
    )
    packages = ("torchserve", "torch", "numpy", "onnxruntime")

    def wire(self, model: Model, encoding: Encoding) -> Wire | None:
        """Plain rows in JSON."""
        return Wire(ask=_ask, read=_read) if encoding is Encoding.JSON else None

    def prepare(self, place: Place, model: Model) -> None:
        """Write the archive and its configuration, with ports of this run."""
        archive = place.folder / f"{model}.mar"
        if not archive.exists():
            _export(place, model, archive)
        config = place.folder / "config.properties"
        ours = {
            "inference_address": f"http://127.0.0.1:{place.port}",
            "management_address": f"http://127.0.0.1:{free_port()}",
            "metrics_address": f"http://127.0.0.1:{free_port()}",
            "grpc_inference_port": str(free_port()),
            "grpc_management_port": str(free_port()),
        }
        lines = [line.partition("=") for line in config.read_text("utf-8").splitlines()]
        config.write_text(
            "\n".join(f"{k}{is_}{ours.get(k, v)}" for k, is_, v in lines), encoding="utf-8"
        )

    def command(self, place: Place, model: Model) -> Command:
        """``torchserve`` in the foreground."""
        return Command(
            args=(
                str(place.environment.bin / "torchserve"),
                "--start",
                "--foreground",
                "--ncs",
                "--disable-token-auth",
                f"--model-store={place.folder}",
                f"--ts-config={place.folder / 'config.properties'}",
            ),
            env={
                "PATH": f"{place.environment.bin}:{os.environ['PATH']}",
                "TMPDIR": str(place.folder),
                "LOG_LOCATION": str(place.folder / "logs"),
                "METRICS_LOCATION": str(place.folder / "logs"),
            },
        )


def _export(place: Place, model: Model, archive: Path) -> None:
    place.folder.mkdir(parents=True, exist_ok=True)
    what = (place.files.given(model), "--to", "mar", "-o", archive)
    where = ("--data", place.files.samples[model], "--home", place.folder / "home")
    done = subprocess.run(
        [sys.executable, "-m", "seatrial", "export", *what, *where],
        capture_output=True,
        text=True,
        check=False,
        timeout=EXPORT_LIMIT_S,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )
    if done.returncode != 0:
        raise ServerFailed(f"`seatrial export` ended with {done.returncode}: {why(done.stderr)}")
