"""What is given again, what is not, and that nothing but time is lost when a store fails."""

import asyncio

import msgspec
import pytest

from seatrial.gateway.chat.call import CacheUse
from seatrial.gateway.chat.failures import Overloaded, StreamCut
from seatrial.gateway.chat.messages import ToolCall
from seatrial.gateway.chat.request import EmbeddingRequest
from seatrial.gateway.chat.response import ChatResponse, Chunk, Finished, FinishReason, TextDelta
from seatrial.gateway.chat.transcript import assembled
from seatrial.gateway.policies.cache import Cached, CacheOptions
from seatrial.gateway.policies.fallback import Candidate, Fallback
from seatrial.gateway.policies.recent_answers import RecentAnswers
from seatrial.kernel.store import StoreUnavailable
from seatrial.testing.fake_time import in_fake_time, now
from seatrial.testing.memory_answers import MemoryAnswers
from seatrial.testing.scripted_provider import ScriptedProvider, Turn, answers, fails

FULL = Overloaded("It is full.", remedy="Wait.", provider="scripted")
AWAY = StoreUnavailable("It is away.", remedy="Look for it.")
LOOK = ToolCall(id="t", name="look", arguments="{}")


def cached(provider, store=None, recent=None, first="scripted/small", **options):
    return Cached(
        provider,
        options=CacheOptions(**options),
        route="r",
        first=first,
        recent=recent or RecentAnswers(max_entries=100, max_bytes=10**6),
        store=store,
        now=now,
    )


@in_fake_time
async def test_an_equal_request_is_answered_without_a_call(asked, called):
    provider = ScriptedProvider([answers("one"), answers("two")])
    cache = cached(provider)
    calls = [called(), called(), called()]
    first = await cache.chat(asked(), calls[0])
    assert await cache.chat(asked(user="bob", stream=True), calls[1]) == first
    assert (await cache.chat(asked("Another?"), calls[2])).text == "two"
    uses = [call.journal.cache for call in calls]
    assert uses == [CacheUse.MISS, CacheUse.HIT, CacheUse.MISS]
    assert len(provider.heard) == 2


@in_fake_time
async def test_an_answer_is_given_again_until_it_expires(asked, called):
    provider = ScriptedProvider([answers("one"), answers("two")])
    cache = cached(provider, ttl_s=100.0)
    texts = []
    for wait_s in (0, 99, 2):
        await asyncio.sleep(wait_s)
        texts.append((await cache.chat(asked(), called())).text)
    assert texts == ["one", "one", "two"]


@in_fake_time
async def test_tenants_share_nothing(asked, called):
    provider = ScriptedProvider([answers("ana's"), answers("bob's")])
    cache = cached(provider)
    texts = [(await cache.chat(asked(), called(tenant=who))).text for who in "aba"]
    assert texts == ["ana's", "bob's", "ana's"]


@in_fake_time
async def test_a_route_that_was_pointed_elsewhere_answers_anew(asked, called):
    provider = ScriptedProvider([answers("old"), answers("new")])
    recent = RecentAnswers(max_entries=100, max_bytes=10**6)
    for first, text in (("p/a", "old"), ("p/b", "new"), ("p/a", "old")):
        cache = cached(provider, recent=recent, first=first)
        assert (await cache.chat(asked(), called())).text == text


@pytest.mark.parametrize("temperature", [None, 0.1, 1.0])
def test_who_asks_for_chance_is_answered_anew_unless_told(asked, called, temperature):
    @in_fake_time
    async def run():
        for told, n_calls in ((False, 2), (True, 1)):
            provider = ScriptedProvider()
            cache = cached(provider, any_temperature=told)
            calls = [called(), called()]
            for call in calls:
                await cache.chat(asked(temperature=temperature), call)
            assert len(provider.heard) == n_calls
            assert calls[1].journal.cache is (CacheUse.HIT if told else CacheUse.NONE)

    run()


NOT_KEPT = {
    "cut": Turn(finish_reason=FinishReason.CUT),
    "filtered": Turn(finish_reason=FinishReason.FILTERED),
    "other": Turn(finish_reason=FinishReason.OTHER),
    "empty": Turn(text=""),
    "tool call": Turn(text="", tool_calls=(LOOK,)),
    "tool call in a text that stops": Turn(tool_calls=(LOOK,), finish_reason=FinishReason.STOP),
}


@pytest.mark.parametrize("turn", NOT_KEPT.values(), ids=list(NOT_KEPT))
@pytest.mark.parametrize("streamed", [False, True])
def test_what_is_no_whole_good_answer_is_not_kept(asked, called, pieces_of, turn, streamed):
    @in_fake_time
    async def run():
        provider, store = ScriptedProvider([turn]), MemoryAnswers(now)
        cache = cached(provider, store)
        for _ in range(2):
            if streamed:
                assert await pieces_of(cache, asked(), called()) == list(turn.pieces(asked()))
            else:
                await cache.chat(asked(), called())
        await cache.close()
        assert len(provider.heard) == 2
        assert store.n_bytes == 0

    run()


@in_fake_time
async def test_tool_calls_are_kept_when_told(asked, called):
    provider = ScriptedProvider([NOT_KEPT["tool call"]])
    cache = cached(provider, tool_calls=True)
    answered = [await cache.chat(asked(), called()) for _ in range(2)]
    assert answered[1].choices[0].message.tool_calls == (LOOK,)
    assert len(provider.heard) == 1


@in_fake_time
async def test_several_answers_are_kept_only_all_together(asked, called):
    class Stingy(ScriptedProvider):
        async def chat(self, request, call):
            whole = await ScriptedProvider.chat(self, request, call)
            return msgspec.structs.replace(whole, choices=whole.choices[: len(self.heard)])

    provider = Stingy()
    cache = cached(provider)
    counts = [len((await cache.chat(asked(n=2), called())).choices) for _ in range(3)]
    assert counts == [1, 2, 2]
    assert len(provider.heard) == 2


@in_fake_time
async def test_a_failure_is_not_kept(asked, called):
    provider = ScriptedProvider([fails(FULL), answers("well")])
    cache = cached(provider)
    with pytest.raises(Overloaded):
        await cache.chat(asked(), called())
    assert (await cache.chat(asked(), called())).text == "well"


@in_fake_time
async def test_a_stream_that_breaks_off_is_not_kept(asked, called, pieces_of):
    cut = StreamCut("It broke off.", remedy="Ask again.", provider="scripted")
    half = tuple(Chunk(events=(TextDelta(text="Hal"),)) for _ in range(2))
    provider = ScriptedProvider([fails(cut, after=2), Turn(chunks=half), answers("well")])
    cache = cached(provider)
    with pytest.raises(StreamCut):
        await pieces_of(cache, asked(), called())
    assert await pieces_of(cache, asked(), called()) == list(half)  # no Finished: not whole
    assert (await cache.chat(asked(), called())).text == "well"


@pytest.mark.parametrize("streamed", [False, True])
def test_the_answer_of_a_fallback_is_not_kept_under_the_routes_key(
    asked, called, pieces_of, streamed
):
    @in_fake_time
    async def run():
        first = ScriptedProvider([fails(FULL), answers("first's")], name="first")
        second = ScriptedProvider([answers("second's")], name="second")
        candidates = [Candidate(provider=p, model="small") for p in (first, second)]
        cache = cached(Fallback(candidates, name="both", now=now), first="first/small")
        texts = []
        for _ in range(3):
            if streamed:
                whole = assembled(await pieces_of(cache, asked(), called()))
            else:
                whole = await cache.chat(asked(), called())
            assert isinstance(whole, ChatResponse)
            texts.append(whole.text)
        assert texts == ["second's", "first's", "first's"]
        assert (len(first.heard), len(second.heard)) == (2, 1)

    run()


@in_fake_time
async def test_a_stream_is_played_again_piece_by_piece(asked, called, pieces_of):
    provider = ScriptedProvider([answers("It works  well.")])
    cache = cached(provider)
    first = await pieces_of(cache, asked(), called())
    call = called()
    assert await pieces_of(cache, asked(stream=True), call) == first
    assert call.journal.cache is CacheUse.HIT
    assert len(first) > 4
    assert len(provider.heard) == 1


@in_fake_time
async def test_a_stream_serves_a_whole_request_and_the_other_way_round(asked, called, pieces_of):
    provider = ScriptedProvider([answers("streamed"), answers("whole")])
    cache = cached(provider)
    streamed = await pieces_of(cache, asked("a"), called())
    assert await cache.chat(asked("a"), called()) == assembled(streamed)
    whole = await cache.chat(asked("b"), called())
    assert assembled(await pieces_of(cache, asked("b"), called())) == whole
    assert len(provider.heard) == 2


@in_fake_time
async def test_embeddings_are_kept(called):
    provider = ScriptedProvider()
    cache = cached(provider)
    request = EmbeddingRequest(model="e", inputs=("ab", "c"))
    calls = [called(), called()]
    vectors = [await cache.embed(request, call) for call in calls]
    assert vectors[0] == vectors[1]
    assert calls[1].journal.cache is CacheUse.HIT
    assert len(provider.heard) == 1


@in_fake_time
async def test_another_process_finds_it_in_the_store_for_the_time_that_is_left(
    asked, called, pieces_of
):
    store = MemoryAnswers(now)
    provider = ScriptedProvider([answers("one"), answers("two")])
    ours, theirs = cached(provider, store, ttl_s=100.0), cached(provider, store, ttl_s=100.0)
    streamed = await pieces_of(ours, asked(), called())
    await asyncio.sleep(60)
    call = called()
    assert await pieces_of(theirs, asked(), call) == streamed
    assert call.journal.cache is CacheUse.HIT
    await asyncio.sleep(41)
    assert (await theirs.chat(asked(), called())).text == "two"
    await theirs.close()


@in_fake_time
async def test_nothing_is_given_again_for_longer_than_told_now(asked, called):
    """Whatever was told when it was put, and wherever the store's clock was set since."""
    store = MemoryAnswers(now)
    provider = ScriptedProvider([answers("one"), answers("two")])
    before, after = cached(provider, store, ttl_s=1000.0), cached(provider, store, ttl_s=10.0)
    await before.chat(asked(), called())
    await asyncio.sleep(0.1)
    assert (await after.chat(asked(), called())).text == "one"
    (key,) = store._held
    await store.delete(key)
    await asyncio.sleep(11)
    assert (await after.chat(asked(), called())).text == "two"
    await after.close()


@in_fake_time
async def test_embeddings_and_wholes_come_out_of_the_store(asked, called):
    store = MemoryAnswers(now)
    provider = ScriptedProvider()
    ours, theirs = cached(provider, store), cached(ScriptedProvider(), store)
    whole = await ours.chat(asked(), called())
    request = EmbeddingRequest(model="e", inputs=("ab", "c"))
    vectors = await ours.embed(request, called())
    await ours.close()
    assert await theirs.chat(asked(), called()) == whole
    assert await theirs.embed(request, called()) == vectors


@in_fake_time
async def test_a_damaged_entry_is_a_miss_and_is_mended(asked, called):
    store = MemoryAnswers(now)
    provider = ScriptedProvider([answers("one"), answers("two")])
    await cached(provider, store).chat(asked(), called())
    await asyncio.sleep(0.1)
    (key,) = store._held
    for damage in (b"", b"\x01", b"rubbish" * 20):
        await store.put(key, damage, ttl_s=100.0)
        other = cached(ScriptedProvider([answers("new")]), store)
        assert (await other.chat(asked(), called())).text == "new"
        await other.close()
        assert (await cached(provider, store).chat(asked(), called())).text == "new"


@in_fake_time
async def test_a_store_that_is_away_is_a_miss_and_is_left_alone_for_a_while(asked, called, caplog):
    store = MemoryAnswers(now)
    store.failure = AWAY
    cache = cached(ScriptedProvider(), store, store_pause_s=5.0)
    for text in "abc":
        assert (await cache.chat(asked(text), called())).text == "It works."
    assert store.n_calls == 1
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    await asyncio.sleep(5)
    store.failure = None
    await cache.chat(asked("d"), called())
    await cache.close()
    assert store.n_bytes > 0


@in_fake_time
async def test_a_store_that_fails_while_writing_changes_no_answer(asked, called):
    class Full(MemoryAnswers):
        async def put(self, key, value, *, ttl_s):
            raise AWAY

    cache = cached(ScriptedProvider(), Full(now))
    assert (await cache.chat(asked(), called())).text == "It works."
    call = called()
    assert (await cache.chat(asked(), call)).text == "It works."
    assert call.journal.cache is CacheUse.HIT
    await cache.close()


@in_fake_time
async def test_an_answer_that_is_too_long_is_not_kept(asked, called):
    provider, store = ScriptedProvider([answers("x" * 2000)]), MemoryAnswers(now)
    cache = cached(provider, store, max_entry_bytes=1000)
    for _ in range(2):
        await cache.chat(asked(), called())
    for _ in range(2):
        request = EmbeddingRequest(model="e", inputs=tuple(map(str, range(60))))
        await cache.embed(request, called())
    await cache.close()
    assert len(provider.heard) == 4
    assert store.n_bytes == 0


@in_fake_time
async def test_a_request_without_a_key_is_passed_on(asked, called, pieces_of):
    provider = ScriptedProvider()
    cache = cached(provider)
    for _ in range(2):
        await cache.chat(asked("\ud800"), called())
        await pieces_of(cache, asked("\ud800"), called())
        await cache.embed(EmbeddingRequest(model="e", inputs=("\ud800",)), called())
    assert len(provider.heard) == 6


@in_fake_time
async def test_only_what_can_be_a_stream_is_given_as_one(asked, called, pieces_of):
    """A whole answer with a part that no stream carries makes a stream ask anew."""
    from seatrial.gateway.chat.messages import Other, Text

    class Talking(ScriptedProvider):
        async def chat(self, request, call):
            whole = await ScriptedProvider.chat(self, request, call)
            message = msgspec.structs.replace(
                whole.choices[0].message, parts=(Text("a"), Other(kind="audio", data={}))
            )
            choice = msgspec.structs.replace(whole.choices[0], message=message)
            return msgspec.structs.replace(whole, choices=(choice,))

    provider = Talking()
    cache = cached(provider)
    await cache.chat(asked(), called())
    chunks = await pieces_of(cache, asked(), called())
    assert any(isinstance(event, Finished) for chunk in chunks for event in chunk.events)
    assert len(provider.heard) == 2


@in_fake_time
async def test_closing_closes_the_provider(called):
    provider = ScriptedProvider()
    cache = cached(provider)
    assert cache.name == "scripted"
    await cache.close()
    assert provider.closed
