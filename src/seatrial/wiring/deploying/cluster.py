"""Shipping registered versions to a cluster, put together."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from seatrial.kernel.errors import Invalid, NotFound
from seatrial.packaging.kubernetes import Form
from seatrial.packaging.kubernetes.shipping import Manifests, NotApplicable, Say, Shipping
from seatrial.registry.catalog import get
from seatrial.wiring.deploying.bundles import Subject, foremost
from seatrial.wiring.deploying.order import is_prompt
from seatrial.wiring.workspace import Workspace

_MANIFESTS = "kubernetes"
_TOLD = 2000
"""Characters of a failed build that are shown: its end."""


class FilesMissing(NotFound):
    """The files of a version are not where they were written."""

    code = "cluster.files_missing"


class BuildFailed(Invalid):
    """The command that builds the image came to no good end."""

    code = "cluster.build_failed"


def numbered(workspace: Workspace, subject: Subject) -> Subject:
    """A registered version with its number.   Raises: ModelUnknown, VersionUnknown."""
    store = workspace.open_store()
    try:
        number = subject.number or foremost(store, subject.name)
        return replace(subject, number=get(store, subject.name, number).number)
    finally:
        store.close()


def manifests(workspace: Workspace, subject: Subject) -> Manifests:
    """What a version's files say of a cluster.   Raises: FilesMissing, NotApplicable."""
    return Manifests.read(_folder(workspace, subject) / _MANIFESTS)


def shipping(workspace: Workspace, *, say: Say, timeout_s: float, force: bool = False) -> Shipping:
    """To the configured cluster.   Raises: as `adapters.cluster_kubernetes.connect`."""
    from seatrial.adapters.cluster_kubernetes import connect

    config = workspace.settings.kubernetes
    cluster = connect(config.context, namespace=config.namespace)
    return Shipping(cluster=cluster, say=say, timeout_s=timeout_s, force=force)


def check_cluster(workspace: Workspace, model: Path) -> None:
    """Say now what would keep a version from the cluster once it has passed staging.

    Raises: NotApplicable; as `adapters.cluster_kubernetes.connect`.
    """
    from seatrial.adapters.cluster_kubernetes import connect

    config = workspace.settings.kubernetes
    if is_prompt(model):
        raise NotApplicable(
            f"{model.name} is a prompt, which has no image.",
            remedy="Deploy it to production: a server answers with it.",
        )
    if config.form in (Form.HELM, Form.KUSTOMIZE):
        raise NotApplicable(
            f"Files of the form {config.form.value} are applied by another tool.",
            remedy="Deploy to staging, then use `helm upgrade --install` or `kubectl apply -k`.",
        )
    connect(config.context, namespace=config.namespace)


def build(workspace: Workspace, subject: Subject, *, say: Say) -> None:
    """Build and push the image of a version, where the configuration says how.

    Raises: FilesMissing, BuildFailed.
    """
    config = workspace.settings.kubernetes
    image = config.image_of(subject.name, subject.number or 0)
    if not config.build:
        say("note", "image", f"{image} must be where the cluster pulls it from")
        return
    _run(
        [word.replace("$image", image) for word in config.build],
        _folder(workspace, subject),
    )
    say("ok", "image", image)


def _run(command: Sequence[str], folder: Path) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    except OSError as problem:
        raise BuildFailed(
            f"{command[0]!r} cannot be run: {problem.strerror}.",
            remedy="Correct kubernetes.build in seatrial.yaml.",
        ) from problem
    if done.returncode:
        said = done.stdout.decode("utf-8", "replace").strip()[-_TOLD:]
        raise BuildFailed(
            f"{' '.join(command)!r} ended with {done.returncode}: {said}",
            remedy=f"Run it in {folder} until it works, or correct kubernetes.build.",
        )


def _folder(workspace: Workspace, subject: Subject) -> Path:
    folder = workspace.release_folder(subject.name, subject.number or 0)
    if not (folder / _MANIFESTS).is_dir():
        raise FilesMissing(
            f"There is no folder {folder / _MANIFESTS}.",
            remedy="Deploy the version again, which writes its files anew.",
        )
    return folder
