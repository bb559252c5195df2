"""What Ray Serve imports, as far as no Ray is needed: what a replica runs, and which models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from seatrial.kernel.config import ConfigInvalid
from seatrial.packaging.triton import MARK, Mark
from seatrial.registry.bundle import Bundle
from seatrial.registry.manifest import BundleTampered
from seatrial.registry.signing import BundleUnsigned
from seatrial.serving.hosting import ModelAbsent
from seatrial.wiring import ray_serve
from seatrial.wiring.ray_serve import RepositoryArgs
from tests.cli.scored_bundle import log_of_sums


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return log_of_sums(tmp_path)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What applications are made of; each is its place in this list."""
    seen: list[tuple[Any, ...]] = []

    def of_ray(name: str, make: Any, scale: Any, *, prefix: str = "") -> int:
        seen.append((name, make, scale, prefix))
        return len(seen)

    monkeypatch.setattr(ray_serve, "of_ray", of_ray)
    return seen


@pytest.fixture
def repository(bundle: Bundle, tmp_path: Path) -> Path:
    folder = tmp_path / "repository" / "churn-3"
    folder.mkdir(parents=True)
    bundle.copy_to(folder / "bundle")
    mark = Mark(home="/h", endpoint="churn", version=3, digest=bundle.digest)
    (folder / MARK).write_bytes(mark.as_json())
    return folder.parent


async def asked(app: Any, path: str, prefix: str) -> Any:
    """The reply to three rows, as Serve asks what it has put below a prefix."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, root_path=prefix), base_url="http://serve"
    ) as client:
        body = orjson.dumps({"instances": [[1.0, 2.0, 3.0]] * 3})
        return await client.post(path, content=body)


async def started(app: Any) -> None:
    """The lifespan's startup, as Serve runs it."""
    messages = iter([{"type": "lifespan.startup"}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(messages, {"type": "lifespan.shutdown"})

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "lifespan.startup.complete":
            raise ConnectionError  # enough: it is not to be shut down yet

    with pytest.raises(ConnectionError):
        await app({"type": "lifespan"}, receive, send)


@pytest.mark.parametrize("prefix", ["", "/v2/models/churn-3"])
async def test_a_replica_answers_below_its_prefix_and_under_its_name(
    bundle: Bundle, prefix: str
) -> None:
    app = ray_serve.replica(str(bundle.path), "churn-3", 3, prefix)
    await started(app)
    reply = await asked(app, "/v1/models/churn-3:predict", prefix)
    assert reply.status_code == 200, reply.text
    assert len(reply.json()["predictions"]) == 3


def test_a_folder_that_ray_shipped_is_found_in_its_working_folder(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundle.path.parent)
    ray_serve.replica(f"/nowhere/{bundle.path.name}", "m", 1, "")


def test_where_a_key_is_named_only_what_it_signed_is_run(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ray_serve, "trust_of_environment", Unsigned)
    with pytest.raises(BundleUnsigned):
        ray_serve.replica(str(bundle.path), "m", 1, "")
    ray_serve.replica(str(bundle.path), "m", 1, "/v2/models/m")  # who releases it has asked


class Unsigned:
    def check(self, bundle: Bundle) -> None:
        raise BundleUnsigned(f"{bundle.path} is not signed.", remedy="Sign it.")


def test_the_models_of_a_repository_are_those_that_seatrial_put_there(
    bundle: Bundle, repository: Path, made: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    args = RepositoryArgs(repository=repository, min_replicas=2, max_replicas=1, num_cpus=0.5)
    digest, application = ray_serve._found(args, "churn-3", "/v2/models/churn-3")
    assert (digest, application) == (bundle.digest, 1)
    name, make, scale, prefix = made[0]
    assert (name, prefix) == ("churn-3", "/v2/models/churn-3")
    assert make.args == (str(repository / "churn-3" / "bundle"), "churn-3", 3)
    assert (scale.min_replicas, scale.max_replicas, scale.num_cpus) == (2, 2, 0.5)
    (repository / "mine").mkdir()
    (tmp_path / MARK).write_bytes((repository / "churn-3" / MARK).read_bytes())
    for hostile in ("mine", "nope", "..", ".", "", "churn-3/../churn-3", "a\0b", "x" * 300):
        with pytest.raises(ModelAbsent):
            ray_serve._found(args, hostile, "")


def test_a_model_that_was_changed_is_not_started(
    repository: Path, made: list[tuple[Any, ...]]
) -> None:
    manifest = repository / "churn-3" / "bundle" / "golden.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"1", b"2", 1))
    with pytest.raises(BundleTampered):
        ray_serve._found(RepositoryArgs(repository=repository), "churn-3", "")
    assert made == []


def test_args_are_checked_like_any_configuration(bundle: Bundle, made: list[Any]) -> None:
    ray_serve.model({"bundle": str(bundle.path)})
    ray_serve.repository({"repository": "r"})
    assert [(one[0], one[2] is None) for one in made] == [
        (bundle.manifest.name, False),
        ("repository", True),
    ]
    for build, wrong in (
        (ray_serve.model, {}),
        (ray_serve.repository, {"repository": "r", "max_replica": 1}),
        (ray_serve.repository, {"repository": "r", "max_replicas": 0}),
    ):
        with pytest.raises(ConfigInvalid, match="args of the application"):
            build(wrong)
