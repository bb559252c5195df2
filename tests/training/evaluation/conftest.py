"""Two made-up versions over made-up rows."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from seatrial.monitoring.rows.table import Coded
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task
from seatrial.training.evaluation.answers import Answers, Holdout
from seatrial.training.evaluation.evaluate import evaluate
from seatrial.training.evaluation.evaluation import Evaluation, VersionFacts
from seatrial.training.evaluation.latency import Times
from seatrial.training.evaluation.rules import Rules

NOW = datetime(2026, 11, 26, tzinfo=UTC)
CLASSES = ("no", "yes")


def names(places, classes=CLASSES):
    return Coded(np.asarray(places, np.int32), tuple(classes))


def signature(task=Task.CLASSIFICATION, *, features=("age", "income")):
    outputs = (Output(name="prediction", dtype=Dtype.FLOAT64),)
    if task is Task.CLASSIFICATION:
        outputs = (Output(name="label", dtype=Dtype.STRING),)
    return Signature(
        features=tuple(Feature(name=name, dtype=Dtype.FLOAT32) for name in features),
        outputs=outputs,
        task=task,
        matrix=True,
    )


def facts(name, *, n_bytes=1_000, p95_s=0.001, task=Task.CLASSIFICATION, **changes):
    one = Times(n_rows=1, n=500, p50_s=p95_s / 2, p95_s=p95_s, p95_low_s=0.9 * p95_s)
    return VersionFacts(
        name=name,
        digest="ab" * 32,
        framework="scikit-learn 1.5.2",
        engine="the only engine",
        n_bytes=n_bytes,
        signature=changes.pop("signature", signature(task)),
        one=one,
        many=Times(n_rows=1_000, n=50, p50_s=p95_s, p95_s=2 * p95_s, p95_low_s=p95_s),
    )


class Rows:
    """A binary problem with a column of regions, and classifiers of chosen skill."""

    def __init__(self, n=2_000, *, seed=0, share=0.4):
        self.seed, self.rng = seed, np.random.default_rng(seed)
        self.n = n
        self.true = (self.rng.random(n) < share).astype(int)
        self.common = self.rng.normal(size=n)
        self.region = self.rng.integers(3, size=n)

    def classifier(self, skill, *, shift=None, classes=CLASSES, answered=None, again=0):
        rng = np.random.default_rng([self.seed, int(1_000 + 100 * skill), again])
        noise = 0.7 * self.common + 0.7 * rng.normal(size=self.n)
        strength = np.full(self.n, skill) if shift is None else np.asarray(shift)
        z = strength * (2 * self.true - 1) + noise
        p = 1 / (1 + np.exp(-2 * abs(strength.mean()) * z))
        return Answers(
            task=Task.CLASSIFICATION,
            answered=np.ones(self.n, bool) if answered is None else answered,
            predicted=names(p > 0.5, classes),
            values=np.array(classes, object)[(p > 0.5).astype(int)],
            classes=classes,
            probabilities=np.column_stack([1 - p, p]),
        )

    def holdout(self, **changes):
        given = {
            "label": "churned",
            "labels": names(self.true),
            "values": np.array(CLASSES, object)[self.true],
            "source": "holdout.csv",
            "columns": {"region": names(self.region, ("north", "south", "west"))},
        }
        return Holdout(**{**given, **changes})


def run(holdout: Holdout, new: Answers, baseline: Answers, **changes: Any) -> Evaluation:
    given: dict[str, Any] = {
        "versions": {"new": facts("new", task=new.task), "baseline": facts("old", task=new.task)},
        "rules": Rules(n_resamples=300),
        "now": NOW,
    }
    return evaluate(holdout, {"new": new, "baseline": baseline}, **{**given, **changes})


@pytest.fixture(scope="session")
def rows():
    return Rows()


@pytest.fixture(scope="session")
def better(rows):
    return run(
        rows.holdout(),
        rows.classifier(1.0),
        rows.classifier(0.6),
        segments=("region",),
    )


@pytest.fixture(scope="session")
def made():
    """What makes rows, versions and evaluations."""
    return SimpleNamespace(
        CLASSES=CLASSES, Rows=Rows, facts=facts, names=names, run=run, signature=signature
    )
