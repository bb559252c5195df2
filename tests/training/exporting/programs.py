"""Exports for tests: a plain one, and one whose texts are written by an enemy."""

import ast

from seatrial.training.exporting.plan import Exported, Task

HOSTILE = (
    "/srv/\"\n'''\"\"\"\nimport os; os.system('touch pwned') #",
    "\\",
    "{tasks}{name}%s",
    "{{ macros }}{% raw %}",
    "--config=$(touch pwned)`touch pwned`",
    "\u202e\udcff\x00".replace("\x00", "\x1b"),
)
TASKS = (
    Task(name="rows", retries=5, first_s=2.0, longest_s=120.0),
    Task(name="train", retries=0, first_s=1.0, longest_s=300.0, timeout_s=690.5),
    Task(name="approve", retries=0, first_s=1.0, longest_s=300.0, waits=True),
)
PLAIN = Exported(name="churn", tasks=TASKS, crons=["0 3 * * *", "0 9 * * 1"], folder="/srv/churn")
ENEMY = Exported(
    name="churn",
    tasks=TASKS,
    crons=[HOSTILE[0]],
    zone=HOSTILE[2],
    folder=HOSTILE[0],
    options=HOSTILE,
)


def constants(text: str) -> dict[str, object]:
    """What a program calls by a name in capitals, read without running it."""
    found = {}
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            found[statement.targets[0].id] = ast.literal_eval(statement.value)
    return found


def code(text: str) -> list[str]:
    """All of a program but the values of its constants."""
    return [
        ast.dump(statement)
        for statement in ast.parse(text).body
        if not isinstance(statement, ast.Assign)
    ]
