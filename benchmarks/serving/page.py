"""Pages that carry a block of the report between two marks. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def marks(block: str) -> tuple[str, str]:
    """The two lines a block lies between."""
    return (
        f"<!-- serving benchmark, {block}: begin -->",
        f"<!-- serving benchmark, {block}: end -->",
    )


def fill(page: str, blocks: Mapping[str, str]) -> str:
    """A page with the text of each block it has marks for replaced.

    Args: blocks: text by the block's name.   Raises: ValueError when it has no marks at all.
    """
    filled = 0
    for name, text in blocks.items():
        begin, end = marks(name)
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if found and closed:
            page = f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"
            filled += 1
    if not filled:
        raise ValueError(f"The page lacks marks such as {marks(next(iter(blocks)))}.")
    return page
