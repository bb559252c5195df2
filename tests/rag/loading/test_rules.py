"""What the configuration says about a file."""

from __future__ import annotations

import pytest

from seatrial.rag.loading.config import AccessConfig, SourceConfig
from seatrial.rag.loading.rules import Rules

SOURCE = SourceConfig.model_validate(
    {
        "path": "docs",
        "metadata": {"team": "all", "kind": "page"},
        "readers": "staff",
        "rules": [
            {"files": "hr/**", "metadata": {"team": "hr"}, "readers": ["hr", "legal"]},
            {"files": "*.draft.md", "readers": []},
            {"files": "hr/public/**", "readers": "everyone"},
        ],
    }
)


@pytest.mark.parametrize(
    ("path", "team", "readers"),
    [
        ("a.md", "all", frozenset({"staff"})),
        ("hr/a.md", "hr", frozenset({"hr", "legal"})),
        ("hr/a.draft.md", "hr", frozenset()),
        ("hr/public/a.draft.md", "hr", None),
    ],
)
def test_later_rules_go_over_earlier_ones(path, team, readers):
    rules = Rules(SOURCE, AccessConfig())
    said = rules.of(path)
    assert said.metadata == {"team": team, "kind": "page"}
    assert rules.readers(said, None) == readers
    assert rules.of(path) is said


@pytest.mark.parametrize(
    ("default", "own", "given", "readers"),
    [
        ("everyone", True, None, None),
        ("nobody", True, None, frozenset()),
        ("nobody", True, ("hr",), frozenset({"hr"})),
        ("nobody", True, ("hr", "everyone"), None),
        ("everyone", True, (), frozenset()),
        ("nobody", False, ("everyone",), frozenset()),
        ("everyone", False, ("hr",), None),
    ],
)
def test_without_a_rule_the_document_or_the_default_decides(default, own, given, readers):
    rules = Rules(SourceConfig(path="docs"), AccessConfig(default=default, own=own))
    assert rules.readers(rules.of("a.md"), given) == readers


def test_what_a_document_says_goes_over_rules():
    rules = Rules(SOURCE, AccessConfig())
    assert rules.readers(rules.of("hr/a.md"), ("board",)) == frozenset({"board"})
