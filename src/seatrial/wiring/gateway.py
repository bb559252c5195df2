"""Puts the gateway together from its section of `seatrial.yaml`."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

from seatrial.gateway.chat.provider import Provider
from seatrial.gateway.ledger.allowances import Allowances
from seatrial.gateway.ledger.late import LateLedger
from seatrial.gateway.ledger.ledger import Ledger
from seatrial.gateway.ledger.teller import Teller
from seatrial.gateway.policies.answers import Answers
from seatrial.gateway.policies.limit_store import LimitStore, LocalLimits
from seatrial.gateway.policies.metrics import GatewayCounts
from seatrial.gateway.policies.recent_answers import RecentAnswers
from seatrial.gateway.policies.tallies import Tallies
from seatrial.gateway.prices.defaults import DEFAULTS
from seatrial.gateway.prices.entries import ChainedBook, EntryBook
from seatrial.gateway.routes.config import GatewayConfig
from seatrial.gateway.routes.gateway import Gateway
from seatrial.gateway.routes.keys import Key
from seatrial.gateway.routes.model_config import ProviderConfig
from seatrial.gateway.routes.prompted import Prompts
from seatrial.gateway.routes.stack import Parts, model_table
from seatrial.gateway.routes.table import ModelTable, Route
from seatrial.gateway.tokens.counters import Counters
from seatrial.gateway.tokens.encodings import Encoding
from seatrial.gateway.tokens.windows import ChainedWindows, WindowTable
from seatrial.kernel.clock import SystemClock
from seatrial.kernel.errors import Invalid, NotFound
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.wiring.prompts.here import PromptsHere
from seatrial.wiring.workspace import Workspace, open_workspace

LEDGERS: Mapping[str, str] = {
    "sqlite": "seatrial.adapters.ledger.sqlite:SqliteLedger",
    "postgresql": "seatrial.adapters.ledger.postgres:PostgresLedger",
    "postgres": "seatrial.adapters.ledger.postgres:PostgresLedger",
    "redis": "seatrial.adapters.ledger.redis:RedisLedger",
    "rediss": "seatrial.adapters.ledger.redis:RedisLedger",
}

_RECENT = 10_000
_RECENT_BYTES = 32 * 1024 * 1024


class UnknownLedger(Invalid):
    """A ledger URL whose scheme is not known."""

    code = "gateway.ledger_unknown_scheme"


class ProviderKeyMissing(NotFound):
    """An environment variable that should hold a provider's key is not set."""

    code = "gateway.provider_key_missing"


def open_gateway(
    *,
    home: Path | str | None = None,
    config: Path | str | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Gateway:
    """The gateway of a workspace, for programs; close it, or use it as ``async with``.

    Args: as `open_workspace`.
    Raises: ConfigInvalid, ProviderKeyMissing, MissingExtra; the errors of the ledger's store.
    """
    workspace = open_workspace(home=home, config=config, environment=environment)
    prompts = PromptsHere(workspace, clock=SystemClock())
    return gateway_of(workspace, environment=environment, prompts=prompts, closing=prompts.close)


def gateway_of(
    workspace: Workspace,
    *,
    environment: Mapping[str, str] = os.environ,
    key: Callable[[str | None], Key | None] = lambda _: None,
    limits: LimitStore | None = None,
    counts: GatewayCounts | None = None,
    prompts: Prompts | None = None,
    closing: Callable[[], Awaitable[None]] | None = None,
    beside: Iterable[Route] = (),
) -> Gateway:
    """The gateway of a workspace that is open.

    Args:
        key: of a caller, by its id.
        limits: the buckets of all keys; None for those of this process alone.
        counts: for metrics; None where nobody asks.
        prompts: that are released; None for none.
        closing: called when the gateway is closed; None for nothing.
        beside: what else is asked as a model, and is no model of a provider.
    """
    config = workspace.settings.gateway
    if not config.models:  # and what models need may not be installed
        table = ModelTable({}).beside(beside)
        return Gateway(table, now=time.monotonic, closing=closing or _nothing, prompts=prompts)
    with ONE_AT_A_TIME:  # adapters load their libraries when they are made
        vendors = {name: _vendor(name, one, environment) for name, one in config.providers.items()}
        teller = Teller(LateLedger(partial(open_ledger, ledger_url(workspace))), wall=time.time)
        allowances = Allowances(teller, wall=time.time)
        tallies = Tallies(teller.post, owner=teller.owner, wall=time.time)
        answers = _answers(workspace)
        parts = _parts(
            config,
            vendors,
            allowances,
            answers,
            key=key,
            limits=limits or LocalLimits(),
            counts=counts or GatewayCounts(),
            tallies=tallies,
        )
    table = model_table(config, parts)

    async def close() -> None:
        for route in table.all():
            await route.provider.close()
        for vendor in vendors.values():
            await vendor.close()
        tallies.flush()
        await allowances.close()
        if answers is not None:
            await answers.close()
        if closing is not None:
            await closing()

    return Gateway(table.beside(beside), now=time.monotonic, closing=close, prompts=prompts)


async def _nothing() -> None:
    """What closing comes to where nothing was opened."""


def check_gateway(workspace: Workspace, *, environment: Mapping[str, str] = os.environ) -> None:
    """Say now, before processes are started that open it, what would keep the gateway from opening.

    Nothing is asked of providers, and no store is opened. What this loads, the processes share; one
    that loads it later copies much of what it shared before, too.
    Raises: ProviderKeyMissing, AddressInvalid, UnknownLedger, MissingExtra.
    """
    config = workspace.settings.gateway
    if not config.models:
        return
    from seatrial.adapters.llm.jsonschema_shape import shape_maker
    from seatrial.adapters.llm.prices_genai import GenaiPrices
    from seatrial.adapters.llm.tokens_toktok import ToktokEncoder

    for name, one in config.providers.items():
        _vendor(name, one, environment)
    _named(_ledger_kind(ledger_url(workspace)))
    shape_maker()
    GenaiPrices()
    ToktokEncoder(Encoding.O200K)
    if _keeps_answers(config) and not config.cache.store:
        import seatrial.adapters.llm.answers_sqlite  # noqa: F401 - for the pages it shares


def ledger_url(workspace: Workspace) -> str:
    """Where spending is kept."""
    return workspace.settings.gateway.ledger or f"sqlite:///{workspace.home / 'llm.db'}"


def open_ledger(url: str) -> Ledger:
    """Open a ledger by URL.   Raises: UnknownLedger; MissingExtra; StoreUnavailable and its kin."""
    scheme, kind = url.partition("://")[0], _named(_ledger_kind(url))
    ledger: Ledger = kind(url) if scheme.startswith("redis") else kind.from_url(url)
    return ledger


def _ledger_kind(url: str) -> str:
    """The dotted path of its adapter.   Raises: UnknownLedger."""
    scheme = url.partition("://")[0]
    if scheme not in LEDGERS:
        raise UnknownLedger(
            f"The ledger's scheme {scheme[:40]!r} is not known.",
            remedy=f"Use one of: {', '.join(s + '://' for s in LEDGERS)}.",
            scheme=scheme[:40],
        )
    return LEDGERS[scheme]


def _parts(
    config: GatewayConfig,
    vendors: Mapping[str, Provider],
    allowances: Allowances,
    answers: Answers | None,
    *,
    key: Callable[[str | None], Key | None],
    limits: LimitStore,
    counts: GatewayCounts,
    tallies: Tallies,
) -> Parts:
    from seatrial.adapters.llm.jsonschema_shape import shape_maker
    from seatrial.adapters.llm.prices_genai import GenaiPrices
    from seatrial.adapters.llm.tokens_toktok import ToktokEncoder

    known = GenaiPrices()
    own = EntryBook(price.entry() for price in config.prices)
    own_windows = WindowTable(window.entry() for window in config.windows)
    windows = ChainedWindows([own_windows, WindowTable(), known])
    tracer = None
    if config.tracing:
        from seatrial.adapters.telemetry.otel import OtelTracer

        tracer = OtelTracer()
    return Parts(
        vendors=vendors,
        prices=ChainedBook([own, known, EntryBook(DEFAULTS)]),
        windows=windows,
        counter=Counters(ToktokEncoder, windows=windows).of,
        allowances=allowances,
        limits=limits,
        recent=RecentAnswers(max_entries=_RECENT, max_bytes=_RECENT_BYTES),
        answers=answers,
        shapes=shape_maker(),
        key=key,
        tracer=tracer,
        counts=counts,
        tallies=tallies,
        now=time.monotonic,
        wall=time.time,
        chance=Random(),
    )


def _answers(workspace: Workspace) -> Answers | None:
    config = workspace.settings.gateway
    if not _keeps_answers(config):
        return None
    if config.cache.store:
        from seatrial.adapters.llm.answers_redis import RedisAnswers

        return RedisAnswers(config.cache.store)
    from seatrial.adapters.llm.answers_sqlite import SqliteAnswers

    return SqliteAnswers(workspace.home / "answers.db", max_bytes=config.cache.max_bytes)


def _keeps_answers(config: GatewayConfig) -> bool:
    return any(config.caches(model) for model in config.models.values())


def _vendor(name: str, config: ProviderConfig, environment: Mapping[str, str]) -> Provider:
    secret = _secret(name, config.api_key_env, environment)
    if config.kind == "anthropic":
        from seatrial.adapters.llm.anthropic import AnthropicOptions, AnthropicProvider

        return AnthropicProvider(
            AnthropicOptions(name=name, base_url=config.url, api_key=secret, headers=config.headers)
        )
    from seatrial.adapters.llm.openai import OpenAIOptions, OpenAIProvider, StreamEnd

    return OpenAIProvider(
        OpenAIOptions(
            name=name,
            base_url=config.url,
            api_key=secret,
            key_header=config.key_header,
            headers=config.headers,
            query=urlencode(config.query),
            asks_usage=config.asks_usage,
            stream_end=StreamEnd(config.stream_end),
            max_tokens_field=config.max_tokens_field,
            developer_role=config.developer_role,
        )
    )


def _secret(name: str, variable: str | None, environment: Mapping[str, str]) -> str:
    if variable is None:
        return ""
    secret = environment.get(variable, "")
    if not secret:
        raise ProviderKeyMissing(
            f"The environment variable {variable}, with the key for {name}, is not set.",
            remedy=f"Set {variable}, or take api_key_env out of the provider {name}.",
            provider=name,
            variable=variable,
        )
    return secret


def _named(place: str) -> Any:
    module, _, name = place.partition(":")
    with ONE_AT_A_TIME:
        return getattr(import_module(module), name)
