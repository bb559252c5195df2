"""Takes in a bundle that was packed elsewhere: nothing it says of itself is believed.

Its bytes are verified, its pins and plan must read, a native model is scanned and loaded in a child
process like any file, its graphs are opened and run there on its golden rows, and that somebody
vouched for it elsewhere counts for nothing here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from seatrial.kernel.errors import Denied, Invalid
from seatrial.packaging.rehearsal import Rehearsal
from seatrial.packaging.requirements import parse_pins
from seatrial.packaging.session import ModelSession
from seatrial.registry.archive import unpack
from seatrial.registry.bundle import Bundle, settle
from seatrial.registry.incoming import PREFIX, writing
from seatrial.registry.manifest import Role
from seatrial.serving.engine import EnginePlan


class VouchedElsewhere(Denied):
    """The archive's model was trusted where it was packed, and nobody trusts it here."""

    code = "deploy.vouched_elsewhere"


class NameDiffers(Invalid):
    """The archive's model has another name than the one asked for."""

    code = "deploy.name_differs"


def take_in(
    archive: Path,
    bundles: Path,
    *,
    name: str | None,
    trust: bool,
    welcome: Callable[[str], None] = lambda _: None,
    accept: Callable[[Bundle], None] = lambda _: None,
) -> Bundle:
    """The bundle of an archive, in its place among the others.

    Args:
        archive: written by `registry.archive.pack`, here or elsewhere.
        bundles: folder of the bundles, one per digest.
        name: the model must have, or None for whatever it has.
        trust: whether a person vouches for a model that imports unknown code.
        welcome: is given the model's name before anything of it is loaded; raises to refuse it.
        accept: the same, given the verified bundle.
    Raises: ArchiveUnsafe and its kin, BundleTampered and its kin, NameDiffers, VouchedElsewhere,
        RequirementsUnreadable, PlanUnreadable, GoldenUnreadable, GraphFails, what loading a native
        model raises, and what ``welcome`` and ``accept`` do. Nothing is left in ``bundles`` then.
    """
    with writing(bundles):
        bundles.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=PREFIX, dir=bundles) as scratch:
        bundle = unpack(archive, Path(scratch))
        check_name(bundle.manifest.name, name)
        welcome(bundle.manifest.name)
        accept(bundle)
        check_vouched(bundle, trust=trust)
        _check(bundle)
        with writing(bundles):
            return settle(bundle.path, bundles, bundle.manifest)


def check_name(has: str, wanted: str | None) -> None:
    """Refuse an archive of another name.   Raises: NameDiffers."""
    if wanted is not None and wanted != has:
        raise NameDiffers(
            f"The archive holds a model named {has!r}, not {wanted!r}.",
            remedy=f"Say --name {has} (--model {has} of register), or package it as {wanted!r}: a "
            "training gives the name of its recipe.",
            field="name",
        )


def check_vouched(bundle: Bundle, *, trust: bool) -> None:
    """Refuse a bundle from elsewhere that is to run code nobody here vouched for.

    Raises: VouchedElsewhere.
    """
    if bundle.manifest.trusted and not trust:
        raise VouchedElsewhere(
            f"The model {bundle.manifest.name!r} was packed with --trust or --any-version: "
            "somebody vouched for it there.",
            remedy="Ask who packed it; if you vouch for it too, say --trust.",
            model=bundle.manifest.name,
        )


def _check(bundle: Bundle) -> None:
    parse_pins(bundle.requirements())
    EnginePlan.from_dict(bundle.manifest.plan)
    golden = bundle.golden()
    with Rehearsal() as rehearsal:
        for role in (Role.ONNX, Role.WIDE):
            if role in bundle.manifest.artefacts:
                rehearsal.run(bundle.read(role), bundle.signature, {role: golden.inputs})
    if Role.NATIVE in bundle.manifest.artefacts:
        vouched = bundle.manifest.trusted
        with ModelSession() as session:
            session.load(bundle.locate(Role.NATIVE), trust=vouched, any_version=vouched)
