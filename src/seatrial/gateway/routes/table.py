"""Which provider answers for a name: each is a whole stack of policies over its candidates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import StrEnum

import msgspec

from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.tokens.counter import TokenCounter
from seatrial.kernel.errors import Invalid, NotFound


class ModelUnknown(NotFound):
    """There is no model of that name here."""

    code = "gateway.model_unknown"


class ModelUnfit(Invalid):
    """The model is asked for what it is not for."""

    code = "gateway.model_unfit"


class Use(StrEnum):
    """What a model is asked for."""

    CHAT = "chat"
    EMBEDDING = "embedding"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """A name that callers use.

    Args:
        provider: what answers, all policies included.
        deadline_s: from call to answer, > 0.
        candidates: provider and model of each, in order, for lists.
        counter: of the first candidate's model.
    """

    name: str
    provider: Provider
    deadline_s: float
    use: Use = Use.CHAT
    candidates: tuple[tuple[str, str], ...] = ()
    counter: TokenCounter | None = None


class ModelTable:
    """The models there are, by name.

    Args:
        routes: by the name of each.
    """

    def __init__(self, routes: Mapping[str, Route]) -> None:
        self._routes = dict(routes)

    def get(self, name: str, use: Use) -> Route:
        """What answers for a name.   Raises: ModelUnknown, ModelUnfit."""
        route = self._routes.get(name)
        if route is None:
            raise self.unknown(name)
        if route.use is not use:
            raise ModelUnfit(
                f"The model {name!r} is for {route.use}, not for {use}.",
                remedy=f"Ask it for {route.use}, or name one of kind {use} in gateway.models.",
                model=name,
            )
        return route

    def unknown(self, name: str) -> ModelUnknown:
        """The error for a name that nobody answers for."""
        near = get_close_matches(name[:200], self._routes, n=1)
        known = ", ".join(sorted(self._routes)[:10]) or "none: the section gateway has no models"
        return ModelUnknown(
            f"There is no model {name[:100]!r}.",
            remedy=f"Did you mean {near[0]!r}?" if near else f"Models are: {known}.",
            model=name[:100],
        )

    def beside(self, routes: Iterable[Route]) -> ModelTable:
        """This table with further routes; those it has already stay."""
        return ModelTable({route.name: route for route in routes} | self._routes)

    def find(self, name: str) -> Route | None:
        """The route of a name, whatever it is for."""
        return self._routes.get(name)

    def all(self) -> list[Route]:
        """All routes, by name."""
        return [self._routes[name] for name in sorted(self._routes)]
