"""Which messages stay when a conversation is too long: decisions only.

A conversation is system messages and turns; a turn is what a user says and what follows until a
user speaks again. Within the last turn stand steps: a message of the model with the calls it asks
for, and all of their results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from seatrial.gateway.chat.messages import Message, Role, ToolCall, ToolResult


class Group(msgspec.Struct, frozen=True):
    """Messages that stay or go together.

    Args:
        messages: their places, ascending.
        pinned: whether they stay whatever happens.
    """

    messages: tuple[int, ...]
    pinned: bool = False


class FitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What stays.

    Args:
        kept, dropped: places of messages, ascending; together all of them.
        size: of those kept, in tokens.
        fits: whether the size is within the room; if not, all that is left is pinned.
    """

    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    size: int
    fits: bool


def plan_fit(sizes: Sequence[int], groups: Sequence[Group], room: int) -> FitPlan:
    """Drop groups that are not pinned, from the first on, until the rest fits.

    Args:
        sizes: tokens of each message, >= 0.
        groups: every message in exactly one, in the order in which they may go.
        room: tokens there are for messages.

    Returns: the plan. With more room it keeps what it kept, and applied to its own result with the
        same room it drops nothing.
    """
    size = sum(sizes)
    dropped: set[int] = set()
    for group in groups:
        if size <= room:
            break
        if not group.pinned:
            dropped.update(group.messages)
            size -= sum(sizes[place] for place in group.messages)
    return FitPlan(
        kept=tuple(place for place in range(len(sizes)) if place not in dropped),
        dropped=tuple(sorted(dropped)),
        size=size,
        fits=size <= room,
    )


def group_messages(messages: Sequence[Message]) -> tuple[Group, ...]:
    """Groups of a conversation, in the order in which they may go.

    System messages are pinned, and so are what the user said last and the newest step after it.
    Older turns go whole, the oldest first, so that what is left of a conversation begins with the
    user; then the older steps of the last turn. A call and its results are never in two groups:
    turns that share one are one.
    """
    system = tuple(n for n, message in enumerate(messages) if message.role is Role.SYSTEM)
    others = [n for n in range(len(messages)) if n not in set(system)]
    turns = _joined(messages, _split(others, lambda n: _opens_turn(messages, n)))
    groups = [Group(system, pinned=True)] if system else []
    groups += [Group(tuple(turn)) for turn in turns[:-1]]
    if turns:
        groups += _last_turn(messages, turns[-1])
    return tuple(groups)


def _last_turn(messages: Sequence[Message], turn: Sequence[int]) -> list[Group]:
    opening = [n for n in turn[:1] if _opens_turn(messages, n)]
    rest = turn[len(opening) :]
    steps = _joined(messages, _split(rest, lambda n: messages[n].role is not Role.TOOL))
    groups = [Group(tuple(opening), pinned=True)] if opening else []
    groups += [Group(tuple(step)) for step in steps[:-1]]
    groups += [Group(tuple(step), pinned=True) for step in steps[-1:]]
    return groups


def _opens_turn(messages: Sequence[Message], place: int) -> bool:
    """Whether a user speaks here, not only the function of a call."""
    message = messages[place]
    return message.role is Role.USER and not any(
        isinstance(part, ToolResult) for part in message.parts
    )


def _split(places: Iterable[int], opens: Callable[[int], bool]) -> list[list[int]]:
    """Runs of places, each beginning where ``opens`` says so."""
    runs: list[list[int]] = []
    for place in places:
        if not runs or opens(place):
            runs.append([])
        runs[-1].append(place)
    return runs


def _joined(messages: Sequence[Message], runs: Sequence[list[int]]) -> list[list[int]]:
    """The runs, with all joined from one that asks for a call to the one with its result."""
    home = {place: number for number, run in enumerate(runs) for place in run}
    asked: dict[str, int] = {}
    last = list(range(len(runs)))
    for place, number in home.items():
        for part in messages[place].parts:
            if isinstance(part, ToolCall):
                asked[part.id] = number
            elif isinstance(part, ToolResult) and part.call_id in asked:
                first = asked[part.call_id]
                last[first] = max(last[first], number)
    joined: list[list[int]] = []
    until = -1
    for number, run in enumerate(runs):
        if number > until:
            joined.append([])
        joined[-1].extend(run)
        until = max(until, last[number])
    return joined
