"""The image, really built by buildah and run by podman, and the manifests by `podman play kube`.

Only where these are installed (Debian: buildah podman runc catatonit conmon debootstrap; as root):
the base image is made by debootstrap, which takes minutes the first time and is kept.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from seatrial.adapters.keys_ecdsa import write_new_key
from seatrial.adapters.serving.onnxruntime import OnnxEngine
from seatrial.packaging.files import write_files
from seatrial.packaging.kubernetes import KubernetesConfig
from seatrial.registry.bundle import Bundle
from seatrial.registry.signing_file import signature_path
from seatrial.wiring.deploying.deploy import deploy_order
from seatrial.wiring.deploying.order import Order
from seatrial.wiring.deploying.trust import sign_bundle
from seatrial.wiring.workspace import open_workspace
from tests.adapters.text_graphs import SIGNATURE, text_graph

NEEDED = ("buildah", "podman", "runc", "debootstrap")
MISSING = [program for program in NEEDED if shutil.which(program) is None]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(bool(MISSING) or os.geteuid() != 0, reason="needs root, buildah and podman"),
]

BASE = "docker.io/library/python:3.11-slim"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
MOST_MIB = {"numbers": 280, "texts": 300}
"""What the image of a model of numbers, and of texts, may add to its base."""
EACH = pytest.mark.parametrize("reads", ["numbers", "texts"])
TEXTS = ("good film", "bad", "很", "这部电影很好看", "🙂", "")


@dataclass(frozen=True)
class Engine:
    """buildah and podman with a store of their own, which reach no registry."""

    folder: Path

    def __post_init__(self) -> None:
        limits = '["nofile=1024:1024", "nproc=1024:1024"]'
        engine = '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\n'
        graph, run = self.folder / "graph", self.folder / "run"
        for name, text in (
            ("storage.conf", f'[storage]\ndriver="overlay"\ngraphroot="{graph}"\nrunroot="{run}"'),
            ("containers.conf", f"[containers]\ndefault_ulimits = {limits}\n{engine}"),
            ("policy.json", '{"default": [{"type": "insecureAcceptAnything"}]}'),
        ):
            (self.folder / name).write_text(text)

    def __call__(self, *words: object, check: bool = True) -> str:
        done = subprocess.run(
            [*map(str, words)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr[-3000:]
        return done.stdout.strip()

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }

    @property
    def policy(self) -> tuple[str, str]:
        return ("--signature-policy", str(self.folder / "policy.json"))


def possible(command: list[str], why: str, environment: dict[str, str] | None = None) -> None:
    """Run what depends on this machine alone; where it may not, all of this is left out."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{why}: {(done.stderr or done.stdout)[-500:]}")


def rootfs(config: pytest.Config) -> Path:
    """Debian with Python 3.11 as it lies in the base image; made once."""
    assert config.cache is not None
    made = config.cache.mkdir("debian-python-3.11") / "rootfs"
    done = made.parent / "done"
    if not done.exists():
        shutil.rmtree(made, ignore_errors=True)
        packages = "python3,python3-pip,python3-venv,ca-certificates"
        options = ("--variant=minbase", f"--include={packages}", "bookworm")
        possible(["debootstrap", *options, str(made)], "a base image cannot be made here")
        (made / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for mark in made.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            mark.unlink()
        for archive in made.glob("var/cache/apt/archives/*.deb"):
            archive.unlink()
        done.touch()
    return made


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory, bundles: Any) -> Mapping[str, Path]:
    """The folder of a release by what its model reads."""
    folder = tmp_path_factory.mktemp("image")
    for whose in ("ours", "theirs"):
        write_new_key(folder / f"{whose}.key")
    keys, manifests = (folder / "ours.key.pub").read_text(), KubernetesConfig(image="localhost")
    for reads, bundle in (("numbers", bundles.onnx()), ("texts", of_texts(folder))):
        sign_bundle(bundle, folder / "ours.key", signature_path(bundle.path))
        write_files(
            folder / reads, bundle, version=1, measured=None, manifests=manifests, keys=keys
        )
    return {reads: folder / reads for reads in MOST_MIB}


def of_texts(folder: Path) -> Bundle:
    """A bundle of a graph with its tokenizer inside, packaged as a user's is."""
    (folder / "reviews.onnx").write_bytes(text_graph())
    workspace = open_workspace(home=folder / "home", environment={})
    order = Order(model=folder / "reviews.onnx")
    placed = deploy_order(workspace, order, on_step=lambda *_: None, on_progress=lambda *_: None)
    placed.store.close()
    return Bundle.open(workspace.bundles / placed.version.digest)


@pytest.fixture(scope="module")
def release(releases: Mapping[str, Path]) -> Path:
    """Where it does not matter what the model reads."""
    return releases["numbers"]


@pytest.fixture(scope="module")
def engine(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    releases: Mapping[str, Path],
) -> Iterator[Engine]:
    """With the releases' images, built from their folders."""
    run = Engine(tmp_path_factory.mktemp("engine"))
    scratch = ["buildah", "from", "--name", "probe", "scratch"]
    possible(scratch, "images cannot be made here", run.environment)
    possible(["buildah", "mount", "probe"], "images cannot be mounted here", run.environment)
    run("buildah", "rm", "probe")
    container = run("buildah", "from", "scratch")
    run("buildah", "add", "-q", container, rootfs(request.config), "/")
    run("buildah", "commit", "-q", *run.policy, "--rm", container, BASE)
    nothing = ["podman", "run", "--rm", "--network", "none", *run.policy, BASE, "true"]
    possible(nothing, "containers cannot be run here", run.environment)
    for release in releases.values():
        build(run, release, image_of(release))
    yield run
    run("podman", "rm", "--all", "--force", "--time", "0", check=False)
    run("podman", "rmi", "--all", "--force", check=False)


def build(engine: Engine, release: Path, tag: str, *, form: str = "docker") -> None:
    # Certificates, for pip asks the index this machine is told of; no image but the base is there.
    options = ("--pull-never", "--network", "host", "-v", f"{CERTIFICATES}:{CERTIFICATES}:ro")
    same = ("--format", form, "--timestamp", "0", "--no-cache")
    engine("buildah", "bud", *same, *options, *engine.policy, "-t", tag, release)


def image_of(release: Path) -> str:
    return f"localhost/{name_of(release)}:1"


def name_of(release: Path) -> str:
    name: str = json.loads((release / "bundle" / "manifest.json").read_text())["name"]
    return name


def healthy(engine: Engine, container: str) -> Any:
    """What the health check says in a container that has begun a moment ago."""
    check = ("python", "/app/healthcheck.py", "--bundle", "/app/bundle", "--port", "8080")
    deadline = time.monotonic() + 60
    while True:
        said = engine("podman", "exec", container, *check, check=False)
        if said and json.loads(said)["status"] == "healthy":
            return json.loads(said)
        assert time.monotonic() < deadline, said + engine("podman", "logs", container)
        time.sleep(0.5)


@EACH
def test_the_image_runs_with_no_rights_and_passes_its_own_health_check(
    engine: Engine, releases: Mapping[str, Path], reads: str
) -> None:
    release = releases[reads]
    options = ("--network", "none", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL")
    trust = trusting(release.with_name("ours.key.pub"))
    container = engine("podman", "run", "-d", *engine.policy, *options, *trust, image_of(release))
    healthy(engine, container)
    engine("podman", "healthcheck", "run", container)  # the one the image itself states
    assert engine("podman", "exec", container, "id", "-u") == "10001"
    engine("podman", "stop", "-t", "20", container)
    state = engine("podman", "inspect", container, "--format", "{{.State.ExitCode}}")
    assert state == "0"  # it ended when asked to


ASK = """
import json, sys, urllib.request
body = json.dumps({"instances": sys.argv[1:]}).encode()
url = "http://127.0.0.1:8080/v1/models/reviews:predict"
asked = urllib.request.Request(url, body, {"content-type": "application/json"})
print(urllib.request.urlopen(asked).read().decode())
"""
LIST = """
from importlib.metadata import distributions
print(*(found.name.lower() for found in distributions()))
"""


def test_a_model_of_texts_has_its_tokenizer_with_it_and_nothing_to_train_it_with(
    engine: Engine, releases: Mapping[str, Path]
) -> None:
    options = ("--network", "none", *engine.policy)
    container = engine("podman", "run", "-d", *options, image_of(releases["texts"]))
    healthy(engine, container)
    told = json.loads(engine("podman", "exec", container, "python", "-c", ASK, *TEXTS))
    wanted = OnnxEngine(text_graph(), SIGNATURE).predict({"text": np.array(TEXTS, object)})
    assert [one["label"] for one in told["predictions"]] == wanted["label"].tolist()
    likely = [one["probabilities"] for one in told["predictions"]]
    np.testing.assert_allclose(likely, wanted["probabilities"], atol=1e-6)
    installed = set(engine("podman", "exec", container, "python", "-c", LIST).split())
    assert {"onnxruntime", "tokenizers"} <= installed
    assert installed.isdisjoint({"torch", "transformers", "scikit-learn", "onnx"})


def trusting(key: Path) -> tuple[str, ...]:
    return ("-v", f"{key}:/run/team.pub:ro", "-e", "SEATRIAL_VERIFY_KEY=/run/team.pub")


def test_a_container_that_trusts_another_key_ends_and_says_why(
    engine: Engine, release: Path
) -> None:
    trust = trusting(release.with_name("theirs.key.pub"))
    options = ("--network", "none", *engine.policy, *trust)
    container = engine("podman", "run", "-d", *options, image_of(release))
    assert engine("podman", "wait", container) != "0"
    logged = subprocess.run(
        ["podman", "logs", container],
        env=engine.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "which is not trusted here" in logged.stdout + logged.stderr


@EACH
def test_the_image_adds_no_more_than_the_engine_needs(
    engine: Engine, releases: Mapping[str, Path], reads: str
) -> None:
    def mib(image: str) -> float:
        size = engine("podman", "image", "inspect", image, "--format", "{{.Size}}")
        return int(size) / 2**20

    assert mib(image_of(releases[reads])) - mib(BASE) < MOST_MIB[reads]


def test_an_image_built_again_elsewhere_and_later_is_the_same_to_the_byte(
    engine: Engine, release: Path, tmp_path: Path
) -> None:
    again = tmp_path / "elsewhere"
    shutil.copytree(release, again)
    for path in (again, *again.rglob("*")):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    build(engine, again, "localhost/again:1", form="oci")

    def facts(image: str) -> dict[str, object]:
        """All that an image's ID is made of, but the health check that OCI's format cannot say and
        the name of the container that built one of Docker's format."""
        (said,) = json.loads(engine("podman", "image", "inspect", image))
        kept = ("Architecture", "Config", "Created", "History", "Os", "RootFS")
        return {name: said[name] for name in kept}

    again_facts = facts("localhost/again:1")
    assert again_facts["RootFS"]
    assert again_facts == facts(image_of(release))


@EACH
def test_the_plain_manifests_run_as_they_are_written(
    engine: Engine, releases: Mapping[str, Path], reads: str, tmp_path: Path
) -> None:
    release = releases[reads]
    written = yaml.safe_load((release / "kubernetes" / "deployment.yaml").read_text())
    del written["spec"]["template"]["spec"]["containers"][0]["ports"]  # on this machine, to podman
    deployment = tmp_path / "deployment.yaml"
    trusted = yaml.safe_load((release / "kubernetes" / "configmap.yaml").read_text())
    deployment.write_text(yaml.safe_dump_all([trusted, written]))
    engine("podman", "play", "kube", "--network", "none", *engine.policy, deployment)
    try:
        container = f"{name_of(release)}-pod-0-model"
        assert "golden rows are answered as packaged" in healthy(engine, container)["reason"]
        engine("podman", "exec", container, "touch", "/tmp/x")
        engine("podman", "exec", container, "touch", "/app/x", check=False)
        listed = engine("podman", "exec", container, "ls", "/app").split()
        assert sorted(listed) == [
            "bundle",
            "bundle.sig",
            "healthcheck.py",
            "sbom.cdx.json",
        ]  # nothing could be written there
        assert engine("podman", "exec", container, "id", "-u") == "10001"
    finally:
        engine("podman", "play", "kube", "--down", deployment)
