"""Tokens of images, by the vendors' published rules.

OpenAI: platform.openai.com/docs/guides/images-vision, "Calculating costs": tiles of 512 pixels
after scaling, or patches of 32 pixels times a factor. Anthropic: docs.anthropic.com, "Vision":
patches of 28 pixels after scaling (the older text says width x height / 750). What is not known of
a model is None, and its images have no bound.
"""

from __future__ import annotations

import re
from math import ceil, sqrt
from typing import Final, Protocol

import msgspec

from seatrial.gateway.chat.messages import Image
from seatrial.gateway.tokens.image_size import size_of_base64

Size = tuple[int, int]
UNKNOWN_IMAGE: Final = 1_500
"""Estimate for an image of which nothing is known: about a square megapixel at Anthropic's rule."""


class ImageRule(Protocol):
    """How a model turns an image into tokens."""

    def estimate(self, size: Size | None, detail: str) -> int:
        """Tokens of an image; a typical large one where the size is not known."""
        ...

    def bound(self, size: Size | None, detail: str) -> int | None:
        """As many tokens as it can have; None where there is no bound."""
        ...


class Tiles(msgspec.Struct, frozen=True):
    """Scaled into 2048 x 2048, then to a short side of 768, then ``tile`` for each 512 x 512."""

    base: int
    tile: int

    def estimate(self, size: Size | None, detail: str) -> int:
        """Small images are not enlarged; an unknown one is taken for a square megapixel."""
        if detail == "low":
            return self.base
        return self._of(*(size or (1024, 1024)), enlarge=False)

    def bound(self, size: Size | None, detail: str) -> int:  # noqa: ARG002 - low need not be heeded
        """Enlarged, if that makes more tiles; 2 x 4 tiles are the most."""
        if size is None:
            return self.base + 8 * self.tile
        return max(self._of(*size, enlarge=False), self._of(*size, enlarge=True))

    def _of(self, width: int, height: int, *, enlarge: bool) -> int:
        scale = min(1.0, 2048 / max(width, height))
        short = min(width, height) * scale
        if short > 768 or enlarge:
            scale = min(scale * 768 / short, 2048 / max(width, height))
        across, down = (max(1, ceil(round(side * scale, 3) / 512)) for side in (width, height))
        return self.base + self.tile * across * down


class Patches(msgspec.Struct, frozen=True):
    """``factor`` for each patch of ``side`` pixels, scaled down to at most ``most`` patches.

    Args:
        most: None for a model that takes images as they are.
        dearest: the factor of the bound; greater than ``factor`` where this is not published.
        typical: patches of an image whose size is not known.
        low: patches of any image in low detail, which may enlarge it; 0 where there is no such.
    """

    side: int
    most: int | None
    factor: float = 1.0
    dearest: float = 1.0
    typical: int = 1_024
    low: int = 256

    def estimate(self, size: Size | None, detail: str) -> int:
        """Patches of the image as it is, cut at the most there can be."""
        if detail == "low" and self.low:
            return ceil(self.low * self.factor)
        patches = self.typical if size is None else self._patches(*size)
        return ceil((patches if self.most is None else min(patches, self.most)) * self.factor)

    def bound(self, size: Size | None, detail: str) -> int | None:  # noqa: ARG002 - as above
        """A row and a column more than the image has, for scaling rounds as it likes."""
        if size is None:
            return None if self.most is None else ceil(self.most * self.dearest)
        width, height = size
        patches = max(self.low, (ceil(width / self.side) + 1) * (ceil(height / self.side) + 1))
        return ceil((patches if self.most is None else min(patches, self.most)) * self.dearest)

    def _patches(self, width: int, height: int) -> int:
        whole = ceil(width / self.side) * ceil(height / self.side)
        if self.most is None or whole <= self.most:
            return whole
        scale = sqrt(self.side**2 * self.most / (width * height))
        across, down = width * scale / self.side, height * scale / self.side
        scale *= min(int(across) / across, int(down) / down) if across >= 1 <= down else 1.0
        return ceil(int(width * scale) / self.side) * ceil(int(height * scale) / self.side)


class Unpublished(msgspec.Struct, frozen=True):
    """A model whose rule is not known: an estimate, and no bound."""

    def estimate(self, size: Size | None, detail: str) -> int:  # noqa: ARG002 - as the port
        """By Anthropic's older rule."""
        return UNKNOWN_IMAGE if size is None else max(1, ceil(size[0] * size[1] / 750))

    def bound(self, size: Size | None, detail: str) -> int | None:  # noqa: ARG002 - as the port
        """None."""
        return None


_RULES: Final[tuple[tuple[re.Pattern[str], ImageRule], ...]] = tuple(
    (re.compile(pattern), rule)
    for pattern, rule in (
        (r"claude-(3\b|(opus|sonnet|haiku)-4(?!-[7-9])\b)", Patches(28, 1_568, low=0)),
        (r"claude-", Patches(28, 4_784, low=0)),
        (r"gpt-4o-mini\b", Tiles(2_833, 5_667)),
        (r"gpt-4\.1-mini\b", Patches(32, 1_536, 1.62, 1.62)),
        (r"gpt-4\.1-nano\b", Patches(32, 1_536, 2.46, 2.46)),
        (r"o4-mini\b", Patches(32, 1_536, 1.72, 1.72)),
        (r"(chat)?gpt-4o|gpt-4\.[15]|gpt-4-(turbo|vision)", Tiles(85, 170)),
        (r"gpt-5(\.4)?-mini\b", Patches(32, 1_536, 1.62, 1.62)),
        (r"gpt-5(\.4)?-nano\b", Patches(32, 1_536, 2.46, 2.46)),
        (r"gpt-5(-chat.*|-\d.*)?$", Tiles(70, 140)),
        (r"gpt-5\.[45]\b", Patches(32, 10_000, dearest=2.46, typical=2_500)),
        (r"gpt-5", Patches(32, None, dearest=2.46, typical=2_500)),
        (r"o[13]\b", Tiles(75, 150)),
        (r"computer-use-preview", Tiles(65, 129)),
    )
)
"""The first that fits counts. Where a newer model's factor is not published, the bound takes the
dearest one that is."""


def image_rule(model: str) -> ImageRule:
    """The rule of a model, by its name without a vendor's prefix."""
    name = model.lower().rpartition("/")[2].removeprefix("ft:")
    for pattern, rule in _RULES:
        if pattern.match(name):
            return rule
    return Unpublished()


def size_of_image(image: Image) -> Size | None:
    """Width and height of an image that came with the request; None for one behind an address."""
    data = image.data
    if data is None and image.url is not None and image.url.startswith("data:"):
        data = image.url.partition(",")[2]
    return None if data is None else size_of_base64(data)
