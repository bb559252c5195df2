"""Fakes, and one conformance suite per port, for users and for us.

The suites need pytest, the fakes do not; each is loaded when its name is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seatrial.testing.answers_suite import AnswersSuite
    from seatrial.testing.billing_provider import BillingProvider
    from seatrial.testing.broker_suite import BrokerSuite
    from seatrial.testing.chunker_suite import ChunkerSuite
    from seatrial.testing.clock import FakeClock
    from seatrial.testing.cluster_suite import ClusterSuite
    from seatrial.testing.counters_suite import CountersSuite
    from seatrial.testing.embedder_suite import EmbedderSuite
    from seatrial.testing.engine_suite import EngineSuite
    from seatrial.testing.entailment_suite import EntailmentSuite
    from seatrial.testing.index_store_suite import IndexStoreSuite
    from seatrial.testing.ledger_suite import LedgerSuite
    from seatrial.testing.limits_suite import LimitStoreSuite
    from seatrial.testing.loader_suite import LoaderSuite
    from seatrial.testing.memory_broker import MemoryBroker
    from seatrial.testing.memory_index_store import MemoryIndexStore
    from seatrial.testing.memory_ledger import MemoryLedger
    from seatrial.testing.memory_oip import MemoryOip
    from seatrial.testing.memory_prompts import MemoryPrompts
    from seatrial.testing.memory_registry import MemoryRegistry
    from seatrial.testing.memory_source import MemorySource
    from seatrial.testing.memory_store import MemoryStore
    from seatrial.testing.memory_vector_cache import MemoryVectorCache
    from seatrial.testing.memory_vectors import MemoryVectors
    from seatrial.testing.model_registry_suite import ModelRegistrySuite
    from seatrial.testing.notifier_suite import NotifierSuite
    from seatrial.testing.oip_server_suite import OipServerSuite
    from seatrial.testing.pending_suite import PendingSuite
    from seatrial.testing.prompt_source_suite import PromptSourceSuite
    from seatrial.testing.provider_suite import ProviderSuite
    from seatrial.testing.recording_notifier import RecordingNotifier
    from seatrial.testing.reranker_suite import RerankerSuite
    from seatrial.testing.scorer_suite import ScorerSuite
    from seatrial.testing.scripted_llm import ScriptedLLM
    from seatrial.testing.scripted_provider import ScriptedProvider
    from seatrial.testing.store_suite import StoreSuite
    from seatrial.testing.table_source_suite import TableSourceSuite
    from seatrial.testing.tracer_suite import TracerSuite
    from seatrial.testing.vector_cache_suite import VectorCacheSuite
    from seatrial.testing.vector_store_suite import VectorStoreSuite
    from seatrial.testing.vendor_suite import VendorSuite

__all__ = [
    "AnswersSuite",
    "BillingProvider",
    "BrokerSuite",
    "ChunkerSuite",
    "ClusterSuite",
    "CountersSuite",
    "EmbedderSuite",
    "EngineSuite",
    "EntailmentSuite",
    "FakeClock",
    "IndexStoreSuite",
    "LedgerSuite",
    "LimitStoreSuite",
    "LoaderSuite",
    "MemoryBroker",
    "MemoryIndexStore",
    "MemoryLedger",
    "MemoryOip",
    "MemoryPrompts",
    "MemoryRegistry",
    "MemorySource",
    "MemoryStore",
    "MemoryVectorCache",
    "MemoryVectors",
    "ModelRegistrySuite",
    "NotifierSuite",
    "OipServerSuite",
    "PendingSuite",
    "PromptSourceSuite",
    "ProviderSuite",
    "RecordingNotifier",
    "RerankerSuite",
    "ScorerSuite",
    "ScriptedLLM",
    "ScriptedProvider",
    "StoreSuite",
    "TableSourceSuite",
    "TracerSuite",
    "VectorCacheSuite",
    "VectorStoreSuite",
    "VendorSuite",
]

_HOMES = {
    "VectorCacheSuite": "vector_cache_suite",
    "RerankerSuite": "reranker_suite",
    "MemoryVectorCache": "memory_vector_cache",
    "EntailmentSuite": "entailment_suite",
    "EmbedderSuite": "embedder_suite",
    "AnswersSuite": "answers_suite",
    "BillingProvider": "billing_provider",
    "BrokerSuite": "broker_suite",
    "ChunkerSuite": "chunker_suite",
    "ClusterSuite": "cluster_suite",
    "CountersSuite": "counters_suite",
    "EngineSuite": "engine_suite",
    "FakeClock": "clock",
    "IndexStoreSuite": "index_store_suite",
    "LedgerSuite": "ledger_suite",
    "LimitStoreSuite": "limits_suite",
    "LoaderSuite": "loader_suite",
    "MemoryBroker": "memory_broker",
    "MemoryIndexStore": "memory_index_store",
    "MemoryLedger": "memory_ledger",
    "MemoryOip": "memory_oip",
    "MemoryPrompts": "memory_prompts",
    "MemoryRegistry": "memory_registry",
    "MemorySource": "memory_source",
    "MemoryStore": "memory_store",
    "MemoryVectors": "memory_vectors",
    "ModelRegistrySuite": "model_registry_suite",
    "NotifierSuite": "notifier_suite",
    "OipServerSuite": "oip_server_suite",
    "PendingSuite": "pending_suite",
    "PromptSourceSuite": "prompt_source_suite",
    "ProviderSuite": "provider_suite",
    "RecordingNotifier": "recording_notifier",
    "ScorerSuite": "scorer_suite",
    "ScriptedLLM": "scripted_llm",
    "ScriptedProvider": "scripted_provider",
    "StoreSuite": "store_suite",
    "TableSourceSuite": "table_source_suite",
    "TracerSuite": "tracer_suite",
    "VectorStoreSuite": "vector_store_suite",
    "VendorSuite": "vendor_suite",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
