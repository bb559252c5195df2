"""`seatrial bundle`: versions as single files, to be kept or taken to another installation."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, workspace_options
from seatrial.cli.output import Console
from seatrial.kernel.size import show_size
from seatrial.registry.archive import SUFFIX
from seatrial.registry.bundle import Bundle

_ARCHIVE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def bundle() -> None:
    """Versions as single files: pack, unpack, verify."""


@bundle.command()
@click.argument("version", metavar="NAME[@VERSION]")
@click.option(
    "-o", "--output", type=_ARCHIVE, help=f"The archive.  [default: NAME-VERSION{SUFFIX}]"
)
@workspace_options
@json_option
def pack(
    version: str, output: Path | None, home: Path | None, config: Path | None, as_json: bool
) -> int:
    """Write a registered version to one file, the same bytes every time.

    Without @VERSION it is the version in production, or the newest where none is. The file holds
    all that serving needs, and `seatrial deploy` takes it elsewhere. One that is there already is
    replaced.
    """
    from seatrial.registry import archive
    from seatrial.wiring.deploying.bundles import parse_subject, registered
    from seatrial.wiring.workspace import open_workspace

    console = Console(as_json=as_json)
    subject = parse_subject(version)
    found, held = registered(open_workspace(home=home, config=config), subject)
    target = output or Path(f"{found.name}-{found.number}{SUFFIX}")
    archive.pack(held, target)
    size = target.stat().st_size
    console.step("ok", "pack", f"{found.name} version {found.number} → {target}, {show_size(size)}")
    console.result(
        _record(held) | {"version": found.number, "archive": str(target), "archive_bytes": size}
    )
    return Exit.DONE


@bundle.command()
@click.argument("archive", type=_ARCHIVE)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The folder to make; it may be there already if it is empty or this very bundle.",
)
@json_option
def unpack(archive: Path, output: Path, as_json: bool) -> int:
    """Unpack ARCHIVE into a folder of its own and verify every byte."""
    from seatrial.registry.archive import unpack_as

    console = Console(as_json=as_json)
    held = unpack_as(archive, output)
    console.step("ok", "unpack", f"{archive} → {output}")
    _show(console, held)
    console.result(_record(held) | {"folder": str(output)})
    return Exit.DONE


@bundle.command()
@click.argument("what", metavar="PATH|NAME[@VERSION]")
@workspace_options
@json_option
def verify(what: str, home: Path | None, config: Path | None, as_json: bool) -> int:
    """Check every byte of an archive, folder or version, and say what it is.

    What holds a dot or a slash is a path: ./churn is a folder, churn a registered model.
    """
    from seatrial.wiring.deploying.bundles import held

    console = Console(as_json=as_json)
    with held(what, home=home, config=config) as found:
        record = _record(found.bundle)
        if found.version is not None:
            record |= {"version": found.version.number}
            console.step("ok", "verify", found.label)
        _show(console, found.bundle)
    console.result(record)
    return Exit.DONE


def _show(console: Console, held: Bundle) -> None:
    manifest = held.manifest
    console.step(
        "ok", "bundle", f"{manifest.name}, {len(manifest.files)} files, {show_size(held.n_bytes)}"
    )
    console.step("note", "digest", held.digest)
    made = f"{manifest.framework.name} {manifest.framework.version}, Python {manifest.python}"
    console.step("note", "made by", made)
    console.step("note", "holds", ", ".join(sorted(role.value for role in manifest.artefacts)))
    if manifest.trusted:
        console.step("note", "trust", "packed with --trust or --any-version: loading it runs code")


def _record(held: Bundle) -> dict[str, object]:
    manifest = held.manifest
    return {
        "name": manifest.name,
        "digest": held.digest,
        "framework": {"name": manifest.framework.name, "version": manifest.framework.version},
        "python": manifest.python,
        "artefacts": sorted(role.value for role in manifest.artefacts),
        "trusted": manifest.trusted,
        "bytes": held.n_bytes,
    }
