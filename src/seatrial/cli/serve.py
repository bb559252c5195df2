"""Commands that run servers: up, down, serve-bundle."""

from __future__ import annotations

import gc
from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import workspace_options


@click.command()
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65535), help="Port.  [default: 8080]")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes.  [default: 1]")
@click.option("--detach", is_flag=True, help="Run in the background; stop with `seatrial down`.")
@workspace_options
def up(
    host: str | None,
    port: int | None,
    workers: int | None,
    detach: bool,
    home: Path | None,
    config: Path | None,
) -> int:
    """Serve every endpoint, and bring releases forward."""
    gc.disable()  # a fifth of the start; on again when all is loaded
    try:
        return _up(host, port, workers, detach=detach, home=home, config=config)
    finally:
        gc.enable()


def _up(
    host: str | None,
    port: int | None,
    workers: int | None,
    *,
    detach: bool,
    home: Path | None,
    config: Path | None,
) -> int:
    from seatrial.wiring.background import start_detached
    from seatrial.wiring.server import run_server
    from seatrial.wiring.server_checks import check_llm
    from seatrial.wiring.workspace import open_workspace

    workspace = open_workspace(home=home, config=config).listening(
        host=host, port=port, workers=workers
    )
    if detach:
        check_llm(workspace)
        running = start_detached(workspace)
        click.echo(f"seatrial serves on {running.address} (process {running.pid})", err=True)
        click.echo(f"log: {running.log}", err=True)
        return Exit.DONE
    run_server(workspace, say=lambda line: click.echo(line, err=True))
    return Exit.DONE


@click.command()
@workspace_options
def down(home: Path | None, config: Path | None) -> int:
    """Stop the server of this home folder, however it was started."""
    from seatrial.wiring.background import stop_detached
    from seatrial.wiring.workspace import open_workspace

    pid = stop_detached(open_workspace(home=home, config=config))
    click.echo(f"Stopped the server (process {pid}).", err=True)
    return Exit.DONE


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the model.  [default: that of the bundle]")
@click.option("--version", type=click.IntRange(1), default=1, show_default=True)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=8080, show_default=True)
@click.option("--fd", type=int, help="Use this inherited listening socket instead.")
@click.option("--until-eof", is_flag=True, help="Stop when standard input ends.")
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Threads of a native model's process.",
)
@click.option(
    "--memory-mib",
    type=click.IntRange(256),
    default=2048,
    show_default=True,
    help="Resident memory of a native model's process.",
)
@click.option("--trust", is_flag=True, help="Serve an archive whose model was packed with --trust.")
def serve_bundle(
    bundle: Path,
    name: str | None,
    version: int,
    host: str,
    port: int,
    fd: int | None,
    until_eof: bool,
    threads: int,
    memory_mib: int,
    trust: bool,
) -> int:
    """Serve one BUNDLE, a folder or an archive, with no store and no other file."""
    from seatrial.registry.archive import opened
    from seatrial.serving.spawn import ChildLimits
    from seatrial.wiring.deploying import standalone

    with opened(bundle) as found:
        if not bundle.is_dir():
            from seatrial.wiring.deploying.intake import check_vouched

            check_vouched(found, trust=trust)
        standalone.serve_bundle(
            found,
            name=name,
            version=version,
            host=host,
            port=port,
            fd=fd,
            until_eof=until_eof,
            limits=ChildLimits(threads=threads, memory_bytes=memory_mib << 20, call_s=30.0),
        )
    return Exit.DONE
