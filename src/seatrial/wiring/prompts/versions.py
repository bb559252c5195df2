"""Prompts as versions of an endpoint: found in the store, routed by the split, measured as models.

This is where the gateway's port `gateway.routes.prompted.Prompts` meets the routing tables and the
recorder of `serving`: neither knows of the other.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Collection
from importlib import import_module
from typing import TYPE_CHECKING

from seatrial.gateway.prompts.failures import AnswerUnknown, PromptInvalid, PromptNotFound
from seatrial.gateway.routes.prompted import Outcome
from seatrial.kernel.loading import ONE_AT_A_TIME
from seatrial.kernel.store import FactLog
from seatrial.registry.documents import find
from seatrial.serving.client_errors import as_told
from seatrial.serving.outcome import OK, outcome_of
from seatrial.serving.record import Recorder
from seatrial.serving.router import Pick, Router, UnknownModel
from seatrial.wiring.kinds import PROMPT

if TYPE_CHECKING:
    from seatrial.gateway.prompts.live import LivePrompt, Scorer
    from seatrial.gateway.prompts.variant import PromptVariant

_SCORED = 100_000
"""Answers of which it is remembered that they were scored."""

_ANSWER = re.compile(r"(\d{1,9})\.(\d{1,15})\.[\x20-\x7e]{1,200}")


class LoadedPrompt:
    """A version that a fleet can have; see `serving.fleet.Loaded`."""

    def __init__(self, live: LivePrompt) -> None:
        self.live = live

    async def start(self) -> None:
        """Nothing has to be there before the first request."""

    async def close(self, *, drain_s: float = 0.0) -> None:
        """Nothing is held."""


class PromptShelf:
    """Opens versions from the store; what the fleet of a worker is given.

    Args:
        log: where they are registered.
        models: that the gateway has.
    """

    def __init__(self, log: FactLog, models: Collection[str]) -> None:
        self._log, self._models = log, models

    def __call__(self, endpoint: str, version: int, digest: str) -> LoadedPrompt:
        """Read and compile; blocks.

        Raises: DocumentUnknown, VariantUnreadable; PromptInvalid: no such model, no such scorer.
        """
        return LoadedPrompt(opened(self._log, endpoint, version, digest, self._models))


def opened(
    log: FactLog, endpoint: str, version: int, digest: str, models: Collection[str]
) -> LivePrompt:
    """A registered version, ready to be asked.   Raises: as `PromptShelf`."""
    with ONE_AT_A_TIME:
        import seatrial.release.measurement  # noqa: F401 - for what is said of its answers
        from seatrial.gateway.prompts.live import LivePrompt
        from seatrial.gateway.prompts.variant import variant_of

    variant = variant_of(find(log, PROMPT, endpoint, digest).content)
    check_model(variant, models)
    return LivePrompt(endpoint, version, variant, scorer=scorer_of(variant))


def check_model(variant: PromptVariant, models: Collection[str]) -> None:
    """Raises: PromptInvalid: the gateway has no such model."""
    if variant.model not in models:
        known = ", ".join(sorted(models)[:10]) or "none"
        raise PromptInvalid(
            f"The prompt is for the model {variant.model!r}, which the gateway does not have.",
            remedy=f"Add it to gateway.models in seatrial.yaml, or name one of: {known}.",
            model=variant.model,
        )


def scorer_of(variant: PromptVariant) -> Scorer | None:
    """The function that a variant names.   Raises: PromptInvalid: it cannot be imported."""
    from seatrial.gateway.prompts.variant import FEEDBACK

    if variant.scorer in (None, FEEDBACK):
        return None
    assert variant.scorer is not None
    module, _, name = variant.scorer.partition(":")
    try:
        with ONE_AT_A_TIME:
            found: Scorer = getattr(import_module(module), name)
    except Exception as problem:
        raise PromptInvalid(
            f"The scorer {variant.scorer!r} cannot be imported: {problem!r}.",
            remedy="Install its module where the server runs, or name its folder in PYTHONPATH.",
            scorer=variant.scorer,
        ) from problem
    if not callable(found):
        raise PromptInvalid(
            f"The scorer {variant.scorer!r} is no function.",
            remedy="Name one that takes the variables and the answer.",
            scorer=variant.scorer,
        )
    return found


class PickedPrompt:
    """See `gateway.routes.prompted.Served`."""

    def __init__(self, pick: Pick[LoadedPrompt]) -> None:
        self._pick = pick

    @property
    def live(self) -> LivePrompt:
        """See Served."""
        return self._pick.version.live

    @property
    def rival(self) -> LivePrompt | None:
        """See Served."""
        rival = self._pick.rival
        return None if rival is None else rival.live

    @property
    def mark(self) -> str:
        """See Served."""
        return f"{self.live.version}.{self._pick.revision}"

    def tell(self, outcome: Outcome) -> None:
        """See Served."""
        pick = self._pick
        kind = OK if outcome.problem is None else outcome_of(as_told(outcome.problem, None))
        if outcome.outside and pick.observe_outside is not None:
            pick.observe_outside(outcome.latency_s, kind)
            return
        if outcome.fits is not None or outcome.cost_usd is not None:
            from seatrial.release.measurement import quality  # loaded with the version

            pick.appraise(quality(fits=outcome.fits, cost_usd=outcome.cost_usd))
        pick.observe(outcome.latency_s, kind)

    def score(self, score: float) -> None:
        """See Served.   Raises: BadSummary: the score is outside [0, 1]."""
        from seatrial.release.measurement import quality

        self._pick.appraise(quality(score=score))


class RoutedPrompts:
    """See `gateway.routes.prompted.Prompts`.

    Args:
        router: the tables.
        recorder: where scores are kept that come later.
    """

    def __init__(self, router: Router[LoadedPrompt], recorder: Recorder) -> None:
        self._router, self._recorder = router, recorder
        self._scored: OrderedDict[str, None] = OrderedDict()

    def names(self) -> list[str]:
        """See Prompts."""
        return self._router.models()

    async def refresh(self) -> None:
        """See Prompts; the sync thread of the worker does."""

    def pick(self, name: str, key: bytes | None, version: int | None) -> PickedPrompt:
        """See Prompts.   Raises: PromptNotFound, StillLoading, UnknownVersion, NothingLive."""
        try:
            return PickedPrompt(self._router.pick(name, key, version))
        except UnknownModel as unknown:
            raise self._unknown(name) from unknown

    def score(self, name: str, answer: str, score: float) -> bool:
        """See Prompts.   Raises: PromptNotFound, StillLoading, AnswerUnknown, BadSummary."""
        version, revision = self._origin(name, answer)
        from seatrial.release.measurement import quality

        known = f"{name}/{answer}"
        found = quality(score=score)
        if known in self._scored:
            return False
        self._scored[known] = None
        if len(self._scored) > _SCORED:
            self._scored.popitem(last=False)
        self._recorder.appraiser(name, version, revision)(found)
        return True

    def _origin(self, name: str, answer: str) -> tuple[int, int]:
        """Version and revision of an answer, if such a one may have been given."""
        try:
            table = self._router.table(name)
        except UnknownModel as unknown:
            raise self._unknown(name) from unknown
        parts = _ANSWER.fullmatch(answer)
        if parts is not None:
            version, revision = int(parts[1]), int(parts[2])
            if version in table.loaded and revision <= table.revision:
                return version, revision
        raise AnswerUnknown(
            f"The prompt {name!r} has given no answer {answer[:100]!r} that can still be scored.",
            remedy="Send the id that came with the answer, while its version is served.",
            answer=answer[:100],
        )

    def _unknown(self, name: str) -> PromptNotFound:
        known = ", ".join(self.names()) or "none yet"
        return PromptNotFound(
            f"There is no prompt {name[:100]!r} here.",
            remedy=f"Ask for prompt/ and one of: {known}.",
            prompt=name[:100],
        )
