import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.gateway.chat.messages import Message, Role, ToolCall, ToolResult, said
from seatrial.gateway.policies.fit_plan import Group, group_messages, plan_fit


def asks(*ids):
    calls = tuple(ToolCall(id=i, name="f", arguments="{}") for i in ids)
    return Message(role=Role.ASSISTANT, parts=calls)


def gives(*ids, role=Role.TOOL):
    return Message(role=role, parts=tuple(ToolResult(call_id=i, content="r") for i in ids))


def user(text="u"):
    return said(Role.USER, text)


def model(text="a"):
    return said(Role.ASSISTANT, text)


@st.composite
def conversations(draw):
    """System messages anywhere, turns with calls whose results come at once, late or never."""
    messages, open_calls, number = [], [], 0
    for kind in draw(st.lists(st.sampled_from("suamcrRz"), max_size=25)):
        match kind:
            case "s":
                messages.append(said(Role.SYSTEM, "s"))
            case "u":
                messages.append(user())
            case "a" | "m":
                messages.append(model())
            case "c":
                ids = [str(number + n) for n in range(draw(st.integers(1, 3)))]
                number += len(ids)
                open_calls += ids
                messages.append(asks(*ids))
            case "r" | "R" if open_calls:
                which = open_calls.pop(draw(st.integers(0, len(open_calls) - 1)))
                messages.append(gives(which, role=Role.TOOL if kind == "r" else Role.USER))
            case "z":
                messages.append(gives("no-such-call"))
            case _:
                pass
    return tuple(messages)


@st.composite
def planned(draw):
    messages = draw(conversations())
    sizes = draw(st.lists(st.integers(0, 50), min_size=len(messages), max_size=len(messages)))
    return messages, sizes, draw(st.integers(-10, 400))


@given(planned())
def test_a_plan_never_exceeds_the_room_unless_all_is_pinned(case):
    messages, sizes, room = case
    groups = group_messages(messages)
    plan = plan_fit(sizes, groups, room)
    assert plan.size == sum(sizes[n] for n in plan.kept)
    assert plan.fits == (plan.size <= room)
    if not plan.fits:
        assert set(plan.kept) == {n for group in groups if group.pinned for n in group.messages}


@given(planned())
def test_every_message_is_kept_or_dropped_and_the_order_stays(case):
    messages, sizes, room = case
    plan = plan_fit(sizes, group_messages(messages), room)
    assert sorted(plan.kept + plan.dropped) == list(range(len(messages)))
    assert list(plan.kept) == sorted(plan.kept)


@given(planned())
def test_system_messages_and_the_newest_message_stay(case):
    messages, sizes, room = case
    plan = plan_fit(sizes, group_messages(messages), room)
    assert {n for n, m in enumerate(messages) if m.role is Role.SYSTEM} <= set(plan.kept)
    if messages:
        assert len(messages) - 1 in plan.kept


def places(messages):
    """Where each call and its result stand."""
    asked, given_ = {}, {}
    for n, message in enumerate(messages):
        for part in message.parts:
            if isinstance(part, ToolCall):
                asked[part.id] = n
            elif isinstance(part, ToolResult):
                given_[part.call_id] = n
    return [(asked[i], given_[i]) for i in asked.keys() & given_.keys()]


@given(planned())
def test_a_call_is_never_parted_from_its_result(case):
    messages, sizes, room = case
    plan = plan_fit(sizes, group_messages(messages), room)
    for call, result in places(messages):
        assert (call in plan.kept) == (result in plan.kept)


@given(planned(), st.integers(0, 100))
def test_more_room_keeps_what_less_room_kept(case, more):
    messages, sizes, room = case
    groups = group_messages(messages)
    assert set(plan_fit(sizes, groups, room).kept) <= set(plan_fit(sizes, groups, room + more).kept)


@given(planned())
def test_what_fits_is_cut_no_further(case):
    messages, sizes, room = case
    plan = plan_fit(sizes, group_messages(messages), room)
    kept = [messages[n] for n in plan.kept]
    again = plan_fit([sizes[n] for n in plan.kept], group_messages(kept), room)
    assert again.dropped == ()
    assert again.size == plan.size


@given(conversations())
def test_groups_hold_every_message_once(messages):
    placed = [n for group in group_messages(messages) for n in group.messages]
    assert sorted(placed) == list(range(len(messages)))


def kept(messages, room, sizes=None):
    return plan_fit(sizes or [1] * len(messages), group_messages(messages), room).kept


def test_the_oldest_turn_goes_first_and_whole():
    talk = [said(Role.SYSTEM, "s"), user(), model(), user(), model(), user()]
    assert kept(talk, 6) == (0, 1, 2, 3, 4, 5)
    assert kept(talk, 5) == (0, 3, 4, 5)
    assert kept(talk, 3) == (0, 5)


def test_an_old_turn_goes_even_where_a_smaller_newer_one_would_do():
    """What is left is the end of the conversation, not a selection from it."""
    talk = [user(), user(), user()]
    assert kept(talk, 11, sizes=[10, 1, 10]) == (1, 2)
    assert kept(talk, 20, sizes=[10, 1, 10]) == (1, 2)


def test_a_long_last_turn_loses_its_older_steps_and_keeps_its_question():
    talk = [user(), asks("1"), gives("1"), asks("2", "3"), gives("2"), gives("3"), model(), user()]
    running = talk[:-2]
    assert kept(running, 5) == (0, 3, 4, 5)
    assert kept([*running, asks("4"), gives("4")], 3) == (0, 6, 7)


def test_a_result_in_the_users_message_stays_with_its_call():
    talk = [user(), asks("1"), gives("1", role=Role.USER), model(), user()]
    assert kept(talk, 4) == (4,)
    assert kept(talk[:3], 1) == (0, 1, 2)


def test_turns_that_share_a_call_go_together():
    talk = [user(), asks("1"), user(), gives("1"), user(), user()]
    assert kept(talk, 5) == (4, 5)


def test_system_messages_stay_where_they_stand():
    talk = [user(), said(Role.SYSTEM, "s"), user()]
    assert kept(talk, 2) == (1, 2)


def test_nothing_is_planned_for_no_messages():
    plan = plan_fit([], group_messages([]), 0)
    assert (plan.kept, plan.dropped, plan.fits) == ((), (), True)


@pytest.mark.parametrize("room", [-1, 0, 9])
def test_pinned_messages_stay_though_they_do_not_fit(room):
    plan = plan_fit([10], [Group((0,), pinned=True)], room)
    assert (plan.kept, plan.fits) == ((0,), False)
