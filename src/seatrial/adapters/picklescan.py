"""picklescan's list of dangerous imports, as a second opinion on ours.

Its table is kept up by people who follow the exploits; ours says only what models need. Names are
handed over as a pickle of nothing but imports, so its opinion is asked through its public function
and does not depend on how well it reads joblib's or hostile streams.
"""

from __future__ import annotations

import io
import logging
import pickle
from collections.abc import Iterable

from seatrial.registry.allowed import Import


def dangerous(imports: Iterable[Import]) -> frozenset[Import]:
    """Those of ``imports`` that picklescan calls dangerous. Names it cannot spell count too."""
    from picklescan.scanner import SafetyLevel, scan_pickle_bytes

    asked = list(imports)
    spelled = {i: i for i in asked if _spellable(i)}
    stream = b"".join(b"c%s\n%s\n0" % (i.module.encode(), i.name.encode()) for i in spelled)
    log = logging.getLogger("picklescan")
    log.addFilter(_silence)
    try:
        result = scan_pickle_bytes(io.BytesIO(stream + pickle.NONE + pickle.STOP), "model")
    finally:
        log.removeFilter(_silence)
    named = {Import(g.module, g.name) for g in result.globals if g.safety is SafetyLevel.Dangerous}
    return frozenset(named | (set(asked) - set(spelled)))


def _spellable(wanted: Import) -> bool:
    return all(p.isascii() and p and not any(c.isspace() for c in p) for p in _parts(wanted))


def _parts(wanted: Import) -> tuple[str, str]:
    return wanted.module, wanted.name


def _silence(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.CRITICAL
