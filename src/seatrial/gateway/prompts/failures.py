"""What can be wrong with a prompt, and with what is put into it."""

from __future__ import annotations

from seatrial.kernel.errors import Invalid, NotFound, Unavailable


class PromptInvalid(Invalid):
    """The prompt's file or template is wrong."""

    code = "gateway.prompt_invalid"


class VariablesInvalid(Invalid):
    """What is to be put into a prompt does not fit its variables; ``problems`` names them all."""

    code = "gateway.prompt_variables_invalid"


class PromptNotFound(NotFound):
    """There is no prompt of that name or version."""

    code = "gateway.prompt_not_found"


class AnswerUnknown(NotFound):
    """What is to be scored is no answer of the prompt's versions."""

    code = "gateway.prompt_answer_unknown"


class PromptsUnavailable(Unavailable):
    """The place where prompts are kept does not answer."""

    code = "gateway.prompts_unavailable"
