"""Signs that a distillation is dying, against the teacher on the same conditions.

Published runs of DMD on video died in three ways: still copies of the first frame, collapse to flat colour, and
over-saturation. Each has a number here, and a run that shows one for several looks in a row is stopped.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from methods.training.dmd.config import Guards
from methods.training.learner import Diverged


@dataclass(frozen=True, slots=True, eq=False)
class Vitals:
    """Statistics of a batch of samples."""

    motion: float
    """Mean absolute change from latent frame to latent frame."""
    spread: Tensor
    """Standard deviation of each latent channel after frame 0, [C]."""
    saturation: float
    """Mean over pixels after frame 0 of largest less smallest of R, G, B, 0 to 255."""


def vitals(latents: Tensor, clips: Tensor) -> Vitals:
    """Return the statistics of latents [B, C, T', h, w] and their decoded clips uint8 [B, T, H, W, 3]."""
    later = latents[:, :, 1:].float()
    pixels = clips[:, 1:].float()
    return Vitals(
        motion=float(latents.float().diff(dim=2).abs().mean()),
        spread=later.transpose(0, 1).flatten(1).std(dim=1),
        saturation=float((pixels.amax(-1) - pixels.amin(-1)).mean()),
    )


def ratios(student: Vitals, teacher: Vitals) -> dict[str, float]:
    """Return the student's statistics over the teacher's; of the channels' spreads the one furthest from 1."""
    spread = student.spread / teacher.spread.clamp(min=1e-6)
    worst = spread[(spread.clamp(min=1e-6).log().abs()).argmax()]
    return {
        "motion": student.motion / max(teacher.motion, 1e-6),
        "spread": float(worst),
        "saturation": (student.saturation + 1) / (teacher.saturation + 1),
    }


@dataclass(slots=True)
class Watch:
    """Counts bad looks in a row."""

    config: Guards
    bad: dict[str, int] = field(default_factory=dict)

    def look(self, update: int, found: dict[str, float]) -> None:
        """Raise Diverged when a ratio has been out of its bounds for `patience` looks in a row."""
        if update < self.config.grace:
            return
        for name, value in found.items():
            low, high = getattr(self.config, name)
            fine = low <= value <= high  # NaN is not
            self.bad[name] = 0 if fine else self.bad.get(name, 0) + 1
            if self.bad[name] >= self.config.patience:
                raise Diverged(
                    f"guard '{name}': {value:.3g} of the teacher's at update {update}, wanted {low:g} to {high:g}: "
                    f"{MEANING[name]}; the kept checkpoints are usable, lower optimiser.lr or raise critic_updates"
                )


MEANING = {
    "motion": "the student copies the first frame, or flickers",
    "spread": "its variance collapses, or explodes",
    "saturation": "its colours fade, or burn out",
}


def per_sigma(losses: Tensor, sigma: Tensor, bins: int = 4) -> dict[str, float]:
    """Return the mean loss by quarter of the sigma range, for those that occur."""
    index = (sigma * bins).long().clamp(max=bins - 1)
    found = {}
    for i in range(bins):
        if bool((own := index == i).any()):
            found[f"sigma-{i / bins:g}-{(i + 1) / bins:g}"] = float(losses[own].mean())
    return found
