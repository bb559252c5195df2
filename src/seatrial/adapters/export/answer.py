"""What every exporter is asked and what it returns: a graph of ONNX, or why there is none.

How the frameworks' models become graphs is in their exporters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypedDict

from onnx import ModelProto

from seatrial.adapters.export.onnx_graph import opsets, to_bytes

Columns: TypeAlias = Sequence[Sequence[str]]
"""Pairs of feature name and dtype, in the model's order."""

Answer: TypeAlias = dict[str, object]
"""``onnx`` (bytes or None), ``wide`` (bytes or None), ``opset`` and ``reason``."""


class Asked(TypedDict):
    """What an exporter is asked for besides the model.

    columns: the features.
    matrix: whether the graph takes one matrix, else one input per column.
    outputs: output names of the signature.
    form: a value of ``Form``.
    """

    columns: Columns
    matrix: bool
    outputs: Sequence[str]
    form: str


def made(graph: ModelProto, *, wide: ModelProto | None = None) -> Answer:
    """The answer with a graph.

    Args: wide: its twin, see `onnx_wide`.
    """
    return {
        "onnx": to_bytes(graph),
        "wide": None if wide is None else to_bytes(wide),
        "opset": dict(opsets(graph)),
        "reason": "",
    }


def refusal(reason: str) -> Answer:
    """The answer for a model without an ONNX form."""
    return {"onnx": None, "wide": None, "opset": {}, "reason": reason}


def by_their_exporter(make: Callable[[], Answer], *, fails: str, extra: str, needs: str) -> Answer:
    """What ``make`` returns, or why the framework's own exporter could not.

    Args:
        fails: how a person is told of it: "PyTorch cannot export".
        extra: of seatrial, with what it needs.
        needs: a package of that extra, for an error that names none.
    """
    try:
        return make()
    except ImportError as error:
        name = error.name or needs
        return refusal(f"The export needs {name}; run: pip install 'seatrial[{extra}]'.")
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - exporters raise whatever the model's code does
        return refusal(f"{fails} the model: {last_cause(error)}.")


def of_free_rows(graph: ModelProto) -> Answer:
    """The answer with a graph that takes any number of rows; a refusal for another."""
    problem = fixed_rows(graph)
    return refusal(problem) if problem else made(graph)


def fixed_rows(graph: ModelProto) -> str:
    """What is wrong with a graph whose input takes a fixed number of rows; empty if none does."""
    for value in graph.graph.input:
        dims = value.type.tensor_type.shape.dim
        if dims and dims[0].dim_value > 0:
            return f"The exported input {value.name!r} takes a fixed number of rows."
    return ""


def first_line(error: Exception) -> str:
    """What an error says, short enough for a reason and without its full stop."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(" .")


def last_cause(error: Exception) -> str:
    """What an exporter says, in one sentence: the last cause, without the framework's advice."""
    cause: BaseException = error
    while cause.__cause__ is not None:
        cause = cause.__cause__
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    first = lines[0] if lines else type(cause).__name__
    return f"{type(cause).__name__}: {first[:200]}".rstrip(" .:")
