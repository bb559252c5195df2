"""Write the files of docs/reference that come out of the code, or check that they are current.

python docs/generate.py                   write them all
python docs/generate.py --check           fail when one of them would change
python docs/generate.py errors.md         one or several by name
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from pages.commands import commands_page
from pages.configuration import (
    configuration_page,
    experiment_page,
    experiment_schema_file,
    monitoring_page,
    monitoring_schema_file,
    rag_config_page,
    rag_config_schema_file,
    schema_file,
)
from pages.errors import errors_page
from pages.events import events_schema_file
from pages.metrics import metrics_page
from pages.provider_failures import provider_failures_page
from pages.rollout import events_page, rollout_page
from pages.routes import routes_page
from pages.watch import alerts_page

REFERENCE = Path(__file__).parent / "reference"

FILES: Mapping[str, Callable[[], str]] = {
    "alerts.md": alerts_page,
    "commands.md": commands_page,
    "configuration.md": configuration_page,
    "errors.md": errors_page,
    "events.md": events_page,
    "events.schema.json": events_schema_file,
    "experiment.md": experiment_page,
    "experiment.schema.json": experiment_schema_file,
    "metrics.md": metrics_page,
    "monitoring.md": monitoring_page,
    "monitoring.schema.json": monitoring_schema_file,
    "provider-failures.md": provider_failures_page,
    "rag_config.md": rag_config_page,
    "rag_config.schema.json": rag_config_schema_file,
    "rollout.md": rollout_page,
    "routes.md": routes_page,
    "seatrial.schema.json": schema_file,
}


def main(arguments: list[str] | None = None) -> int:
    """Write or check files; 1 when a checked one is not current."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", metavar="FILE", help=f"of: {', '.join(FILES)}")
    parser.add_argument("--check", action="store_true", help="change nothing")
    asked = parser.parse_args(arguments)
    unknown = sorted(set(asked.files) - set(FILES))
    if unknown:
        parser.error(f"{unknown[0]} is not one of {', '.join(FILES)}")
    stale = [name for name in asked.files or FILES if not _settle(name, write=not asked.check)]
    for name in stale:
        sys.stderr.write(f"docs/reference/{name} is not current: run `make docs`\n")
    return 1 if stale else 0


def _settle(name: str, *, write: bool) -> bool:
    """Whether a file says what the code does, after writing it if it may be written."""
    path = REFERENCE / name
    text = FILES[name]()
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return True
    if write:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return write


if __name__ == "__main__":
    sys.exit(main())
