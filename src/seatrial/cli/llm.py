"""`seatrial llm`: keys of callers, models and what was spent."""

from __future__ import annotations

import click

from seatrial.cli.llm_keys import keys
from seatrial.cli.llm_usage import models, usage


@click.group()
def llm() -> None:
    """Language models: keys of callers, what may be asked for, what was spent."""


for _command in (keys, models, usage):
    llm.add_command(_command)
