"""What a scorer runs: a bundle as it was named, pieces by message or by shared memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from seatrial.adapters.scoring.parse import Reading, stream_of
from seatrial.adapters.scoring.program import ScoringProgram
from seatrial.adapters.scoring.slab import Slab
from seatrial.adapters.scoring.table import array_of
from seatrial.registry.bundle import Bundle
from seatrial.registry.manifest import BundleTampered, Role
from tests.cli.scored_bundle import NAMES, log_of_sums

READING = Reading(form="parquet", sources=NAMES)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return log_of_sums(tmp_path)


def opened(bundle: Bundle, **more: Any) -> ScoringProgram:
    program = ScoringProgram()
    program.open(str(bundle.path), bundle.digest, msgspec.to_builtins(READING), **more)
    return program


def piece(n: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return stream_of(pa.table({name: array_of(np.arange(n) + 1.0) for name in NAMES}))


def test_answers_are_the_same_by_message_and_by_shared_memory(bundle: Bundle) -> None:
    slab = Slab.made()
    program = opened(bundle, slab=slab.fd)
    for n in (5, 3_000, 1):
        content = piece(n)
        by_message = program.score(content)
        slab.put(content)
        shared = program.score_slab(len(content))
        assert isinstance(shared["table"], int)
        found = slab.answers(len(content), shared.pop("table"))
        assert found.tobytes() == by_message.pop("table").tobytes()  # type: ignore[attr-defined]
        assert shared == by_message == {"n_rows": n, "flaws": []}
    slab.close()


def test_a_bundle_that_was_verified_is_not_verified_again_but_what_runs_is(bundle: Bundle) -> None:
    golden = bundle.path / "golden.json"
    golden.chmod(0o600)
    golden.write_bytes(golden.read_bytes() + b" ")
    opened(bundle, verified=True)
    with pytest.raises(BundleTampered):
        opened(bundle)
    graph = bundle.locate(Role.ONNX)
    graph.chmod(0o600)
    graph.write_bytes(graph.read_bytes() + b" ")
    with pytest.raises(BundleTampered):
        opened(bundle, verified=True)


@pytest.mark.slow
def test_numbers_are_scored_without_loading_pandas(bundle: Bundle) -> None:
    program = """
import sys
from tests.adapters.scoring.test_program import opened, piece
from pathlib import Path
from seatrial.registry.bundle import Bundle
assert opened(Bundle.open(Path(sys.argv[1]))).score(piece(100))["n_rows"] == 100
assert "pandas" not in sys.modules
"""
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", program, str(bundle.path)], check=True, cwd=root)
