"""Pages that carry a block of the report between two marks. Pure."""

from __future__ import annotations

from collections.abc import Mapping


def marks(block: str, of: str = "serving") -> tuple[str, str]:
    """The two lines a block lies between.   Args: its name; of which benchmark."""
    return (
        f"<!-- {of} benchmark, {block}: begin -->",
        f"<!-- {of} benchmark, {block}: end -->",
    )


def fill(page: str, blocks: Mapping[str, str], of: str = "serving") -> str:
    """A page with the text of each block it has marks for replaced.

    Args: blocks: text by the block's name; of: which benchmark.
    Raises: ValueError when it has no marks at all.
    """
    filled = 0
    for name, text in blocks.items():
        begin, end = marks(name, of)
        before, found, rest = page.partition(begin)
        _, closed, after = rest.partition(end)
        if found and closed:
            page = f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}"
            filled += 1
    if not filled:
        raise ValueError(f"The page lacks marks such as {marks(next(iter(blocks)), of)}.")
    return page
