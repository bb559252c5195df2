"""``python -m benchmarks.evaluation``: run both parts, print a report, write the page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.evaluation import errors, speed
from benchmarks.monitor.__main__ import Report, heading
from benchmarks.serving.machine import describe
from benchmarks.serving.page import fill

SUBJECT = "evaluation"
PARTS: dict[str, Report] = {"speed": speed.report, "errors": errors.report}


def main() -> int:
    """Run what the flags ask for.   Returns: 0; a missed goal is no failure of the run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.evaluation", description=__doc__)
    parser.add_argument("--only", choices=list(PARTS), help="one part")
    parser.add_argument("--quick", action="store_true", help="less of everything: does it work?")
    parser.add_argument("--into", type=Path, help="a page to put the results into")
    options = parser.parse_args()
    blocks = {"machine": heading(describe(), quick=options.quick)}
    for name, work in PARTS.items():
        if options.only in (None, name):
            sys.stderr.write(f"{name} ...\n")
            blocks[name] = work(quick=options.quick)
    for name, text in blocks.items():
        print(f"## {name}\n\n{text}\n" if name != "machine" else f"{text}\n", flush=True)
    if options.into is not None:
        options.into.write_text(fill(options.into.read_text(), blocks, SUBJECT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
