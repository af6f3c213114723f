"""The tokenizer, trained on the captions it will read, and text states for batches of token ids."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from bench.errors import UserError
from methods.training.clips import ClipSource, generator
from methods.training.config import TextImageShape, TextShape

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast, UMT5EncoderModel

Tokens = TextShape | TextImageShape
"""Both say how many tokens there are, and how many a caption may take."""
SPECIAL = ("<pad>", "</s>", "<unk>")
CORPUS = 6000
"""Captions the tokenizer is trained on, half of them Chinese."""
CHECKED = 600
"""Captions whose length is looked at before a training."""


def train_tokenizer(source: ClipSource, shape: Tokens, more: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """Return a byte-pair tokenizer of at most `shape.vocabulary` tokens for English and Chinese captions and `more`.

    Every Chinese character is a token: without spaces, pairs would be merged across words until whole
    phrases were tokens, and a new combination of known words would be new tokens. Characters never seen in
    training become `<unk>`. Deterministic: the corpus has its own seeds.
    """
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokens = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True))
    tokens.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    each_character = pre_tokenizers.Split(Regex(r"\p{Han}"), behavior="isolated")
    tokens.pre_tokenizer = pre_tokenizers.Sequence([each_character, pre_tokenizers.Whitespace()])
    trainer = trainers.BpeTrainer(vocab_size=shape.vocabulary, special_tokens=list(SPECIAL), show_progress=False)
    tokens.train_from_iterator(chain(_corpus(source), more), trainer)
    tokens.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return _wrap(tokens, shape.max_tokens)


def tokenizer_state(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Return the tokenizer as JSON."""
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    # Batch settings of the last call are no part of what was learnt.
    return state | {"padding": None, "truncation": None}


def restore_tokenizer(state: dict[str, Any], shape: Tokens) -> PreTrainedTokenizerFast:
    """Undo `tokenizer_state`."""
    from tokenizers import Tokenizer

    return _wrap(Tokenizer.from_str(json.dumps(state)), shape.max_tokens)


def widened(state: dict[str, Any], source: ClipSource) -> dict[str, Any]:
    """Return a tokenizer's state with a token more for every character of the captions that it does not know.

    Known tokens keep their numbers, so that a model trained with the old tokenizer goes on with the new one.
    """
    from tokenizers import Tokenizer

    vocabulary = dict(state["model"]["vocab"])
    normal = Tokenizer.from_str(json.dumps(state)).normalizer
    characters = {c for text in _corpus(source) for c in normal.normalize_str(text) if not c.isspace()}
    for character in sorted(characters - vocabulary.keys()):
        vocabulary[character] = len(vocabulary)
    return state | {"model": state["model"] | {"vocab": vocabulary}}


def check_length(tokenizer: PreTrainedTokenizerFast, source: ClipSource) -> None:
    """Raise UserError when captions of the source are longer than the model reads: their ends would go untaught."""
    tokens, limit = tokenizer.backend_tokenizer, tokenizer.model_max_length
    tokens.no_truncation()
    tokens.no_padding()
    captions = list(_corpus(source, CHECKED))
    found, longest = max((len(e.ids), text) for e, text in zip(tokens.encode_batch(captions), captions, strict=True))
    if found > limit:
        raise UserError(
            f"text.max_tokens is {limit} and captions have up to {found} tokens ('{longest[:40]}...'): "
            f"raise it to {found} or more in the config"
        )


def token_ids(tokenizer: PreTrainedTokenizerFast, captions: Sequence[str]) -> tuple[Tensor, Tensor, int]:
    """Return ids and mask, int64 [N, max_tokens], padded with zeros, and how many captions were cut."""
    # Straight to the tokenizer below: the way through PreTrainedTokenizerFast takes three times as long.
    tokens, length = tokenizer.backend_tokenizer, tokenizer.model_max_length
    tokens.enable_truncation(length)
    tokens.enable_padding(length=length, pad_id=tokenizer.pad_token_id, pad_token=tokenizer.pad_token)
    found = tokens.encode_batch(list(captions))
    ids, mask = (torch.tensor(np.array([getattr(e, k) for e in found])) for k in ("ids", "attention_mask"))
    return ids, mask, sum(bool(e.overflowing) for e in found)


def text_states(encoder: UMT5EncoderModel, ids: Tensor, mask: Tensor) -> Tensor:
    """Return states [B, N, D], zero after the end of each caption, as Wan does.

    The mask goes in as a ready additive one: from a 0/1 mask the library would look whether anything is
    masked at all, and each step would wait for the device.
    """
    additive = (1.0 - mask[:, None, None, :].float()) * -1e9
    additive = additive.expand(-1, 1, mask.shape[1], -1)
    states = encoder(input_ids=ids, attention_mask=additive).last_hidden_state
    return states * mask[..., None].to(states.dtype)


def caption_batch(source: ClipSource, scene: Any, seed: int, index: int, count: int, chinese: float) -> list[str]:
    """Return `count` phrasings of a scene's caption, each in Chinese with probability `chinese`."""
    rng = generator("captions", seed, index)
    return [source.caption(scene, rng, lang="zh" if rng.random() < chinese else "en") for _ in range(count)]


def _corpus(source: ClipSource, size: int = CORPUS) -> Iterable[str]:
    for i in range(size // 2):
        rng = generator("tokenizer", i)
        scene = source.scene(rng)
        yield source.caption(scene, rng, lang="en")
        yield source.caption(scene, rng, lang="zh")


def _wrap(tokens: Any, length: int) -> PreTrainedTokenizerFast:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokens,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=length,
    )


def device_captions(
    tokenizer: PreTrainedTokenizerFast, captions: Sequence[Sequence[str]], device: torch.device
) -> tuple[Tensor, Tensor, int]:
    """Return ids and mask of several captions per clip, [clips, captions, max_tokens], on the device."""
    ids, mask, cut = token_ids(tokenizer, [text for clip in captions for text in clip])
    per_clip = (len(captions), -1, ids.shape[-1])
    return ids.view(per_clip).to(device), mask.view(per_clip).to(device), cut
