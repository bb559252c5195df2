"""The pages of the console about endpoints and their releases, and the fragments they refresh."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as PathParameter
from fastapi.responses import RedirectResponse, Response

from seatrial.experiments.desk import ExperimentDesk
from seatrial.gateway.spend.desk import SpendDesk
from seatrial.kernel.errors import NotFound
from seatrial.monitoring.watching.watch_desk import WatchDesk
from seatrial.release.desk import Desk
from seatrial.training.runs.desk import RunDesk
from seatrial.web.console.experiment_pages import ExperimentPages, add_experiments
from seatrial.web.console.frame import LANGUAGE, Frame, Name, form_of, language_of
from seatrial.web.console.model_pages import Models, models_of
from seatrial.web.console.retraining_pages import RetrainingPages, add_retraining
from seatrial.web.console.runs_pages import add_runs
from seatrial.web.console.spend_pages import SpendPages, add_spend
from seatrial.web.console.staging import newest_report, served_page, style_source
from seatrial.web.console.story import reasons_told, story
from seatrial.web.console.watch_pages import add_watch
from seatrial.web.console.words import LANGUAGES
from seatrial.web.entrance import LOGIN
from seatrial.web.guard import COOKIE, Guard

if TYPE_CHECKING:
    from seatrial.events.desk import EventDesk
    from seatrial.features.desk import FeatureDesk
    from seatrial.rag.knowledge.desk import KnowledgeDesk
    from seatrial.training.following.desk import RegistryDesk
    from seatrial.training.retraining.desk import Retrainings

Card = Callable[[str, int, str], str]
"""The model card of a version of an endpoint, as a page in a language.   Raises: NotFound."""

_N_ARRIVALS = 8
_CARD_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_STATIC = Path(__file__).parent / "static"
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_REPORT_POLICY = (
    f"default-src 'none'; style-src {style_source()}; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_CACHE = {"cache-control": "public, max-age=86400", "x-content-type-options": "nosniff"}

Version = Annotated[int, PathParameter(ge=1, le=2**62)]


class ReleasePages:
    """Looks things up for the templates.

    Args:
        desk: what is shown and decided on.
        watch: what the watch found.
        spend: what language models cost.
        indexes: how each index of documents stands; None where there is none.
        registry: what arrived from registries; None where none is followed.
        models: what versions take and run on; None where nobody knows.
    """

    def __init__(
        self,
        desk: Desk,
        watch: WatchDesk,
        spend: SpendPages,
        indexes: Callable[[], Mapping[str, Any]] | None = None,
        registry: RegistryDesk | None = None,
        *,
        models: Models | None = None,
    ) -> None:
        self._models = models
        self._desk = desk
        self._watch = watch
        self._spend = spend
        self._indexes = indexes
        self._registry = registry

    def overview(self) -> dict[str, Any]:
        """What the first page shows."""
        return {
            "endpoints": self._desk.views(),
            "standings": self._watch.standings(),
            **self._spend.brief(),
            **({"indexes": []} if self._indexes is None else self._indexes()),
            "registry": self._arrived(),
        }

    def _arrived(self) -> dict[str, Any] | None:
        """How registries do, and the newest arrivals."""
        if self._registry is None:
            return None
        found = self._registry.view()
        return {
            "follows": found["follows"],
            "problems": {n: s["problem"] for n, s in found["sources"].items() if s["problem"]},
            "arrivals": found["arrivals"][:_N_ARRIVALS],
        }

    def endpoint(self, name: str, language: str) -> dict[str, Any]:
        """What the fragments of an endpoint show.   Raises: UnknownEndpoint."""
        endpoint, metrics = self._desk.view(name), self._desk.metrics(name, now=datetime.now(UTC))
        return {
            "endpoint": endpoint,
            "metrics": metrics,
            "models": [] if self._models is None else models_of(endpoint, metrics, self._models),
            "story": story(self._desk.latest(name), language),
            "standing": self._watch.standings().get(name, {"state": "unknown", "firing": []}),
        }

    def told(self, name: str, language: str) -> dict[str, str]:
        """The reasons of its newest facts in a language, by what they are in English."""
        if language == "en" or name not in self._desk.names():
            return {}
        return reasons_told(self._desk.latest(name), language)

    def staging(self, name: str, version: int, language: str) -> str:
        """The report of a version's staging tests.   Raises: UnknownEndpoint, NoStagingReport."""
        report = newest_report(self._desk.history(name), endpoint=name, version=version)
        return served_page(report, name, language)

    def decide(self, name: str, wish: str) -> None:
        """A button of a release.   Raises: what the desk raises; NotFound."""
        match wish:
            case "promote":
                self._desk.promote(name, by="console")
            case "abort":
                self._desk.abort(name, by="console")
            case "rollback":
                self._desk.roll_back(name, to=None, by="console")
            case _:
                raise NotFound(f"Nobody knows how to {wish!r}.", remedy="Reload the page.")


def console_router(
    desk: Desk,
    watch: WatchDesk,
    guard: Guard,
    *,
    experiments: ExperimentDesk | None = None,
    spend: SpendDesk | None = None,
    knowledge: KnowledgeDesk | None = None,
    retraining: Retrainings | None = None,
    registry: RegistryDesk | None = None,
    card: Card | None = None,
    models: Models | None = None,
    training: RunDesk | None = None,
    features: FeatureDesk | None = None,
    events: EventDesk | None = None,
) -> APIRouter:
    """The console at ``/``; not part of the API's description.

    Args:
        experiments: those of endpoints; None where there is no page of them.
        spend: what language models cost; None where no gateway is configured.
        knowledge: indexes of documents; None where none is configured.
        retraining: models that are trained anew; None where none is configured.
        registry: what arrived from registries; None where none is followed.
        card: model cards of versions; None where there are none.
        models: what versions take and run on; None where nobody knows.
        training: runs of trainings; None where nobody shows them.
        features: how features stand; None where no endpoint looks any up.
        events: how events go; None where no broker is configured.
    """
    router = APIRouter(include_in_schema=False)
    frame = Frame(guard)
    spend_pages = SpendPages(spend)
    indexes = None
    if knowledge is not None:
        from seatrial.web.console.knowledge_pages import (  # noqa: PLC0415 - loads numerics
            KnowledgePages,
            add_knowledge,
        )

        knowledge_pages = KnowledgePages(knowledge)
        add_knowledge(router, frame, knowledge_pages)
        indexes = knowledge_pages.all
    pages = ReleasePages(desk, watch, spend_pages, indexes, registry, models=models)

    @router.get("/")
    def overview(request: Request) -> Response:
        return frame.shown(request, "overview.html", pages.overview)

    @router.get("/console/overview")
    def overview_part(request: Request) -> Response:
        return frame.shown(request, "overview_part.html", pages.overview)

    frame.add(
        router,
        {
            "/endpoints/{name}": "endpoint.html",
            "/console/endpoints/{name}": "endpoint_part.html",
            "/console/endpoints/{name}/history": "history_part.html",
            "/console/endpoints/{name}/model": "model_part.html",
        },
        pages.endpoint,
    )

    @router.get("/endpoints/{name}/versions/{version}/staging")
    def staging(request: Request, name: Name, version: Version) -> Response:
        return frame.whole(
            request,
            lambda: pages.staging(name, version, language_of(request)),
            headers={"content-security-policy": _REPORT_POLICY},
        )

    if card is not None:
        _add_card(router, frame, desk, card)

    @router.post("/console/endpoints/{name}/{wish}")
    async def decide(request: Request, name: Name, wish: str) -> Response:
        answer = await frame.pressed(
            request,
            "endpoint_part.html",
            lambda: pages.decide(name, wish),
            lambda: pages.endpoint(name, language_of(request)),
        )
        answer.headers["hx-trigger"] = "decided"  # the history is refreshed at once
        return answer

    add_watch(router, frame, watch)
    if experiments is not None:
        add_experiments(router, frame, ExperimentPages(experiments))
    if spend is not None:
        add_spend(router, frame, spend_pages)
    if retraining is not None:
        add_retraining(router, frame, RetrainingPages(retraining, pages.told))
    if training is not None:
        add_runs(router, frame, training)
    _add_configured(router, frame, watch, features=features, events=events)
    _add_visit(router, frame)
    return router


def _add_configured(
    router: APIRouter,
    frame: Frame,
    watch: WatchDesk,
    *,
    features: FeatureDesk | None,
    events: EventDesk | None,
) -> None:
    """Pages whose code is loaded by servers that have them alone."""
    if features is not None:
        from seatrial.web.console.feature_pages import FeaturePages, add_features  # noqa: PLC0415

        add_features(router, frame, FeaturePages(features, watch))
    if events is not None:
        from seatrial.web.console.event_pages import add_events  # noqa: PLC0415

        add_events(router, frame, events)


def _add_card(router: APIRouter, frame: Frame, desk: Desk, card: Card) -> None:
    """The model card of a version."""

    @router.get("/endpoints/{name}/versions/{version}/evaluation")
    def evaluation(request: Request, name: Name, version: Version) -> Response:
        def drawn() -> str:
            desk.state(name)  # so that nothing but an endpoint's name becomes part of a path
            return card(name, version, language_of(request))

        return frame.whole(request, drawn, headers={"content-security-policy": _CARD_POLICY})


def _add_visit(router: APIRouter, frame: Frame) -> None:
    """What belongs to the visitor and to no endpoint: log-in, language, and the static files."""

    @router.post(LOGIN)
    async def log_in(request: Request) -> Response:
        given = (await form_of(request)).get("token", "")
        if not frame.is_token(given):
            return frame.render(
                request, "login.html", status=403, problem="wrong_token", denied=None
            )
        answer = RedirectResponse("/", 303)
        answer.set_cookie(
            COOKIE,
            given,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
            max_age=30 * 86400,
        )
        return answer

    @router.get("/console/language/{language}")
    def speak(request: Request, language: str) -> Response:
        answer = RedirectResponse(_local_path(request.query_params.get("back", "/")), 303)
        if language in LANGUAGES:
            answer.set_cookie(LANGUAGE, language, samesite="lax", max_age=365 * 86400)
        return answer

    @router.get("/console/static/{file}")
    def static(file: str) -> Response:
        known = {path.name: path for path in _STATIC.iterdir() if path.suffix in _TYPES}
        if file not in known:
            raise NotFound(f"There is no file {file!r}.", remedy="Reload the page.")
        path = known[file]
        return Response(path.read_bytes(), media_type=_TYPES[path.suffix], headers=_CACHE)


def _local_path(back: str) -> str:
    """A path of this server, whatever was asked for: never another site."""
    return back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/"
