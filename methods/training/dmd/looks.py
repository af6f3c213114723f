"""Fixed-seed samples of the averaged student beside the teacher's, and what can be measured on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from methods.training.dmd.conditions import Conditions
from methods.training.dmd.guards import Vitals, ratios, vitals
from methods.training.dmd.simulate import sample
from methods.training.dmd.teacher import follow
from methods.training.figures import detail_ratio, psnr
from methods.training.sheets import write_sheet
from methods.wan.schedules import shifted_grid
from methods.wan.vae import decode_video

if TYPE_CHECKING:
    from methods.training.dmd.stage import DmdStage

TEXT = 4
"""So many of the held-out conditions are sampled from their caption alone, the others from their first frame too."""


class Looks:
    """Samples from the same noise and conditions, whenever asked."""

    def __init__(self, stage: DmdStage, held_out: Conditions) -> None:
        self._stage, self._truth = stage, held_out.latents.float()
        self._condition = held_out.all(given=True)
        self._condition.given[: min(TEXT, len(self._truth) // 2)] = False
        noise = held_out.noise(len(self._truth), stage.config.frames, self._random())
        self._noise = self._condition.pin(noise)
        config = stage.config
        self._teachers = {
            f"teacher-{steps}": self._teacher(steps) for steps in dict.fromkeys((config.teacher_steps, config.steps))
        }
        self._reference = self._vitals(self._teachers[f"teacher-{config.teacher_steps}"])

    def ratios(self) -> dict[str, float]:
        """Return motion, spread and saturation of the student over the teacher's."""
        return ratios(self._vitals(self._student()), self._reference)

    @torch.no_grad()
    def write(self, sheet: Path) -> dict[str, Any]:
        """Write samples as a sheet (teacher, teacher at the student's steps, student); return the figures of each.

        Ratios are to the teacher at full length; `detail` is the energy of the Laplacian over that of the true clip,
        `psnr` the distance to it in dB; both where the first frame is given. A stage cannot do better than its VAE.
        """
        made = {**self._teachers, "student": self._student()}
        clips = {name: self._decode(latents) for name, latents in made.items()}
        truth, given = self._decode(self._truth), self._condition.given.cpu()
        figures = {}
        for name, latents in made.items():
            own, true = clips[name].cpu()[given][:, 1:], truth.cpu()[given][:, 1:]
            figures[name] = ratios(vitals(latents, clips[name]), self._reference) | {
                "detail": float(detail_ratio(own, true).mean()),
                "psnr": float(psnr(own, true).mean()),
            }
        shown = list(range(min(8, len(truth))))
        write_sheet(sheet, [[clips[name][i] for name in made] for i in shown])
        self._last = clips["student"]
        return figures

    @property
    def picture(self) -> Tensor:
        """Five frames of each of the last samples, a row per sample, uint8 [3, H, W]."""
        picks = torch.linspace(0, self._last.shape[1] - 1, 5).round().long().to(self._last.device)
        return torch.cat([torch.cat(list(clip[picks]), dim=1) for clip in self._last]).permute(2, 0, 1).cpu()

    @torch.no_grad()
    def _student(self) -> Tensor:
        stage, random = self._stage, self._random()

        def fresh() -> Tensor:
            return torch.randn(self._noise.shape, generator=random, device=self._noise.device)

        # Compiling the blocks for this batch size too would take longer than all looks do.
        with stage.networks.averaged(stage.student.average), torch.compiler.set_stance("force_eager"):
            field = stage.field("student", self._condition)
            made = sample(field, self._noise, stage.sigmas, stage.config.sampler, fresh)
        return self._condition.pin(made)

    def _teacher(self, steps: int) -> Tensor:
        grid = shifted_grid(steps, self._stage.shift)
        end = follow(self._stage.field("teacher", self._condition), self._noise, grid, steps)[1]
        return self._condition.pin(end)

    def _vitals(self, latents: Tensor) -> Vitals:
        return vitals(latents, self._decode(latents))

    def _decode(self, latents: Tensor) -> Tensor:
        return torch.cat([decode_video(self._stage.wan.vae, part) for part in latents.split(4)])

    def _random(self) -> torch.Generator:
        return torch.Generator(self._stage.session.device).manual_seed(20_405)
