"""Take a model file to staging or production: ``seatrial deploy`` with the model as an option.

    python scripts/model_deployment_pipeline.py --model model.pkl --target staging

Every other option is that of ``seatrial deploy``; see ``seatrial deploy --help``.
"""

from __future__ import annotations

import sys
from itertools import islice

from seatrial.cli.app import run


def arguments(given: list[str]) -> list[str]:
    """The command line of ``seatrial deploy``: ``--model FILE`` becomes its argument."""
    found: list[str] = []
    rest: list[str] = []
    words = iter(given)
    for word in words:
        if word == "--model":
            found += list(islice(words, 1))
        elif word.startswith("--model="):
            found += [word.removeprefix("--model=")]
        else:
            rest += [word]
    return ["deploy", *rest, "--", *found] if found else ["deploy", *rest]


if __name__ == "__main__":
    sys.exit(run(arguments(sys.argv[1:])))
