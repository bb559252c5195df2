"""What a design must say besides, to split the requests of an endpoint."""

from __future__ import annotations

import re

from seatrial.experiments.assignment import trial_of
from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.entries import Names
from seatrial.kernel.errors import Invalid
from seatrial.release.trial import Trial

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class NotStartable(Invalid):
    """The design can be planned and analysed, but not started."""

    code = "experiment.not_startable"


def endpoint_of(file: ExperimentFile) -> str:
    """The endpoint whose requests a design splits.   Raises: NotStartable."""
    if file.endpoint is None or not file.versions:
        lacking = "endpoint" if file.endpoint is None else "versions"
        raise NotStartable(
            f"The design of {file.experiment!r} does not say the {lacking}.",
            remedy="Name the endpoint, and in versions which version of it each variant is.",
            field=lacking,
        )
    return file.endpoint


def split_of(file: ExperimentFile) -> Trial:
    """The split of an endpoint that a design asks for.   Raises: NotStartable, BadTrial."""
    endpoint_of(file)
    return trial_of(file.design(), file.versions)


def check_startable(file: ExperimentFile) -> None:
    """Raises: NotStartable: it lacks something, its name is none for an address, or one name means
    two things."""
    split_of(file)
    if not _NAME.fullmatch(file.experiment):
        raise NotStartable(
            f"{file.experiment[:100]!r} is no name for an experiment that runs.",
            remedy="Use up to 100 letters, digits, '.', '_' and '-', a letter or digit first.",
            field="experiment",
        )
    names = Names.of(file)
    every = (*names.outcomes, *names.covariates, *names.segments)
    twice = next((name for name in every if every.count(name) > 1), None)
    if twice is not None:
        raise NotStartable(
            f"{twice!r} is the name of a metric and of what was known before.",
            remedy="Give metrics, covariates and segments names of their own.",
            field=twice,
        )
