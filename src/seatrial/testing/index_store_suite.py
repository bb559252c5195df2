"""What every store of indexes must do; see `rag.index.writing.IndexStore`."""

from __future__ import annotations

from seatrial.testing.index_drafts_suite import IndexDraftsSuite
from seatrial.testing.index_refusals_suite import IndexRefusalsSuite
from seatrial.testing.index_search_suite import IndexSearchSuite
from seatrial.testing.index_versions_suite import IndexVersionsSuite


class IndexStoreSuite(IndexDraftsSuite, IndexVersionsSuite, IndexSearchSuite, IndexRefusalsSuite):
    """Subclass it as ``Test...`` with two fixtures: ``store``, an empty store that analyses words
    as `index_corpus.PLAIN_WORDS`, and ``again``, the same store as another process opens it."""
