"""Tree ensembles inside ONNX graphs: reading them, and keeping their edges exact.

A tree compares a feature with a threshold. scikit-learn rounds the feature to float32 and keeps
the threshold in float64; XGBoost has both in float32; LightGBM and the histogram trees of
scikit-learn have both in float64. An ONNX tree does what the type of its input says, so a
threshold must be moved to the neighbour of that type which splits the same numbers. How each
framework's trees get into a graph is the exporters' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, NodeProto, TensorProto, helper, numpy_helper

TREE_OPS = frozenset({"TreeEnsembleClassifier", "TreeEnsembleRegressor"})
_FLOATS = ("nodes_values", "class_weights", "target_weights", "base_values")
_DROPPED = ("nodes_hitrates", "nodes_hitrates_as_tensor")

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """The trees of one node, in the order the node lists them.

    Args:
        tree, node, feature, on_true, on_false: integers per tree node, shape (n_nodes,).
        mode: the comparison per tree node, ``LEAF`` for leaves.
        threshold: per tree node.
        missing_true: whether NaN takes the true branch, per tree node.
        leaf_tree, leaf_node, target, weight: what a leaf adds to which output, shape (n_weights,).
        base: added to each output; empty for nothing.
        attributes: the rest: post_transform, labels, n_targets, aggregate_function.
        double: whether the ensemble compares in float64.
    """

    tree: Ints
    node: Ints
    feature: Ints
    mode: tuple[str, ...]
    threshold: Floats
    on_true: Ints
    on_false: Ints
    missing_true: NDArray[np.bool_]
    leaf_tree: Ints
    leaf_node: Ints
    target: Ints
    weight: Floats
    base: Floats
    attributes: Mapping[str, Any]
    double: bool


def is_tree(node: NodeProto) -> bool:
    """Whether a node is a tree ensemble."""
    return node.op_type in TREE_OPS and node.domain == "ai.onnx.ml"


def read_forest(node: NodeProto) -> Forest:
    """The trees of a TreeEnsembleClassifier or TreeEnsembleRegressor node."""
    raw = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    kind = "class" if node.op_type == "TreeEnsembleClassifier" else "target"
    n = len(raw["nodes_nodeids"])
    missing = raw.get("nodes_missing_value_tracks_true") or [0] * n
    return Forest(
        tree=np.asarray(raw["nodes_treeids"], np.int64),
        node=np.asarray(raw["nodes_nodeids"], np.int64),
        feature=np.asarray(raw["nodes_featureids"], np.int64),
        mode=tuple(m.decode() for m in raw["nodes_modes"]),
        threshold=_floats(raw, "nodes_values"),
        on_true=np.asarray(raw["nodes_truenodeids"], np.int64),
        on_false=np.asarray(raw["nodes_falsenodeids"], np.int64),
        missing_true=np.asarray(missing, np.bool_),
        leaf_tree=np.asarray(raw[f"{kind}_treeids"], np.int64),
        leaf_node=np.asarray(raw[f"{kind}_nodeids"], np.int64),
        target=np.asarray(raw[f"{kind}_ids"], np.int64),
        weight=_floats(raw, f"{kind}_weights"),
        base=_floats(raw, "base_values"),
        attributes=raw,
        double="nodes_values_as_tensor" in raw,
    )


def exact_attributes(attributes: Mapping[str, Any], *, single: bool) -> dict[str, Any]:
    """The attributes a converter is about to write, with every number kept in float64.

    Converters hand over Python numbers, and booleans where ONNX wants integers; written as they
    are, thresholds would be rounded to the nearest float32 and rows at the edge change sides.

    Args:
        attributes: by name, as handed over.
        single: whether the numbers are decimals of float32 numbers, to be read as those.
    """
    dtype = np.float32 if single else np.float64
    exact: dict[str, Any] = {}
    for name, value in attributes.items():
        if name in _DROPPED:
            continue
        if name in _FLOATS:
            exact[f"{name}_as_tensor"] = _tensor(name, np.asarray(value).astype(dtype).ravel())
        elif isinstance(value, list | np.ndarray) and len(value) and not _texts(value):
            exact[name] = [int(v) for v in value]
        else:
            exact[name] = value
    return exact


def to_float32(node: NodeProto) -> NodeProto:
    """The same trees for float32 input: every float32 number takes the branch it took."""
    forest = read_forest(node)
    narrow = NodeProto()
    narrow.CopyFrom(node)
    del narrow.attribute[:]
    for attribute in node.attribute:
        name = attribute.name.removesuffix("_as_tensor")
        if name in _FLOATS:
            values = _narrowed(forest) if name == "nodes_values" else _value(attribute)
            floats = helper.make_attribute(name, values.astype(np.float32).tolist())
            narrow.attribute.append(floats)
        elif attribute.name not in _DROPPED:
            narrow.attribute.append(attribute)
    return narrow


def round_like_sklearn(graph: GraphProto) -> None:
    """Let each tree of a float64 graph compare in float32, and give float64 back."""
    _around(graph, TensorProto.FLOAT, to_float32)


def compare_in_float64(graph: GraphProto) -> None:
    """Let each tree of a float64 graph compare in float64, and give float64 back."""
    _around(graph, TensorProto.DOUBLE, _with_doubles)


def compare_in_float32(graph: GraphProto) -> None:
    """Let each tree of a float32 graph compare in float32."""
    nodes = [to_float32(n) if is_tree(n) else n for n in graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def _around(graph: GraphProto, to: int, rewrite: Any) -> None:
    nodes: list[NodeProto] = []
    for node in graph.node:
        if not is_tree(node):
            nodes.append(node)
            continue
        tree = rewrite(node)
        scores = tree.output[-1]
        tree.input[0] = f"{scores}/in"
        tree.output[-1] = f"{scores}/out"
        nodes += [
            helper.make_node("Cast", [node.input[0]], [f"{scores}/in"], to=to),
            tree,
            helper.make_node("Cast", [f"{scores}/out"], [scores], to=TensorProto.DOUBLE),
        ]
    del graph.node[:]
    graph.node.extend(nodes)


def _with_doubles(node: NodeProto) -> NodeProto:
    double = NodeProto()
    double.CopyFrom(node)
    del double.attribute[:]
    for attribute in node.attribute:
        if attribute.name in _FLOATS:
            tensor = _tensor(attribute.name, _value(attribute))
            double.attribute.append(helper.make_attribute(f"{attribute.name}_as_tensor", tensor))
        elif attribute.name not in _DROPPED:
            double.attribute.append(attribute)
    return double


def _narrowed(forest: Forest) -> Floats:
    """Thresholds as float32 numbers that split the float32 numbers as the float64 ones do."""
    exact = forest.threshold
    nearest = exact.astype(np.float32)
    below = np.where(nearest > exact, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    above = np.where(nearest < exact, np.nextafter(nearest, np.float32(np.inf)), nearest)
    mode = np.asarray(forest.mode)
    floor = np.isin(mode, ("BRANCH_LEQ", "BRANCH_GT"))
    ceiling = np.isin(mode, ("BRANCH_LT", "BRANCH_GTE"))
    return np.where(floor, below, np.where(ceiling, above, nearest)).astype(np.float64)


def _tensor(name: str, values: NDArray[Any]) -> TensorProto:
    return numpy_helper.from_array(values.astype(np.float64), name)


def _value(attribute: AttributeProto) -> Floats:
    if attribute.type == AttributeProto.TENSOR:
        return numpy_helper.to_array(attribute.t).astype(np.float64).ravel()
    return np.asarray(attribute.floats, np.float64)


def _floats(raw: Mapping[str, Any], name: str) -> Floats:
    if f"{name}_as_tensor" in raw:
        return numpy_helper.to_array(raw[f"{name}_as_tensor"]).astype(np.float64).ravel()
    return np.asarray(raw.get(name, ()), np.float64)


def _texts(value: Any) -> bool:
    return isinstance(value[0], str | bytes)
