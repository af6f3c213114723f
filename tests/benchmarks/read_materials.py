"""How well a product's material can be read from a close-up, by a network that has never seen the renderer.

    python tests/benchmarks/read_materials.py [--stills 1200] [--size 128 --size 192] [--keep stills.npz]

Training scenes without a style, one frame each at 256 x 256, cut to the product as the attribute probe cuts them and
shrunk to SIZE. EfficientNet-Lite0 (ImageNet weights, frozen) gives mean and deviation of five stages, a logistic
regression on them is fitted to four fifths of the scenes and read on the fifth left out, each in turn. It prints the
share read right with a 95 % interval (Wilson) and the pairs taken for each other most. Run on two commits, it says
what a change of the surfaces is worth: neither backbone nor scenes depend on it. `--keep` writes the stills, or takes
those of an earlier run.
"""

from __future__ import annotations

import argparse
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from bench.features.effnet import STAGES, _network
from bench.features.text_image import close_up
from testset.render import Renderer
from testset.scenes import sample_training_scene
from testset.scenes.vocabulary import MATERIALS

FOLDS = 5


def stills(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frames uint8 [N, 256, 256, 3], the product's place bool [N, 256, 256] and its material int [N]."""
    renderer, rng = Renderer(), random.Random(77)
    scenes = [replace(sample_training_scene(rng), style=None) for _ in range(count)]
    clips = [renderer.clip(scene, 1) for scene in scenes]
    names = list(MATERIALS)
    return (
        np.stack([c.frames[0] for c in clips]),
        np.stack([c.ids[0] == 0 for c in clips]),
        np.array([names.index(s.item.material) for s in scenes]),
    )


@torch.inference_mode()
def features(pictures: list[np.ndarray]) -> torch.Tensor:
    """Return float32 [N, D], each column with mean 0 and deviation 1."""
    network, rows = _network(), []
    for picture in pictures:
        x = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
        x, row = network.bn1(network.conv_stem(x)), []
        for i, block in enumerate(network.blocks):
            x = block(x)
            if i in STAGES:
                row += [x.mean((2, 3))[0], x.std((2, 3))[0]]
        rows.append(torch.cat(row))
    found = torch.stack(rows)
    return (found - found.mean(0)) / (found.std(0) + 1e-6)


def fitted(x: torch.Tensor, y: torch.Tensor, decay: float = 0.02) -> torch.Tensor:
    """Return the weights [D, values] of a regularised logistic regression."""
    w = torch.zeros(x.shape[1], len(MATERIALS), requires_grad=True)
    solver = torch.optim.LBFGS([w], max_iter=60, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = F.cross_entropy(x @ w, y) + decay * w.square().sum()
        value.backward()
        return value

    solver.step(loss)
    return w.detach()


def read(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return every scene's material as read by the regression that did not see it."""
    found = torch.empty_like(y)
    for fold in range(FOLDS):
        out = torch.arange(len(y)) % FOLDS == fold
        found[out] = (x[out] @ fitted(x[~out], y[~out])).argmax(1)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stills", type=int, default=1200)
    parser.add_argument("--size", type=int, action="append")
    parser.add_argument("--keep", type=Path)
    args = parser.parse_args()
    if args.keep and args.keep.exists():
        kept = np.load(args.keep)
        frames, product, material = (kept[k][: args.stills] for k in ("frames", "product", "material"))
    else:
        frames, product, material = stills(args.stills)
        if args.keep:
            np.savez_compressed(args.keep, frames=frames, product=product, material=material)
    truth, names = torch.from_numpy(material), list(MATERIALS)
    total = Counter(material.tolist())
    for size in args.size or [128]:
        cut = [close_up(f, m) for f, m in zip(frames, product, strict=True)]
        x = features([cv2.resize(c, (size, size), interpolation=cv2.INTER_AREA) for c in cut])
        found = read(x, truth)
        n, share, z = len(truth), float((found == truth).float().mean()), 1.96
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z * (share * (1 - share) / n + z * z / (4 * n * n)) ** 0.5 / (1 + z * z / n)
        low, high = 100 * (middle - half), 100 * (middle + half)
        print(f"{size} px: {100 * share:.1f} % of {n} read right [{low:.1f}, {high:.1f}]")
        wrong = Counter((a, b) for a, b in zip(truth.tolist(), found.tolist(), strict=True) if a != b)
        for (a, b), count in wrong.most_common(8):
            print(f"  {names[a]} as {names[b]}: {count} of {total[a]} ({100 * count / total[a]:.1f} %)")


if __name__ == "__main__":
    main()
