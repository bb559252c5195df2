"""Rows beside a reference from Python: DataFrames, or whatever `seatrial monitor report` reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

from seatrial.kernel.config import validated
from seatrial.kernel.errors import Invalid
from seatrial.monitoring.rows.columns import Columns
from seatrial.monitoring.rows.source import TableSource
from seatrial.monitoring.watching.batch import Outcome, RuleName
from seatrial.monitoring.watching.data_config import DataConfig
from seatrial.monitoring.watching.watch_file import MonitoringFile
from seatrial.wiring.watching.batch_report import Compared, compared
from seatrial.wiring.watching.table_sources import open_source
from seatrial.wiring.workspace import open_workspace

_CURRENT, _REFERENCE = "current rows", "reference rows"
_HEIGHT_PX = 700


class UnknownRule(Invalid):
    """Nobody judges by a rule of that name."""

    code = "monitoring.unknown_rule"


@dataclass(frozen=True, repr=False)
class Comparison:
    """Rows beside a reference. Shown in a notebook, it is the whole report.

    Args:
        found: what was compared, and what came of it.
        title: of the report.
        made_at: when.
    """

    found: Compared
    title: str
    made_at: datetime

    @property
    def outcome(self) -> Outcome:
        """What the rules say of it all."""
        return self.found.verdict.outcome

    @property
    def reason(self) -> str:
        """Why, in a sentence."""
        return self.found.verdict.reason

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the outcome is about, the worst first."""
        return self.found.verdict.columns

    def as_dict(self) -> dict[str, Any]:
        """What `seatrial monitor report --json` prints."""
        return self.found.as_dict()

    def page(self, language: str = "en") -> str:
        """The report as one HTML page that needs nothing else.

        Args: language: ``en`` or ``zh``.
        """
        from seatrial.web.console.watching import report_page

        record = self._record
        return report_page(
            record["report"],
            title=self.title,
            reference=record["reference"]["source"],
            window=record["current"]["source"],
            language=language,
            performance={} if record["performance"] is None else {"1": record["performance"]},
            notes=record["told"],
            made_at=self.made_at,
        )

    def __repr__(self) -> str:
        """For consoles: what came of it; what it came of is thousands of numbers."""
        return f"<{self.title}: {self.outcome}. {self.reason}>"

    def _repr_html_(self) -> str:
        """For notebooks: the page, which has no script, in a frame of its own."""
        page = escape(self.page(), quote=True)
        frame = f"width:100%;height:{_HEIGHT_PX}px;border:0"
        return f'<iframe srcdoc="{page}" sandbox style="{frame}"></iframe>'

    @cached_property
    def _record(self) -> dict[str, Any]:
        return self.as_dict()


def compare(
    reference: object,
    current: object,
    *,
    columns: Mapping[str, object] | None = None,
    rules: Collection[str] = ("default",),
    settings: Mapping[str, object] | None = None,
    title: str = "current rows",
) -> Comparison:
    """Hold rows against a reference, once: what moved, how far, and whether it matters.

    Args:
        reference: rows of the training: a DataFrame of pandas or polars, a table of Arrow, or what
            ``--reference`` takes: a file, a folder, a database's URL with #TABLE, NAME@VERSION.
        current: rows to compare with them, likewise.
        columns: which column is what, as the section ``columns`` of ``monitoring.yaml``:
            ``{"prediction": "answer", "label": "churned", "segments": ["region"]}``. By default
            they are found by their names, and the rest are features.
        rules: to judge by, of ``default``, ``psi`` and ``ks``.
        settings: more of them, as in ``monitoring.yaml``.
        title: of the report.
    Raises: ConfigInvalid; UnknownRule; NoReferenceRows; NoSuchColumn; MissingExtra;
        SourceMissing, SourceUnreadable and what else sources raise.
    """
    frames = {
        name: data
        for name, data in ((_REFERENCE, reference), (_CURRENT, current))
        if not isinstance(data, (str, Path))
    }
    named = {
        "reference": _REFERENCE if _REFERENCE in frames else str(reference),
        "data": {
            "source": _CURRENT if _CURRENT in frames else str(current),
            "columns": dict(columns or {}),
        },
    }
    now = datetime.now(UTC)
    file = validated(
        MonitoringFile, {"endpoint": title, **(settings or {}), **named}, "the settings of compare"
    )

    def opened(
        config: DataConfig, *, folder: Path, columns: Columns | None = None, follow: bool = False
    ) -> TableSource:
        if config.source not in frames:
            return open_source(config, folder=folder, columns=columns, follow=follow)
        from seatrial.adapters.tables.frame import FrameSource

        asked = columns or config.columns.columns()
        return FrameSource(frames[config.source], asked, name=config.source)

    found = compared(
        file,
        folder=Path.cwd(),
        workspace=open_workspace,
        rules=_rules(rules),
        now=now,
        opened=opened,
    )
    return Comparison(found=found, title=title, made_at=now)


def _rules(names: Collection[str]) -> list[RuleName]:
    known = [rule.value for rule in RuleName]
    asked = (names,) if isinstance(names, str) else tuple(names)
    for name in asked:
        if name not in known:
            raise UnknownRule(
                f"There is no rule {name!r}.", remedy=f"Use some of: {', '.join(known)}.", rule=name
            )
    return [RuleName(name) for name in asked]
