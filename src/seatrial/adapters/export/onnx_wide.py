"""Tree ensembles as matrix operations: slower for one row, several times faster for many.

ONNX Runtime walks one tree after the other, one row after the other; with shallow trees most of
the time goes into mispredicted branches. Here every comparison of a batch is made once, without
branches, and a tree's value is a sum over its inner nodes:

    value = R(root) + sum over inner nodes p that are reached and left to the left of
            R(left child of p) - R(right child of p),

where R(v) is the value of the rightmost leaf under v. "Reached and left to the left" is a bit,
the conjunction of the comparisons on the way; the sum is one matrix product. It pays while the
number of inner nodes stays small against trees times depth; measuring decides.

Source: the conjunctions are those of QuickScorer (Lucchese et al. 2015, SIGIR, doi
10.1145/2766462.2767733), the matrix form that of Hummingbird (Nakandala et al. 2020, OSDI).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from seatrial.adapters.export.onnx_trees import Floats, Forest, Ints, is_tree, read_forest

MAX_INNER_NODES = 16_384
"""Above it the bits of a batch no longer fit a cache, and walking the trees wins (measured)."""

MAX_DEPTH = 16
"""Each level costs a handful of operators."""


@dataclass(slots=True)
class _Ops:
    """Nodes and constants under construction, with names unique by prefix."""

    prefix: str
    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        name = output or f"{self.prefix}/{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, value: NDArray[Any] | np.generic) -> str:
        name = f"{self.prefix}/c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def rows(self, matrix: str, index: Ints, n_rows: int) -> str:
        """Rows of a matrix with ``n_rows`` rows; itself when all are asked for in order."""
        if len(index) == n_rows and bool(np.all(index == np.arange(n_rows))):
            return matrix
        return self.op("Gather", matrix, self.constant(index), axis=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inner:
    """How the nodes hang together: roots, children, and the inner nodes by level, roots first.

    ``parent`` points into the level above; positions are those of the forest's arrays.
    """

    root: Ints
    left: Ints
    right: Ints
    position: list[Ints]
    parent: list[Ints]
    from_left: list[NDArray[np.bool_]]


def widen(model: ModelProto) -> ModelProto | None:
    """The same model with its trees as matrix operations; None when it has none, or too large."""
    wide = ModelProto()
    wide.CopyFrom(model)
    nodes: list[NodeProto] = []
    n_trees = 0
    for node in model.graph.node:
        if not is_tree(node):
            nodes.append(node)
            continue
        ops = _widened(node, f"wide{n_trees}")
        if ops is None:
            return None
        n_trees += 1
        nodes += ops.nodes
        wide.graph.initializer.extend(ops.constants)
    if n_trees == 0:
        return None
    del wide.graph.node[:]
    wide.graph.node.extend(nodes)
    return wide


def _widened(node: NodeProto, prefix: str) -> _Ops | None:
    forest = read_forest(node)
    if not set(forest.mode) <= {"BRANCH_LEQ", "BRANCH_LT", "LEAF"}:
        return None
    if len(forest.mode) - forest.mode.count("LEAF") > MAX_INNER_NODES:
        return None
    inner = _levels(forest)
    if not inner.position or len(inner.position) > MAX_DEPTH:
        return None
    classifier = node.op_type == "TreeEnsembleClassifier"
    ops = _Ops(prefix=prefix)
    scores = _scores(ops, forest, inner, node.input[0], _width(forest, classifier=classifier))
    done = _classify if classifier else _regress
    return ops if done(ops, forest, scores, list(node.output)) else None


def _width(forest: Forest, *, classifier: bool) -> int:
    if not classifier:
        return int(forest.attributes.get("n_targets", 1))
    labels = _labels(forest)
    return 1 if _binary(forest, labels) else len(labels)


def _positions(forest: Forest) -> dict[tuple[Any, Any], int]:
    return {key: i for i, key in enumerate(zip(forest.tree, forest.node, strict=True))}


def _levels(forest: Forest) -> _Inner:
    at = _positions(forest)
    branch = np.asarray([m != "LEAF" for m in forest.mode])
    left, right = (
        np.asarray([at[key] if inner else 0 for key, inner in zip(keys, branch, strict=True)])
        for keys in (
            zip(forest.tree, forest.on_true, strict=True),
            zip(forest.tree, forest.on_false, strict=True),
        )
    )
    is_child = np.zeros(len(branch), np.bool_)
    is_child[left[branch]] = is_child[right[branch]] = True
    found = _Inner(
        root=np.flatnonzero(~is_child), left=left, right=right, position=[], parent=[], from_left=[]
    )
    level = np.flatnonzero(branch & ~is_child)
    parent = np.zeros(0, np.int64)
    lefts = 0
    while len(level) and len(found.position) <= MAX_DEPTH:
        found.position.append(level)
        found.parent.append(parent)
        found.from_left.append(np.arange(len(level)) < lefts)
        goes_left = np.flatnonzero(branch[left[level]])
        goes_right = np.flatnonzero(branch[right[level]])
        lefts = len(goes_left)
        parent = np.concatenate([goes_left, goes_right])
        level = np.concatenate([left[level[goes_left]], right[level[goes_right]]])
    return found


def _scores(ops: _Ops, forest: Forest, inner: _Inner, x: str, width: int) -> str:
    """Raw scores, shape (width, n)."""
    bits, of_node, n_bits = _comparisons(ops, forest, inner, x)
    reached: list[str] = []
    above = ""
    for depth, position in enumerate(inner.position):
        bit = ops.rows(bits, of_node[position], n_bits)
        here = _reaching(ops, inner, depth, above, reached)
        reached.append(ops.op("And", here, bit) if here else bit)
        if depth + 1 < len(inner.position) and not inner.from_left[depth + 1].all():
            not_left = ops.op("Not", bit)
            above = ops.op("And", here, not_left) if here else not_left
    stacked = ops.op("Concat", *reached, axis=0) if len(reached) > 1 else reached[0]
    dtype = np.float64 if forest.double else np.float32
    to = TensorProto.DOUBLE if forest.double else TensorProto.FLOAT
    gain, start = _gains(forest, inner, width)
    product = ops.op("MatMul", ops.constant(gain.astype(dtype)), ops.op("Cast", stacked, to=to))
    total = ops.op("Add", product, ops.constant(start.astype(dtype)[:, None]))
    return ops.op("Cast", total, to=TensorProto.FLOAT) if forest.double else total


def _reaching(ops: _Ops, inner: _Inner, depth: int, went_right: str, reached: list[str]) -> str:
    """Bits of the rows that reach each node of a level; empty for the roots, which all reach."""
    if depth == 0:
        return ""
    size = len(inner.position[depth - 1])
    parent, left = inner.parent[depth], inner.from_left[depth]
    parts = [
        ops.rows(bits, parent[side], size)
        for bits, side in ((reached[-1], left), (went_right, ~left))
        if side.any()
    ]
    return ops.op("Concat", *parts, axis=0) if len(parts) == 2 else parts[0]


def _comparisons(ops: _Ops, forest: Forest, inner: _Inner, x: str) -> tuple[str, Ints, int]:
    """Each distinct comparison once, shape (n_bits, n): true where a row goes left.

    Returns: the bits, the bit of each tree node, and the number of bits.
    """
    dtype = np.float64 if forest.double else np.float32
    threshold = forest.threshold.astype(dtype)
    strict = np.asarray(forest.mode) == "BRANCH_LT"
    threshold = np.where(strict, np.nextafter(threshold, dtype(-np.inf)), threshold)
    used = np.concatenate(inner.position)
    keys = np.stack([forest.missing_true, forest.feature, threshold], axis=1)[used]
    distinct, which = np.unique(keys, axis=0, return_inverse=True)
    of_node = np.zeros(len(forest.mode), np.int64)
    of_node[used] = which.ravel()
    columns = ops.op("Transpose", x, perm=[1, 0])
    parts = []
    for missing_left in (False, True):
        some = distinct[distinct[:, 0] == missing_left]
        if len(some) == 0:
            continue
        values = ops.op("Gather", columns, ops.constant(some[:, 1].astype(np.int64)), axis=0)
        edge = ops.constant(some[:, 2].astype(dtype)[:, None])
        if missing_left:  # NaN > edge is false, so NaN goes left
            parts.append(ops.op("Not", ops.op("Greater", values, edge)))
        else:
            parts.append(ops.op("LessOrEqual", values, edge))
    bits = ops.op("Concat", *parts, axis=0) if len(parts) == 2 else parts[0]
    return bits, of_node, len(distinct)


def _gains(forest: Forest, inner: _Inner, width: int) -> tuple[Floats, Floats]:
    """What going left at each inner node adds, shape (width, n_inner), and where rows start."""
    at = _positions(forest)
    value = np.zeros((len(forest.mode), width))
    for tree, node, target, weight in zip(
        forest.leaf_tree, forest.leaf_node, forest.target, forest.weight, strict=True
    ):
        value[at[tree, node], target if width > 1 else 0] += weight
    for level in reversed(inner.position):
        value[level] = value[inner.right[level]]
    order = np.concatenate(inner.position)
    gain = value[inner.left[order]] - value[inner.right[order]]
    start = value[inner.root].sum(axis=0)
    if len(forest.base):
        start = start + forest.base
    return gain.T, start


def _regress(ops: _Ops, forest: Forest, scores: str, outputs: list[str]) -> bool:
    attributes = forest.attributes
    if attributes.get("post_transform", b"NONE") != b"NONE":
        return False
    if attributes.get("aggregate_function", b"SUM") != b"SUM":
        return False
    ops.op("Transpose", scores, output=outputs[0], perm=[1, 0])
    return True


def _classify(ops: _Ops, forest: Forest, scores: str, outputs: list[str]) -> bool:
    labels = _labels(forest)
    post = forest.attributes.get("post_transform", b"NONE")
    if _binary(forest, labels):
        if post not in (b"NONE", b"LOGISTIC"):
            return False
        index = _binary_head(ops, forest, scores, outputs[1], logistic=post == b"LOGISTIC")
    else:
        rows = ops.op("Transpose", scores, perm=[1, 0])
        index = ops.op("ArgMax", rows, axis=1, keepdims=0)
        kind = {b"NONE": "Identity", b"SOFTMAX": "Softmax", b"LOGISTIC": "Sigmoid"}.get(post)
        if kind is None:
            return False
        ops.op(kind, rows, output=outputs[1])
    if np.array_equal(labels, np.arange(len(labels))):
        ops.op("Identity", index, output=outputs[0])
    else:
        ops.op("Gather", ops.constant(labels), index, output=outputs[0])
    return True


def _binary_head(ops: _Ops, forest: Forest, scores: str, output: str, *, logistic: bool) -> str:
    """Two probabilities from one score, as ONNX Runtime makes them; returns the class index."""
    positive_weights = bool(np.all(forest.weight >= 0))
    score = ops.op("Squeeze", scores, ops.constant(np.asarray([0], np.int64)))
    limit = np.float32(0.5 if positive_weights else 0.0)
    index = ops.op("Cast", ops.op("Greater", score, ops.constant(limit)), to=TensorProto.INT64)
    if logistic:
        pair = [ops.op("Sigmoid", ops.op("Neg", scores)), ops.op("Sigmoid", scores)]
    elif positive_weights:
        pair = [ops.op("Sub", ops.constant(np.float32(1)), scores), scores]
    else:
        pair = [ops.op("Neg", scores), scores]
    ops.op("Transpose", ops.op("Concat", *pair, axis=0), output=output, perm=[1, 0])
    return index


def _labels(forest: Forest) -> NDArray[Any]:
    strings = forest.attributes.get("classlabels_strings")
    if strings:
        return np.asarray([s.decode() for s in strings], dtype=object)
    return np.asarray(forest.attributes["classlabels_int64s"], np.int64)


def _binary(forest: Forest, labels: NDArray[Any]) -> bool:
    return len(labels) == 2 and len(np.unique(forest.target)) == 1
