"""Sizes of files as people read them."""

from __future__ import annotations


def show_size(n_bytes: int) -> str:
    """A number of bytes in the decimal unit that fits: ``12.3 kB``, ``4.5 MB``."""
    return f"{n_bytes / 1e6:.1f} MB" if n_bytes >= 1e5 else f"{n_bytes / 1e3:.1f} kB"
