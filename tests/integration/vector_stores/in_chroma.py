"""Chroma, by its own server."""

import subprocess
import sys
import time
from pathlib import Path
from socket import create_connection, socket

import pytest

from seatrial.adapters.vectors.chroma import ChromaVectors
from seatrial.adapters.vectors.remote import VectorsUnavailable
from seatrial.testing.index_corpus import DIMENSIONS
from seatrial.testing.vector_store_suite import VectorStoreSuite

STARTS_S = 120.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(sys.executable).parent / "chroma"
    folder = tmp_path_factory.mktemp("chroma")
    command = [program, "run", "--host", "127.0.0.1", "--port", str(port), "--path", folder]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        until = time.monotonic() + STARTS_S
        while time.monotonic() < until and running.poll() is None:
            try:
                create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
        running.kill()


class TestChroma(VectorStoreSuite):
    @pytest.fixture
    def vectors(self, server: str):
        store = ChromaVectors(server, "ship", DIMENSIONS)
        yield store
        store.drop()
        store.close()


def test_a_server_that_is_not_there_is_told() -> None:
    with pytest.raises(VectorsUnavailable, match="Chroma at"):
        ChromaVectors("http://127.0.0.1:1", "ship", DIMENSIONS)
