"""`seatrial cluster` over a kubeconfig that leads to the double of an API server."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from seatrial.cli.exits import Exit
from seatrial.packaging.kubernetes import Form, KubernetesConfig
from seatrial.registry.catalog import Registration, register
from seatrial.registry.manifest import Framework
from seatrial.wiring.deploying.bundles import Subject
from seatrial.wiring.deploying.cluster import BuildFailed, build
from seatrial.wiring.workspace import Workspace, open_workspace
from tests.adapters import kubeconfig
from tests.adapters.api_server import ApiServer, ready, running
from tests.packaging.kubernetes.conftest import texts

Answer = Callable[..., tuple[int, str, str]]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    with running(ApiServer()) as started:
        started.react = ready(started)
        file = kubeconfig.write(tmp_path / "kubeconfig", started)
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
        yield started


def folder_of(workspace: Workspace, version: int, form: Form, **config: Any) -> Path:
    """The files of a version of churn, as a release writes them."""
    folder = workspace.release_folder("churn", version)
    for path, text in texts(form, version=version, namespace=None, **config).items():
        (folder / "kubernetes" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "kubernetes" / path).write_text(text)
    return folder


@pytest.fixture
def workspace(home: Any) -> Workspace:
    """Versions 1 and 2 of churn are registered."""
    opened = open_workspace(home=home.folder)
    store = opened.open_store()
    for version in (1, 2):
        registration = Registration(
            digest=f"{version:064x}",
            framework=Framework(name="scikit-learn", version="1.5.2"),
            source_name="churn.pkl",
            source_sha256=f"{version:064x}",
        )
        register(store, "churn", registration, by="test")
    store.close()
    return opened


@pytest.mark.parametrize("form", [Form.PLAIN, Form.KSERVE, Form.GATEWAY])
def test_a_version_goes_there_and_back(
    form: Form, workspace: Workspace, server: ApiServer, seatrial: Answer
) -> None:
    for version in (1, 2):
        folder_of(workspace, version, form)
    for version in (1, 2):
        code, out, err = seatrial("cluster", "apply", f"churn@{version}", "--json")
        assert code == Exit.DONE, err
        assert json.loads(out)["version"] == version
        assert json.loads(out)["state"] == "ready"
    assert seatrial("cluster", "watch", "churn")[0] == Exit.DONE
    code, _, err = seatrial("cluster", "promote", "churn")
    assert code == (Exit.CONFLICT if form is Form.PLAIN else Exit.DONE), err
    code, out, err = seatrial("cluster", "rollback", "churn", "--json")
    assert code == Exit.DONE, err
    assert json.loads(out)["version"] == 1
    assert "returns to version 1" in err
    code, _, err = seatrial("cluster", "rollback", "churn")
    assert code == Exit.NOT_FOUND
    assert "--to" in err
    assert seatrial("cluster", "rollback", "churn", "--to", "2")[0] == Exit.DONE


def test_a_held_rollout_and_a_failed_one_have_exit_codes_of_their_own(
    workspace: Workspace, server: ApiServer, seatrial: Answer
) -> None:
    for version in (1, 2):
        folder_of(workspace, version, Form.ARGO, gateway=None)
    assert seatrial("cluster", "apply", "churn@1")[0] == Exit.DONE
    code, out, _ = seatrial("cluster", "apply", "churn@2", "--json")
    assert (code, json.loads(out)["state"]) == (Exit.INCONCLUSIVE, "held")
    server.status("rollouts", "churn", phase="Degraded", message="the judge said fail")
    code, out, _ = seatrial("cluster", "watch", "churn", "--json")
    assert (code, json.loads(out)["why"]) == (Exit.GATE_FAILED, "Degraded, the judge said fail")


def test_what_is_not_there_is_named(
    workspace: Workspace, server: ApiServer, seatrial: Answer
) -> None:
    for words, code, said in (
        (("apply", "churn@2"), Exit.NOT_FOUND, "Deploy the version again"),
        (("apply", "churn@9"), Exit.NOT_FOUND, "9"),
        (("apply", "nobody"), Exit.NOT_FOUND, "nobody"),
        (("apply", "churn@x"), Exit.INVALID, "names no version"),
    ):
        found, _, err = seatrial("cluster", *words)
        assert (found, said in err) == (code, True), err
    assert not server.objects


@pytest.mark.parametrize(
    ("variable", "model", "said"),
    [
        ({}, "answer.prompt.yaml", "is a prompt"),
        ({"SEATRIAL_KUBERNETES__FORM": "helm"}, "model.pkl", "helm upgrade"),
        ({"SEATRIAL_KUBERNETES__CONTEXT": "elsewhere"}, "model.pkl", "elsewhere"),
    ],
)
def test_what_could_never_be_shipped_is_said_before_a_model_is_read(
    home: Any,
    server: ApiServer,
    seatrial: Answer,
    monkeypatch: pytest.MonkeyPatch,
    variable: dict[str, str],
    model: str,
    said: str,
) -> None:
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    code, _, err = seatrial("deploy", model, "--target", "kubernetes")
    assert code in (Exit.INVALID, Exit.DENIED), err
    assert said in err
    assert not (home.folder / "bundles").exists()


def building(workspace: Workspace, *command: str) -> Workspace:
    config = KubernetesConfig(build=command, image="registry.example")
    settings = workspace.settings.model_copy(update={"kubernetes": config})
    return Workspace(home=workspace.home, settings=settings, config=None)


def test_an_image_is_built_in_the_folder_of_the_version(workspace: Workspace) -> None:
    folder = folder_of(workspace, 2, Form.PLAIN)
    program = "import os, sys; print(sys.argv[1], file=open('built', 'w'))"
    subject = Subject(name="churn", number=2)
    said: list[str] = []
    build(
        building(workspace, sys.executable, "-c", program, "$image"),
        subject,
        say=lambda *words: said.append(words[-1]),
    )
    assert (folder / "built").read_text() == "registry.example/churn:2\n"
    assert said == ["registry.example/churn:2"]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ([sys.executable, "-c", "print('no space left'); raise SystemExit(7)"], "no space left"),
        (["no-such-builder"], "cannot be run"),
    ],
)
def test_a_build_that_fails_says_how(workspace: Workspace, command: list[str], said: str) -> None:
    folder_of(workspace, 2, Form.PLAIN)
    with pytest.raises(BuildFailed, match=said):
        build(building(workspace, *command), Subject(name="churn", number=2), say=lambda *_: None)
