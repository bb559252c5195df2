"""Text classifiers of Hugging Face: texts in, labels by name and their probabilities out."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import numpy as np

from seatrial.adapters.export.onnx_text import INPUTS, Texts, task_of
from seatrial.adapters.export.text_examples import text_input
from seatrial.packaging.model_facts import ModelFacts
from seatrial.registry.signature import Batch, Dtype, Prediction, Signature
from seatrial.serving.failures import UnsupportedModel

_UNLIMITED: Final = 512
"""Tokens read by a model that says no limit itself: attention costs their square."""


class Problem(StrEnum):
    """What the logits of a model are; the names are transformers' own."""

    ONE = "single_label_classification"
    ANY = "multi_label_classification"
    NUMBER = "regression"


class HuggingfaceModel:
    """A model of transformers on the CPU, with its tokenizer. Texts run one by one, not padded.

    Args:
        model: in evaluation mode.
        tokenizer: its own, a fast one.
    Raises: UnsupportedModel.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model = model
        self.problem = _problem(model.config)
        self.names = _names(model.config) if self.problem is not Problem.NUMBER else ()
        self.max_tokens = _max_tokens(model, tokenizer)
        self.tokenizer = _whole_tokenizer(tokenizer, self.max_tokens)
        taken = inspect.signature(model.forward).parameters.keys()
        self.inputs = tuple(n for n in INPUTS if n in taken and n in tokenizer.model_input_names)
        self._texts = Texts(self.tokenizer, dict.fromkeys(self.inputs, np.dtype(np.int64)))

    @property
    def raw(self) -> object:
        """This, for the exporter: it has to ask the model as it is asked here."""
        return self

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of its answers."""
        return {
            Problem.ONE: ("label", "probabilities"),
            Problem.ANY: ("probabilities",),
            Problem.NUMBER: ("prediction",),
        }[self.problem]

    def classes(self) -> tuple[str, ...] | None:
        """See LoadedModel."""
        return self.names or None

    def facts(self) -> ModelFacts:
        """See LoadedModel."""
        import tokenizers
        import torch
        import transformers

        return ModelFacts(
            framework="huggingface",
            version=transformers.__version__,
            estimator=f"transformers.{type(self.model).__name__}",
            task=task_of(self.outputs),
            inputs=(text_input(),),
            named=False,
            number=Dtype.FLOAT32,
            packages=(
                ("numpy", np.__version__),
                ("tokenizers", tokenizers.__version__),
                ("torch", torch.__version__.partition("+")[0]),
                ("transformers", transformers.__version__),
            ),
            notes=(f"Of a text the first {self.max_tokens} tokens are read, the rest is cut off.",),
        )

    def predict(self, batch: Batch, signature: Signature) -> Prediction:
        """See LoadedModel."""
        import torch

        assert isinstance(batch, dict)
        with torch.inference_mode():
            answers = [
                self.model(**{name: torch.from_numpy(rows) for name, rows in feed.items()}).logits
                for text in batch[signature.names[0]].tolist()
                for _, feed in self._texts.feeds([text])
            ]
            found = self.answers(torch.cat(answers))
        arrays = {name: values.numpy() for name, values in found.items()}
        if "label" in arrays:
            arrays["label"] = np.array(self.names, dtype=object)[arrays["label"]]
        return arrays

    def answers(self, logits: Any) -> dict[str, Any]:
        """Tensors by the names of `outputs`; a label by its place."""
        if self.problem is Problem.NUMBER:
            return {"prediction": logits[:, 0]}
        if self.problem is Problem.ANY:
            return {"probabilities": logits.sigmoid()}
        return {"label": logits.argmax(dim=1), "probabilities": logits.softmax(dim=1)}

    def examples(self) -> tuple[Any, ...]:
        """Two texts as the tensors that it takes, one of them padded."""
        import torch

        (_, feed), *_ = self._texts.feeds(["a good film", "bad"])
        return tuple(torch.from_numpy(feed[name]) for name in self.inputs)


def _problem(config: Any) -> Problem:
    """What the logits are: as the configuration says, or as transformers concludes."""
    said = getattr(config, "problem_type", None)
    if said is not None:
        problem = Problem(said)
    else:
        problem = Problem.NUMBER if config.num_labels == 1 else Problem.ONE
    if problem is Problem.NUMBER and config.num_labels > 1:
        raise UnsupportedModel(
            f"The model answers {config.num_labels} numbers for a text.",
            remedy="Serve a regression of one number (num_labels 1), or a classifier; several "
            "numbers can be served as a class, module.py:Class.",
        )
    return problem


def _names(config: Any) -> tuple[str, ...]:
    """The names of the labels, in the order of the logits.   Raises: UnsupportedModel."""
    named: Mapping[int, str] = config.id2label or {}
    names = tuple(str(named.get(k, f"LABEL_{k}")) for k in range(config.num_labels))
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UnsupportedModel(
            f"Two labels of the model are called {twice!r}.",
            remedy="Give each its own name in id2label of config.json.",
        )
    return names


def _max_tokens(model: Any, tokenizer: Any) -> int:
    """The most tokens that a text may have, the special ones with them."""
    limits = [
        tokenizer.model_max_length,
        getattr(model.config, "max_position_embeddings", None),
        *(table.num_embeddings - table.padding_idx - 1 for table in _offset_positions(model)),
    ]
    known = [int(n) for n in limits if isinstance(n, int) and 0 < n < 1 << 20]
    return min(known, default=_UNLIMITED)


def _offset_positions(model: Any) -> list[Any]:
    """Tables of positions that begin after the padding's own, as RoBERTa's do."""
    return [
        module
        for name, module in model.named_modules()
        if name.endswith("position_embeddings") and getattr(module, "padding_idx", None) is not None
    ]


def _whole_tokenizer(tokenizer: Any, max_tokens: int) -> str:
    """Its tokenizer.json, with the truncation and the padding of the model."""
    record = json.loads(tokenizer.backend_tokenizer.to_str())
    left = {"left": "Left", "right": "Right"}
    record["truncation"] = {
        "direction": left[tokenizer.truncation_side],
        "max_length": max_tokens,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    record["padding"] = {
        "strategy": "BatchLongest",
        "direction": left[tokenizer.padding_side],
        "pad_to_multiple_of": None,
        "pad_id": tokenizer.pad_token_id or 0,
        "pad_type_id": tokenizer.pad_token_type_id,
        "pad_token": tokenizer.pad_token or "",
    }
    return json.dumps(record, ensure_ascii=False, sort_keys=True)
