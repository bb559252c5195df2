"""What can go wrong with an engine that runs apart from the server.

All are the version's fault, never the client's: a gate counts them as errors. What a model file
can do wrong before it serves is in `registry`.
"""

from __future__ import annotations

from typing import Final

from seatrial.kernel.errors import DeadlineExceeded, Invalid, SeatrialError, Unavailable


class NotAModel(Invalid):
    """What was loaded cannot predict."""

    code = "model.not_a_model"


class StateDict(NotAModel):
    """The file has the weights of a PyTorch model without its code."""

    code = "model.state_dict"


class WrongClass(NotAModel):
    """The code that was named does not make a model: of the weights in the file, or at all."""

    code = "model.wrong_class"


class CodeFailed(NotAModel):
    """The model is code of somebody's own, which fails when it is imported or loaded."""

    code = "model.code_failed"


class UnsupportedModel(Invalid):
    """The model works, but not in a way that can be served."""

    code = "model.unsupported"


class VersionMismatch(Invalid):
    """The model was saved with another version of its library."""

    code = "model.version_mismatch"


class EngineFailed(SeatrialError):
    """The model raised, or answered something that is no prediction."""

    code = "engine.failed"


class EngineOutOfMemory(Unavailable):
    """The model wanted more memory than its process may use."""

    code = "engine.out_of_memory"


class EngineTimeout(DeadlineExceeded):
    """The model took longer than it may."""

    code = "engine.timeout"


class EngineCrashed(Unavailable):
    """The process of the model ended in the middle of a call."""

    code = "engine.crashed"


class EngineKilled(EngineCrashed):
    """The process of the model was ended from outside: by a person, or for want of memory."""

    code = "engine.killed"


class EngineDown(Unavailable):
    """The process of the model is being restarted; ``facts["retry_after_s"]`` says until when."""

    code = "engine.down"


class EngineUnreachable(EngineDown):
    """The server that runs the model cannot be reached, or has not this model ready."""

    code = "engine.unreachable"


class EngineRefused(EngineFailed):
    """The server that runs the model answered valid rows with an error."""

    code = "engine.refused"


class EngineNonsense(EngineFailed):
    """The server that runs the model answered what its protocol or its own description forbids."""

    code = "engine.nonsense"


class EngineMismatch(SeatrialError):
    """The server's model takes or answers something else than the version's signature says."""

    code = "engine.mismatch"


MORE_MEMORY: Final = "raise server.native_memory_mib in seatrial.yaml"
"""How a model's process may use more; of a bundle served by itself, docs/how-to say."""
