"""Stage `flow`: transformer and text encoder, on latents of clips rendered and encoded at the start."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from methods.training import edit_eval
from methods.training.channels import channel_weights, pixel_effect
from methods.training.checkpoint import read_model, read_snapshot
from methods.training.clips import held_out_pairs, rendered, scenes
from methods.training.clock import Every
from methods.training.config import FlowConfig, Size, VaeConfig, fingerprint
from methods.training.edit_eval import EditSet
from methods.training.flow_loss import flow_loss, training_times
from methods.training.learner import Learner
from methods.training.models import (
    build_text_encoder,
    build_transformer,
    build_vae,
    load_weights,
    mebibytes,
)
from methods.training.session import Session, Step
from methods.training.sheets import write_sheet
from methods.training.text import (
    caption_batch,
    check_length,
    device_captions,
    restore_tokenizer,
    text_states,
    token_ids,
    tokenizer_state,
    train_tokenizer,
    widened,
)
from methods.wan.vae import encode_video
from methods.wan.velocity import Backbone

EFFECT_CLIPS = 4
DATA = {"seed", "frames", "sizes", "clips", "captions", "chinese", "render_batch", "text"}
"""The fields of a config that its latents and their captions depend on."""
HELD_OUT_TIMES = (0.25, 0.5, 0.75)
T2V_GUIDANCE = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Latents:
    """Training data of one clip size, on the device."""

    clean: Tensor
    """Normalised latents, [N, C, T', h, w]."""
    ids: Tensor
    mask: Tensor
    """Caption tokens, [N, captions, max_tokens]."""

    def write(self, path: Path, made_for: str) -> None:
        """Keep them for a command that goes on; `made_for` names what they were made with."""
        tensors = {"clean": self.clean, "ids": self.ids, "mask": self.mask}
        save_file({k: t.cpu().contiguous() for k, t in tensors.items()}, path, metadata={"made_for": made_for})

    @classmethod
    def read(cls, path: Path, made_for: str, device: torch.device) -> Latents | None:
        """Return what `write` kept, or None where there is nothing or it was made for something else."""
        if not path.is_file():
            return None
        with safe_open(path, "pt", device=str(device)) as file:
            if (file.metadata() or {}).get("made_for") != made_for:
                return None
            return cls(*(file.get_tensor(name) for name in ("clean", "ids", "mask")))


def load_vae(folder: Path, device: torch.device) -> Any:
    """Return the VAE that stage `vae` left in a folder: float32, frozen, with its latents' statistics."""
    snapshot = read_snapshot(folder, "vae")
    shape = VaeConfig.model_validate(snapshot.config).shape
    vae = build_vae(shape, snapshot.extra["latents_mean"], snapshot.extra["latents_std"])
    load_weights(vae, read_model(folder), "vae")
    return vae.to(device).eval().requires_grad_(False)


class FlowStage:
    """Trains transformer and text encoder in a session; `run` returns the held-out figures."""

    def __init__(self, session: Session, vae: Path) -> None:
        assert isinstance(session.config, FlowConfig)
        self.config: FlowConfig = session.config
        self.session = session
        self.vae = load_vae(vae, session.device)
        self._vae_digest = sha256((vae / "state.json").read_bytes()).hexdigest()
        config, snapshot = self.config, session.snapshot
        if session.initial is not None:
            snapshot.extra.setdefault("tokenizer", widened(session.initial.extra["tokenizer"], session.source))
        if "tokenizer" in snapshot.extra:
            self.tokenizer = restore_tokenizer(snapshot.extra["tokenizer"], config.text)
        else:
            with session.setup("tokenizer"):
                self.tokenizer = train_tokenizer(session.source, config.text)
            snapshot.extra["tokenizer"] = tokenizer_state(self.tokenizer)
        check_length(self.tokenizer, session.source)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            module = nn.ModuleDict(
                {
                    "transformer": build_transformer(config.shape, self.vae.config.z_dim, config.text.d_model),
                    "text_encoder": build_text_encoder(config.text, len(self.tokenizer)),
                }
            )
        self.learner = Learner(module.to(session.device).train(), config.optimiser)
        session.restore(self.learner)
        session.log.event(
            "model",
            vocabulary=len(self.tokenizer),
            **{f"{name}_mib": round(mebibytes(part), 2) for name, part in module.items()},
        )
        self._empty = [t.to(session.device) for t in token_ids(self.tokenizer, [""])[:2]]
        self._edit_due = Every(config.edit_eval_seconds)

    def run(self) -> dict[str, Any]:
        """Train, evaluate, save; return the held-out figures of the averaged weights."""
        session = self.session
        if session.team.leads:
            with session.setup("held-out pairs"):
                self._render_pairs()
        with session.setup("latents"):
            self._fill()
        self.channels = self._channels()
        blocks = self.learner.module["transformer"].blocks
        (self._loss,) = session.compiled(self._warm_up, self._objective, blocks=blocks)
        session.train(
            self.learner,
            lambda: self._step_loss(self.learner.step % len(self.data), self._loss),
            evaluate=self.evaluate,
            save=self.save,
        )
        self.learner.check_finite()
        if session.team.leads:
            self.save()
            session.log.attempt("evaluate", self._flow_figures)
            del self.data
            session.log.attempt("edits", self.evaluate_edits)
            self.save()
            session.log.attempt("sheets", self._sheets)
            session.log.event("done", peak_gib=session.memory(), **session.snapshot.figures)
        session.log.close()
        return session.snapshot.figures

    def save(self) -> None:
        """Write a checkpoint with the averaged weights."""
        self.session.write(self.learner, self.learner.weights(average=True))

    def evaluate(self) -> None:
        """Measure the held-out loss, and the edits when their turn has come."""
        self._flow_figures()
        if self._edit_due.due():
            self.evaluate_edits()

    def backbone(self) -> Backbone:
        """Return the averaged weights as the benchmark's methods run them, in float32."""
        average = self.learner.average
        return Backbone(
            transformer=average["transformer"],
            vae=self.vae,
            text_encoder=average["text_encoder"],
            tokenizer=self.tokenizer,
            shift=self.config.shift,
            device=self.session.device,
            dtype=torch.float32,
        )

    def evaluate_edits(self) -> dict[str, Any]:
        """Edit the held-out pairs; record and return PSNR by method and scenario."""
        clips = edit_eval.edits(self.backbone(), self.pairs, self.config.sampling_steps)
        found = edit_eval.report(self.pairs, clips)
        self._clips = clips
        self._note("edits", found)
        self.session.log.event("edits", step=self.learner.step, **found)
        self.session.log.show(edit_eval.table(found))
        curves = {f"edit/{name}": row["psnr"] for name, row in found["methods"].items()}
        self.session.log.scalars(self.learner.step, curves)
        return found

    @torch.no_grad()
    def _flow_figures(self) -> None:
        """Record the loss of the averaged weights at three fixed times: on the held-out targets, and on training clips.

        The second says what limits a model: equal to the first, its size or its time; well below it, its data.
        """
        ids, mask = token_ids(self.tokenizer, self.pairs.target_captions)[:2]
        losses = self._fixed_losses("", self.held_out, ids, mask)
        data = self.data[0]
        count = len(self.held_out)
        losses |= self._fixed_losses("seen-", data.clean[:count].float(), data.ids[:count, 0], data.mask[:count, 0])
        self._note("flow_loss", losses)
        self.session.log.event("held-out", step=self.learner.step, **losses)
        self.session.log.scalars(self.learner.step, {f"held-out/{k}": v for k, v in losses.items()})

    def _fixed_losses(self, prefix: str, clean: Tensor, ids: Tensor, mask: Tensor) -> dict[str, float]:
        average, device = self.learner.average, self.session.device
        noise = torch.randn(clean.shape, generator=torch.Generator(device).manual_seed(5), device=device)
        losses = {}
        for given in (True, False):
            for t in HELD_OUT_TIMES:
                with self.session.autocast():
                    context = text_states(average["text_encoder"], ids.to(device), mask.to(device))
                    times = torch.full((len(noise),), t, device=device)
                    known = torch.full((len(noise),), given, device=device)
                    loss = flow_loss(average["transformer"], clean, noise, times, known, context)
                losses[f"{prefix}{'i2v' if given else 't2v'}-{t}"] = float(loss)
        return losses

    def _note(self, name: str, values: dict[str, Any]) -> None:
        snapshot = self.session.snapshot
        snapshot.figures |= {name: values, "step": self.learner.step, "train_seconds": snapshot.seconds}

    def _objective(self, clean: Tensor, noise: Tensor, t: Tensor, given: Tensor, context: Tensor) -> Tensor:
        return flow_loss(self.learner.module["transformer"], clean, noise, t, given, context, self.channels)

    def _channels(self) -> Tensor | None:
        """Return the channels' weights in the loss, kept with the run: one that goes on has other latents at hand."""
        config, session = self.config, self.session
        if not config.channel_power:
            return None
        effect = session.snapshot.extra.get("channel_effect")
        if effect is None:
            with session.setup("effect of the channels"):
                found = pixel_effect(self.vae, self.data[0].clean[:EFFECT_CLIPS].float())
            session.team.average([found])
            effect = session.snapshot.extra["channel_effect"] = found.tolist()
            session.log.event("channels", effect=sorted(effect, reverse=True))
        return channel_weights(torch.tensor(effect, device=session.device), config.channel_power)

    def _warm_up(self, objective: Step) -> None:
        for size in range(len(self.data)):
            self._step_loss(size, objective).backward()
        self.learner.module.zero_grad(set_to_none=True)

    def _step_loss(self, size: int, objective: Step) -> Tensor:
        config, data = self.config, self.data[size]
        random, device, batch = self.session.randomness, self.session.device, config.optimiser.batch
        rows = torch.randint(len(data.clean), (batch,), generator=random, device=device)
        phrasing = torch.randint(data.ids.shape[1], (batch,), generator=random, device=device)
        dropped = torch.rand(batch, generator=random, device=device) < config.text_dropout
        ids, mask = (
            torch.where(dropped[:, None], empty, tokens[rows, phrasing])
            for empty, tokens in zip(self._empty, (data.ids, data.mask), strict=True)
        )
        given = torch.rand(batch, generator=random, device=device) >= config.text_to_video
        t = training_times(batch, config.shift, config.time_scale, config.uniform_times, random)
        clean = data.clean[rows].float()
        noise = torch.randn(clean.shape, generator=random, device=device)
        with self.session.autocast():
            context = text_states(self.learner.module["text_encoder"], ids, mask)
            return objective(clean, noise, t, given, context)

    def _render_pairs(self) -> None:
        config, source = self.config, self.session.source
        what = held_out_pairs(source, config.held_out_pairs)
        clips = [
            rendered(source, side, config.frames, config.sizes[0], config.render_batch)
            for side in (what.sources, what.targets)
        ]
        self.pairs = EditSet(
            source=clips[0],
            target=clips[1],
            source_captions=[source.caption(scene) for scene in what.sources],
            target_captions=[source.caption(scene) for scene in what.targets],
            scenarios=what.scenarios,
            pin=what.pin,
        )
        self.held_out = self._encode(clips[1]).float()

    def _fill(self) -> None:
        """Render and encode the training clips, or as many as their share of the time left allows.

        With a folder for large state they are kept there, and a run that goes on, or another of the same data, does not
        make them anew.
        """
        config, session = self.config, self.session
        team = session.team
        made_for = f"{_data_fingerprint(config)}/{self._vae_digest}/{team.rank} of {team.size}"
        own = f"-{team.rank}" if team.rank else ""
        files = [session.state / f"latents-{height}x{width}{own}.safetensors" for height, width in config.sizes]
        kept = [Latents.read(file, made_for, session.device) for file in files]
        self.data = [data for data in kept if data is not None]
        complete = torch.tensor([float(len(self.data) == len(files))], device=session.device)
        team.average([complete])
        if complete == 1:  # in every process: one that rendered alone would be out of step with the shared clock
            return
        each = max(1, config.clips // len(config.sizes))
        budget = config.pace.data_share * session.clock.left / len(config.sizes)
        self.data = []
        cut = 0
        for size in config.sizes:
            end = session.clock.elapsed + budget
            latents: list[Tensor] = []
            captions: list[list[str]] = []
            while len(captions) < each and (not captions or session.clock.elapsed < end):
                clean, texts = self._clips_of(min(config.render_batch, each - len(captions)), size)
                latents.append(clean)
                captions += texts
            ids, mask, too_long = device_captions(self.tokenizer, captions, session.device)
            cut += too_long
            self.data.append(Latents(torch.cat(latents), ids, mask))
        session.log.event(
            "data",
            clips=[len(d.clean) for d in self.data],
            captions_cut=cut,
            std=float(self.data[0].clean[:512].float().std()),
            rendered=session.snapshot.rendered,
        )
        if session.keeps_large_files:
            for data, file in zip(self.data, files, strict=True):
                data.write(file, made_for)

    def _clips_of(self, count: int, size: Size) -> tuple[Tensor, list[list[str]]]:
        config, source, start = self.config, self.session.source, self.session.fresh(count)
        what = scenes(source, "flow", config.seed, start, count)
        captions = [
            caption_batch(source, scene, config.seed, start + i, config.captions, config.chinese)
            for i, scene in enumerate(what)
        ]
        return self._encode(source.render(what, config.frames, *size)), captions

    @torch.no_grad()
    def _encode(self, clips: Tensor) -> Tensor:
        """Return latents, in half the memory on a GPU."""
        with self.session.autocast():
            latents = torch.cat([encode_video(self.vae, part) for part in clips.split(16)])
        return latents.bfloat16() if latents.is_cuda else latents

    def _sheets(self) -> None:
        out = self.session.out
        if hasattr(self, "_clips"):
            write_sheet(out / "edits.png", edit_eval.sheet_blocks(self.pairs, self._clips))
        captions = self.pairs.target_captions[:12]
        clips = edit_eval.text_to_video(
            self.backbone(),
            captions,
            tuple(self.held_out.shape[1:]),
            self.config.sampling_steps,
            T2V_GUIDANCE,
        )
        write_sheet(out / "text-to-video.png", [[clip] for clip in clips])
        self.session.log.event("text-to-video", captions=captions)


def _data_fingerprint(config: FlowConfig) -> str:
    """Return what names the data of a config: a change of anything else does not ask for other clips."""
    return fingerprint(config, include=DATA)
