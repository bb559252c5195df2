"""A retraining as a Kubeflow pipeline, in the Python that the user's own `kfp` compiles. Pure."""

from __future__ import annotations

from seatrial.training.exporting.plan import (
    LOST,
    MARK,
    Cluster,
    Exported,
    Task,
    kubernetes_name,
    literal,
)

_HEAD = '''"""Trains {name} anew, a task a step, as a Kubeflow pipeline. {mark}.

Write it anew instead of editing it. Compile it: kfp dsl compile --py FILE --output pipeline.yaml.
The image must hold seatrial and what the training imports. What is asked for twice is done once;
the server of seatrial goes on with a run whose pipeline falls silent.
"""

from kfp import dsl, kubernetes

NAME = {name_literal}
IMAGE = {image}
FOLDER = {folder}
OPTIONS = {options}
CLAIM = {claim}
SECRET = {secret}
CRONS = {crons}
"""For recurring runs: seconds first, as Kubeflow has them; its controller has the time zone."""
'''

_BODY = '''

@dsl.component(base_image=IMAGE)
def begin(name: str, key: str, reason: str, folder: str, options: list) -> str:
    """Begin a run, or find the one that this pipeline run began or joined before."""
    import json
    import os
    import shlex
    import subprocess

    program = shlex.split(os.environ.get("SEATRIAL_COMMAND", "seatrial"))
    told = ["begin", name, f"--key={key}", f"--reason={reason or key}", "--orchestrator=kubeflow"]
    ended = subprocess.run(
        [*program, "retrain", *told, "--json", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(ended.stdout)["run"]


@dsl.component(base_image=IMAGE)
def perform(run: str, step: str, folder: str, options: list) -> str:
    """Do a step of a run, unless it is over; says how the run ended, or nothing."""
    import json
    import os
    import shlex
    import subprocess

    program = shlex.split(os.environ.get("SEATRIAL_COMMAND", "seatrial"))
    ended = subprocess.run(
        [*program, "retrain", "step", run, step, "--json", *options],
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if ended.returncode not in (0, 3):  # done, and the run is over
        raise RuntimeError(f"Exit code {ended.returncode}: the log says what to do.")
    return json.loads(ended.stdout)["outcome"]


def placed(task):
    """A task that is done anew each time, with the volume and the store's URL."""
    task.set_caching_options(False)
    if CLAIM:
        kubernetes.mount_pvc(task, pvc_name=CLAIM, mount_path=FOLDER)
    if SECRET:
        kubernetes.use_secret_as_env(
            task, secret_name=SECRET, secret_key_to_env={"store": "SEATRIAL_STORE"}
        )
    return task


@dsl.pipeline(name={pipeline})
def retraining(reason: str = "") -> str:
    key = dsl.PIPELINE_JOB_ID_PLACEHOLDER
    begun = placed(begin(name=NAME, key=key, reason=reason, folder=FOLDER, options=OPTIONS))
    begun.set_retry(3, backoff_duration="10s")
    run = begun.output

    def task(step, *, after, retries, first, longest):
        done = placed(perform(run=run, step=step, folder=FOLDER, options=OPTIONS))
        done.set_display_name(step)
        done.set_retry(
            retries, backoff_duration=first, backoff_factor=2.0, backoff_max_duration=longest
        )
        return done.after(after)

{tasks}
    return {last}.output
'''


def pipeline(exported: Exported, cluster: Cluster) -> str:
    """The text of a pipeline."""
    head = _HEAD.format(
        name=exported.name,
        mark=MARK,
        name_literal=literal(exported.name),
        image=literal(cluster.image),
        folder=literal(exported.folder),
        options=literal(list(exported.options)),
        claim=literal(cluster.claim),
        secret=literal(cluster.secret),
        crons=literal([f"0 {cron}" for cron in exported.crons]),
    )
    names = [_variable(task) for task in exported.tasks]
    tasks = "\n".join(
        _task(task, after)
        for task, after in zip(exported.tasks, ["begun", *names[:-1]], strict=True)
    )
    body = _BODY.replace("{tasks}", tasks).replace("{last}", names[-1])
    called = literal(f"seatrial-retrain-{kubernetes_name(exported.name)}")
    return head + body.replace("{pipeline}", called)


def _variable(task: Task) -> str:
    return task.name.replace("-", "_")


def _task(task: Task, after: str) -> str:
    name = _variable(task)
    said = f"after={after}, retries={task.retries + LOST}, {_waits(task)}"
    line = f"    {name} = task({literal(task.name)}, {said})"
    if task.timeout_s is None:
        return line
    return f"{line}\n    kubernetes.set_timeout({name}, {max(1, round(task.timeout_s))})"


def _waits(task: Task) -> str:
    first, longest = (f"{max(1, round(s))}s" for s in (task.first_s, task.longest_s))
    return f"first={literal(first)}, longest={literal(longest)}"
