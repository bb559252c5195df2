"""ONNX graphs given the shape a bundle wants: named inputs and outputs, equal bytes every time.

What the graph computes is the business of the exporters and of `onnx_trees`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import (
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    ValueInfoProto,
    helper,
    shape_inference,
)

from seatrial.adapters.export.onnx_place import place_of

OPSET = {"": 18, "ai.onnx.ml": 3}
"""Fixed so that equal models give equal bytes; every supported ONNX Runtime reads it."""

IR_VERSION = 10

INPUT = "rows"
"""Name of the one input of a matrix model."""


class NoSuchOutput(ValueError):
    """The graph lacks an output the signature promises."""


def drop_zipmaps(graph: GraphProto) -> None:
    """Give probabilities as a matrix where a converter made a list of dictionaries."""
    kept: list[NodeProto] = []
    source: dict[str, str] = {}
    for node in graph.node:
        if node.op_type == "ZipMap":
            source[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    for output in graph.output:
        output.name = source.get(output.name, output.name)


def name_outputs(model: ModelProto, wanted: Sequence[str], scores: int) -> None:
    """Give the outputs their names of the signature, and drop those it does not have.

    Args:
        model: outputs are a label and probabilities, or predictions first.
        wanted: ``label`` and ``probabilities``, or one other name.
        scores: the ONNX element type for numbers that are not labels.
    """
    graph = model.graph
    types = _types(model)
    _drop_copies(graph, types)
    sources = _sources([o.name for o in graph.output], wanted)
    _rename(graph, {name: f"{name}/inner" for name in wanted})
    del graph.output[:]
    for name, source in zip(wanted, sources, strict=True):
        have = types.get(source, TensorProto.UNDEFINED)
        inner = f"{source}/inner" if source in wanted else source
        if name == "label" or have == scores:
            # Renamed, not copied: ONNX Runtime keeps a copy before an output as a step of its own.
            _rename(graph, {inner: name})
        else:
            graph.node.append(helper.make_node("Cast", [inner], [name], to=scores))
            have = scores
        graph.output.append(_value(name, have))


def _drop_copies(graph: GraphProto, types: Mapping[str, int]) -> None:
    """Remove nodes that hand on what they get; before an output ONNX Runtime would keep them."""
    produced = {o for n in graph.node for o in n.output}
    source: dict[str, str] = {}
    kept: list[NodeProto] = []
    for node in graph.node:
        node.input[:] = [source.get(v, v) for v in node.input]
        same = node.op_type == "Identity" or (
            node.op_type == "Cast" and node.attribute[0].i == types.get(node.input[0])
        )
        if same and node.input[0] in produced:
            source[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)
    for output in graph.output:
        output.name = source.get(output.name, output.name)


def _sources(have: Sequence[str], wanted: Sequence[str]) -> Sequence[str]:
    fits = len(wanted) == 1 or list(wanted) == ["label", "probabilities"]
    if fits and len(have) >= len(wanted):
        return have[: len(wanted)]
    raise NoSuchOutput(f"the graph's outputs {list(have)} do not match {list(wanted)}")


def _types(model: ModelProto) -> dict[str, int]:
    """Element types of values, as far as they can be told."""
    bare = ModelProto()
    bare.CopyFrom(model)
    for output in bare.graph.output:  # converters declare types that the float64 forms change
        output.ClearField("type")
    inferred = shape_inference.infer_shapes(bare).graph
    values = (*inferred.value_info, *inferred.output)
    return {v.name: v.type.tensor_type.elem_type for v in values}


def name_inputs(graph: GraphProto, names: Sequence[str], outputs: Sequence[str]) -> None:
    """Give the inputs the names of the features, or places where graphs cannot bear those.

    The converter spells ``plan type`` as ``plan_type``, and no value can share an output's name.

    Args:
        graph: with one input per feature, in their order.
        names: of the features.
        outputs: names that the graph's outputs have or shall get.
    """
    _check_inputs(graph, len(names))
    if [i.name for i in graph.input] == list(names) and not set(names) & set(outputs):
        return
    _place_inputs(graph)


def bound_probabilities(graph: GraphProto, dtype: int) -> None:
    """Keep probabilities in [0, 1]: a sum in float32 gives 1.0000001."""
    for node in graph.node:
        node.output[:] = ["probabilities/raw" if o == "probabilities" else o for o in node.output]
        node.input[:] = ["probabilities/raw" if i == "probabilities" else i for i in node.input]
    for name, value in (("probabilities/low", 0.0), ("probabilities/high", 1.0)):
        graph.initializer.append(helper.make_tensor(name, dtype, [], [value]))
    ends = ["probabilities/raw", "probabilities/low", "probabilities/high"]
    graph.node.append(helper.make_node("Clip", ends, ["probabilities"]))


def _place_inputs(graph: GraphProto) -> None:
    placed = {i.name: place_of(at) for at, i in enumerate(graph.input)}
    _rename(graph, placed)
    for value in graph.input:
        value.name = placed[value.name]


def _check_inputs(graph: GraphProto, n: int) -> None:
    if len(graph.input) != n:
        raise ValueError(f"the graph has {len(graph.input)} inputs for {n} features")


def join_columns(graph: GraphProto, n: int, dtype: int) -> None:
    """Take one matrix and split it into the ``n`` columns the graph was made with."""
    _check_inputs(graph, n)
    _place_inputs(graph)
    parts = [i.name for i in graph.input]
    graph.initializer.append(helper.make_tensor("columns", TensorProto.INT64, [n], [1] * n))
    graph.node.insert(0, helper.make_node("Split", [INPUT, "columns"], parts, axis=1))
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(INPUT, dtype, ["n", n]))


def canonical(model: ModelProto) -> ModelProto:
    """The same graph with names by position and nothing that varies between runs."""
    graph = model.graph
    if any(a.HasField("g") or a.graphs for n in graph.node for a in n.attribute):
        names: dict[str, str] = {}
    else:
        names = _positions(graph)
    fixed = ModelProto(ir_version=IR_VERSION, producer_name="seatrial")
    for domain in sorted({o.domain for o in model.opset_import}):
        version = OPSET.get(domain)
        if version is None:
            version = next(o.version for o in model.opset_import if o.domain == domain)
        fixed.opset_import.append(helper.make_opsetid(domain, version))
    fixed.graph.CopyFrom(graph)
    fixed.graph.name = "model"
    fixed.graph.doc_string = ""
    del fixed.graph.value_info[:]
    for i, node in enumerate(fixed.graph.node):
        node.name = f"n{i}"
        node.doc_string = ""
        node.input[:] = [names.get(v, v) for v in node.input]
        node.output[:] = [names.get(v, v) for v in node.output]
        attributes = sorted(node.attribute, key=lambda a: a.name)
        del node.attribute[:]
        node.attribute.extend(attributes)
    for tensor in fixed.graph.initializer:
        tensor.name = names.get(tensor.name, tensor.name)
    return fixed


def to_bytes(model: ModelProto) -> bytes:
    """The model as a file; equal models give equal bytes."""
    data: bytes = model.SerializeToString(deterministic=True)
    return data


def opsets(model: ModelProto) -> Mapping[str, int]:
    """Operator set versions by domain; the default domain is ``ai.onnx``."""
    return {o.domain or "ai.onnx": o.version for o in model.opset_import}


def _positions(graph: GraphProto) -> dict[str, str]:
    outer = {v.name for v in (*graph.input, *graph.output)}
    names = {t.name: f"c{i}" for i, t in enumerate(graph.initializer)}
    produced = [o for n in graph.node for o in n.output if o and o not in outer]
    names |= {name: f"t{i}" for i, name in enumerate(produced)}
    return names


def _rename(graph: GraphProto, names: Mapping[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(v, v) for v in node.input]
        node.output[:] = [names.get(v, v) for v in node.output]


def _value(name: str, dtype: int) -> ValueInfoProto:
    value = ValueInfoProto(name=name)
    if dtype != TensorProto.UNDEFINED:
        value.type.tensor_type.elem_type = dtype
    return value


def complete(
    model: object, *, graph: bytes, shapes: Mapping[str, Sequence[int]]
) -> dict[str, object]:
    """The graph with the shapes of its outputs, which other tools ask for: ``onnx`` (bytes).

    Args:
        model: the original, not looked at.
        graph: the file's bytes.
        shapes: of one row of each output.
    """
    del model
    found = ModelProto.FromString(graph)
    for value in found.graph.output:
        kind = value.type.tensor_type
        if not kind.HasField("shape") and value.name in shapes:
            kind.shape.dim.add().dim_param = "batch"
            for size in shapes[value.name]:
                kind.shape.dim.add().dim_value = size
    return {"onnx": to_bytes(found)}
