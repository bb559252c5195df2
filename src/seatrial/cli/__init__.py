"""The command line: parse, call, print."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command named by the arguments, and exit with its documented code."""
    from seatrial.cli.app import run
    from seatrial.kernel.usage_data import decline

    decline()
    sys.exit(run(sys.argv[1:]))
