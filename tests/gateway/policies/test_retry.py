import asyncio
from random import Random

import pytest

from seatrial.gateway.chat.failures import (
    BadReply,
    ConnectionLost,
    ContextTooLong,
    Overloaded,
    RateLimited,
    Rejected,
    ServerFault,
    StreamCut,
    TimedOut,
    Unauthorized,
)
from seatrial.gateway.chat.messages import Role, said
from seatrial.gateway.chat.request import ChatRequest, EmbeddingRequest
from seatrial.gateway.chat.response import Chunk, Finished, FinishReason, Started, TextDelta
from seatrial.gateway.policies.backoff import Backoff
from seatrial.gateway.policies.retry import Retry, RetryOptions
from seatrial.kernel.errors import LimitExceeded
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.scripted_provider import (
    Ending,
    ScriptedProvider,
    Turn,
    answers,
    call_within,
    fails,
    hangs,
    read_all,
    text_of,
)

REQUEST = ChatRequest(model="small", messages=(said(Role.USER, "Does it work?"),))


def failure(cls, retry_after_s=None):
    return cls("It failed.", remedy="Wait.", provider="scripted", retry_after_s=retry_after_s)


def retrying(provider, **options):
    return Retry(provider, RetryOptions(**options), now=now, chance=Random(7))


@in_fake_time
async def test_failures_that_pass_are_not_seen():
    provider = ScriptedProvider(
        [fails(failure(Overloaded)), fails(failure(BadReply)), answers("third")]
    )
    call = call_within()
    answer = await retrying(provider).chat(REQUEST, call)
    assert answer.text == "third"
    assert len(provider.heard) == 3
    assert call.journal.notes["retry.retries"] == 2


@in_fake_time
async def test_attempts_end_and_the_last_failure_goes_out_as_it_was():
    last = failure(ServerFault)
    provider = ScriptedProvider([fails(failure(Overloaded)), fails(last)])
    with pytest.raises(ServerFault) as caught:
        await retrying(provider, backoff=Backoff(max_attempts=4)).chat(REQUEST, call_within())
    assert caught.value is last
    assert len(provider.heard) == 4


@pytest.mark.parametrize("cls", [Rejected, Unauthorized, ContextTooLong])
@pytest.mark.parametrize("streamed", [False, True])
@in_fake_time
async def test_what_no_second_try_can_mend_is_told_at_once(cls, streamed):
    provider = ScriptedProvider([fails(failure(cls))])
    begun = now()
    retry = retrying(provider)
    with pytest.raises(cls):
        await (
            read_all(retry.stream(REQUEST, call_within()))
            if streamed
            else retry.chat(REQUEST, call_within())
        )
    assert len(provider.heard) == 1
    assert now() == begun


@in_fake_time
async def test_errors_that_are_not_the_providers_pass_untouched():
    class Refusing(ScriptedProvider):
        async def chat(self, request, call):
            self.heard.append(None)
            raise LimitExceeded("The budget is spent.", remedy="Wait for tomorrow.")

    provider = Refusing()
    with pytest.raises(LimitExceeded):
        await retrying(provider).chat(REQUEST, call_within())
    assert len(provider.heard) == 1


@in_fake_time
async def test_retry_after_is_waited_for():
    provider = ScriptedProvider([fails(failure(RateLimited, 12)), answers()])
    begun = now()
    await retrying(provider).chat(REQUEST, call_within(60))
    assert begun + 12 <= provider.heard[1].began <= begun + 12.5


@in_fake_time
async def test_a_retry_after_beyond_the_deadline_fails_at_once():
    provider = ScriptedProvider([fails(failure(RateLimited, 61)), answers()])
    begun = now()
    with pytest.raises(RateLimited) as caught:
        await retrying(provider).chat(REQUEST, call_within(60))
    assert caught.value.retry_after_s == 61
    assert now() == begun


@in_fake_time
async def test_a_provider_that_hangs_ends_with_the_deadline():
    provider = ScriptedProvider([hangs()])
    begun = now()
    with pytest.raises(TimedOut, match="scripted gave no answer within 5 s"):
        await retrying(provider).chat(REQUEST, call_within(5))
    assert now() - begun == pytest.approx(5)
    assert provider.endings == [Ending.CANCELLED]


@in_fake_time
async def test_one_attempt_may_have_less_time_than_all():
    provider = ScriptedProvider([hangs(), answers("second")])
    begun = now()
    answer = await retrying(provider, attempt_timeout_s=2).chat(REQUEST, call_within(60))
    assert answer.text == "second"
    assert 2 <= now() - begun <= 2.5
    assert provider.heard[0].call.deadline == pytest.approx(begun + 2)


@in_fake_time
async def test_an_answer_is_due_when_others_shall_have_their_turn():
    provider = ScriptedProvider([hangs()])
    begun = now()
    call = call_within(60)
    with pytest.raises(TimedOut):
        await retrying(provider).chat(
            REQUEST,
            type(call)(id="a", deadline=call.deadline, journal=call.journal, first_by=begun + 4),
        )
    assert now() - begun == pytest.approx(4)


@in_fake_time
async def test_no_time_no_attempt():
    provider = ScriptedProvider()
    call = call_within(1)
    await asyncio.sleep(1)
    with pytest.raises(TimedOut):
        await retrying(provider).chat(REQUEST, call)
    with pytest.raises(TimedOut):
        await read_all(retrying(provider).stream(REQUEST, call))
    assert provider.heard == []


@in_fake_time
async def test_who_asks_may_give_up_at_any_time():
    provider = ScriptedProvider([fails(failure(Overloaded, 10)), hangs()])
    for seconds in (5, 10):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await retrying(provider).chat(REQUEST, call_within())
    assert provider.endings == [Ending.FAILED, Ending.CANCELLED]


@in_fake_time
async def test_a_timeout_that_is_not_ours_is_an_error_like_any_other():
    class Odd(ScriptedProvider):
        async def chat(self, request, call):
            raise TimeoutError("of its own")

    with pytest.raises(TimeoutError, match="of its own"):
        await retrying(Odd()).chat(REQUEST, call_within())


@in_fake_time
async def test_vectors_are_asked_for_again_too():
    provider = ScriptedProvider([fails(failure(ConnectionLost)), Turn()])
    found = await retrying(provider).embed(
        EmbeddingRequest(model="v", inputs=("abc",)), call_within()
    )
    assert found.vectors == ((3.0, 1.0),)


@in_fake_time
async def test_a_stream_that_dies_before_it_speaks_begins_again_unseen():
    provider = ScriptedProvider(
        [fails(failure(StreamCut), after=1), fails(failure(ServerFault)), answers("It works.")]
    )
    pieces = await read_all(retrying(provider).stream(REQUEST, call_within()))
    assert text_of(pieces) == "It works."
    started = [e for piece in pieces for e in piece.events if isinstance(e, Started)]
    assert len(started) == 1
    assert provider.endings == [Ending.FAILED, Ending.FAILED, Ending.ANSWERED]


@pytest.mark.parametrize("cls", [StreamCut, ConnectionLost, RateLimited])
@in_fake_time
async def test_a_stream_that_dies_after_it_spoke_says_so(cls):
    provider = ScriptedProvider([fails(failure(cls), after=2), answers()])
    pieces: list[Chunk] = []
    with pytest.raises(StreamCut):
        await read_all(retrying(provider).stream(REQUEST, call_within()), pieces)
    assert text_of(pieces) == "It "
    assert len(provider.heard) == 1


@in_fake_time
async def test_pieces_that_come_before_the_first_word_come_with_it():
    provider = ScriptedProvider([Turn(wait_s=1, gap_s=2)])
    begun = now()
    async for _ in retrying(provider).stream(REQUEST, call_within()):
        assert now() - begun == pytest.approx(3)
        break


@in_fake_time
async def test_an_answer_without_a_word_is_given_at_its_end():
    silent = (
        Chunk(events=(Started(id="a", model="m"),)),
        Chunk(events=(Finished(reason=FinishReason.STOP),)),
    )
    provider = ScriptedProvider([Turn(chunks=silent)])
    assert tuple(await read_all(retrying(provider).stream(REQUEST, call_within()))) == silent


@in_fake_time
async def test_a_late_first_word_counts_as_no_answer_in_time():
    provider = ScriptedProvider([hangs(after=1), Turn(wait_s=1, gap_s=30)])
    retry = retrying(provider, attempt_timeout_s=40)
    begun = now()
    pieces = await read_all(retry.stream(REQUEST, call_within(600)))
    assert text_of(pieces) == "It works."
    assert provider.endings == [Ending.CANCELLED, Ending.ANSWERED]
    assert provider.heard[0].call.first_by == pytest.approx(begun + 40)
    assert provider.heard[0].call.deadline == pytest.approx(begun + 600)


@pytest.mark.parametrize(("gap_timeout_s", "takes_s"), [(None, 20), (3, 3)])
@in_fake_time
async def test_a_stream_that_stops_speaking_is_cut(gap_timeout_s, takes_s):
    provider = ScriptedProvider([hangs(after=2)])
    retry = retrying(provider, gap_timeout_s=gap_timeout_s)
    begun = now()
    pieces: list[Chunk] = []
    with pytest.raises(StreamCut, match="broke off"):
        await read_all(retry.stream(REQUEST, call_within(20)), pieces)
    assert now() - begun == pytest.approx(takes_s)
    assert text_of(pieces) == "It "
    assert provider.endings == [Ending.CANCELLED]


@in_fake_time
async def test_gaps_may_be_long_together():
    provider = ScriptedProvider([Turn(text="a b c d e f g", gap_s=2.9)])
    pieces = await read_all(retrying(provider, gap_timeout_s=3).stream(REQUEST, call_within(60)))
    assert text_of(pieces) == "a b c d e f g"


@in_fake_time
async def test_a_reader_that_leaves_ends_the_request():
    provider = ScriptedProvider()
    stream = retrying(provider).stream(REQUEST, call_within())
    async for piece in stream:
        if any(isinstance(event, TextDelta) for event in piece.events):
            break
    await stream.aclose()
    assert provider.endings == [Ending.CLOSED]


@in_fake_time
async def test_closing_closes_the_provider():
    provider = ScriptedProvider(name="mine")
    assert retrying(provider).name == "mine"
    await retrying(provider).close()
    assert provider.closed
