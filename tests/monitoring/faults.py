"""Writes that fail, one at a time: before anything is kept, or after, as connections do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from seatrial.kernel.store import StoreUnavailable
from seatrial.testing.memory_store import MemoryStore

STORE = ("append", "add_slices", "beat", "acquire", "prune_slices")


@dataclass
class Fault:
    """Lets the ``at``-th write fail of those that are made while it is ``armed``.

    Args:
        at: 0 for none.
        kept: whether what fails was kept all the same.
    """

    at: int = 0
    kept: bool = False
    armed: bool = False
    n: int = 0

    def in_(self, thing: Any, *names: str) -> Any:
        """Count the calls of some methods of an object."""
        for name in names:
            wrap = self._block if name == "at_once" else self._call
            setattr(thing, name, wrap(getattr(thing, name)))
        return thing

    @contextmanager
    def arming(self) -> Iterator[None]:
        """Writes within may fail."""
        self.armed = True
        try:
            yield
        finally:
            self.armed = False

    def _fails(self) -> bool:
        self.n += self.armed
        return self.armed and self.n == self.at

    def _call(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            fails = self._fails()
            if fails and not self.kept:
                raise StoreUnavailable("The store is gone.", remedy="Wait.")
            done = call(*args, **named)
            if fails:
                raise StoreUnavailable("The connection broke.", remedy="Wait.", outcome="unknown")
            return done

        return counted

    def _block(self, call: Callable[[], Any]) -> Callable[[], Any]:
        @contextmanager
        def counted() -> Iterator[None]:
            with call():
                yield
                fails = self._fails()
                if fails and not self.kept:
                    raise StoreUnavailable("The disk is gone.", remedy="Wait.")
            if fails:
                raise StoreUnavailable("The disk is gone.", remedy="Wait.", outcome="unknown")

        return counted


def facts_of(store: MemoryStore, *streams: str) -> list[tuple[str, dict[str, Any]]]:
    """All that was appended to some streams, in order."""
    return [(f.kind, dict(f.data)) for s in streams for f in store.read(stream=s)]
