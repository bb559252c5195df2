"""The text of a pipeline: its constants, its tasks, and that no configuration changes its code."""

import ast

from seatrial.training.exporting.kubeflow import pipeline
from seatrial.training.exporting.plan import Cluster
from tests.training.exporting.programs import ENEMY, HOSTILE, PLAIN, TASKS, code, constants

CLUSTER = Cluster(image="registry/churn:1", claim="data", secret="store")


def body(text):
    (function,) = (
        one
        for one in ast.parse(text).body
        if isinstance(one, ast.FunctionDef) and one.name == "retraining"
    )
    return [ast.unparse(one) for one in function.body]


def test_the_constants_are_what_was_configured():
    assert constants(pipeline(PLAIN, CLUSTER)) == {
        "NAME": "churn",
        "IMAGE": "registry/churn:1",
        "FOLDER": "/srv/churn",
        "OPTIONS": [],
        "CLAIM": "data",
        "SECRET": "store",
        "CRONS": ["0 0 3 * * *", "0 0 9 * * 1"],
    }


def test_each_step_follows_the_one_before_with_its_own_retries_and_time():
    lines = body(pipeline(PLAIN, CLUSTER))
    place = lines.index("rows = task('rows', after=begun, retries=7, first='2s', longest='120s')")
    assert lines[place + 1 :] == [
        "train = task('train', after=rows, retries=2, first='1s', longest='300s')",
        "kubernetes.set_timeout(train, 690)",
        "approve = task('approve', after=train, retries=2, first='1s', longest='300s')",
        "return approve.output",
    ]
    assert len(TASKS) == 3


def test_no_text_of_a_configuration_becomes_code():
    enemy = pipeline(ENEMY, CLUSTER)
    assert code(enemy) == code(pipeline(PLAIN, CLUSTER))
    assert constants(enemy)["OPTIONS"] == list(HOSTILE)
    assert enemy.isascii()


def test_it_is_the_same_each_time():
    assert pipeline(PLAIN, CLUSTER) == pipeline(PLAIN, CLUSTER)
