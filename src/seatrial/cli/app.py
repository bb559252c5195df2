"""The root command: its verbs are loaded when they are used, its errors become exit codes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from seatrial import __version__
from seatrial.cli.exits import Exit, exit_of
from seatrial.cli.output import StdoutNotWritten, print_json, print_line
from seatrial.kernel.errors import SeatrialError

_VERBS: dict[str, tuple[str, str]] = {
    "demo": ("seatrial.cli.demo:demo", "The whole journey on real data, in a few minutes."),
    "up": ("seatrial.cli.serve:up", "Serve every endpoint, and bring releases forward."),
    "down": ("seatrial.cli.serve:down", "Stop the server that `up --detach` started."),
    "train": ("seatrial.cli.train:train", "Train a model, recorded and within limits."),
    "retrain": ("seatrial.cli.retrain:retrain", "Models trained anew, by themselves or now."),
    "runs": ("seatrial.cli.runs:runs", "What was trained: list, show, compare, sync."),
    "deploy": ("seatrial.cli.deploy:deploy", "Take a model file to staging or production."),
    "export": ("seatrial.cli.export:export", "Write a model file in another form, compared."),
    "register": ("seatrial.cli.register:register", "Offer a version; the server does the rest."),
    "registry": ("seatrial.cli.registry:registry", "Registered models that are followed."),
    "evaluate": ("seatrial.cli.evaluate:evaluate", "A new version against the one in production."),
    "predict": ("seatrial.cli.predict:predict", "Score a file of rows, of any size."),
    "plan": ("seatrial.cli.plan:plan", "Say how long a verdict will take, before starting."),
    "status": ("seatrial.cli.release:status", "What is served, and where releases stand."),
    "promote": ("seatrial.cli.release:promote", "Give the version on trial all traffic."),
    "rollback": ("seatrial.cli.release:rollback", "End the trial, or return to an older version."),
    "history": ("seatrial.cli.release:history", "Every fact of an endpoint, oldest first."),
    "monitor": ("seatrial.cli.monitor:monitor", "Drift, data quality and alerts, of any log."),
    "labels": ("seatrial.cli.labels:labels", "Hand in what came true, and plan what to label."),
    "events": ("seatrial.cli.events:events", "Events to other systems and from them."),
    "llm": ("seatrial.cli.llm:llm", "Language models: keys, models, what was spent."),
    "rag": ("seatrial.cli.rag:rag", "Documents that can be asked: build, search, ask."),
    "experiment": ("seatrial.cli.experiment:experiment", "A/B tests: plan, run and judge one."),
    "features": (
        "seatrial.cli.features:features",
        "Features of a Feast repository, for training and serving alike.",
    ),
    "bundle": ("seatrial.cli.bundle:bundle", "Pack, unpack and verify bundles as files."),
    "sign": ("seatrial.cli.signing:sign", "Sign a bundle, so that servers know whose it is."),
    "verify": ("seatrial.cli.signing:verify", "Check who signed a bundle, and every byte of it."),
    "sbom": ("seatrial.cli.sbom:sbom", "What a bundle is made of, in CycloneDX."),
    "size": ("seatrial.cli.size:size", "Replicas, resources and cost for a wanted load."),
    "cluster": ("seatrial.cli.cluster:cluster", "Versions on Kubernetes: apply, watch, promote."),
    "doctor": ("seatrial.cli.doctor:doctor", "Check that everything seatrial needs is there."),
    "serve-bundle": ("seatrial.cli.serve:serve_bundle", "Serve one bundle, nothing else."),
}


class _Verbs(click.Group):
    """A group that imports a verb's module only when the verb is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _VERBS:
            return None
        module, _, attribute = _VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _VERBS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], _VERBS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"There is no command {args[0]!r}.{hint} See `seatrial --help`.")
        return super().resolve_command(ctx, args)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seatrial")
def root() -> None:
    """Take a trained model to production behind gates that ask for evidence."""


def run(arguments: Sequence[str]) -> int:
    """Run a command line.

    Returns: its exit code; see `exits.Exit`.
    """
    as_json = "--json" in arguments
    try:
        result: Any = root.main(args=list(arguments), prog_name="seatrial", standalone_mode=False)
    except SeatrialError as error:
        _complain(error, as_json=as_json and not isinstance(error, StdoutNotWritten))
        return exit_of(error)
    except click.ClickException as error:
        if as_json:
            print_json({"error": {"code": "cli.usage", "problem": error.format_message()}})
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted. What was recorded stays: look at `seatrial status`.", err=True)
        return Exit.INTERRUPTED
    return int(result) if isinstance(result, int) else Exit.DONE


def _complain(error: SeatrialError, *, as_json: bool) -> None:
    if as_json:
        print_json({"error": error.as_dict()})
    print_line(click.style("Error: ", fg="red", bold=True) + error.problem)
    print_line(click.style("  → ", fg="green") + error.remedy)
    print_line(f"  ({error.code}, exit code {int(exit_of(error))})")
