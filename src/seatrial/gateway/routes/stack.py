"""What stands around the providers of each model, outside in; why so: docs/adr/0020.

counts                          of the route
  guards                        where there are any
    rate limit of the key
      cache, which equal requests share
        room                    waits for money that other calls hold
          fallback, hedged      over the candidates, in order
            form of the answer  by the schema of the request
              fit               to the candidate's window
                retry
                  breaker       of the provider
                    concurrency of the provider
                      budget    around each attempt
                        spans   where there is a tracer
                          the provider
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from urllib.parse import urlsplit

from seatrial.gateway.chat.call import Call
from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.chat.response import Usage
from seatrial.gateway.ledger.allowances import Allowances
from seatrial.gateway.ledger.budget import Budget
from seatrial.gateway.policies.answers import Answers
from seatrial.gateway.policies.backoff import Backoff
from seatrial.gateway.policies.breaker import Breaker, Circuit
from seatrial.gateway.policies.budget import Budgeted
from seatrial.gateway.policies.cache import Cached, CacheOptions
from seatrial.gateway.policies.circuit import CircuitOptions
from seatrial.gateway.policies.concurrency import Concurrency, ConcurrencyOptions, Places
from seatrial.gateway.policies.counted import Counted
from seatrial.gateway.policies.course import Candidate
from seatrial.gateway.policies.fallback import Fallback
from seatrial.gateway.policies.fit import Fit
from seatrial.gateway.policies.gcra import Limits, Rate
from seatrial.gateway.policies.guard import Guarded
from seatrial.gateway.policies.hedge import HedgeOptions
from seatrial.gateway.policies.limit_store import LimitStore
from seatrial.gateway.policies.metrics import GatewayCounts
from seatrial.gateway.policies.rate_limit import RateLimit
from seatrial.gateway.policies.recent_answers import RecentAnswers
from seatrial.gateway.policies.retry import Retry, RetryOptions
from seatrial.gateway.policies.room import Room
from seatrial.gateway.policies.similar import Similar, SimilarOptions
from seatrial.gateway.policies.spans import Server, traced
from seatrial.gateway.policies.summary import Summary, SummaryOptions
from seatrial.gateway.policies.tallies import Preferred, Tallies
from seatrial.gateway.policies.tracing import Tracer
from seatrial.gateway.prices.book import PriceBook
from seatrial.gateway.routes.config import GatewayConfig, LimitsConfig
from seatrial.gateway.routes.keys import Key
from seatrial.gateway.routes.model_config import CandidateConfig, ModelConfig, ProviderConfig
from seatrial.gateway.routes.table import ModelTable, Route, Use
from seatrial.gateway.structured.native import takes_schema
from seatrial.gateway.structured.options import Mode, StructuredOptions
from seatrial.gateway.structured.policy import ShapeOf, StructuredPolicy
from seatrial.gateway.tokens.counter import TokenCounter
from seatrial.gateway.tokens.windows import Window, Windows

_LONGEST_PAUSES = 6
"""A provider that goes on failing is left alone so many times as long as at first."""

_MOST_KEYS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What all models of a process share.

    Args:
        vendors: by the name of each provider of the configuration.
        prices, windows: of all models.
        counter: of a vendor's model; "" for a vendor that is not known.
        allowances: of this process.
        limits: the buckets of all keys.
        recent: answers at hand.
        answers: kept for all processes; None keeps them at hand only.
        shapes: compiles schemas of callers; None leaves forms of answers to the providers.
        key: of a caller, by its id.
        tracer: makes spans; None for none.
        counts: of this process, for metrics.
        tallies: of calls that make no attempt; None where nobody asks.
        now: monotonic, in s.
        wall: seconds since 1970.
        chance: for the jitter of waits.
    """

    vendors: Mapping[str, Provider]
    prices: PriceBook
    windows: Windows
    counter: Callable[[str, str], TokenCounter]
    allowances: Allowances
    limits: LimitStore
    recent: RecentAnswers
    answers: Answers | None
    shapes: ShapeOf | None
    key: Callable[[str | None], Key | None]
    tracer: Tracer | None
    counts: GatewayCounts
    now: Callable[[], float]
    wall: Callable[[], float]
    chance: Random
    tallies: Tallies | None = None


def model_table(config: GatewayConfig, parts: Parts) -> ModelTable:
    """The models of a configuration."""
    build = _Stacks(config, parts)
    # Who says in short what others leave out comes before them.
    ordered = sorted(config.models.items(), key=lambda one: one[1].summarise is not None)
    routes: dict[str, Route] = {}
    for name, model in ordered:
        routes[name] = build.route(name, model, routes)
    return ModelTable(routes)


class _Stacks:
    """Builds one stack after the other over what they share."""

    def __init__(self, config: GatewayConfig, parts: Parts) -> None:
        self._config, self._parts = config, parts
        self._guards = config.guards.guards()
        self._own: dict[str, tuple[Key, Budget | None]] = {}
        self._budgets = tuple(one.budget() for one in config.budgets)
        pause_s = config.breaker.pause
        circuit = CircuitOptions(
            failures_in_row=config.breaker.failures,
            open_s=pause_s,
            longest_open_s=_LONGEST_PAUSES * pause_s,
        )
        self._circuits = {name: Circuit(circuit, now=parts.now) for name in config.providers}
        self._places = {
            name: Places(ConcurrencyOptions(at_once=one.concurrency), now=parts.now)
            for name, one in config.providers.items()
        }

    def route(self, name: str, model: ModelConfig, others: Mapping[str, Route]) -> Route:
        """The stack of one model.

        Args: others: that are built, the one that summarises for it among them.
        """
        parts, first = self._parts, model.candidates[0]
        summarise = self._summarise(others, model.summarise)
        hedge = None if model.hedge is None else HedgeOptions(after_s=model.hedge)
        candidates = [
            Candidate(provider=self._candidate(one, summarise), model=one.model)
            for one in model.candidates
        ]
        stack: Provider = Fallback(candidates, name=name, hedge=hedge, now=parts.now)
        stack = Room(stack, now=parts.now)
        if self._config.caches(model):
            cache = self._config.cache
            stack = Cached(
                stack,
                options=CacheOptions(ttl_s=cache.ttl, any_temperature=cache.warm),
                route=name,
                first=f"{first.provider}/{first.model}",
                recent=parts.recent,
                store=parts.answers,
                similar=self._similar(name, model),
                now=parts.now,
            )
        stack = RateLimit(stack, parts.limits, self._limits, now=parts.now, key_name=self._key_name)
        if self._guards:
            stack = Guarded(stack, self._guards)
        stack = Counted(
            stack,
            route=name,
            counts=parts.counts,
            now=parts.now,
            tallies=parts.tallies,
            preferred=self._preferred(first),
        )
        return Route(
            name=name,
            provider=stack,
            deadline_s=model.deadline or self._config.deadline,
            use=Use(model.kind),
            candidates=tuple((one.provider, one.model) for one in model.candidates),
            counter=self._counter(first),
        )

    def _similar(self, name: str, model: ModelConfig) -> Similar | None:
        """What compares questions: in the caller's name and budgets, within no limits of keys."""
        parts, semantic = self._parts, self._config.cache.semantic
        if parts.answers is None or not self._config.compares(model):
            return None
        first, embedder = model.candidates[0], self._config.models[semantic.embedder].candidates[0]
        # Vectors of another candidate could not be compared with those that are kept.
        candidate = Candidate(provider=self._candidate(embedder, None), model=embedder.model)
        return Similar(
            Fallback([candidate], name=semantic.embedder, now=parts.now),
            model=f"{embedder.provider}/{embedder.model}",
            options=SimilarOptions(similarity=semantic.similarity),
            route=f"{name} > {first.provider}/{first.model}",
            store=parts.answers,
            now=parts.now,
            wall=parts.wall,
        )

    def _summarise(self, others: Mapping[str, Route], name: str | None) -> Summary | None:
        if name is None:
            return None
        first = self._config.models[name].candidates[0]
        window = self._window(first, self._config.providers[first.provider])
        room = None if window is None else max(1, window.context_tokens // 2)
        return Summary(
            others[name].provider,
            model=name,
            counter=self._counter(first),
            options=SummaryOptions(room_tokens=room),
            now=self._parts.now,
        )

    def _candidate(self, candidate: CandidateConfig, summarise: Summary | None) -> Provider:
        parts, config = self._parts, self._config
        provider = config.providers[candidate.provider]
        window = self._window(candidate, provider)
        retry = config.retry
        stack: Provider = Budgeted(
            traced(
                parts.vendors[candidate.provider],
                parts.tracer,
                server=_server(provider),
                now=parts.now,
            ),
            allowances=parts.allowances,
            budgets=self._budgets,
            prices=parts.prices,
            vendor=provider.price_vendor,
            counter=self._counter(candidate),
            now=parts.now,
            wall=parts.wall,
            maximum=None if window is None else window.max_output_tokens,
            own_budget=self._own_budget,
            key_name=self._key_name,
        )
        stack = Concurrency(stack, self._places[candidate.provider])
        stack = Breaker(stack, self._circuits[candidate.provider])
        stack = Retry(
            stack,
            RetryOptions(
                backoff=Backoff(
                    max_attempts=retry.attempts, first_s=retry.first, longest_s=retry.most
                ),
                attempt_timeout_s=provider.timeout,
                gap_timeout_s=provider.timeout,
            ),
            now=parts.now,
            chance=parts.chance,
        )
        stack = Fit(stack, self._counter(candidate), window, summarise=summarise)
        return self._formed(stack, candidate, provider)

    def _formed(
        self, stack: Provider, candidate: CandidateConfig, provider: ProviderConfig
    ) -> Provider:
        if self._parts.shapes is None:
            return stack
        said = (candidate.json_schema, provider.json_schema)
        known = takes_schema(provider.price_vendor, candidate.model)
        native = next((one for one in said if one is not None), known)
        options = StructuredOptions(mode=Mode.NATIVE if native else Mode.PROMPT)
        return StructuredPolicy(
            stack, options=options, shapes=self._parts.shapes, now=self._parts.now
        )

    def _window(self, candidate: CandidateConfig, provider: ProviderConfig) -> Window | None:
        known = self._parts.windows.window(provider.price_vendor, candidate.model)
        context = candidate.context_tokens or (known.context_tokens if known else None)
        if context is None:
            return None
        longest = candidate.max_output_tokens or (known.max_output_tokens if known else None)
        return Window(context_tokens=context, max_output_tokens=longest)

    def _counter(self, candidate: CandidateConfig) -> TokenCounter:
        vendor = self._config.providers[candidate.provider].price_vendor
        return self._parts.counter(vendor, candidate.model)

    def _preferred(self, candidate: CandidateConfig) -> Preferred:
        prices = self._parts.prices
        vendor = self._config.providers[candidate.provider].price_vendor

        def cost(usage: Usage) -> int | None:
            quote = prices.quote(vendor, candidate.model)
            return None if quote is None else quote.cost_units(usage)

        return Preferred(provider=candidate.provider, model=candidate.model, cost=cost)

    def _key_name(self, key_id: str | None) -> str | None:
        key = self._parts.key(key_id)
        return None if key is None else key.name

    def _own_budget(self, call: Call) -> Budget | None:
        key = self._parts.key(call.key)
        if key is None or key.budget_usd is None:
            return None
        known = self._own.get(key.id)
        if known is None or known[0] is not key:
            if len(self._own) >= _MOST_KEYS:
                self._own.clear()
            known = self._own[key.id] = (key, key.budget)
        return known[1]

    def _limits(self, call: Call) -> Limits | None:
        return limits_of(self._config.limits, self._parts.key(call.key))


def _server(provider: ProviderConfig) -> Server:
    parts = urlsplit(provider.url)
    vendor = provider.vendor or provider.kind
    return Server(vendor=vendor, address=parts.hostname or "", port=parts.port)


def limits_of(config: LimitsConfig, key: Key | None) -> Limits | None:
    """What a caller may ask in a minute: their key's own limits, else those for all."""
    own = (None, None) if key is None else (key.requests_per_minute, key.tokens_per_minute)
    requests = own[0] or config.requests_per_minute
    tokens = own[1] or config.tokens_per_minute
    if requests is None and tokens is None:
        return None
    return Limits(
        requests=None if requests is None else Rate(per_minute=requests),
        tokens=None if tokens is None else Rate(per_minute=tokens),
    )
