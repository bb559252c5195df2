"""The report of a staging run: what was tested, what was measured, whether it passed.

Text for a terminal, a record for machines, a page for people.
"""

from __future__ import annotations

import html
from dataclasses import dataclass, field

from seatrial.kernel.duration import show_duration

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; vertical-align: top;
padding: .4rem .6rem; border-bottom: 1px solid #8884; }
.ok { color: #1a7f37; } .bad { color: #cf222e; }
.sum { font-size: 1.25rem; } td.num { text-align: right; font-variant-numeric: tabular-nums; }
@media (prefers-color-scheme: dark) { .ok { color: #3fb950; } .bad { color: #ff7b72; } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """One integration test.

    Args:
        name: what was tested, such as ``golden parity``.
        passed: whether it held.
        detail: what was seen, for a person.
        seconds: how long it took.
    """

    __test__ = False

    name: str
    passed: bool
    detail: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingReport:
    """Everything a staging run found.

    Args:
        endpoint: and ``version``: what was tested.
        digest: of its bundle.
        tests: in the order they ran.
        measured: JSON-able numbers: ``p50_ms``, ``p95_ms``, ``p99_ms``, ``requests_per_s``, ``n``,
            ``n_failed``, ``rss_bytes``, ``cpu_s_per_request``, ``cold_start_s``.
    """

    endpoint: str
    version: int
    digest: str
    tests: tuple[TestResult, ...]
    measured: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether tests ran and all of them held."""
        return bool(self.tests) and all(test.passed for test in self.tests)

    @property
    def reason(self) -> str:
        """The result in a sentence."""
        broken = [test for test in self.tests if not test.passed]
        if broken:
            more = f" (and {len(broken) - 1} more)" if len(broken) > 1 else ""
            return f"{broken[0].name} failed: {broken[0].detail}{more}"
        if not self.tests:
            return "no test ran"
        return f"{len(self.tests)} tests passed; {self._load()}"

    def _load(self) -> str:
        m = self.measured
        if "p95_ms" not in m:
            return "no load was measured"
        return (
            f"p95 {m['p95_ms']:.1f} ms, {m['n_failed']:.0f} errors in {m['n']:,.0f} requests, "
            f"{m['requests_per_s']:,.0f} a second"
        )

    def as_dict(self) -> dict[str, object]:
        """The report as a JSON-able record."""
        return {
            "endpoint": self.endpoint,
            "version": self.version,
            "digest": self.digest,
            "passed": self.passed,
            "reason": self.reason,
            "measured": dict(self.measured),
            "tests": [
                {"name": t.name, "passed": t.passed, "detail": t.detail, "seconds": t.seconds}
                for t in self.tests
            ],
        }

    def as_text(self) -> str:
        """The report for a terminal."""
        lines = [
            f"Staging of {self.endpoint} version {self.version} (bundle {self.digest[:12]})",
            "",
        ]
        lines += [
            f"  {'pass' if t.passed else 'FAIL'}  {t.name:<20} {t.detail}" for t in self.tests
        ]
        lines += ["", ("PASSED: " if self.passed else "FAILED: ") + self.reason, ""]
        return "\n".join(lines)

    def as_html(self) -> str:
        """The report as one page that needs nothing else."""
        verdict = "passed" if self.passed else "failed"
        rows = "".join(
            f'<tr><td class="{"ok" if t.passed else "bad"}">{"pass" if t.passed else "FAIL"}</td>'
            f"<td>{html.escape(t.name)}</td><td>{html.escape(t.detail)}</td>"
            f'<td class="num">{show_duration(t.seconds)}</td></tr>'
            for t in self.tests
        )
        numbers = "".join(
            f'<tr><td>{html.escape(name)}</td><td class="num">{value:,.4g}</td></tr>'
            for name, value in self.measured.items()
        )
        title = html.escape(f"Staging of {self.endpoint} version {self.version}")
        return (
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
            f"<body><h1>{title}</h1>"
            f'<p class="sum {"ok" if self.passed else "bad"}">{verdict}: '
            f"{html.escape(self.reason)}</p><p>Bundle <code>{html.escape(self.digest)}</code></p>"
            f"<h2>Tests</h2><table><tr><th></th><th>test</th><th>seen</th><th>time</th></tr>{rows}"
            f"</table><h2>Measured</h2><table>{numbers}</table></body></html>\n"
        )
