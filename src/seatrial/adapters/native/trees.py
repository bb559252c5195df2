"""The values at which tree models branch, read from the libraries' own structures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np

_MAX_TREES: Final = 200


def edges_of(model: Any) -> dict[int, set[float]]:
    """Thresholds by input position, of at most 200 trees; empty for a model without trees."""
    found: dict[int, set[float]] = {}
    for position, threshold in _edges(model):
        found.setdefault(position, set()).add(threshold)
    return found


def _edges(model: Any) -> Iterator[tuple[int, float]]:
    if hasattr(model, "get_booster"):
        yield from xgboost_edges(model.get_booster())
    elif hasattr(model, "booster_"):
        yield from lightgbm_edges(model.booster_)
    elif hasattr(model, "_predictors"):
        for stage in model._predictors[:_MAX_TREES]:
            for predictor in stage:
                nodes = predictor.nodes[predictor.nodes["is_leaf"] == 0]
                yield from zip(
                    nodes["feature_idx"].tolist(), nodes["num_threshold"].tolist(), strict=True
                )
    else:
        for member in _members(model):
            tree = getattr(member, "tree_", None)
            if tree is not None:
                inner = tree.feature >= 0
                yield from zip(
                    tree.feature[inner].tolist(), tree.threshold[inner].tolist(), strict=True
                )


def _members(model: Any) -> list[Any]:
    members = getattr(model, "estimators_", None)
    if members is None or isinstance(members, Mapping):
        return [model]
    return list(np.asarray(members, dtype=object).ravel()[:_MAX_TREES])


def xgboost_edges(booster: Any) -> Iterator[tuple[int, float]]:
    """Thresholds of an XGBoost booster, with the input's position."""
    names = booster.feature_names
    positions = None if names is None else {name: at for at, name in enumerate(names)}
    for text in booster.get_dump(dump_format="json")[:_MAX_TREES]:
        for node in _nodes(json.loads(text), "children"):
            threshold = node.get("split_condition")
            if isinstance(threshold, float | int):
                name = node["split"]
                yield positions[name] if positions else int(str(name)[1:]), float(threshold)


def lightgbm_edges(booster: Any) -> Iterator[tuple[int, float]]:
    """Thresholds of a LightGBM booster, with the input's position."""
    for tree in booster.dump_model(num_iteration=_MAX_TREES)["tree_info"][:_MAX_TREES]:
        for node in _nodes(tree["tree_structure"], "left_child", "right_child"):
            threshold = node.get("threshold")
            if isinstance(threshold, float | int):
                yield int(node["split_feature"]), float(threshold)


def _nodes(root: dict[str, Any], *children: str) -> Iterator[dict[str, Any]]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        for key in children:
            below = node.get(key)
            waiting.extend(below if isinstance(below, list) else [below] if below else [])
