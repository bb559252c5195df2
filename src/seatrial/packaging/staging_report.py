"""The report of a staging run: what was tested, what was measured, whether it passed.

Text for a terminal and a record for machines; the page for people is `packaging.staging_page`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seatrial.packaging.staging_about import said
from seatrial.packaging.staging_words import name_of_test, seen, words


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
            ``n_failed``, ``rss_bytes``, ``cpu_s_per_request``, ``cold_start_s``, and of requests
            one at a time ``alone_n``, ``alone_sd_ms``, ``alone_p96_ms`` to ``alone_p99_ms``; of a
            prompt ``p50_ms`` to ``n_failed``, ``cost_usd``, ``parse_rate``, ``score``.
        about: what the version is; see `staging_about.about`. Empty of what is no model, and where
            seatrial did not keep it yet.
    """

    endpoint: str
    version: int
    digest: str
    tests: tuple[TestResult, ...]
    measured: dict[str, float] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether tests ran and all of them held."""
        return bool(self.tests) and all(test.passed for test in self.tests)

    @property
    def reason(self) -> str:
        """The result in a sentence."""
        return self.said("en")

    def said(self, language: str) -> str:
        """The result in a sentence of a language."""
        w = words(language)
        broken = [test for test in self.tests if not test.passed]
        if broken:
            more = w["and_more"].format(n=len(broken) - 1) if len(broken) > 1 else ""
            first = broken[0]
            name, detail = name_of_test(first.name, language), seen(first.detail, language)
            return w["test_failed"].format(name=name, detail=detail) + more
        n = len(self.tests)
        if not n:
            return w["no_test"]
        passed = w["one_test_passed"] if n == 1 else w["tests_passed"].format(n=n)
        return passed + w["semicolon"] + self._load(w)

    def _load(self, w: Mapping[str, str]) -> str:
        m = self.measured
        if "p95_ms" not in m:
            return w["no_load"]
        if "cost_usd" in m:
            return w["golden"].format(
                n=f"{m['n']:,.0f}", cost=f"{m['cost_usd']:.6f}", p95=f"{m['p95_ms']:.0f}"
            )
        return w["load"].format(
            p95=f"{m['p95_ms']:.1f}",
            n_failed=f"{m['n_failed']:.0f}",
            n=f"{m['n']:,.0f}",
            rate=f"{m['requests_per_s']:,.0f}",
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
            **({"about": dict(self.about)} if self.about else {}),
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> StagingReport:
        """A report from its record.   Raises: KeyError, TypeError when it is none."""
        return cls(
            endpoint=record["endpoint"],
            version=record["version"],
            digest=record["digest"],
            tests=tuple(
                TestResult(
                    name=test["name"],
                    passed=test["passed"],
                    detail=test["detail"],
                    seconds=test["seconds"],
                )
                for test in record["tests"]
            ),
            measured=dict(record["measured"]),
            about=record.get("about", {}),
        )

    def as_text(self) -> str:
        """The report for a terminal."""
        lines = [
            f"Staging of {self.endpoint} version {self.version} (digest {self.digest[:12]})",
            "",
        ]
        lines += [
            f"  {'pass' if t.passed else 'FAIL'}  {t.name:<20} {t.detail}" for t in self.tests
        ]
        lines += ["", *(f"  {name}: {value}" for name, value in said(self.about, "en"))]
        lines += ["", ("PASSED: " if self.passed else "FAILED: ") + self.reason, ""]
        return "\n".join(lines)
