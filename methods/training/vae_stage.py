"""Stage `vae`: an autoencoder of whole clips, on a pool of rendered clips that is kept fresh."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor, nn

from methods.training.clips import generator, pin, rendered, scenes
from methods.training.config import Size, VaeConfig
from methods.training.figures import detail_ratio, drift, psnr, ssim
from methods.training.learner import Learner
from methods.training.models import build_vae, channels_last, mebibytes
from methods.training.session import Session, Step
from methods.training.sheets import write_sheet
from methods.training.vae_loss import kl_loss, reconstruction_loss, sample
from methods.wan.vae import posterior, reconstruct, to_frames, to_pixels

EVAL_BATCH = 8
STATISTICS_CLIPS = 512


class VaeStage:
    """Trains a VAE in a session; `run` returns the held-out figures."""

    def __init__(self, session: Session) -> None:
        assert isinstance(session.config, VaeConfig)
        self.config: VaeConfig = session.config
        self.session = session
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            module = nn.ModuleDict({"vae": build_vae(self.config.shape)})
        module.to(session.device).train()
        if session.device.type == "cuda":
            channels_last(module)
        self.learner = Learner(module, self.config.optimiser)
        session.restore(self.learner)
        session.log.event("model", vae_mib=round(mebibytes(module), 2))
        self._better = True  # whether the average beats the trained weights on the held-out clips

    def run(self) -> dict[str, Any]:
        """Train, evaluate, save; return the figures of the better of average and trained weights."""
        session, config = self.session, self.config
        with session.setup("held-out clips"):
            what = scenes(session.source, "held-out clips", 0, 0, config.held_out)
            clips = rendered(session.source, what, config.frames, config.sizes[0], config.render_batch)
            self.held_out, self.pin = clips, pin(what)
        with session.setup("pool"):
            self._fill_pool()
        self._loss = session.compiled(self._objective, self._warm_up)
        session.train(
            self.learner,
            lambda: self._step_loss(self.learner.step % len(config.sizes), self._loss),
            evaluate=self.evaluate,
            save=self.save,
            between=self._refresh,
        )
        self.learner.check_finite()
        self.save()
        session.log.attempt("evaluate", self.evaluate)
        self.save()
        session.log.attempt("sheet", self._sheet)
        session.log.event("done", peak_gib=session.memory(), **session.snapshot.figures)
        session.log.close()
        return session.snapshot.figures

    def evaluate(self) -> None:
        """Compare average and trained weights on the held-out clips, and keep the better one's figures."""
        found = {}
        for name, module in (("average", self.learner.average), ("trained", self.learner.module)):
            found[name] = self.figures(module["vae"])
        self._better = found["average"]["psnr"] >= found["trained"]["psnr"]
        best = found["average" if self._better else "trained"]
        snapshot = self.session.snapshot
        snapshot.figures = {
            "vae": best,
            "saved": "average" if self._better else "trained",
            "psnr_average": found["average"]["psnr"],
            "psnr_trained": found["trained"]["psnr"],
            "held_out": self.pin,
            "step": self.learner.step,
            "train_seconds": snapshot.seconds,
        }
        self.session.log.event("held-out", **snapshot.figures)
        self.session.log.scalars(self.learner.step, {f"held-out/{k}": v for k, v in best.items()})

    def figures(self, vae: Any) -> dict[str, float]:
        """Return mean PSNR (dB), SSIM, Laplacian energy ratio and drift (dB) over the held-out clips."""
        rows = []
        for clips in self.held_out.split(EVAL_BATCH):
            made = self._roundtrip(vae, clips)
            rows.append(torch.stack([f(made, clips) for f in (psnr, ssim, detail_ratio, drift)]))
        values = torch.cat(rows, dim=1).mean(dim=1).tolist()
        return dict(zip(("psnr", "ssim", "detail_ratio", "drift"), values, strict=True))

    def save(self) -> None:
        """Write a checkpoint with the better weights and their latents' statistics."""
        mean, std = self.statistics()
        self.session.snapshot.extra = {"latents_mean": mean, "latents_std": std}
        self.session.write(self.learner, self.learner.weights(average=self._better))

    @torch.no_grad()
    def statistics(self) -> tuple[list[float], list[float]]:
        """Return each latent channel's mean and deviation over the pool's beginning."""
        vae = (self.learner.average if self._better else self.learner.module)["vae"]
        latents = []
        for clips in self.pool[0][:STATISTICS_CLIPS].split(EVAL_BATCH):
            with self.session.autocast():
                latents.append(posterior(vae, to_pixels(clips))[0].float().transpose(0, 1).flatten(1))
        values = torch.cat(latents, dim=1)
        return values.mean(dim=1).tolist(), values.std(dim=1).clamp(min=1e-3).tolist()

    def _objective(self, frames: Tensor) -> Tensor:
        vae = self.learner.module["vae"]
        pixels = to_pixels(frames)
        mean, log_variance = posterior(vae, pixels)
        mean, log_variance = mean.float(), log_variance.float().clamp(-20.0, 10.0)
        made = reconstruct(vae, sample(mean, log_variance)).float()
        loss = reconstruction_loss(pixels, made, self.config.loss)
        return loss + self.config.loss.kl * kl_loss(mean, log_variance)

    def _warm_up(self, objective: Step) -> None:
        """Run every shape once; the gradients are thrown away, so that the schedule begins with full steps."""
        for size in range(len(self.pool)):
            self._step_loss(size, objective).backward()
        self.learner.module.zero_grad(set_to_none=True)

    def _step_loss(self, size: int, objective: Step) -> Tensor:
        config, step = self.config, self.learner.step
        rng = generator("vae batches", config.seed, step)
        clips = [rng.choice(self.pool[size]) for _ in range(config.optimiser.batch)]
        if config.crop:
            clips = [_crop(clip, config.crop, rng) for clip in clips]
        with self.session.autocast():
            return objective(torch.stack(clips))

    def _fill_pool(self) -> None:
        """Render the pool, or as much of it as its share of the time left allows."""
        config, session = self.config, self.session
        each = max(1, config.pool // len(config.sizes))
        deadline = session.clock.elapsed + config.pace.data_share * session.clock.left
        self.pool: list[Tensor] = []
        for size in config.sizes:
            batches: list[Tensor] = []
            while (have := sum(map(len, batches))) < each:
                batches.append(self._render(min(config.render_batch, each - have), size))
                if session.clock.elapsed > deadline and have:
                    break
            self.pool.append(torch.cat(batches))
        session.log.event("pool size", clips=[len(p) for p in self.pool], rendered=session.snapshot.rendered)

    def _render(self, count: int, size: Size) -> Tensor:
        config, snapshot = self.config, self.session.snapshot
        what = scenes(self.session.source, "vae", config.seed, snapshot.rendered, count)
        snapshot.rendered += count
        return self.session.source.render(what, config.frames, *size)

    def _refresh(self, step: int) -> None:
        config = self.config
        if not config.refresh_clips or step == 0 or step % config.refresh_every:
            return
        which = (step // config.refresh_every) % len(self.pool)
        pool = self.pool[which]
        count = min(config.refresh_clips, len(pool))
        start = (step // config.refresh_every * count) % (len(pool) - count + 1)
        pool[start : start + count] = self._render(count, config.sizes[which])

    @torch.no_grad()
    def _roundtrip(self, vae: Any, clips: Tensor) -> Tensor:
        with self.session.autocast():
            return to_frames(reconstruct(vae, posterior(vae, to_pixels(clips))[0]))

    def _sheet(self) -> None:
        vae = (self.learner.average if self._better else self.learner.module)["vae"]
        clips = self.held_out[:12]
        made = torch.cat([self._roundtrip(vae, c) for c in clips.split(EVAL_BATCH)])
        write_sheet(self.session.out / "reconstructions.png", list(zip(clips, made, strict=True)))


def _crop(clip: Tensor, size: Size, rng: random.Random) -> Tensor:
    """Return a random window of a clip [T, H, W, 3]; all offsets are equally likely, so the middle is seen most."""
    height, width = size
    top, left = rng.randint(0, clip.shape[1] - height), rng.randint(0, clip.shape[2] - width)
    return clip[:, top : top + height, left : left + width]
