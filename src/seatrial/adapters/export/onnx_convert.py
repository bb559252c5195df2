"""Conversion through skl2onnx, the one way scikit-learn, XGBoost and LightGBM models become ONNX.

What each framework needs on top is in its exporter.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, Unpack

from onnx import ModelProto, TensorProto

from seatrial.adapters.export import onnx_graph, onnx_trees
from seatrial.adapters.export.answer import Answer, Asked, Columns, made, refusal
from seatrial.adapters.export.onnx_wide import widen
from seatrial.packaging.export import Form

Converter: TypeAlias = Callable[[Any, Any, Any], None]
"""skl2onnx's: ``(scope, operator, container)``."""

_OF_THE_CALL = ("name", "op_domain", "op_version")


class ExactTrees:
    """A container of skl2onnx that writes the numbers of trees unrounded; else the one it wraps."""

    def __init__(self, container: Any, *, single: bool = False, **more: Any) -> None:
        self._container = container
        self._single = single
        self._more = more

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> None:
        """See skl2onnx."""
        if op_type in onnx_trees.TREE_OPS:
            call = {k: attributes.pop(k) for k in _OF_THE_CALL if k in attributes}
            numbers = attributes | self._more
            attributes = onnx_trees.exact_attributes(numbers, single=self._single)
            attributes |= call | {"op_version": 3}
        self._container.add_node(op_type, inputs, outputs, **attributes)


def exact(converter: Converter, *, single: bool = False) -> Converter:
    """The same converter, writing the numbers of trees as the model has them.

    Args:
        converter: hands over numbers of trees in any precision.
        single: whether the model has float32 numbers, of which the converter reads the decimals.
    """

    def convert(scope: Any, operator: Any, container: Any) -> None:
        converter(scope, operator, ExactTrees(container, single=single))

    return convert


def convert(
    model: object,
    *,
    converters: Mapping[type, Converter],
    columns: Columns,
    matrix: bool,
    form: Form,
    outputs: Sequence[str],
) -> ModelProto:
    """The model as a graph in one form.

    Args:
        model: fitted.
        converters: take precedence over those of skl2onnx.
        columns: the features.
        matrix: whether the graph takes one matrix, else one input per column.
        form: how numbers run through it.
        outputs: names of the signature.
    Raises:
        Exception: whatever skl2onnx raises for a model it does not know.
    """
    onx = _converted(model, converters, columns, outputs, matrix=matrix, form=form)
    graph = onx.graph
    onnx_graph.drop_zipmaps(graph)
    double = form is not Form.FLOAT32
    match form:
        case Form.FLOAT32:
            onnx_trees.compare_in_float32(graph)
        case Form.ROUNDED:
            onnx_trees.round_like_sklearn(graph)
        case Form.FLOAT64:
            onnx_trees.compare_in_float64(graph)
    onnx_graph.name_outputs(onx, outputs, TensorProto.DOUBLE if double else TensorProto.FLOAT)
    if "probabilities" in outputs:
        onnx_graph.bound_probabilities(graph, TensorProto.DOUBLE if double else TensorProto.FLOAT)
    return onnx_graph.canonical(onx)


def attempt(
    model: object,
    *,
    adapt: Callable[[Any], object],
    converters: Callable[[], Mapping[type, Converter]],
    explain: Callable[[Exception], str],
    **asked: Unpack[Asked],
) -> Answer:
    """What an exporter returns: the model as ONNX in one form, or why there is none.

    Args:
        model: fitted.
        adapt: makes of it what the converters know.
        converters: take precedence over those of skl2onnx.
        explain: the reason for a person, of whatever was raised.
        asked: see `Asked`.
    """
    try:
        graph = convert(
            adapt(model),
            converters=converters(),
            columns=asked["columns"],
            matrix=asked["matrix"],
            form=Form(asked["form"]),
            outputs=asked["outputs"],
        )
    except Exception as error:  # noqa: BLE001 - a converter fails in many ways, all one answer
        return refusal(explain(error))
    return record(graph)


def record(model: ModelProto) -> Answer:
    """The answer with a graph and its wide twin, if any."""
    wide = widen(model)
    return made(model, wide=None if wide is None else onnx_graph.canonical(wide))


def _converted(
    model: object,
    converters: Mapping[type, Converter],
    columns: Columns,
    outputs: Sequence[str],
    *,
    matrix: bool,
    form: Form,
) -> ModelProto:
    number = _number(form)
    if not matrix:
        typed = [(name, _type(dtype, number)) for name, dtype in columns]
        onx = _run(model, typed, converters)
        onnx_graph.name_inputs(onx.graph, [name for name, _ in columns], outputs)
        return onx
    try:
        whole = [(onnx_graph.INPUT, number([None, len(columns)]))]
        return _run(model, whole, converters)
    except Exception as error:  # noqa: BLE001 - columns selected by name need inputs by name
        try:
            single = [(name, number([None, 1])) for name, _ in columns]
            onx = _run(model, single, converters)
        except Exception:  # noqa: BLE001 - the first problem is the telling one
            raise error from None
    dtype = TensorProto.FLOAT if form is Form.FLOAT32 else TensorProto.DOUBLE
    onnx_graph.join_columns(onx.graph, len(columns), dtype)
    return onx


def _run(model: object, inputs: list[Any], converters: Mapping[type, Converter]) -> ModelProto:
    from skl2onnx import convert_sklearn

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about how the converters themselves use scikit-learn
        onx: ModelProto = convert_sklearn(
            model,
            name="model",
            initial_types=inputs,
            target_opset=dict(onnx_graph.OPSET),
            custom_conversion_functions=dict(converters),
            # A step with options of its own, even none, is spared the option "zipmap", which some
            # classifiers do not know.
            options={id(part): {} for part in parts(model)},
        )
    return onx


def parts(model: object) -> Iterator[object]:
    """The model's steps and inner estimators, itself last."""
    get_params = getattr(model, "get_params", None)
    if get_params is not None:
        for value in get_params(deep=True).values():
            if hasattr(value, "get_params"):
                yield value
    yield model


def _number(form: Form) -> Any:
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    return FloatTensorType if form is Form.FLOAT32 else DoubleTensorType


def _type(dtype: str, number: Any) -> Any:
    from skl2onnx.common import data_types

    if dtype == "string":
        return data_types.StringTensorType([None, 1])
    if dtype == "int64":
        return data_types.Int64TensorType([None, 1])
    if dtype == "bool":
        return data_types.BooleanTensorType([None, 1])
    return number([None, 1])
