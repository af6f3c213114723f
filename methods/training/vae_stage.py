"""Stage `vae`: an autoencoder of whole clips, on a pool of rendered clips that is kept fresh."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import UserError
from methods.training.clips import generator, pin, rendered, scenes
from methods.training.config import Size, VaeConfig
from methods.training.critic import PatchCritic, critic_loss, pull
from methods.training.figures import detail_ratio, drift, psnr, ssim
from methods.training.learner import Learner
from methods.training.models import build_vae, channels_last, mebibytes
from methods.training.session import Session, Step
from methods.training.sheets import write_sheet
from methods.training.vae_loss import kl_loss, reconstruction_loss, sample
from methods.wan.vae import posterior, reconstruct, to_frames, to_pixels

EVAL_BATCH = 8
STATISTICS_CLIPS = 512
CRITIC = "critic."
"""Prefix of the critic's part of the resume state."""


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
        if self.config.train == "decoder":
            if session.resumed is None and session.initial is None:
                raise UserError("train: decoder keeps the latents of another run: name it with --init or --resume")
            for part in (module["vae"].encoder, module["vae"].quant_conv):
                part.requires_grad_(False)
        self.learner = Learner(module, self.config.optimiser)
        full = session.restore(self.learner)
        self.critic = self._critic(full)
        session.log.event("model", vae_mib=round(mebibytes(module), 2))
        self._better = True  # whether the average beats the trained weights on the held-out clips

    def run(self) -> dict[str, Any]:
        """Train, evaluate, save; return the figures of the better of average and trained weights."""
        session, config = self.session, self.config
        if session.team.leads:
            with session.setup("held-out clips"):
                what = scenes(session.source, "held-out clips", 0, 0, config.held_out)
                clips = rendered(session.source, what, config.frames, config.sizes[0], config.render_batch)
                self.held_out, self.pin = clips, pin(what)
        with session.setup("pool"):
            self._fill_pool()
        self._parts = session.compiled(self._warm_up, self._reconstruct, self._blame)
        session.train(self.learner, self._loss, evaluate=self.evaluate, save=self.save, between=self._refresh)
        self.learner.check_finite()
        if session.team.leads:
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
        more = {}
        if self.critic is not None:
            self.session.snapshot.extra["critic_updates"] = self.critic.step
            more = {CRITIC + name: value for name, value in self.critic.state().items()}
        self.session.write(self.learner, self.learner.weights(average=self._better), more)

    @torch.no_grad()
    def statistics(self) -> tuple[list[float], list[float]]:
        """Return each latent channel's mean and deviation over the pool's beginning; a kept encoder keeps its own."""
        earlier = self.session.resumed or self.session.initial
        if self.config.train == "decoder" and earlier is not None:
            return earlier.extra["latents_mean"], earlier.extra["latents_std"]
        vae = (self.learner.average if self._better else self.learner.module)["vae"]
        latents = []
        for clips in self.pool[0][:STATISTICS_CLIPS].split(EVAL_BATCH):
            with self.session.autocast():
                latents.append(posterior(vae, to_pixels(clips))[0].float().transpose(0, 1).flatten(1))
        values = torch.cat(latents, dim=1)
        return values.mean(dim=1).tolist(), values.std(dim=1).clamp(min=1e-3).tolist()

    def _critic(self, full: Mapping[str, Tensor]) -> Learner | None:
        """Return the critic where the config has one, as the resumed run's full state left it."""
        if self.config.critic is None:
            return None
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            module = PatchCritic(self.config.critic.width).to(self.session.device)
        learner = Learner(module, self.config.critic.optimiser)
        learner.share = self.session.team.average
        if own := {name[len(CRITIC) :]: value for name, value in full.items() if name.startswith(CRITIC)}:
            learner.restore(own, self.session.snapshot.extra["critic_updates"])
        return learner

    def _reconstruct(self, frames: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return pixels, their reconstruction from a draw of the posterior, and the weighted divergence."""
        vae = self.learner.module["vae"]
        pixels = to_pixels(frames)
        with torch.set_grad_enabled(self.config.train == "all"):
            mean, log_variance = posterior(vae, pixels)
        mean, log_variance = mean.float(), log_variance.float().clamp(-20.0, 10.0)
        made = reconstruct(vae, sample(mean, log_variance)).float()
        return pixels, made, self.config.loss.kl * kl_loss(mean, log_variance)

    def _blame(self, pixels: Tensor, made: Tensor) -> Tensor:
        return reconstruction_loss(pixels, made, self.config.loss)

    def _warm_up(self, *parts: Step) -> None:
        """Run every shape once; the gradients are thrown away, so that the schedule begins with full steps."""
        for size in range(len(self.pool)):
            self._step_loss(size, parts, 0.0).backward()
            if self.critic is not None:
                self._step_loss(size, parts, 1.0).backward()
        self.learner.module.zero_grad(set_to_none=True)

    def _loss(self) -> Tensor:
        """Return the loss of the next step, after a step of the critic where it is its time."""
        step = self.learner.step
        return self._step_loss(step % len(self.config.sizes), self._parts, self._felt(step), learn=True)

    def _felt(self, step: int) -> float:
        """Return how much of the critic's pull is felt now, in [0, 1]."""
        critic = self.config.critic
        if critic is None:
            return 0.0
        return min(1.0, max(0.0, (self.session.clock.progress(step) - critic.start) / critic.ramp))

    def _step_loss(self, size: int, parts: Sequence[Step], felt: float, learn: bool = False) -> Tensor:
        reconstruct_, blame = parts
        with self.session.autocast():
            pixels, made, divergence = reconstruct_(self._batch(size))
            if not felt:
                return blame(pixels, made) + divergence
        return self._judged(pixels, made, blame, felt, learn) + divergence

    def _judged(self, pixels: Tensor, made: Tensor, blame: Step, felt: float, learn: bool) -> Tensor:
        """Return a loss with the reconstruction loss's value, and its gradient plus the critic's."""
        config, critic = self.config.critic, self.critic
        assert config is not None and critic is not None
        leaf = made.detach().requires_grad_()
        # A context for each: weights cast in it are cached, and the critic's change with its update.
        if learn:
            with self.session.autocast():
                own_loss = critic_loss(critic.module, pixels, made, config)
            critic.update(own_loss, self.session.snapshot.progress)
        with self.session.autocast():
            value = blame(pixels, leaf)
        (own,) = torch.autograd.grad(value, leaf)
        with self.session.autocast():
            gradient = own + felt * pull(critic.module, pixels, made, own, config)
        surrogate = (gradient * made).sum()
        return surrogate + (value - surrogate).detach()

    def _batch(self, size: int) -> Tensor:
        """Return the next clips or windows of the pool, uint8 [B, T, h, w, 3]."""
        config = self.config
        rng = generator("vae batches", config.seed, self.learner.step, self.session.team.rank)
        clips = [rng.choice(self.pool[size]) for _ in range(config.optimiser.batch)]
        if config.crop:
            clips = [_crop(clip, config.crop, rng) for clip in clips]
        return torch.stack(clips)

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
        config, session = self.config, self.session
        what = scenes(session.source, "vae", config.seed, session.fresh(count), count)
        return session.source.render(what, config.frames, *size)

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
