"""Stage `dmd`: student and critic in turn, from a teacher that is read whole from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import UserError
from methods.training import checkpoint
from methods.training.dmd import loss as losses
from methods.training.dmd.conditions import Clips, Conditions, encode, held_out_clips, rendered_clips
from methods.training.dmd.config import DmdConfig
from methods.training.dmd.gan import Head
from methods.training.dmd.guards import Watch, per_sigma
from methods.training.dmd.looks import Looks
from methods.training.dmd.loss import Field
from methods.training.dmd.networks import Condition, build, field_of, guided
from methods.training.dmd.simulate import simulate
from methods.training.dmd.teacher import Trajectories, follow
from methods.training.dmd.times import exit_step, score_sigmas, student_sigmas
from methods.training.learner import Learner
from methods.training.session import Session
from methods.wan.folder import resolve
from methods.wan.load import digest, load
from methods.wan.schedules import shifted_grid

CRITIC = "critic."
"""Prefix of the critic's part of the resume state."""


class DmdStage:
    """Distils in a session; `run` returns the figures of the averaged student on its fixed-seed samples."""

    def __init__(self, session: Session, teacher: str, pairs: list[Clips] | None = None) -> None:
        assert isinstance(session.config, DmdConfig)
        self.config: DmdConfig = session.config
        self.session, self.team, self._pairs = session, session.team, pairs
        config, snapshot = self.config, session.snapshot
        with session.setup("teacher"):
            self.wan = load(teacher, str(session.device))
        known = digest(resolve(teacher))
        if snapshot.extra.setdefault("teacher", known) != known:
            raise UserError(
                f"the run was distilled from another teacher ({snapshot.extra['teacher'][:12]}, here {known[:12]}): "
                "resume it with its own --teacher"
            )
        self.shift = config.shift or self.wan.shift
        self.score_shift = config.score_shift or self.wan.shift
        self.sigmas = student_sigmas(config.steps, self.shift)
        snapshot.extra |= {"sigmas": self.sigmas, "sampler": config.sampler, "model": teacher}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.networks = build(self.wan.transformer, config.lora)
            critic = nn.ModuleDict({"critic": self.networks.critic})
            if config.gan:
                shape = self.wan.transformer.config
                width = shape.num_attention_heads * shape.attention_head_dim
                critic["head"] = Head(config.gan, width, shape.num_layers).to(session.device)
        self.student = Learner(self.networks.student, config.optimiser)
        self.critic = Learner(critic, config.critic)
        self.critic.share = self.team.average
        full = session.restore(self.student)
        if full:
            own = {name[len(CRITIC) :]: value for name, value in full.items() if name.startswith(CRITIC)}
            self.critic.restore(own, snapshot.extra["critic_updates"])
        elif session.resumed is not None or session.initial is not None:
            session.log.event("note", text="no full state: the critic starts from the teacher again")
        trained = sum(w.numel() for w in self.networks.student.parameters())
        session.log.event(
            "model", trained=trained, sigmas=self.sigmas, sampler=config.sampler, processes=self.team.size
        )
        self._watch = Watch(config.guards)
        self._seen: dict[str, Tensor] = {}

    def run(self) -> dict[str, Any]:
        """Distil, look, save; return the figures."""
        session, config = self.session, self.config
        with session.setup("conditions"):
            clips = self._pairs or self._rendered()
            self.pools = [encode(self.wan, batches, config.negative_prompt) for batches in clips]
            held_out = encode(self.wan, held_out_clips(session.source, config), config.negative_prompt)
        session.log.event("data", conditions=[len(pool.latents) for pool in self.pools])
        with session.setup("teacher's samples"):
            self.looks = Looks(self, held_out)
        if config.regression and self.student.step < config.regression.updates:
            with session.setup("trajectories"):
                self.banks = [self._trajectories(pool, i) for i, pool in enumerate(self.pools)]
        self._first_updates()
        session.train(self.student, self._update, evaluate=self._note, save=self.save, between=self._between)
        self.student.check_finite()
        self.save()
        if self.team.leads:
            session.log.attempt("looks", lambda: self._look(self.student.step))
            self._note()
            self.save()
            session.log.event("done", peak_gib=session.memory(), **session.snapshot.figures)
        session.log.close()
        return session.snapshot.figures

    def save(self) -> None:
        """Write a checkpoint with the averaged student, and the state of both learners."""
        self.session.snapshot.extra["critic_updates"] = self.critic.step
        if self.team.leads:
            more = {CRITIC + name: value for name, value in self.critic.state().items()}
            self.session.write(self.student, self.student.weights(average=True), more)

    def field(self, role: str, condition: Condition) -> Field:
        """Return the velocity of `student` or `critic`, or the teacher's with its guidance built in."""
        transformer = self.networks.use(role)
        own = self._in_precision(field_of(transformer, condition))
        if role != "teacher" or self.config.guidance == 1:
            return own
        negative = self._in_precision(field_of(transformer, self.pools[0].negative(condition)))
        return guided(own, negative, self.config.guidance)

    def random(self, *numbers: int) -> torch.Generator:
        """Return a generator for one use in one process: a function of its numbers, so that a run can go on exactly."""
        seed = 0
        for number in (self.config.seed, self.team.rank, *numbers):
            seed = (seed * 1_000_003 + number + 1) % 2**62
        return torch.Generator(self.session.device).manual_seed(seed)

    def _update(self) -> Tensor:
        """Update the critic a few times; return the student's loss."""
        update, progress = self.student.step, self.session.clock.progress(self.student.step)
        for draw in range(self.config.critic_updates):
            self._seen["critic_norm"] = self.critic.update(self._critic_loss(update, draw), progress)
        regression = self.config.regression
        if regression and update < regression.updates:
            return self._regression_loss(update)
        return self._student_loss(update)

    def _made(self, update: int, draw: int) -> tuple[Tensor, Condition, Tensor, torch.Generator]:
        """Return student samples of one of its steps, their conditions, the rows of these, and the generator."""
        config, pool = self.config, self._pool(update)
        random = self.random(update, draw)
        condition, rows = pool.draw(config.optimiser.batch, config.text_to_video, random)
        x = condition.pin(pool.noise(config.optimiser.batch, config.frames, random))
        stop = exit_step(config.seed, update, draw, config.steps)
        field = self.field("student", condition)
        made = simulate(field, x, self.sigmas, stop, config.sampler, lambda: _noise_like(x, random))
        return condition.pin(made), condition, rows, random

    def _critic_loss(self, update: int, draw: int) -> Tensor:
        with torch.no_grad():
            made, condition, rows, random = self._made(update, 1 + draw)
        sigma, noise = self._score_noise(made, random)
        counted = condition.counted(made)
        each = losses.critic_loss(self.field("critic", condition), made, noise, sigma, counted)
        self._seen["critic_loss"], self._seen["critic_sigma"] = each.detach(), sigma
        total = each.mean()
        if self.config.gan:
            real = condition.pin(self._pool(update).latents[rows].float())
            logits = [self._logits(clip, noise, sigma, condition) for clip in (real, made)]
            self._seen["gan_real"], self._seen["gan_fake"] = (x.detach().mean() for x in logits)
            total = total + self.config.gan.critic * losses.classifier_loss(*logits)
        return total

    def _student_loss(self, update: int) -> Tensor:
        made, condition, _, random = self._made(update, 0)
        sigma, noise = self._score_noise(made, random)
        counted = condition.counted(made)
        with torch.no_grad():
            y = losses.noised(made, noise, sigma)
            fake = losses.predicted(self.field("critic", condition), y, sigma)
            real = losses.predicted(self.field("teacher", condition), y, sigma)
        gradient = losses.matching_gradient(made.detach(), fake, real, counted)
        distance = losses.masked_mean((made.detach() - real).abs(), counted)
        self._seen["normaliser"] = distance
        self._seen["score_ratio"] = losses.masked_mean((fake - real).abs(), counted) / distance
        total = losses.student_loss(made, gradient, counted)
        if self.config.gan:
            fooling = losses.fooling_loss(self._logits(made, noise, sigma, condition))
            total = total + self.config.gan.student * fooling
        self.networks.use("student")  # what the backward pass may recompute must be the student's
        return total

    def _regression_loss(self, update: int) -> Tensor:
        random = self.random(update, 0)
        step = exit_step(self.config.seed, update, 0, self.config.steps)
        condition, x, end = self.banks[update % len(self.banks)].draw(self.config.optimiser.batch, step, random)
        sigma = torch.full((len(x),), self.sigmas[step], device=x.device)
        made = losses.predicted(self.field("student", condition), x, sigma)
        loss = losses.regression_loss(made, end, condition.counted(made))
        self._seen["regression"] = loss.detach()
        return loss

    def _logits(self, clean: Tensor, noise: Tensor, sigma: Tensor, condition: Condition) -> Tensor:
        teacher = self.networks.use("teacher")
        own = self._in_precision(field_of(teacher, condition))
        logits: Tensor = self.critic.module["head"](teacher, own, losses.noised(clean, noise, sigma), sigma)
        return logits

    def _rendered(self) -> list[Clips]:
        return [rendered_clips(self.session.source, self.config, i) for i in range(len(self.config.sizes))]

    def _pool(self, update: int) -> Conditions:
        return self.pools[update % len(self.pools)]

    def _score_noise(self, made: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
        sigma = score_sigmas(len(made), self.score_shift, self.config.score_range, random)
        return sigma, _noise_like(made, random)

    def _in_precision(self, field: Field) -> Field:
        # One context per forward: casts of weights are cached in it, and one made without gradients would be found by
        # the forward that needs them.
        def inside(x: Tensor, sigma: Tensor) -> Tensor:
            with self.session.autocast():
                return field(x, sigma)

        return inside

    def _trajectories(self, pool: Conditions, which: int) -> Trajectories:
        regression, config = self.config.regression, self.config
        assert regression is not None
        grid = shifted_grid(regression.teacher_steps, self.shift)
        random = self.random(-1, which)
        parts = []
        for start in range(0, regression.bank, config.optimiser.batch):
            count = min(config.optimiser.batch, regression.bank - start)
            condition, _ = pool.draw(count, config.text_to_video, random)
            x = condition.pin(pool.noise(count, config.frames, random))
            keep = regression.teacher_steps // config.steps
            parts.append((condition, *follow(self.field("teacher", condition), x, grid, keep)))
        conditions = [part[0] for part in parts]
        return Trajectories(
            Condition(*(torch.cat([getattr(c, name) for c in conditions]) for name in ("first", "given", "context"))),
            torch.cat([part[1] for part in parts]),
            torch.cat([part[2] for part in parts]),
        )

    def _first_updates(self) -> None:
        """Run every kind of forward and backward once, compiled if that works."""
        session, compiled = self.session, self.config.optimiser.compile
        with session.setup("first updates", compiled=compiled):
            if compiled:
                self.networks.compile()
                try:
                    self._try_losses()
                except torch.OutOfMemoryError:
                    raise
                except Exception as error:
                    session.log.event("failed", what="compile", error=f"{type(error).__name__}: {error}"[:2000])
                    self.networks.plain()
            self._try_losses()

    def _try_losses(self) -> None:
        for which in range(len(self.pools)):
            self._critic_loss(which, 0).backward()
            self._student_loss(which).backward()
        for learner in (self.student, self.critic):
            learner.module.zero_grad(set_to_none=True)

    def _between(self, update: int) -> None:
        config = self.config
        if self.team.leads and update % config.pace.log_every == 0:
            self._curves(update)
        if update and update % config.guards.every == 0:
            # Every process looks, and comes to the same end: one that stopped alone would leave the others waiting.
            self._watch.look(update, self.looks.ratios())
        if not self.team.leads:
            return
        if update % config.look_every == 0:
            self.session.log.attempt("looks", lambda: self._look(update))
        if update and update % config.keep_every == 0:
            self._keep(update)

    def _look(self, update: int) -> None:
        figures = self.looks.write(self.session.state / f"samples-{update:06d}.png")
        self.session.snapshot.figures |= {"samples": figures, "step": update}
        self.session.log.event("samples", step=update, **figures["student"])
        flat = {f"samples/{name}": value for name, value in figures["student"].items()}
        self.session.log.scalars(update, flat)
        self.session.log.image(update, "samples", self.looks.picture)

    def _keep(self, update: int) -> None:
        folder: Path = self.session.state / "kept" / f"{update:06d}"
        self.session.snapshot.step = update
        checkpoint.save(folder, folder, self.session.snapshot, self.student.weights(average=True))
        self.session.log.event("kept", step=update, folder=folder.name)

    def _note(self) -> None:
        self.session.snapshot.figures |= {"train_seconds": self.session.snapshot.seconds}

    def _curves(self, update: int) -> None:
        seen = dict(self._seen)
        if not seen:
            return
        each, sigma = seen.pop("critic_loss"), seen.pop("critic_sigma")
        values = {f"dmd/{name}": float(value) for name, value in seen.items()}
        values |= {f"critic/{name}": value for name, value in per_sigma(each, sigma).items()}
        values["dmd/critic_loss"] = float(each.mean())
        self.session.log.event("dmd", step=update, **{k.partition("/")[2]: v for k, v in values.items()})
        self.session.log.scalars(update, values)


def _noise_like(x: Tensor, random: torch.Generator) -> Tensor:
    return torch.randn(x.shape, generator=random, device=x.device)
