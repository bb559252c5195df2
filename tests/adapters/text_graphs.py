"""A graph of texts by hand, small enough to reckon: its tokenizer in its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from onnx import ModelProto, numpy_helper, parser
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from seatrial.adapters.export.onnx_text import CLASSES, TOKENIZER
from seatrial.registry.signature import Dtype, Feature, Output, Signature, Task

NAMES = ("bad", "good 好")
WORTH = {"[PAD]": 900.0, "[UNK]": 0.0, "good": 1.0, "bad": -1.0, "film": 0.0, "很": 0.5}
"""What each word adds; padding would outweigh all, were it looked at."""
MAX_TOKENS = 8

SIGNATURE = Signature(
    features=(Feature(name="text", dtype=Dtype.STRING),),
    outputs=(
        Output(name="label", dtype=Dtype.STRING),
        Output(name="probabilities", dtype=Dtype.FLOAT32, width=2, classes=NAMES),
    ),
    task=Task.CLASSIFICATION,
    matrix=False,
)


def tokenizer(*, left: bool = False) -> str:
    """A tokenizer.json of words."""
    made = Tokenizer(models.WordLevel({w: k for k, w in enumerate(WORTH)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(single="$A", pair="$A $B")
    made.enable_truncation(MAX_TOKENS)
    made.enable_padding(direction="left" if left else "right", pad_id=0)
    found: str = made.to_str()
    return found


def text_graph(
    metadata: Mapping[str, str] = MappingProxyType({}),
    *,
    left: bool = False,
    strength: float = 1.0,
    n_positions: int = MAX_TOKENS,
) -> bytes:
    """The mean worth of a text's words says which label it has.

    Args:
        strength: how sure it is; below 0 it says the other label.
        n_positions: that it has numbers for; a text of more tokens cannot be read.
    """
    graph: ModelProto = parser.parse_model("""
        <ir_version: 9, opset_import: ["": 18]>
        texts (int64[n, t] input_ids, int64[n, t] attention_mask)
            => (string[n] label, float[n, 2] probabilities) {
            size = Shape <start = 1, end = 2> (input_ids)
            none = Constant <value_ints = [0]> ()
            axis = Constant <value_ints = [1]> ()
            n = Squeeze (size)
            begin = Squeeze (none)
            by = Squeeze (axis)
            places = Range (begin, n, by)
            where = Gather (positions, places)
            what = Gather (worth, input_ids)
            each = Add (what, where)
            mask = Cast <to = 1> (attention_mask)
            looked = Mul (each, mask)
            sum = ReduceSum <keepdims = 1> (looked, axis)
            count = ReduceSum <keepdims = 1> (mask, axis)
            mean = Div (sum, count)
            raw = MatMul (mean, sides)
            probabilities = Softmax <axis = -1> (raw)
            place = ArgMax <axis = -1, keepdims = 0> (raw)
            label = Gather (names, place)
        }
    """)
    graph.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array(list(WORTH.values()), np.float32), "worth"),
            numpy_helper.from_array(np.array([[-strength, strength]], np.float32), "sides"),
            numpy_helper.from_array(np.zeros(n_positions, np.float32), "positions"),
            numpy_helper.from_array(np.array(NAMES, dtype=object), "names"),
        ]
    )
    entries = {TOKENIZER: tokenizer(left=left), CLASSES: json.dumps(NAMES), **metadata}
    for key, value in entries.items():
        if value:
            graph.metadata_props.add(key=key, value=value)
    content: bytes = graph.SerializeToString()
    return content
