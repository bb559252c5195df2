"""Where the life of an experiment and the traffic of its endpoint meet.

They are two streams, so what is done to both is done in an order in which a process that is killed
between leaves something to be finished: first the experiment's fact, which takes its place or gives
the decision, then the endpoint's. Whoever comes next does the second one.
"""

from __future__ import annotations

from seatrial.experiments.config import ExperimentFile
from seatrial.experiments.lifecycle import Entered, Phase, Refused, step
from seatrial.experiments.live_design import endpoint_of, split_of
from seatrial.experiments.registry import Experiments
from seatrial.kernel.errors import SeatrialError
from seatrial.release.projection import Endpoints
from seatrial.release.trying import enter, leave


def splits(endpoints: Endpoints, file: ExperimentFile) -> bool:
    """Whether an experiment splits the requests of its endpoint, as of the last refresh."""
    return file.experiment in endpoints.find(endpoint_of(file)).trials


def lags(endpoints: Endpoints, file: ExperimentFile) -> bool:
    """Whether an experiment that splits the requests of its endpoint was given more of them."""
    return endpoints.find(endpoint_of(file)).trials[file.experiment].traffic < file.traffic


def bring_in(experiments: Experiments, endpoints: Endpoints, name: str, *, by: str) -> None:
    """Let an experiment that is starting, or was widened, split the requests of its endpoint.

    Raises: SeatrialError: the endpoint cannot; one that was starting is a draft again, which says
        why.
    """
    standing = experiments.get(name)
    file = experiments.file(standing)
    trial = split_of(file)
    try:
        endpoints.change(endpoint_of(file), lambda state: enter(state, trial, by=by))
    except SeatrialError as problem:
        if problem.retryable:
            raise
        refused = Refused(reason=problem.problem)
        experiments.change(name, lambda now: step(now, refused, by=by))
        raise
    experiments.change(name, lambda now: step(now, Entered(), by=by))


def bring_out(experiments: Experiments, endpoints: Endpoints, name: str, *, by: str) -> None:
    """End the split of an experiment that is over; its winner gets all traffic if it was so
    designed."""
    standing = experiments.get(name)
    file = experiments.file(standing)
    won = standing.winner if standing.phase is Phase.DECIDED and file.promote else None
    version = None if won is None else file.versions[won]
    endpoints.change(endpoint_of(file), lambda state: leave(state, name, winner=version, by=by))
