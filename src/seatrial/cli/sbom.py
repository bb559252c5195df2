"""`seatrial sbom`: what a bundle is made of, for those who must know."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import workspace_options


@click.command()
@click.argument("what", metavar="PATH|NAME[@VERSION]")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write.  [default: standard output]",
)
@workspace_options
def sbom(what: str, output: Path | None, home: Path | None, config: Path | None) -> int:
    """Say in CycloneDX what a bundle is made of: pinned libraries, and files with their hashes.

    What holds a dot or a slash is a path: ./churn is a folder, churn a registered model. A
    release's folder has one of its whole image, with the libraries of the server.
    """
    from seatrial.packaging import sbom as bill
    from seatrial.packaging.requirements import parse_pins
    from seatrial.registry.incoming import writing
    from seatrial.wiring.deploying.bundles import held

    with held(what, home=home, config=config) as found:
        pins = parse_pins(found.bundle.requirements())
        number = None if found.version is None else found.version.number
        text = bill.render(found.bundle.manifest, pins, version=number)
    if output is None:
        click.echo(text, nl=False)
    else:
        with writing(output.parent):
            output.write_text(text, encoding="utf-8")
    return Exit.DONE
