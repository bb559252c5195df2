"""Deploys a prompt: read its file, register the variant, begin its release.

What follows (staging, canary, promotion) is the way of a model: `wiring.deploying.deploy` goes on
from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from seatrial.adapters.llm.jsonschema_shape import JsonSchemaShape
from seatrial.adapters.prompts.folder import PromptFolder, read_text
from seatrial.gateway.prompts.failures import PromptInvalid, PromptNotFound
from seatrial.gateway.prompts.variant import PromptVariant, variant_of
from seatrial.gateway.prompts.variant_file import PromptRef, read_variant
from seatrial.kernel.errors import Invalid
from seatrial.kernel.store import Store
from seatrial.registry.documents import Document, find, register
from seatrial.registry.naming import check_name
from seatrial.release.answer_gates import OF_FORM, OF_SCORE, without
from seatrial.release.desk import Desk
from seatrial.release.gate import AbsoluteGate, Gate, Gates
from seatrial.release.gate_record import gates_from_dict, gates_to_dict
from seatrial.release.rollout import Plan
from seatrial.wiring.kinds import PROMPT
from seatrial.wiring.prompts.versions import check_model, scorer_of
from seatrial.wiring.workspace import Workspace

Say = Callable[[str, str, str], None]
"""Told mark (``ok``, ``note``), name and text of a step that has ended."""


class GateUnmeasurable(Invalid):
    """A gate is asked for that nothing of this version could ever be measured for."""

    code = "prompt.gate_unmeasurable"


def read_prompt(workspace: Workspace, file: Path, name: str) -> PromptVariant:
    """The variant of a file, checked against what this workspace has.

    Args: name: of the endpoint.
    Raises: PromptInvalid, PromptNotFound, PromptsUnavailable, VariablesInvalid, SchemaInvalid,
        MissingExtra, ModelNameInvalid.
    """
    check_name(name)
    try:
        raw = file.read_bytes()
    except OSError as problem:
        raise PromptNotFound(
            f"The file {str(file)!r} cannot be read: {problem.strerror}.",
            remedy="Name the file of a prompt.",
            file=str(file),
        ) from problem
    variant = read_variant(raw, file.name, name=name, text_of=lambda ref: _text(ref, file.parent))
    gateway = workspace.settings.gateway
    check_model(variant, [n for n, model in gateway.models.items() if model.kind == "chat"])
    if variant.answer is not None:
        JsonSchemaShape(variant.answer)
    scorer_of(variant)
    return variant


def register_prompt(
    store: Store, name: str, variant: PromptVariant, *, source: str, by: str
) -> Document:
    """Give the variant a number, or find the one it has.   Raises: as `documents.register`."""
    return register(
        store,
        PROMPT,
        name,
        digest=variant.digest,
        content=variant.record(),
        source_name=source,
        by=by,
    )


def fitting(
    plan: Plan, variant: PromptVariant, stable: PromptVariant | None, *, on_step: Say
) -> Plan:
    """The plan without gates against stable that one of the two could never be measured for.

    Raises: GateUnmeasurable: a gate of the version's own is such.
    """
    gates = gates_from_dict(plan.gates)
    for kinds, what, has in (
        (OF_FORM, "a schema of its answer", _is_parsed),
        (OF_SCORE, "a scorer", _is_scored),
    ):
        if not has(variant):
            _refuse_absolute(gates, kinds, what)
        if has(variant) and (stable is None or has(stable)):
            continue
        left = without(gates, kinds)
        if has(variant):  # its own gates stay; what is left out is the comparison
            left = without(gates, tuple(k for k in kinds if not issubclass(k, AbsoluteGate)))
        dropped = [g.name for g in gates.gates if g not in left.gates]
        if dropped and stable is not None:
            whose = "this version" if not has(variant) else "the version in production"
            on_step("note", "gates", f"{', '.join(dropped)} left out: {whose} lacks {what}")
        gates = left
    return replace(plan, gates=gates_to_dict(gates))


def stable_variant(desk: Desk, store: Store, name: str) -> PromptVariant | None:
    """The variant in production, or None.   Raises: DocumentUnknown, VariantUnreadable."""
    if name not in desk.names():
        return None
    state = desk.state(name)
    if state.stable is None:
        return None
    return variant_of(find(store, PROMPT, name, state.digests[state.stable]).content)


def _is_parsed(variant: PromptVariant) -> bool:
    return variant.answer is not None


def _is_scored(variant: PromptVariant) -> bool:
    return variant.scorer is not None


def _refuse_absolute(gates: Gates, kinds: tuple[type[Gate], ...], what: str) -> None:
    for gate in gates.gates:
        if isinstance(gate, kinds) and isinstance(gate, AbsoluteGate) and not gate.dry_run:
            raise GateUnmeasurable(
                f"The gate {gate.name} is asked for, but the prompt lacks {what}.",
                remedy="Add it to the prompt's file, or take the gate out of seatrial.yaml.",
                gate=gate.name,
            )


def _text(ref: PromptRef, folder: Path) -> str:
    """The text that a file points to."""
    if ref.file:
        return read_text(_inside(folder, ref.file))
    version = ref.version or None
    if ref.folder:
        return PromptFolder(_inside(folder, ref.folder)).prompt(ref.name, version).text
    from seatrial.adapters.prompts.mlflow import MlflowPrompts

    return MlflowPrompts(ref.mlflow).prompt(ref.name, version).text


def _inside(folder: Path, name: str) -> Path:
    """A path beside the prompt's file, which may not lead out of its folder."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise PromptInvalid(
            f"The path {name!r} leads out of the folder of the prompt's file.",
            remedy="Put the prompt's text beside its file.",
            file=name,
        )
    return path
