"""What student samples are made from: captions and first frames (and whole clips, where a GAN head needs them)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from methods.training.clips import ClipSource, generator, scenes
from methods.training.dmd.config import DmdConfig
from methods.training.dmd.networks import Condition
from methods.wan.text import LONGEST
from methods.wan.vae import encode_video
from methods.wan.velocity import Backbone

Clips = Iterable[tuple[Tensor, list[list[str]]]]
"""Batches of uint8 clips [B, T, H, W, 3], each clip with its captions."""


@dataclass(frozen=True, slots=True, eq=False)
class Conditions:
    """A pool of conditions on the device."""

    latents: Tensor
    """Clean latents [N, C, T', h, w]; T' is 1 unless whole clips are kept."""
    context: Tensor
    """Text states [N, captions, L, D]."""
    empty: Tensor
    """Text states of the negative prompt, [1, L, D]."""

    def noise(self, count: int, frames: int, random: torch.Generator) -> Tensor:
        """Return unit noise in the shape of the latents of `count` clips of so many frames."""
        _, channels, _, height, width = self.latents.shape
        shape = (count, channels, (frames - 1) // 4 + 1, height, width)
        return torch.randn(shape, generator=random, device=self.latents.device)

    def draw(self, count: int, text_to_video: float, random: torch.Generator) -> tuple[Condition, Tensor]:
        """Return `count` conditions at random, and which rows they are; a share comes without its first frame."""
        device = self.latents.device
        rows = torch.randint(len(self.latents), (count,), generator=random, device=device)
        phrasing = torch.randint(self.context.shape[1], (count,), generator=random, device=device)
        given = torch.rand(count, generator=random, device=device) >= text_to_video
        return Condition(self.latents[rows, :, :1].float(), given, self.context[rows, phrasing]), rows

    def all(self, given: bool) -> Condition:
        """Return every condition, by its first caption, with or without its first frame."""
        flags = torch.full((len(self.latents),), given, device=self.latents.device)
        return Condition(self.latents[:, :, :1].float(), flags, self.context[:, 0])

    def negative(self, condition: Condition) -> Condition:
        """Return the condition under the negative prompt."""
        return Condition(condition.first, condition.given, self.empty.expand(len(condition.given), -1, -1))


@torch.no_grad()
def encode(wan: Backbone, clips: Clips, negative_prompt: str) -> Conditions:
    """Return the conditions of clips: latents of the VAE, states of the text encoder, half of it on a GPU."""
    latents: list[Tensor] = []
    captions: list[list[str]] = []
    for frames, texts in clips:
        latents += [encode_video(wan.vae, part) for part in frames.split(max(1, 272 // frames.shape[1]))]
        captions += texts
    states = encode_captions(wan, [text for clip in captions for text in clip])
    dtype = torch.bfloat16 if wan.device.type == "cuda" else torch.float32
    context = states.view(len(captions), -1, *states.shape[1:]).to(dtype)
    empty = wan.encode_text(negative_prompt).to(dtype)
    return Conditions(torch.cat(latents).to(dtype), context, empty)


def rendered_clips(source: ClipSource, config: DmdConfig, which: int) -> Clips:
    """Yield the training scenes of one of the sizes: the same in every command, so that a run can go on exactly.

    Only the first frame is rendered where nothing needs the rest.
    """
    frames = config.frames if config.gan else 1
    each = max(1, config.clips // len(config.sizes))
    for start in range(which * each, (which + 1) * each, config.render_batch):
        batch = min(config.render_batch, (which + 1) * each - start)
        what = scenes(source, "dmd", config.seed, start, batch)
        texts = []
        for i, scene in enumerate(what, start):
            rng = generator("dmd captions", config.seed, i)
            tongues = ["zh" if rng.random() < config.chinese else "en" for _ in range(config.captions)]
            texts.append([source.caption(scene, rng, lang=tongue) for tongue in tongues])
        yield source.render(what, frames, *config.sizes[which]), texts


def held_out_clips(source: ClipSource, config: DmdConfig) -> Clips:
    """Yield the whole clips of the fixed-seed samples, with their plain captions."""
    what = scenes(source, "held-out dmd", 0, 0, config.held_out)
    yield source.render(what, config.frames, *config.sizes[0]), [[source.caption(scene)] for scene in what]


def batched(clips: Iterable[tuple[Tensor, list[str]]], size: int) -> Iterator[tuple[Tensor, list[list[str]]]]:
    """Yield single clips, uint8 [T, H, W, 3], as batches."""
    rest = iter(clips)
    while batch := list(islice(rest, size)):
        yield torch.stack([clip for clip, _ in batch]), [texts for _, texts in batch]


@torch.no_grad()
def encode_captions(wan: Backbone, captions: Sequence[str], batch: int = 256) -> Tensor:
    """Return the text states [N, L, D] of captions, as `Backbone.encode_text` makes them one by one."""
    length = min(wan.tokenizer.model_max_length, LONGEST)
    states = []
    for start in range(0, len(captions), batch):
        texts = [" ".join(text.split()) for text in captions[start : start + batch]]
        tokens = wan.tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        mask = tokens.attention_mask.to(wan.device)
        made = wan.text_encoder(input_ids=tokens.input_ids.to(wan.device), attention_mask=mask).last_hidden_state
        states.append(torch.where(mask[..., None].bool(), made, torch.zeros_like(made)))
    return torch.cat(states)
