"""ONNX graphs given the shape a bundle wants: named inputs and outputs, equal bytes every time.

What the graph computes is the business of the exporters and of `onnx_trees`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper

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


def name_outputs(graph: GraphProto, wanted: Sequence[str], scores: int) -> None:
    """Give the outputs their names of the signature, and drop those it does not have.

    Args:
        graph: outputs are a label and probabilities, or predictions first.
        wanted: ``label`` and ``probabilities``, or one other name.
        scores: the ONNX element type for numbers that are not labels.
    """
    _free(graph, wanted)
    have = [o.name for o in graph.output]
    del graph.output[:]
    if tuple(wanted) in (("label",), ("label", "probabilities")):
        if len(have) < len(wanted):
            raise NoSuchOutput(f"the graph has {len(have)} outputs, not {len(wanted)}")
        sources = have[: len(wanted)]
    elif len(wanted) == 1 and have:
        sources = have[:1]
    else:
        raise NoSuchOutput(f"the graph's outputs {have} do not match {list(wanted)}")
    for name, source in zip(wanted, sources, strict=True):
        graph.node.append(
            helper.make_node("Identity", [source], [name])
            if name == "label"
            else helper.make_node("Cast", [source], [name], to=scores)
        )
        graph.output.append(_value(name, TensorProto.UNDEFINED if name == "label" else scores))


def score_of_positive(graph: GraphProto, *, n_classes: int) -> None:
    """Turn a classifier's (label, probabilities) into the one output of a booster's predict."""
    probabilities = graph.output[1].name
    del graph.output[:]
    name = "booster/prediction"
    if n_classes == 2:
        graph.initializer.append(helper.make_tensor("booster/one", TensorProto.INT64, [], [1]))
        graph.node.append(
            helper.make_node("Gather", [probabilities, "booster/one"], [name], axis=1)
        )
    else:
        graph.node.append(helper.make_node("Identity", [probabilities], [name]))
    graph.output.append(_value(name, TensorProto.FLOAT))


def join_columns(graph: GraphProto, names: Sequence[str], dtype: int) -> None:
    """Take one matrix and split it into the columns the graph was made with."""
    have = {i.name for i in graph.input}
    parts = [n if n in have else f"unused/{i}" for i, n in enumerate(names)]
    graph.initializer.append(
        helper.make_tensor("columns", TensorProto.INT64, [len(names)], [1] * len(names))
    )
    graph.node.insert(0, helper.make_node("Split", [INPUT, "columns"], parts, axis=1))
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(INPUT, dtype, ["n", len(names)]))


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


def _free(graph: GraphProto, names: Sequence[str]) -> None:
    """Rename values inside the graph that bear one of the names."""
    other = {name: f"{name}/inner" for name in names}
    for node in graph.node:
        node.input[:] = [other.get(v, v) for v in node.input]
        node.output[:] = [other.get(v, v) for v in node.output]
    for value in graph.output:
        value.name = other.get(value.name, value.name)


def _value(name: str, dtype: int) -> ValueInfoProto:
    value = ValueInfoProto(name=name)
    if dtype != TensorProto.UNDEFINED:
        value.type.tensor_type.elem_type = dtype
    return value
