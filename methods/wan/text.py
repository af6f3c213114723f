"""Prompts to the text states that the transformer attends to."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, UMT5EncoderModel

LONGEST = 512
"""Text tokens of Wan2.2; a tokenizer that states no limit of its own gets this one."""
log = logging.getLogger(__name__)


def encode_text(tokenizer: PreTrainedTokenizerBase, encoder: UMT5EncoderModel, prompt: str) -> Tensor:
    """Return the text states [1, N, D] of one prompt, N being the model's text length.

    As Wan does, states after the end of the prompt are zero, and they are attended to. White space is
    collapsed; a prompt longer than N tokens is cut, with a warning.
    """
    length = min(tokenizer.model_max_length, LONGEST)
    prompt = " ".join(prompt.split())
    tokens = tokenizer([prompt], padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    if tokens.attention_mask.all() and len(tokenizer(prompt).input_ids) > length:
        log.warning("prompt cut at %d tokens: %s", length, prompt)
    mask = tokens.attention_mask.to(encoder.device)
    states = encoder(input_ids=tokens.input_ids.to(encoder.device), attention_mask=mask).last_hidden_state
    return torch.where(mask[..., None].bool(), states, torch.zeros_like(states))
