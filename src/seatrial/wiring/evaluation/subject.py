"""What a person names as a version: a registered one, a bundle, or a model file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from seatrial.packaging.sample import Sample
from seatrial.registry.archive import is_archive, opened
from seatrial.registry.bundle import Bundle
from seatrial.wiring.deploying.bundles import is_path, parse_subject, registered
from seatrial.wiring.deploying.given import endpoint_of, holds_model, model_file
from seatrial.wiring.deploying.intake import check_vouched
from seatrial.wiring.workspace import Workspace

Say = Callable[[str, str, str], None]
"""Told mark (``ok``, ``note``), name and text of a step that has ended."""

_SAMPLE_ROWS = 10_000
_DIGEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A version that can be opened.

    Args:
        name: as people call it.
        bundle: verified.
    """

    name: str
    bundle: Bundle


@contextmanager
def subject(
    workspace: Workspace,
    named: str | Path,
    *,
    rows: Sample,
    label: str | None,
    trust: bool,
    any_version: bool,
    on_step: Say,
    on_progress: Callable[[str, str], None],
) -> Iterator[Subject]:
    """Open what was named, for as long as the block lasts.

    A model file is packaged as `seatrial deploy` packages it, so that it is asked as it would be
    served; the bundle is thrown away afterwards.

    Args:
        named: NAME@VERSION or NAME of the catalogue; what holds a dot or a slash is a path.
        rows: from which a model file that shows little of its inputs is described.
        label: the column of the rows that is predicted, where they have one.
        trust, any_version: see `wiring.deploying.order.Order`.
    Raises: what `registered`, `opened` and packaging raise; VouchedElsewhere.
    """
    text = str(named)
    if not isinstance(named, Path) and not is_path(text):
        version, bundle = registered(workspace, parse_subject(text))
        yield Subject(name=f"{version.name}@{version.number}", bundle=bundle)
        return
    path = Path(text)
    if is_archive(path) or (path.is_dir() and not holds_model(path)):
        with opened(path) as bundle:
            check_vouched(bundle, trust=trust)
            name = f"{bundle.manifest.name} {bundle.digest[:_DIGEST]}"
            yield Subject(name=name, bundle=bundle)
        return
    with TemporaryDirectory(prefix="seatrial-") as scratch:
        bundle = _packaged(
            workspace,
            path,
            Path(scratch),
            rows=rows,
            label=label,
            trust=trust,
            any_version=any_version,
            on_step=on_step,
            on_progress=on_progress,
        )
        yield Subject(name=path.name, bundle=bundle)


def _packaged(
    workspace: Workspace,
    path: Path,
    root: Path,
    *,
    rows: Sample,
    label: str | None,
    trust: bool,
    any_version: bool,
    on_step: Say,
    on_progress: Callable[[str, str], None],
) -> Bundle:
    from seatrial.adapters.serving.onnxruntime import OnnxEngine
    from seatrial.packaging.assemble import assemble
    from seatrial.packaging.source import Source

    n = min(rows.n_rows, _SAMPLE_ROWS)
    source = Source(
        model=path,
        name=endpoint_of(path),
        sample=Sample(
            columns={name: column[:n] for name, column in rows.columns.items()},
            n_rows=n,
            n_total=rows.n_rows,
        ),
        label=label,
        trust=trust,
        any_version=any_version,
    )
    on_progress("package", path.name)
    with model_file(path, say=on_step, mlflow=workspace.settings.registry.url) as file:
        return assemble(
            replace(source, model=file),
            root,
            open_graph=OnnxEngine,
            limits=workspace.settings.server.child_limits(),
            say=lambda mark, name, text: (
                on_step(mark, name, f"{path.name}: {text}")
                if name in ("scan", "export", "engine")
                else None
            ),
            progress=on_progress,
        ).bundle
