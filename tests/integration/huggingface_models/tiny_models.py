"""Text classifiers of random weights, as ``save_pretrained`` writes them, tiny."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import torch
import transformers
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

TEXTS: Final = (
    "the film was good, a joy from its first minute to the last",
    "what a bad film, I left after ten minutes",
    "这部电影非常好看，我很喜欢",
    "价格太贵，质量也不好",
    "price 24.95 - never again!",
    "schöne Größe, très bon 🙂",
)
NAMES: Final = ("negative", "neutral", "positive 好")
_SIZES: Final = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
_SMALL: Final = _SIZES | {"intermediate_size": 64}


def word_pieces() -> Any:
    """BERT's kind of tokenizer, learned from the texts here."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(TEXTS, trainers.WordPieceTrainer(special_tokens=special))
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return made


def bytes_pairs() -> Any:
    """RoBERTa's kind of tokenizer, learned from the texts here."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return made


def bert(folder: Path, **settings: Any) -> Path:
    """A BERT of three labels."""
    words = transformers.BertTokenizerFast(tokenizer_object=word_pieces(), model_max_length=48)
    config = transformers.BertConfig(
        vocab_size=len(words), max_position_embeddings=48, **(_labels(3) | settings), **_SMALL
    )
    return saved(folder, transformers.BertForSequenceClassification(config), words)


def distilbert(folder: Path, **settings: Any) -> Path:
    """A DistilBERT, which takes no token types and says no length beside its table's."""
    words = transformers.DistilBertTokenizerFast(tokenizer_object=word_pieces())
    config = transformers.DistilBertConfig(
        vocab_size=len(words),
        max_position_embeddings=64,
        dim=32,
        n_layers=2,
        n_heads=2,
        hidden_dim=64,
        **(_labels(3) | settings),
    )
    return saved(folder, transformers.DistilBertForSequenceClassification(config), words)


def roberta(folder: Path, **settings: Any) -> Path:
    """A RoBERTa, whose positions begin after the padding's."""
    words = transformers.RobertaTokenizerFast(tokenizer_object=bytes_pairs())
    config = transformers.RobertaConfig(
        vocab_size=len(words),
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
        **(_labels(3) | settings),
        **_SMALL,
    )
    return saved(folder, transformers.RobertaForSequenceClassification(config), words)


def gpt2(folder: Path) -> Path:
    """A decoder without a token for padding, whose texts can only run one by one."""
    words = transformers.GPT2TokenizerFast(tokenizer_object=bytes_pairs(), model_max_length=64)
    config = transformers.GPT2Config(
        vocab_size=len(words), n_positions=64, n_embd=32, n_layer=2, n_head=2, **_labels(3)
    )
    return saved(folder, transformers.GPT2ForSequenceClassification(config), words)


def saved(folder: Path, model: Any, words: Any) -> Path:
    """The folder, with weights far enough apart that the labels of texts differ."""
    with torch.no_grad():
        for name, values in model.named_parameters():
            if values.dim() > 1 and "LayerNorm" not in name:
                values.mul_(4)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return folder


def _labels(n: int) -> dict[str, Any]:
    return {"num_labels": n, "id2label": dict(enumerate(NAMES[:n])), "label2id": {}}
