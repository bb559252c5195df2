"""Monitor a model: ``seatrial monitor`` with the configuration as an option.

    python scripts/ml_monitoring_suite.py --config monitoring.yaml            validate, show
    python scripts/ml_monitoring_suite.py --config monitoring.yaml --deploy   start, write rules

Without ``--deploy`` it is ``seatrial monitor check``, with it ``seatrial monitor start``; all other
options are theirs.
"""

from __future__ import annotations

import sys

from seatrial.cli.app import run


def arguments(given: list[str]) -> list[str]:
    """The command line of ``seatrial monitor``."""
    verb = "start" if "--deploy" in given else "check"
    return ["monitor", verb, *(word for word in given if word != "--deploy")]


if __name__ == "__main__":
    sys.exit(run(arguments(sys.argv[1:])))
