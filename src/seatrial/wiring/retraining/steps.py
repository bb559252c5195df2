"""The steps of a retraining: rows, a look at production, training, evaluation, release.

Each may be begun more than once, after a kill: rows are gathered anew until the step is done, a
training and an offer are found again by their keys, and what only reads may be done again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from seatrial.kernel.store import Store
from seatrial.monitoring.triggers.book import TriggerBook
from seatrial.monitoring.triggers.trigger import RequestConflict, UnknownRequest
from seatrial.registry.bundle import Bundle
from seatrial.registry.catalog import get
from seatrial.release.projection import Endpoints
from seatrial.steps.context import Context
from seatrial.steps.workflow import Answer, Done, End, Step, Wait, Workflow
from seatrial.training.evaluation.decision import Outcome
from seatrial.training.retraining.agenda import KIND
from seatrial.training.retraining.checks import TooFewRows, check_rows
from seatrial.training.retraining.config import RetrainedConfig
from seatrial.training.retraining.gathering import as_taken, cut_of, shown_time
from seatrial.training.retraining.outline import OUTLINE, PROMOTED
from seatrial.training.retraining.records import (
    Approved,
    Judged,
    Looked,
    Order,
    Registered,
    Released,
    Rows,
    Trained,
)
from seatrial.wiring.registry.registering import (
    Offer,
    Offered,
    arrival,
    ending,
    offer,
    write_evaluation,
)
from seatrial.wiring.retraining.configured import config_of
from seatrial.wiring.retraining.log import NothingLogged, Wanted
from seatrial.wiring.retraining.log_tail import LogTail
from seatrial.wiring.retraining.question import DRIFTED, question_of
from seatrial.wiring.retraining.warm_start import warm_start
from seatrial.wiring.workspace import Workspace

NOT_NEEDED = "not_needed"

_LOOK_S = 1.0


class RetrainingFlow:
    """The acts, over one workspace.

    Args: store: stays the caller's to close.
    """

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self._workspace = workspace
        self._store = store

    def workflow(self) -> Workflow:
        """The workflow, to be run by a `steps.worker.Worker`."""
        acts = {
            "rows": self._rows,
            "look": self._look,
            "train": self._train,
            "evaluate": self._evaluate,
            "approve": self._approve,
            "register": self._register,
            "release": self._release,
        }
        return Workflow(
            kind=KIND,
            takes=Order,
            steps=[
                Step(name=one.name, gives=one.gives, act=acts[one.name], retry=one.retry)
                for one in OUTLINE
            ],
            outcome=PROMOTED,
        )

    # The steps.

    def _rows(self, context: Context) -> Answer:
        """Gather labelled rows, keep the newest back, check them, and write both files."""
        from seatrial.adapters.labels.labelled_rows import write_labelled_rows
        from seatrial.wiring.retraining.rows import gather

        order, config = self._order(context)
        baseline = self._production(order.endpoint)
        bundle = None if baseline is None else self._bundle(order.endpoint, baseline)
        warm, after = warm_start(self._store, order.name, config, bundle)
        wanted = Wanted(
            endpoint=order.endpoint,
            config=config,
            signature=None if bundle is None else bundle.signature,
            now=datetime.now(UTC),
            after=after,
        )
        folder = self._folder(context)
        folder.mkdir(parents=True, exist_ok=True)
        context.progress(None, f"gathering rows: {config.data.source}")
        question = None if baseline is None else question_of(self._store, context)
        keep_s = self._workspace.settings.monitoring.performance.keep
        waits_s = None if question is None else question.waits_s(config, keep_s=keep_s)
        try:
            found = gather(self._workspace, self._store, wanted, folder=folder, say=context.log)
            rows = as_taken(found, wanted.signature)
            context.check()
            if question is not None:
                window_s = self._workspace.settings.monitoring.windows.every
                wanted_now = waits_s is not None
                question.put_aside(rows, folder, config, window_s=window_s, wanted=wanted_now)
            kept = config.data.holdout
            cut = cut_of(rows, share=kept.share, span_s=kept.span)
            train, holdout = rows.some(slice(0, cut)), rows.some(slice(cut, None))
            said = check_rows(
                train.columns,
                train.labels,
                n_holdout=len(holdout),
                signature=wanted.signature,
                demands=config.checks.demands(),
                label=config.label,
            )
        except (NothingLogged, TooFewRows) as few:
            if waits_s is None:
                raise
            return Wait(waits_s, f"labels of rows that drifted: {few.problem}")
        for line in said:
            context.log(line)
        files = {"train": train, "holdout": holdout}
        for name, part in files.items():
            write_labelled_rows(
                folder / f"{name}.parquet", part.columns, label=config.label, labels=part.labels
            )
        return Done(
            Rows(
                train=str(folder / "train.parquet"),
                holdout=str(folder / "holdout.parquet"),
                n_train=len(train),
                n_holdout=len(holdout),
                oldest=shown_time(rows.at, 0),
                cut=shown_time(holdout.at, 0),
                newest=shown_time(rows.at, -1),
                baseline=baseline,
                warm=warm,
                found=tuple(said),
            )
        )

    def _look(self, context: Context) -> Answer:
        """Where drift alone asks: whether the model in production lost, and else the end."""
        from seatrial.wiring.retraining.look import production_loss

        order, config = self._order(context)
        rows = context.output("rows", Rows)
        asks = [cause for cause in order.causes if cause.asks]
        if question_of(self._store, context) is None or rows.baseline is None:
            return Done(Looked(asked=False, reason="no question: more than drift asks for it"))
        drifted = self._folder(context) / DRIFTED
        loss = production_loss(
            self._workspace,
            self._store,
            endpoint=order.endpoint,
            version=rows.baseline,
            rows=drifted if drifted.is_file() else Path(rows.holdout),
            label=config.label,
        )
        context.log(loss.reason)
        book = TriggerBook(self._store)
        for cause in asks:
            with suppress(UnknownRequest, RequestConflict):  # told before a kill
                book.evaluated(
                    order.endpoint,
                    cause.id,
                    worse=loss.worse,
                    reason=loss.reason,
                    evidence=loss.evidence,
                    by=KIND,
                    now=datetime.now(UTC),
                )
        if not loss.worse:
            return End(NOT_NEEDED, loss.reason, loss.evidence)
        return Done(Looked(asked=True, reason=loss.reason))

    def _train(self, context: Context) -> Answer:
        """Train within limits, in a process of its own; a deliberate retry is another run."""
        from seatrial.training.runs.book import RunBook
        from seatrial.training.runs.order import TrainingOrder
        from seatrial.wiring.training.trainer import train_order

        _, config = self._order(context)
        rows = context.output("rows", Rows)
        again = context.step.n_failures
        order = TrainingOrder(
            id=f"{context.run.key}{f'.{again + 1}' if again else ''}",
            recipe=config.training,
            data=Path(rows.train),
            label=config.label,
            holdout=Path(rows.holdout),
            warm_start=Path(rows.warm) if rows.warm else None,
            by=context.run_id,
        )
        tail = LogTail(self._workspace.runs / order.id / "log.txt", context.log)

        def told(name: str, text: str) -> None:
            context.check()
            context.progress(None, f"{name}: {text}")
            tail.read()

        trained = train_order(
            self._workspace,
            order,
            on_step=lambda _mark, name, text: context.log(f"{name}: {text}"),
            on_progress=told,
        )
        tail.read()
        ended = RunBook(self._store).get(trained.run_id).ending
        return Done(
            Trained(
                run=trained.run_id,
                model=str(trained.model_path),
                metrics={name: float(value) for name, value in trained.metrics.items()},
                seconds=0.0 if ended is None else float(ended.seconds),
                warm=bool(rows.warm),
            )
        )

    def _evaluate(self, context: Context) -> Answer:
        """Hold the new model against the version in production, on the rows kept back."""
        from seatrial.training.runs.order import TrainingOrder
        from seatrial.wiring.evaluation.evaluating import EvaluationOrder, evaluate_order
        from seatrial.wiring.training.recipe import recipe_of

        order, config = self._order(context)
        rows, trained = context.output("rows", Rows), context.output("train", Trained)
        baseline = self._production(order.endpoint)
        if baseline is None:
            reason = "there is no version in production to compare with"
            return Done(Judged(outcome="first", reason=reason, folder=""))
        evaluated = evaluate_order(
            self._workspace,
            EvaluationOrder(
                new=Path(trained.model),
                against=f"{order.endpoint}@{baseline}",
                data=Path(rows.holdout),
                label=config.label,
                training=Path(rows.train),
                rules=self._workspace.settings.evaluation.rules(),
                trust=recipe_of(
                    self._workspace, TrainingOrder(id=KIND, recipe=config.training)
                ).trust,
            ),
            on_step=lambda _mark, name, text: context.log(f"{name}: {text}"),
            on_progress=_progress(context),
        )
        folder = self._folder(context) / "evaluation"
        write_evaluation(folder, evaluated)
        outcome, reason = evaluated.outcome, evaluated.reason
        good = {Outcome.BETTER}
        if config.accept == "not_worse":
            good.add(Outcome.NOT_WORSE)
        if outcome not in good:
            return End(outcome.value, reason, {"folder": str(folder), "accept": config.accept})
        return Done(Judged(outcome=outcome.value, reason=reason, folder=str(folder)))

    def _approve(self, context: Context) -> Answer:
        """Where a person is asked: wait for one."""
        _, config = self._order(context)
        if config.approval:
            judged = context.output("evaluate", Judged)
            return Wait(None, f"a person's approval; {judged.outcome}: {judged.reason}")
        return Done(Approved(approved=True, reason="nobody is asked"))

    def _register(self, context: Context) -> Answer:
        """Offer the new version to our registry; the same key again is the same offer."""
        order, config = self._order(context)
        rows, judged = context.output("rows", Rows), context.output("evaluate", Judged)
        offered = offer(
            self._workspace,
            self._store,
            Offer(
                model=order.endpoint,
                file=Path(context.output("train", Trained).model),
                key=context.effect_key,
                label=config.label,
                data=Path(rows.train),
                holdout=Path(rows.holdout),
                evaluation=Path(judged.folder) if judged.folder else None,
                notes={"run": context.run_id},
                by=KIND,
            ),
        )
        return Done(
            Registered(model=offered.model, number=offered.number, endpoint=offered.endpoint)
        )

    def _release(self, context: Context) -> Answer:
        """Wait for the end of the release journey, and end with it."""
        registered = context.output("register", Registered)
        offered = offered_of(registered)
        end = ending(self._workspace, self._store, offered)
        if end is None:
            return Wait(_LOOK_S, _standing(self._store, offered))
        if end.outcome != PROMOTED:
            data = {"version": end.version, "release": end.release, "code": end.code}
            return End(end.outcome, end.reason, data)
        return Done(Released(outcome=end.outcome, reason=end.reason, version=end.version))

    # What they need.

    def _order(self, context: Context) -> tuple[Order, RetrainedConfig]:
        order = context.input(Order)
        return order, config_of(self._workspace, order.name)

    def _folder(self, context: Context) -> Path:
        return self._workspace.home / KIND / context.run.key

    def _production(self, endpoint: str) -> int | None:
        endpoints = Endpoints(self._store)
        endpoints.refresh()
        return endpoints.find(endpoint).stable

    def _bundle(self, endpoint: str, version: int) -> Bundle:
        digest = get(self._store, endpoint, version).digest
        return Bundle.open(self._workspace.bundles / digest, digest=digest)


def offered_of(registered: Registered) -> Offered:
    """As the registry takes it."""
    return Offered(model=registered.model, number=registered.number, endpoint=registered.endpoint)


def _progress(context: Context) -> Callable[[str, str], None]:
    def told(name: str, text: str) -> None:
        context.check()
        context.progress(None, f"{name}: {text}")

    return told


def _standing(store: Store, offered: Offered) -> str:
    """How far a release is, for a person."""
    found = arrival(store, offered)
    if found is None:
        return "the server has not seen the version yet"
    return f"the release journey: {found['waits_for'] or found['step'] or found['status']}"
