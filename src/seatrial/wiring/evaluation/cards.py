"""Model cards as files beside the reports of a version: where they lie, and how they are shown."""

from __future__ import annotations

from pathlib import Path

from seatrial.kernel.errors import NotFound
from seatrial.wiring.workspace import Workspace

RECORD, MARKDOWN = "evaluation.json", "card.md"
PAGES = {"en": "card.html", "zh": "card.zh-CN.html"}


class NoCard(NotFound):
    """The version was not held against another one, or elsewhere."""

    code = "console.no_model_card"


def card_folder(workspace: Workspace, endpoint: str, version: int) -> Path:
    """Where the card of a version lies."""
    return workspace.release_folder(endpoint, version) / "evaluation"


def card_page(workspace: Workspace, endpoint: str, version: int, language: str) -> str:
    """The card as one page that needs nothing else.

    Args:
        endpoint: a name that is known to be an endpoint's.
        language: ``en`` or ``zh``.
    Raises: NoCard.
    """
    try:
        path = card_folder(workspace, endpoint, version) / PAGES[language]
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as missing:
        raise NoCard(
            f"Version {version} of {endpoint!r} has no model card on this machine.",
            remedy="A version has one once it was held against the one in production; see "
            "registry.models in the reference of seatrial.yaml.",
        ) from missing
