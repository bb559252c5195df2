"""The page on sizing: its commands over a real staging, up to the autoscaler of a cluster."""

from __future__ import annotations

import json
import pickle
import re
import shlex
from pathlib import Path

import docs_blocks as docs
import numpy as np
import pytest
import yaml
from sklearn.linear_model import LogisticRegression

from seatrial.cli.app import run
from tests.adapters import kubeconfig
from tests.adapters.api_server import ApiServer, ready, running

pytestmark = [pytest.mark.integration, pytest.mark.slow]

PAGE = docs.ROOT / "docs" / "how-to" / "sizing.md"


def test_the_commands_size_a_version_and_its_autoscaler_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(80, 3))
    model = LogisticRegression().fit(rows, (rows.sum(axis=1) > 0).astype(int))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    (prices,) = (b.text for b in docs.blocks(PAGE) if b.language == "yaml")
    (tmp_path / "prices.yaml").write_text(prices)
    lines = [line for b in docs.blocks(PAGE) if b.mark == "sizing" for line in b.text.splitlines()]
    for line in lines:
        assert run(shlex.split(line)[1:]) == 0, line
    said = capsys.readouterr().err
    shown = next(b.text for b in docs.blocks(PAGE) if b.language == "text")
    for line in shown.splitlines():  # the figures are another machine's
        assert _without_figures(line)[:30] in _without_figures(said), line
    last = [*shlex.split(lines[-1])[1:], "--json"]
    assert run(last) == 0
    found = json.loads(capsys.readouterr().out)
    manifests = tmp_path / ".seatrial" / "releases" / "churn" / "1" / "kubernetes"
    scaler = yaml.safe_load((manifests / "hpa.yaml").read_text())["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (
        found["replicas"],
        found["max_replicas"],
    )
    target = scaler["metrics"][0]["resource"]["target"]["averageUtilization"]
    assert target == found["target_cpu"]


def _without_figures(text: str) -> str:
    return re.sub(r"[\d.,]+", "@", text)


def test_a_release_brings_its_replicas_to_the_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = np.random.default_rng(0).normal(size=(80, 3))
    model = LogisticRegression().fit(rows, (rows.sum(axis=1) > 0).astype(int))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    (block,) = (b.text for b in docs.blocks(PAGE) if b.mark == "kubectl")
    with running(ApiServer()) as server:
        server.react = ready(server)
        file = kubeconfig.write(tmp_path / "kubeconfig", server)
        monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(file))
        words = shlex.split(block)[1:]
        code = run(words)
        assert code == 0, capsys.readouterr().err
        scaler = server.get("horizontalpodautoscalers", "churn")["spec"]
        assert run(["size", "churn", *words[-4:], "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert scaler["minReplicas"] == found["replicas"]
        # No number of replicas answers in a microsecond: it is staged, and not shipped.
        assert run([*words[:-1], "0.001"]) == 5
        assert "cannot be met" in capsys.readouterr().err
        labels = server.get("deployments", "churn")["metadata"]["labels"]
        assert labels["app.kubernetes.io/version"] == "1"
