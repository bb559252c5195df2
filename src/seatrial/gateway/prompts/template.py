"""A prompt: what is said to a model, with places for data.

A prompt is one text, as it lies in a file: front matter in YAML between two lines of ``---``, then
the messages, each behind a line that is ``[system]``, ``[user]`` or ``[assistant]``; without such a
line all of it is what the user says.

    ---
    description: Sorts letters by what they want.
    kind: few-shot
    variables:
      letter: {max_chars: 20000}
      tone: {enum: [formal, plain], default: plain}
    examples:
      - {user: Where is my parcel?, assistant: delivery}
    ---
    [system]
    You sort letters. Answer in one {{ tone }} word.
    [user]
    {{ letter }}

Which messages there are, and who speaks them, is settled when the text is read. Data is put in
afterwards, as data: it can neither add a message nor change a role, nor is it read as a template.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from enum import StrEnum

import msgspec

from seatrial.gateway.chat.messages import Message, Role, said
from seatrial.gateway.prompts.failures import PromptInvalid
from seatrial.gateway.prompts.meter import Limits, Meter
from seatrial.gateway.prompts.sandbox import Compiled
from seatrial.gateway.prompts.variables import Variable, checked, wrongs
from seatrial.kernel.config_file import ConfigUnreadable, parse

REASONING = "Think step by step. Then give the answer alone in a last line that begins with Answer:"
_FRONT = re.compile(r"\A\ufeff?---[ \t]*\n(.*?)^---[ \t]*$\n?", re.DOTALL | re.MULTILINE)
_SPEAKER = re.compile(r"^\[(system|user|assistant)\][ \t]*$", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}\Z")
_RESERVED = {"loop", "self", "super", "caller", "varargs", "kwargs", "true", "false", "none"}


class PromptKind(StrEnum):
    """How a prompt goes about it.

    FEW_SHOT needs examples, which ZERO_SHOT must not have; ROLE needs a role; CHAIN_OF_THOUGHT asks
    for reasoning at the end.
    """

    ZERO_SHOT = "zero-shot"
    FEW_SHOT = "few-shot"
    CHAIN_OF_THOUGHT = "chain-of-thought"
    ROLE = "role"


class Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a user said and a good answer to it; plain text, no template."""

    user: str
    assistant: str


class FrontMatter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands before the messages.

    Args:
        examples: said before the first message of the user.
        role: who the model is; a template, said as the first system message.
        reasoning: how it is asked to reason, with CHAIN_OF_THOUGHT; "" for `REASONING`.
    """

    description: str = ""
    kind: PromptKind = PromptKind.ZERO_SHOT
    variables: dict[str, Variable] = {}
    examples: tuple[Example, ...] = ()
    role: str = ""
    reasoning: str = ""


class Prompt:
    """A prompt that was read and checked.

    Args:
        name: of letters, digits, ``.``, ``_`` and ``-``, at most 128.
        text: front matter and messages.

    Raises: PromptInvalid, for a text that could not be rendered with any variables.
    """

    def __init__(self, name: str, text: str) -> None:
        if not _NAME.match(name):
            raise _wrong(name, "its name has other characters than letters, digits, . _ and -")
        text = text.replace("\r\n", "\n")
        if not _encodable(text):
            raise _wrong(name, "it has half a character")
        self.name = name
        self.text = text
        self.version = digest_of(text)
        found = _FRONT.match(text)
        self.about = _front(found[1], name) if found else FrontMatter()
        self._messages = self._compiled(text[found.end() :] if found else text)
        self._check()

    @property
    def variables(self) -> Mapping[str, Variable]:
        """What may be put in, by name."""
        return self.about.variables

    def messages(
        self, given: Mapping[str, object], *, limits: Limits | None = None
    ) -> tuple[Message, ...]:
        """The messages with these variables: as many and of the same roles whatever is put in.

        Raises: VariablesInvalid; PromptInvalid, for a key of an object that is not there or
            bounds that are passed.
        """
        values = checked(self.variables, given, prompt=self.name)
        meter = Meter(limits or Limits())
        return tuple(
            said(role, part if isinstance(part, str) else part.render(values, meter))
            for role, part in self._messages
        )

    def _compiled(self, body: str) -> list[tuple[Role, Compiled | str]]:
        """The messages in order: role, system, examples, the rest."""
        sections = _sections(body, self.name)
        if self.about.kind is PromptKind.CHAIN_OF_THOUGHT:
            role, last = sections[-1]
            sections[-1] = role, f"{last}\n\n{self.about.reasoning or REASONING}"
        parts = [
            (role, self._template(source, f"{role} {i + 1}"))
            for i, (role, source) in enumerate(sections)
        ]
        n_system = next((i for i, (role, _) in enumerate(parts) if role is not Role.SYSTEM), 0)
        made: list[tuple[Role, Compiled | str]] = []
        if self.about.role:
            made.append((Role.SYSTEM, self._template(self.about.role, "role")))
        made += parts[:n_system]
        for example in self.about.examples:
            made += [(Role.USER, example.user), (Role.ASSISTANT, example.assistant)]
        return made + parts[n_system:]

    def _template(self, source: str, part: str) -> Compiled:
        return Compiled(source, self.variables, where=f"{self.name} ({part})")

    def _check(self) -> None:
        about = self.about
        if self._messages[-1][0] is not Role.USER:
            raise _wrong(self.name, "its last message is not the user's")
        if any(role is Role.SYSTEM for role, _ in self._messages[self._n_system() :]):
            raise _wrong(self.name, "it has a system message behind others")
        if about.kind is PromptKind.FEW_SHOT and not about.examples:
            raise _wrong(self.name, "it is few-shot and has no examples")
        if about.kind is PromptKind.ZERO_SHOT and about.examples:
            raise _wrong(self.name, "it is zero-shot and has examples")
        if about.kind is PromptKind.ROLE and not about.role:
            raise _wrong(self.name, "it is of kind role and has none")
        if about.reasoning and about.kind is not PromptKind.CHAIN_OF_THOUGHT:
            raise _wrong(self.name, "it asks for reasoning and is not of kind chain-of-thought")
        for name, variable in self.variables.items():
            _check_variable(self.name, name, variable)

    def _n_system(self) -> int:
        roles = [role for role, _ in self._messages]
        return next((i for i, role in enumerate(roles) if role is not Role.SYSTEM), len(roles))


def digest_of(text: str) -> str:
    """The version of a text: lower-case hex of SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _front(yaml: str, name: str) -> FrontMatter:
    try:
        return msgspec.convert(parse(yaml.encode(), f"the front matter of {name}"), FrontMatter)
    except ConfigUnreadable as error:
        raise PromptInvalid(error.problem, remedy=error.remedy, prompt=name) from error
    except msgspec.ValidationError as error:
        raise _wrong(name, f"its front matter is wrong: {error}") from error


def _sections(body: str, name: str) -> list[tuple[Role, str]]:
    """The messages' templates with who speaks them."""
    pieces = _SPEAKER.split(body)
    if pieces[0].strip() and len(pieces) > 1:
        raise _wrong(name, "it has text before the first [system], [user] or [assistant]")
    if len(pieces) == 1:
        pieces = ["", Role.USER, body]
    found = [(Role(r), t.strip("\n")) for r, t in zip(pieces[1::2], pieces[2::2], strict=True)]
    empty = [role for role, text in found if not text.strip()]
    if empty:
        raise _wrong(name, f"a message of {empty[0]} is empty")
    return found


def _check_variable(prompt: str, name: str, variable: Variable) -> None:
    if not _VARIABLE.match(name) or name.lower() in _RESERVED:
        raise _wrong(prompt, f"{name!r} is no name for a variable")
    if variable.max_chars < 1:
        raise _wrong(prompt, f"max_chars of {name} is {variable.max_chars}, less than 1")
    free = msgspec.structs.replace(variable, enum=(), required=True)
    for member in variable.enum:
        for problem in wrongs(free, member):
            raise _wrong(prompt, f"a value of the enum of {name} {problem}")
    if variable.default is not None:
        for problem in wrongs(variable, variable.default):
            raise _wrong(prompt, f"the default of {name} {problem}")


def _wrong(name: str, why: str) -> PromptInvalid:
    return PromptInvalid(
        f"The prompt {name!r} cannot be used: {why}.",
        remedy="Correct its text.",
        prompt=name,
    )
