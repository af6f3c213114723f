"""Square views of rendered frames (the whole picture, the product close up, any body) and what each can be asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from methods.training.clips import Shown

FRAME, PRODUCT, OTHER = range(3)
"""The views of a frame, in order. OTHER is any body, each time at random; without randomness there is none."""
UNASKED = -1
SMALLEST = 0.003
"""A body on a smaller share of the frame is not asked for."""
MARGIN = 1.25
"""Side of a close-up, in longer sides of the body's box."""


@dataclass(frozen=True, slots=True, eq=False)
class SceneLabels:
    """Indices of attribute values, UNASKED where a scene does not tell."""

    frame: Tensor
    anywhere: Tensor
    """int64 [B, A]."""
    bodies: Tensor
    """int64 [B, bodies, A]."""


def label_scenes(shown: Sequence[Shown], prompts: Mapping[str, Mapping[str, object]]) -> SceneLabels:
    """Return the labels of scenes over the attributes of `prompts`, in its order."""
    places = {name: {value: i for i, value in enumerate(values)} for name, values in prompts.items()}

    def row(values: Mapping[str, str]) -> list[int]:
        return [places[name][values[name]] if name in values else UNASKED for name in places]

    most = max(len(s.bodies) for s in shown)
    return SceneLabels(
        frame=torch.tensor([row(s.frame) for s in shown]),
        anywhere=torch.tensor([row(s.anywhere) for s in shown]),
        bodies=torch.tensor([[row(s.bodies[i] if i < len(s.bodies) else {}) for i in range(most)] for s in shown]),
    )


def views(
    clips: Tensor, ids: Tensor, labels: SceneLabels, size: int, random: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Return views uint8 [B * T, V, size, size, 3] and their labels int64 [B * T, V, A].

    `clips` is uint8 [B, T, H, W, 3], `ids` int8 [B, T, H, W] on the same device. With `random` close-ups vary in
    margin and place and V is 3; without it they are plain and V is 2. A close-up of a body that is not to be seen is
    the whole frame.
    """
    device, frames = clips.device, clips.shape[1]
    pictures, masks = clips.flatten(0, 1), ids.flatten(0, 1)
    frame, anywhere, bodies = (
        t.to(device).repeat_interleave(frames, 0) for t in (labels.frame, labels.anywhere, labels.bodies)
    )
    shares = torch.stack([(masks == b).float().mean((1, 2)) for b in range(bodies.shape[1])], 1)
    seen = shares >= SMALLEST
    hidden = ((bodies != UNASKED) & ~seen[..., None]).any(1)
    frame = torch.where(hidden, UNASKED, frame)
    aims = [torch.zeros(len(pictures), dtype=torch.int64, device=device)]
    if random is not None:
        aims.append(torch.multinomial(seen.float() + 1e-9, 1, generator=random)[:, 0])
    made, asked = [_cut(pictures, None, size)], [frame]
    rows = torch.arange(len(pictures), device=device)
    for aim in aims:
        made.append(_cut(pictures, _window(masks == aim[:, None, None], random), size))
        close = torch.where(bodies[rows, aim] == UNASKED, anywhere, bodies[rows, aim])
        asked.append(torch.where(seen[rows, aim][:, None], close, frame))
    return torch.stack(made, 1), torch.stack(asked, 1)


def _window(mask: Tensor, random: torch.Generator | None) -> Tensor:
    """Return [N, 4]: centre (x, y) and sides (x, y) of a square about each mask, in half frames from the middle."""
    count, height, width = mask.shape
    (top, bottom), (left, right) = (_extent(mask.any(axis)) for axis in (2, 1))
    box = torch.stack([left, top, right, bottom], 1).float()
    side = torch.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1])
    centre = (box[:, :2] + box[:, 2:]) / 2
    if random is None:
        side = side * MARGIN
    else:
        draw = torch.rand(count, 3, generator=random, device=mask.device)
        side = side * (1.05 + 0.5 * draw[:, 0])
        centre = centre + side[:, None] * 0.2 * (draw[:, 1:] - 0.5)
    extent = torch.tensor([width, height], device=mask.device)
    window = torch.cat([2 * centre / extent - 1, side[:, None] / extent], 1)
    whole = torch.tensor([0.0, 0.0, 1.0, 1.0], device=mask.device)
    return torch.where(mask.flatten(1).any(1)[:, None], window, whole)


def _extent(line: Tensor) -> tuple[Tensor, Tensor]:
    """Return the first place and the one after the last where a bool [N, L] holds."""
    first = line.int().argmax(1)
    return first, line.shape[1] - line.flip(1).int().argmax(1)


def _cut(pictures: Tensor, window: Tensor | None, size: int) -> Tensor:
    """Return uint8 [N, size, size, 3]: windows of the pictures, two samples a pixel, edges repeated outside."""
    if window is None:
        window = torch.tensor([0.0, 0.0, 1.0, 1.0], device=pictures.device).expand(len(pictures), 4)
    theta = torch.zeros(len(pictures), 2, 3, device=pictures.device)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, :, 2] = window[:, 2], window[:, 3], window[:, :2]
    grid = F.affine_grid(theta, [len(pictures), 3, 2 * size, 2 * size], align_corners=False)
    planes = pictures.permute(0, 3, 1, 2).float()
    fine = F.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=False)
    return F.avg_pool2d(fine, 2).add(0.5).to(torch.uint8).permute(0, 2, 3, 1)
