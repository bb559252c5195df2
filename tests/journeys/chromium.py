"""Pages in a real browser, and what they do that they should not; for tests that share it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOTS = Path(__file__).parents[2] / "build" / "screenshots"
LOOKS: dict[str, dict[str, Any]] = {
    "light-en": {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"},
    "dark-zh": {
        "viewport": {"width": 1280, "height": 900},
        "locale": "zh-CN",
        "color_scheme": "dark",
    },
    "phone-light-zh": {"viewport": {"width": 390, "height": 844}, "locale": "zh-CN"},
    "phone-dark-en": {
        "viewport": {"width": 390, "height": 844},
        "locale": "en-GB",
        "color_scheme": "dark",
    },
}
"""Screens and readers that every page is looked at with."""
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@contextmanager
def launched() -> Iterator[Browser]:
    """Chromium, if the machine has it; in CI it must."""
    if CHROMIUM is None:
        assert not os.environ.get("CI"), "CI needs the package chromium"
        pytest.skip("the package chromium is not installed")
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield found
        found.close()


@contextmanager
def visited(browser: Browser, look: dict[str, Any]) -> Iterator[Visit]:
    """A page in a context of its own, which is closed afterwards."""
    context = browser.new_context(**look)
    try:
        yield Visit(context)
    finally:
        context.close()


@dataclass
class Visit:
    """A page, and what it did that it should not."""

    context: BrowserContext
    page: Page = field(init=False)
    complaints: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page = self.context.new_page()
        self.page.on(
            "console", lambda m: self.complaints.append(m.text) if m.type != "log" else None
        )
        self.page.on("pageerror", lambda e: self.complaints.append(str(e)))
        self.page.on("request", lambda r: self.hosts.add(urlsplit(r.url).hostname or ""))
        self.page.on("dialog", lambda d: d.accept())

    def reload_as(self, code: str) -> None:
        """The same page in another language, by its link."""
        with self.page.expect_navigation():
            self.page.locator(f"header a[lang={code}]").click()

    def shoot(self, name: str) -> None:
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)

    def fits(self) -> bool:
        """Whether nothing has to be scrolled sideways."""
        return bool(
            self.page.evaluate(
                "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
            )
        )

    def check(self) -> None:
        """No complaint so far, and nothing asked of anybody but the server."""
        assert self.complaints == []
        assert self.hosts <= {"127.0.0.1", ""}  # a data: or file: address has no host
