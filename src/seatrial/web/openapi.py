"""The OpenAPI 3.1 document of the data plane, with the models that are served written out.

Each served model has its own predict routes with schemas from its signature, so that a client can
be generated for it; routes that work for any name are described once per model for that reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote

from seatrial import __version__
from seatrial.registry.signature import WHOLE, Dtype, Feature, Signature
from seatrial.serving.codec import description
from seatrial.serving.routes import PATTERNS, PREDICTING, Kind, Pattern

Json: TypeAlias = dict[str, Any]

_SUMMARIES = {
    Kind.LIVENESS: "Whether the server lives",
    Kind.READINESS: "Whether the server takes requests",
    Kind.HEALTH: "Readiness, with what is served",
    Kind.METRICS: "Metrics in Prometheus' text format",
    Kind.PING: "Readiness, as MLflow's clients ask for it",
    Kind.SERVER_VERSION: "The version of seatrial",
    Kind.SERVER_METADATA: "Name, version and extensions of the server",
    Kind.MODEL_INDEX: "The loaded versions of all models",
    Kind.MODEL_READY: "Whether the model takes requests",
    Kind.MODEL_CONFIG: "The model's configuration in Triton's form",
    Kind.MODEL_METADATA: "The model's versions, inputs and outputs",
    Kind.MODEL_STATUS: "The loaded versions in TF Serving's form",
    Kind.INFER: "Predict, Open Inference Protocol",
    Kind.PREDICT: "Predict, TF Serving's form",
    Kind.CLASSIFY: "Classes with their scores, TF Serving's form",
    Kind.REGRESS: "A number a row, TF Serving's form",
    Kind.SIGNATURES: "Inputs and outputs in TF Serving's form",
    Kind.INVOCATIONS: "Predict, MLflow's forms",
}
_TAGS = {
    Kind.INFER: "predict",
    Kind.PREDICT: "predict",
    Kind.CLASSIFY: "predict",
    Kind.REGRESS: "predict",
    Kind.INVOCATIONS: "predict",
    Kind.SIGNATURES: "models",
    Kind.MODEL_READY: "models",
    Kind.MODEL_CONFIG: "models",
    Kind.MODEL_METADATA: "models",
    Kind.MODEL_STATUS: "models",
    Kind.MODEL_INDEX: "models",
}
_ABOUT = (
    "Models behind one address: three protocols for predictions, routes for what watches a server, "
    "and the routes that decide on releases."
)
_TAG_TEXTS = {
    "predict": "Ask a model. The header x-seatrial-key decides which version answers, and the same "
    "key gets the same one while the shares stay; every protocol reaches every model.",
    "models": "What is loaded, in which versions, with which inputs and outputs.",
    "server": "Health and metrics, for load balancers, Kubernetes and Prometheus.",
    "control": "Look at releases and decide on them. With SEATRIAL_TOKEN set these take "
    "'Authorization: Bearer TOKEN'; without one they are open to this machine only.",
    "training": "What was trained, and how it went. Open to the same people.",
    "watch": "What the monitor found, and what is answered to its alerts. Open to the same people.",
    "labels": "Hand in what came true for predictions that were logged. Open to the same people.",
}
"""Each tag of an operation, here or on the control routes."""
_TEXTS = {Kind.METRICS, Kind.SERVER_VERSION}
_HEALTHS = {Kind.READINESS, Kind.HEALTH, Kind.PING}
_ERROR: Json = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {"type": "string", "description": "What is wrong and what to do."},
        "code": {"type": "string"},
        "field": {"type": "string", "description": "The feature, tensor or place in the body."},
        "row": {"type": "integer", "minimum": 0},
    },
}
_REFUSED: Json = {
    "description": "Refused, and why",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
}
_HEADERS = (
    ("x-seatrial-key", "The same key gets the same version as long as the shares stay."),
    ("x-seatrial-version", "For testers: this loaded version and no other."),
    ("x-request-id", "Sent back with the reply."),
)


def document(models: Sequence[tuple[str, Sequence[int], Signature]]) -> Json:
    """The document.

    Args:
        models: name, loaded versions and signature of each served model.
    """
    paths: dict[str, Json] = {}
    for pattern in PATTERNS:
        if "{model}" not in pattern.path:
            paths[pattern.path] = _item(pattern, models)
            continue
        for name, versions, signature in models:
            if not _answers(pattern.kind, signature):
                continue
            path = pattern.path.replace("{model}", quote(name, safe=""))
            paths[path] = _item(pattern, [(name, versions, signature)])
    return {
        "openapi": "3.1.0",
        "info": {"title": "seatrial", "version": __version__, "description": _ABOUT},
        "tags": [{"name": name, "description": text} for name, text in _TAG_TEXTS.items()],
        "paths": paths,
        "components": {"schemas": {"Error": _ERROR}},
    }


def with_refusals(paths: Mapping[str, Json]) -> dict[str, Json]:
    """The framework's description of routes, with the refusals they really give.

    It knows of none but its own, a 422 with a body that `site` does not send.
    """
    described: dict[str, Json] = {}
    for path, item in paths.items():
        described[path] = {}
        for method, operation in item.items():
            replies = {s: r for s, r in operation["responses"].items() if s != "422"}
            described[path][method] = operation | {"responses": replies | {"default": _REFUSED}}
    return described


def _answers(kind: Kind, signature: Signature) -> bool:
    """Whether a model answers a route of its name."""
    wanted = _ANSWERS.get(kind)
    return wanted is None or wanted(signature) is not None


def _item(pattern: Pattern, models: Sequence[tuple[str, Sequence[int], Signature]]) -> Json:
    kind = pattern.kind
    operation: Json = {
        "summary": _SUMMARIES[kind],
        "tags": [_TAGS.get(kind, "server")],
        "responses": {
            "200": {"description": "Done", "content": _content(kind)},
            "default": _REFUSED,
        },
    }
    if kind in _HEALTHS:
        operation["responses"]["503"] = {"description": "Not ready", "content": _content(kind)}
    parameters: list[Json] = []
    if "{version}" in pattern.path:
        known = sorted({str(v) for _, versions, _ in models for v in versions})
        parameters.append(
            {
                "name": "version",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "enum": known},
            }
        )
    if kind in PREDICTING:
        parameters += _header_parameters(pattern, models)
        operation["requestBody"] = {
            "required": True,
            "content": _bodies(kind, [signature for _, _, signature in models]),
        }
    if parameters:
        operation["parameters"] = parameters
    return {pattern.method.lower(): operation}


def _header_parameters(
    pattern: Pattern, models: Sequence[tuple[str, Sequence[int], Signature]]
) -> list[Json]:
    known = sorted({str(v) for _, versions, _ in models for v in versions})
    schemas: dict[str, Json] = {"x-seatrial-version": {"type": "string", "enum": known}}
    parameters: list[Json] = [
        {
            "name": name,
            "in": "header",
            "description": text,
            "schema": schemas.get(name, {"type": "string"}),
        }
        for name, text in _HEADERS
        # A version in the path wins.
        if name != "x-seatrial-version" or "{version}" not in pattern.path
    ]
    if pattern.kind is Kind.INVOCATIONS:
        names = [name for name, _, _ in models]
        named: Json = {
            "name": "x-seatrial-model",
            "in": "header",
            "required": len(names) > 1,
            "description": "The model, when several are served.",
            "schema": {"type": "string", "enum": names},
        }
        parameters.append(named)
    return parameters


def _content(kind: Kind) -> Json:
    if kind in _TEXTS:
        return {"text/plain": {"schema": {"type": "string"}}}
    schema: Json = {"type": "array"} if kind is Kind.MODEL_INDEX else {"type": "object"}
    content: Json = {"application/json": {"schema": schema}}
    if kind is Kind.INFER:
        content["application/octet-stream"] = {"schema": {"type": "string", "format": "binary"}}
    return content


def _bodies(kind: Kind, signatures: Sequence[Signature]) -> Json:
    schemas = [_BODY[kind](signature) for signature in signatures]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas} if schemas else {}
    content: Json = {"application/json": {"schema": schema}}
    if kind is Kind.INVOCATIONS:
        content["text/csv"] = {"schema": {"type": "string"}}
    return content


def _infer(signature: Signature) -> Json:
    tensors = description.inputs(signature)
    features = {feature.name: feature for feature in signature.features}
    items = [
        _tensor(
            tensor,
            features.get(str(tensor["name"]), signature.features[0]),
            matrix=signature.matrix,
        )
        for tensor in tensors
    ]
    return _object(
        {
            "id": {"type": ["string", "null"]},
            "inputs": _tuple(items),
            "outputs": {
                "type": ["array", "null"],
                "items": _object(
                    {"name": {"enum": [o.name for o in signature.outputs]}}, required=["name"]
                ),
            },
            "parameters": {"type": ["object", "null"]},
        },
        required=["inputs"],
    )


def _tensor(tensor: Mapping[str, object], feature: Feature, *, matrix: bool) -> Json:
    """An input of one row: JSON Schema cannot tie a list's length to the shape beside it."""
    shape = [1 if size == -1 else size for size in _sizes(tensor)]
    count = 1
    for size in shape:
        count *= size
    return _object(
        {
            # The one tensor of a matrix may have any name.
            "name": {"type": "string"} if matrix else {"const": tensor["name"]},
            "datatype": {"const": tensor["datatype"]},
            "shape": {"const": shape},
            "data": {
                "type": "array",
                "items": _element(feature),
                "minItems": count,
                "maxItems": count,
            },
        },
        required=["name", "datatype", "shape", "data"],
    )


def _sizes(tensor: Mapping[str, object]) -> list[int]:
    shape = tensor["shape"]
    return [int(size) for size in shape] if isinstance(shape, list) else []


def _predict(signature: Signature) -> Json:
    return _object({"instances": _rows(signature), "inputs": False}, required=["instances"])


def _invocation(signature: Signature) -> Json:
    forms = {
        "dataframe_split": _object({"data": _rows(signature)}, required=["data"]),
        "dataframe_records": _records(signature),
        "instances": _rows(signature),
        "inputs": _rows(signature),
    }
    others = dict.fromkeys(forms, False)
    return {
        "oneOf": [
            _object(others | {name: schema}, required=[name]) for name, schema in forms.items()
        ]
    }


def _rows(signature: Signature) -> Json:
    values = [_value(feature) for feature in signature.features]
    row = values[0] if len(values) == 1 and signature.has_tensors else _tuple(values)
    return {"type": "array", "items": row, "minItems": 1}


def _tuple(items: list[Json]) -> Json:
    n = len(items)
    return {"type": "array", "prefixItems": items, "items": False, "minItems": n, "maxItems": n}


def _records(signature: Signature) -> Json:
    record = _object(
        {feature.name: _value(feature) for feature in signature.features},
        required=list(signature.names),
    )
    return {"type": "array", "items": record | {"additionalProperties": False}, "minItems": 1}


def _object(properties: Json, *, required: list[str]) -> Json:
    return {"type": "object", "properties": properties, "required": required}


_FLOAT32_END = (2 - 2**-24) * 2.0**127
"""The least number that rounds to infinity."""

_FLOAT16_END = 65_520.0
_TYPES: dict[Dtype, Json] = {
    Dtype.FLOAT16: {
        "type": "number",
        "exclusiveMinimum": -_FLOAT16_END,
        "exclusiveMaximum": _FLOAT16_END,
    },
    Dtype.FLOAT32: {
        "type": "number",
        "exclusiveMinimum": -_FLOAT32_END,
        "exclusiveMaximum": _FLOAT32_END,
    },
    Dtype.FLOAT64: {"type": "number"},
    **{
        one: {"type": "integer", "minimum": least, "maximum": largest}
        for one, (least, largest) in WHOLE.items()
    },
    Dtype.BOOL: {"type": "boolean"},
    Dtype.STRING: {"type": "string"},
}


def _value(feature: Feature) -> Json:
    """The value of one row: a tensor is a list of lists."""
    schema = _element(feature)
    for size in reversed(feature.shape):
        schema = {"type": "array", "items": schema, "minItems": size, "maxItems": size}
    return schema


def _element(feature: Feature) -> Json:
    schema: Json = dict(_TYPES[feature.dtype])
    if feature.categories is not None:
        schema = {"enum": list(feature.categories)}
    if feature.nullable and feature.dtype is not Dtype.INT64:
        return {"anyOf": [schema, {"type": "null"}]}
    return schema


def _examples(signature: Signature) -> Json:
    return _object({"examples": _records(signature)}, required=["examples"])


_BODY = {
    Kind.INFER: _infer,
    Kind.PREDICT: _predict,
    Kind.CLASSIFY: _examples,
    Kind.REGRESS: _examples,
    Kind.INVOCATIONS: _invocation,
}

_ANSWERS: Mapping[Kind, Callable[[Signature], object]] = {
    Kind.CLASSIFY: description.scored,
    Kind.REGRESS: description.regressed,
}
"""Routes that only some models answer, and what those have."""
