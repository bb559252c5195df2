"""`seatrial sign` and `seatrial verify`: whose a bundle is, whoever carried it meanwhile."""

from __future__ import annotations

from pathlib import Path

import click

from seatrial.cli.exits import Exit
from seatrial.cli.options import json_option, workspace_options
from seatrial.cli.output import Console

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("what", metavar="[PATH|NAME[@VERSION]]", required=False)
@click.option("--key", type=_FILE, help="Private key in PEM, without a password.")
@click.option("--new-key", type=_FILE, help="Make a key: this file, and its public half in .pub.")
@click.option(
    "-o",
    "--output",
    type=_FILE,
    help="The signature.  [default: beside the bundle, ending in .sig]",
)
@workspace_options
@json_option
def sign(
    what: str | None,
    key: Path | None,
    new_key: Path | None,
    output: Path | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Sign every file of a bundle: a folder, an archive or a registered version.

    What holds a dot or a slash is a path: ./churn is a folder, churn a registered model. The
    signature is one of OpenSSF Model Signing, which other tools can check too. With --new-key
    alone, only a key is made.
    """
    console = Console(as_json=as_json)
    if (new_key is None) == (key is None):
        raise click.UsageError("Say --key with a key you have, or --new-key to make one.")
    if what is None and key is not None:
        raise click.UsageError("Say what to sign: a folder, an archive or NAME@VERSION.")
    record: dict[str, object] = {}
    if new_key is not None:
        record = _make_key(console, new_key)
    used = key or new_key
    if what is not None and used is not None:
        record |= _sign(console, what, used, output, home=home, config=config)
    console.result(record)
    return Exit.DONE


@click.command()
@click.argument("what", metavar="PATH|NAME[@VERSION]")
@click.option("--key", type=_FILE, required=True, help="Public keys in PEM; any of them will do.")
@click.option(
    "--signature", type=_FILE, help="The signature.  [default: beside the bundle, ending in .sig]"
)
@workspace_options
@json_option
def verify(
    what: str,
    key: Path,
    signature: Path | None,
    home: Path | None,
    config: Path | None,
    as_json: bool,
) -> int:
    """Check every byte of a bundle, and that a key signed exactly these files.

    What holds a dot or a slash is a path: ./churn is a folder, churn a registered model.
    """
    from seatrial.registry.signing_file import signature_path
    from seatrial.wiring.deploying.bundles import held
    from seatrial.wiring.deploying.trust import Trust

    console = Console(as_json=as_json)
    trust = Trust(key)
    with held(what, home=home, config=config) as found:
        signed_by = trust.check(found.bundle, signature or signature_path(found.place))
        files = len(found.bundle.manifest.files) + 1
        console.step("ok", "verify", f"{found.label}: {files} files, as they were signed")
        console.step("note", "signed by", signed_by)
        console.result({"digest": found.bundle.digest, "files": files, "signed_by": signed_by})
    return Exit.DONE


def _make_key(console: Console, path: Path) -> dict[str, object]:
    from seatrial.adapters.keys_ecdsa import write_new_key

    made = write_new_key(path)
    console.step("ok", "key", f"{path}: keep it secret; {path}.pub is for those who verify")
    return {"key": str(path), "public_key": f"{path}.pub", "signed_by": made.fingerprint}


def _sign(
    console: Console,
    what: str,
    key: Path,
    output: Path | None,
    *,
    home: Path | None,
    config: Path | None,
) -> dict[str, object]:
    from seatrial.registry.signing_file import signature_path
    from seatrial.wiring.deploying.bundles import held
    from seatrial.wiring.deploying.files import ship_signature
    from seatrial.wiring.deploying.trust import sign_bundle

    with held(what, home=home, config=config) as found:
        target = output or signature_path(found.place)
        signed_by = sign_bundle(found.bundle, key, target)
        console.step("ok", "sign", f"{found.label} → {target}")
        if output is None and found.workspace is not None and found.version is not None:
            version = found.version
            ship_signature(
                found.workspace.release_folder(version.name, version.number), found.bundle
            )
        return {"digest": found.bundle.digest, "signature": str(target), "signed_by": signed_by}
