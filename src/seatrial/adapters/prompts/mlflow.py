"""Prompts in MLflow's prompt registry: a version's template there is a prompt's whole text here.

The version that an alias points to is the current one, so that moving the alias in MLflow is
enough to change what is served; without an alias it is the newest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from seatrial.gateway.prompts.failures import PromptInvalid, PromptsUnavailable
from seatrial.gateway.prompts.source import matching
from seatrial.gateway.prompts.template import Prompt, digest_of
from seatrial.kernel.errors import MissingExtra

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

DIGEST_TAG = "seatrial.digest"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}\Z")
_NO_PROMPT = "RESOURCE_DOES_NOT_EXIST"
_NO_ALIAS = "INVALID_PARAMETER_VALUE"
_PAGE = 100

T = TypeVar("T")


class MlflowPrompts:
    """`gateway.prompts.source.PromptSource` over a registry.

    Args:
        uri: of the tracking server, such as ``http://127.0.0.1:5000``, or ``sqlite:///FILE``.
        alias: of the current version; None, or one that a prompt lacks, means the newest.

    Raises: MissingExtra; PromptsUnavailable, from every method.
    """

    def __init__(self, uri: str, *, alias: str | None = "production") -> None:
        self._client = _client(uri)
        self._alias = alias

    def names(self) -> tuple[str, ...]:
        """See PromptSource."""
        found = _paged(lambda token: self._client.search_prompts(None, _PAGE, token))
        return tuple(sorted(each.name for each in found if _NAME.match(each.name)))

    def versions(self, name: str) -> tuple[str, ...]:
        """See PromptSource; others are in the order in which they were registered."""
        found = tuple(self._texts(name))
        matching(name, None, found)
        return found

    def prompt(self, name: str, version: str | None = None) -> Prompt:
        """See PromptSource."""
        texts = self._texts(name)
        return Prompt(name, texts[matching(name, version, tuple(texts))])

    def register(self, prompt: Prompt, *, message: str = "") -> str:
        """Keep a prompt that was read and checked, as the newest version unless it is one already.

        Returns: its digest.
        """
        if prompt.version not in self._texts(prompt.name):
            _asked(
                lambda: self._client.register_prompt(
                    prompt.name,
                    prompt.text,
                    commit_message=message or None,
                    tags={DIGEST_TAG: prompt.version},
                )
            )
        return prompt.version

    def _texts(self, name: str) -> dict[str, str]:
        """The texts by their digest, the current one last; empty for a prompt that is not there."""
        if not _NAME.match(name):
            return {}
        kept = _paged(lambda token: self._client.search_prompt_versions(name, _PAGE, token))
        by_number = {int(each.version): _text(name, each) for each in kept}
        texts = {digest_of(by_number[n]): by_number[n] for n in sorted(by_number)}
        current = by_number.get(self._current(name) or max(by_number, default=0))
        if current is not None:
            digest = digest_of(current)
            texts.pop(digest)
            texts[digest] = current
        return texts

    def _current(self, name: str) -> int | None:
        """The number that the alias points to."""
        alias = self._alias
        if alias is None:
            return None
        found = _asked(
            lambda: self._client.get_prompt_version_by_alias(name, alias), absent=_NO_ALIAS
        )
        return None if found is None else int(found.version)


def _text(name: str, kept: Any) -> str:
    if not isinstance(kept.template, str):
        raise PromptInvalid(
            f"Version {kept.version} of {name!r} in MLflow is a list of messages, not a text.",
            remedy="Register the whole prompt as one text, with [system] and [user] lines.",
            prompt=name,
        )
    return kept.template.replace("\r\n", "\n")


def _paged(ask: Callable[[str | None], Any]) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = _asked(partial(ask, token))
        if page is None:
            return
        yield from page
        token = page.token
        if not token:
            return


def _asked(ask: Callable[[], T], *, absent: str = _NO_PROMPT) -> T | None:
    """What MLflow answers; None for what is not there."""
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except MlflowException as error:
        if error.error_code in {_NO_PROMPT, absent}:
            return None
        raise PromptsUnavailable(
            f"MLflow does not give its prompts: {str(error.message).splitlines()[0]}",
            remedy="See that the tracking server runs at the configured address.",
        ) from error


def _client(uri: str) -> MlflowClient:
    try:
        from mlflow.tracking import MlflowClient
    except ImportError as error:
        raise MissingExtra("mlflow", "mlflow") from error
    return MlflowClient(tracking_uri=uri, registry_uri=uri)
