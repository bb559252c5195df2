"""A retraining as a DAG of Airflow 3. Pure.

The text is the same for all but for the constants at its head and the list of tasks at its end.
"""

from __future__ import annotations

from seatrial.training.exporting.plan import LOST, MARK, Exported, Task, literal

_LOOK_S, _LONGEST_LOOK_S = 5, 300
_WAITS_S = 7 * 86_400

_HEAD = '''"""Trains {name} anew, a task a step, as a DAG of Airflow 3. {mark}.

Write it anew instead of editing it. Where tasks run there must be the command seatrial, on PATH or
as SEATRIAL_COMMAND says, and the same store. What is asked for twice is done once; the server of
seatrial goes on with a run whose DAG falls silent.
"""

import json
import os
import shlex
import subprocess
from datetime import UTC, datetime, timedelta

from airflow.sdk import MultipleCronTriggerTimetable, Param, chain, dag, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

NAME = {name_literal}
FOLDER = {folder}
OPTIONS = {options}
CRONS = {crons}
ZONE = {zone}
'''

_BODY = '''
DONE, OVER, WAITS = 0, 3, 4
FOR_GOOD = (2, 5, 6, 7, 8, 11)
"""Exit codes: it is done; the run has ended; a person or a canary is waited for; never by itself.
After any other one, another attempt may help."""


def command(*arguments):
    """A command line of seatrial; no shell reads it."""
    program = shlex.split(os.environ.get("SEATRIAL_COMMAND", "seatrial"))
    return [*program, "retrain", *arguments, *OPTIONS]


def exit_code(*arguments):
    """Run a command to its end; what it says goes to the log of the task."""
    with subprocess.Popen(command(*arguments), cwd=FOLDER, stderr=subprocess.STDOUT) as process:
        try:
            return process.wait()
        except BaseException:
            process.terminate()  # it gives its step back
            raise


def check(code):
    """Raise what an exit code means to Airflow."""
    if code == OVER:
        raise AirflowSkipException("The run is over; its history says why.")
    if code in FOR_GOOD:
        raise AirflowFailException(f"Exit code {code}: the log says what to do, then clear this.")
    if code != DONE:
        raise RuntimeError(f"Exit code {code}: another attempt may help.")


def seconds(number):
    return timedelta(seconds=number)


@dag(
    dag_id=f"seatrial_retrain_{NAME}",
    schedule=MultipleCronTriggerTimetable(*CRONS, timezone=ZONE) if CRONS else None,
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    catchup=False,
    max_active_runs=1,
    params={"reason": Param("", type="string", description="Why, for those who read it later.")},
    tags=["seatrial"],
)
def retraining():
    @task(retries=3, retry_delay=seconds(10))
    def begin(dag_run, params):
        """Begin a run, or find the one that this DAG run began or joined before."""
        told = command(
            "begin",
            NAME,
            f"--key={dag_run.dag_id}/{dag_run.run_id}",
            f"--reason={params['reason'] or dag_run.run_id}",
            "--orchestrator=airflow",
            "--json",
        )
        ended = subprocess.run(told, cwd=FOLDER, stdout=subprocess.PIPE, text=True, check=False)
        check(ended.returncode)
        return json.loads(ended.stdout)["run"]

    @task
    def perform(run, step):
        """Do a step. One that failed for good is begun again only by clearing this task."""
        check(exit_code("step", run, step, "--again"))

    @task.sensor(mode="reschedule")
    def wait(run, step):
        """Ask a step now and then that waits for a person or a canary."""
        code = exit_code("step", run, step, "--once")
        if code in (DONE, OVER) or code in FOR_GOOD:
            check(code)
            return True
        return False

    run = begin()
    chain(
{tasks}
    )


retraining()
'''


def dag(exported: Exported) -> str:
    """The text of a DAG."""
    head = _HEAD.format(
        name=exported.name,
        mark=MARK,
        name_literal=literal(exported.name),
        folder=literal(exported.folder),
        options=literal(list(exported.options)),
        crons=literal(list(exported.crons)),
        zone=literal(exported.zone),
    )
    tasks = "\n".join(_task(task) for task in exported.tasks)
    return head + _BODY.replace("{tasks}", tasks)


def _task(task: Task) -> str:
    said = [f"task_id={literal(task.name)}"]
    if task.waits:
        function = "wait"
        said += [f"poke_interval={_LOOK_S}", "exponential_backoff=True"]
        said += [f"max_wait={_LONGEST_LOOK_S}", f"timeout={_WAITS_S}"]
    else:
        function = "perform"
        said += [
            f"retries={task.retries + LOST}",
            f"retry_delay=seconds({literal(task.first_s)})",
            "retry_exponential_backoff=True",
            f"max_retry_delay=seconds({literal(task.longest_s)})",
        ]
        if task.timeout_s is not None:
            said.append(f"execution_timeout=seconds({literal(task.timeout_s)})")
    lines = [f"        {function}.override(", *(f"            {one}," for one in said)]
    return "\n".join([*lines, f"        )(run, {literal(task.name)}),"])
