"""`seatrial rag`: documents that can be asked."""

from __future__ import annotations

import click

from seatrial.cli.rag_ask import ask, search
from seatrial.cli.rag_build import audit, build, discard, rollback, versions
from seatrial.cli.rag_judge import analyze, evaluate
from seatrial.cli.rag_release import release


@click.group()
def rag() -> None:
    """Documents that can be asked: build an index, search it, ask it."""


for _command in (
    build,
    search,
    ask,
    evaluate,
    analyze,
    versions,
    release,
    rollback,
    discard,
    audit,
):
    rag.add_command(_command)
