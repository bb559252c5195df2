"""What is lost when a request crosses from one dialect to the other."""

from __future__ import annotations

from seatrial.gateway.chat.request import ChatRequest, DialectName, Format
from seatrial.gateway.dialects import anthropic, openai
from seatrial.gateway.dialects.openai import is_function

LOST_FIELDS = "dialect.lost_fields"
"""The note of a journal that names what of a request has no equivalent at the provider asked."""

_READ = {DialectName.OPENAI: openai.READ, DialectName.ANTHROPIC: anthropic.READ}


def lost(request: ChatRequest, to: DialectName) -> tuple[str, ...]:
    """The fields of a request that do not reach a provider of another dialect, sorted.

    Fields of the top level that are not read are left out: each vendor refuses those it does not
    know. So are tools of a vendor's own kind, and what the other side has no word for.
    """
    if request.dialect is to:
        return ()
    missing: set[str] = set()
    if request.dialect is not None and request.raw is not None:
        missing.update(set(request.raw) - _READ[request.dialect])
    missing.update(f"tools.{tool.name}" for tool in request.tools if not is_function(tool))
    if to is DialectName.ANTHROPIC:
        form = request.response_format
        without = {
            "seed": request.seed is not None,
            "response_format": form is not None and form.form is Format.JSON,
        }
        missing.update(name for name, is_lost in without.items() if is_lost)
    return tuple(sorted(missing))
