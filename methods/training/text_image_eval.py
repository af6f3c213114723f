"""Held-out figures of the text-image model: zero-shot accuracy per attribute, and telling an edit from its source."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from methods.training.clips import LabelledSource, Scene, held_out_pairs, pin, scenes
from methods.training.config import TextImageConfig
from methods.training.text_image_model import normalise
from methods.training.views import FRAME, PRODUCT, UNASKED, label_scenes, views

BATCH = 256
CONFUSIONS = 12


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What is read: views of scenes with their labels, and edits with both captions."""

    pixels: Tensor
    """uint8 [scenes, frames, 2 views, S, S, 3]."""
    labels: Tensor
    """int64 [scenes, frames, 2 views, attributes]."""
    close_up: list[bool]
    """Per attribute, whether it is read from the product's view and not from the whole frame."""
    sides: tuple[Tensor, Tensor]
    """uint8 [edits, frames, S, S, 3] of sources and targets."""
    captions: tuple[list[str], list[str]]
    scenarios: list[str]
    pin: str


def hold_out(source: LabelledSource, config: TextImageConfig, prompts: Mapping[str, Any]) -> HeldOut:
    """Render the held-out scenes and edits: the same for every training seed."""
    what = scenes(source, "held-out text-image", 0, 0, config.held_out)
    edits = held_out_pairs(source, config.held_out_pairs)
    pixels, labels = _plain_views(source, config, prompts, what)
    sides = tuple(
        _plain_views(source, config, prompts, side)[0][:, :, FRAME] for side in (edits.sources, edits.targets)
    )
    of_products = {name for scene in what for name in source.shown(scene).bodies[0]}
    return HeldOut(
        pixels,
        labels,
        [name in of_products for name in prompts],
        (sides[0], sides[1]),
        ([source.caption(s) for s in edits.sources], [source.caption(s) for s in edits.targets]),
        edits.scenarios,
        pin([*what, *edits.sources, *edits.targets]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """The model with its tokenizer, as it is used: nothing but features."""

    model: nn.Module
    prompts: Mapping[str, Mapping[str, tuple[str, ...]]]
    tokens: Callable[[list[str]], Tensor]
    arithmetic: Callable[[], AbstractContextManager[Any]]

    @torch.no_grad()
    def image(self, pixels: Tensor) -> Tensor:
        """Return unit vectors [..., D] of views uint8 [..., S, S, 3]."""
        flat = pixels.flatten(0, -4)
        found = []
        for part in flat.split(BATCH):
            with self.arithmetic():
                planes = normalise(part.permute(0, 3, 1, 2).float() / 255)
                found.append(F.normalize(self.model.encode_image(planes).float(), dim=-1))
        return torch.cat(found).unflatten(0, pixels.shape[:-3])

    @torch.no_grad()
    def text(self, texts: list[str]) -> Tensor:
        """Return unit vectors [N, D]."""
        with self.arithmetic():
            return F.normalize(self.model.encode_text(self.tokens(texts)).float(), dim=-1)

    def classifier(self, attribute: str) -> Tensor:
        """Return unit vectors [values, D]: the mean over each value's phrasings."""
        rows = [self.text(list(texts)).mean(0) for texts in self.prompts[attribute].values()]
        return F.normalize(torch.stack(rows), dim=-1)


def measure(reader: Reader, held: HeldOut) -> dict[str, Any]:
    """Return accuracy, class-balanced accuracy and confusions per attribute, and the share of edits told apart.

    A scene's answer is the value with the largest mean probability over the frames that can be asked.
    """
    features, scale = reader.image(held.pixels), reader.model.logit_scale.exp()
    attributes = {}
    for a, name in enumerate(reader.prompts):
        view = PRODUCT if held.close_up[a] else FRAME
        asked = held.labels[:, :, view, a]
        # A scene's frames agree, and where one cannot be asked another may.
        truth = asked.amax(1)
        chances = (scale * features[:, :, view] @ reader.classifier(name).T).softmax(-1)
        chances = (chances * (asked != UNASKED)[..., None]).sum(1)
        known = truth != UNASKED
        attributes[name] = _figures(
            truth[known].tolist(), chances.argmax(-1)[known].tolist(), list(reader.prompts[name])
        )
    return {"attributes": attributes, "edits": _told_apart(reader, held), "held_out": held.pin}


def _figures(truth: list[int], found: list[int], values: list[str]) -> dict[str, Any]:
    right, total = Counter[int](), Counter(truth)
    wrong = Counter[tuple[int, int]]()
    for a, b in zip(truth, found, strict=True):
        if a == b:
            right[a] += 1
        else:
            wrong[a, b] += 1
    return {
        "accuracy": right.total() / max(1, len(truth)),
        "balanced": sum(right[v] / n for v, n in total.items()) / max(1, len(total)),
        "asked": len(truth),
        "confusions": [[values[a], values[b], n] for (a, b), n in wrong.most_common(CONFUSIONS)],
    }


def _told_apart(reader: Reader, held: HeldOut) -> dict[str, float]:
    """Return by scenario how often a clip is closer to its own caption than to that of the edit's other side."""
    pictures = [F.normalize(reader.image(side).mean(1), dim=-1) for side in held.sides]
    texts = [reader.text(side) for side in held.captions]
    wins = Counter[str]()
    for own, other in ((0, 1), (1, 0)):
        closer = (pictures[own] * (texts[own] - texts[other])).sum(-1) > 0
        wins.update(scenario for scenario, win in zip(held.scenarios, closer.tolist(), strict=True) if win)
    asked = Counter(held.scenarios)
    return {name: wins[name] / (2 * count) for name, count in sorted(asked.items())}


def _plain_views(
    source: LabelledSource, config: TextImageConfig, prompts: Mapping[str, Any], what: list[Scene]
) -> tuple[Tensor, Tensor]:
    pixels, labels = [], []
    for i in range(0, len(what), config.render_batch):
        part = what[i : i + config.render_batch]
        clips, ids = source.render_with_ids(part, config.held_out_frames, *config.sizes[0])
        known = label_scenes([source.shown(scene) for scene in part], prompts)
        found = views(clips, ids, known, config.shape.image_size)
        for into, value in zip((pixels, labels), found, strict=True):
            into.append(value.unflatten(0, (len(part), config.held_out_frames)))
    return torch.cat(pixels), torch.cat(labels)
