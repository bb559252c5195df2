from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import NodeProto, helper

from seatrial.adapters.export.onnx_trees import exact_attributes, read_forest, to_float32

numbers = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e30, max_value=1e30)


def stump(mode: str, threshold: float) -> NodeProto:
    attributes = exact_attributes(
        {
            "n_targets": 1,
            "nodes_treeids": [0, 0, 0],
            "nodes_nodeids": [0, 1, 2],
            "nodes_featureids": [0, 0, 0],
            "nodes_modes": [mode, "LEAF", "LEAF"],
            "nodes_values": [threshold, 0.0, 0.0],
            "nodes_truenodeids": [1, 0, 0],
            "nodes_falsenodeids": [2, 0, 0],
            "nodes_missing_value_tracks_true": [True, False, False],
            "nodes_hitrates": [1.0, 1.0, 1.0],
            "target_treeids": [0, 0],
            "target_nodeids": [1, 2],
            "target_ids": [0, 0],
            "target_weights": [1.0, 2.0],
        },
        single=False,
    )
    return helper.make_node(
        "TreeEnsembleRegressor", ["x"], ["y"], domain="ai.onnx.ml", **attributes
    )


COMPARE = {
    "BRANCH_LEQ": np.less_equal,
    "BRANCH_LT": np.less,
    "BRANCH_GTE": np.greater_equal,
    "BRANCH_GT": np.greater,
}


@pytest.mark.parametrize("mode", list(COMPARE))
@given(threshold=numbers, steps=st.integers(-2, 2))
def test_a_narrowed_threshold_splits_float32_numbers_as_the_exact_one(mode, threshold, steps):
    value = np.float32(threshold)
    for _ in range(abs(steps)):
        value = np.nextafter(value, np.float32(np.inf if steps > 0 else -np.inf))
    narrow = np.float32(read_forest(to_float32(stump(mode, threshold))).threshold[0])
    compare = COMPARE[mode]
    assert compare(value, narrow) == compare(np.float64(value), threshold)


def test_exact_attributes_keep_thresholds_and_turn_booleans_into_integers():
    forest = read_forest(stump("BRANCH_LEQ", 0.1))
    assert forest.threshold[0] == 0.1
    assert forest.missing_true.tolist() == [True, False, False]
    assert forest.double


def test_decimals_of_float32_numbers_are_read_as_those_numbers():
    kept = exact_attributes({"nodes_values": [16.7950001]}, single=True)
    tensor = kept["nodes_values_as_tensor"]
    assert np.frombuffer(tensor.raw_data)[0] == float(np.float32(16.795))
