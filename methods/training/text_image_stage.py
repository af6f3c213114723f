"""Stage `text-image`: shopclip, a small CLIP of this domain, on views of training scenes and of their edits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from bench.types import SCENARIOS
from methods.training.clips import LabelledSource, Scene, generator, scenes
from methods.training.config import Size, TextImageConfig
from methods.training.learner import Learner
from methods.training.models import channels_last, mebibytes
from methods.training.session import Session, Step
from methods.training.text import (
    caption_batch,
    restore_tokenizer,
    token_ids,
    tokenizer_state,
    train_tokenizer,
    widened,
)
from methods.training.text_image_eval import HeldOut, Reader, hold_out, measure
from methods.training.text_image_loss import attribute_loss, spoil
from methods.training.text_image_model import build_text_image, normalise
from methods.training.views import label_scenes, views

VIEW_SHARES = (0.5, 0.3, 0.2)
"""How often a step looks at the whole frame, at the product, at any body."""


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Training data on the device. Scenes 2n and 2n + 1 are the two sides of an edit."""

    pixels: Tensor
    """uint8 [scenes, frames, views, S, S, 3]."""
    labels: Tensor
    """int64 [scenes, frames, views, attributes]."""
    ids: Tensor
    """int64 [scenes, captions, tokens]."""


class TextImageStage:
    """Trains a CLIP in a session; `run` returns the held-out figures of the averaged weights.

    Both sides of an edit go into the same batch: of all captions, the one that differs in a single word is the
    hardest to refuse (Yuksekgonul et al. 2023), and it is the one that the metrics compare with.
    """

    def __init__(self, session: Session) -> None:
        from open_clip.loss import SigLipLoss

        assert isinstance(session.config, TextImageConfig)
        self.config: TextImageConfig = session.config
        self.session = session
        self.source = cast(LabelledSource, session.source)
        config, snapshot = session.config, session.snapshot
        self.prompts = self.source.prompts()
        if session.initial is not None:
            snapshot.extra.setdefault("tokenizer", widened(session.initial.extra["tokenizer"], session.source))
            snapshot.rendered = max(snapshot.rendered, session.initial.rendered)  # go on with scenes it has not seen
        if "tokenizer" in snapshot.extra:
            self.tokenizer = restore_tokenizer(snapshot.extra["tokenizer"], config.shape)
        else:
            with session.setup("tokenizer"):
                words = [text for values in self.prompts.values() for texts in values.values() for text in texts]
                self.tokenizer = train_tokenizer(session.source, config.shape, words)
        snapshot.extra = {"tokenizer": tokenizer_state(self.tokenizer), "prompts": self.prompts}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            model = build_text_image(config.shape, len(self.tokenizer))
        model.to(session.device).train()
        if session.device.type == "cuda":
            channels_last(model.visual)
        self.learner = Learner(model, config.optimiser)
        session.restore(self.learner)
        session.log.event("model", vocabulary=len(self.tokenizer), mib=round(mebibytes(model), 2))
        self._caption_loss = SigLipLoss()
        self._sizes = [len(values) for values in self.prompts.values()]
        # Values have the same number of phrasings, so that one index picks a phrasing of each.
        phrasings = [texts for values in self.prompts.values() for texts in values.values()]
        flat = self._tokens([text for texts in phrasings for text in texts])
        self._prompt_ids = flat.view(len(phrasings), -1, flat.shape[-1])

    def run(self) -> dict[str, Any]:
        """Train, evaluate, save; return the held-out figures."""
        session = self.session
        if session.team.leads:
            with session.setup("held-out"):
                self.held_out: HeldOut = hold_out(self.source, self.config, self.prompts)
        with session.setup("data"):
            self._fill()
        (self._loss,) = session.compiled(self._warm_up, self._objective)
        session.train(self.learner, lambda: self._step_loss(self._loss), evaluate=self.evaluate, save=self.save)
        self.learner.check_finite()
        del self.data
        if session.team.leads:
            self.save()
            session.log.attempt("evaluate", self.evaluate)
            self.save()
            session.log.event("done", peak_gib=session.memory(), **session.snapshot.figures)
        session.log.close()
        return session.snapshot.figures

    def save(self) -> None:
        """Write a checkpoint with the averaged weights."""
        self.session.write(self.learner, self.learner.weights(average=True))

    def evaluate(self) -> None:
        """Read the held-out scenes with the averaged weights and record how often the answer is right."""
        reader = Reader(self.learner.average, self.prompts, self._tokens, self.session.autocast)
        snapshot = self.session.snapshot
        snapshot.figures = measure(reader, self.held_out) | {
            "step": self.learner.step,
            "train_seconds": snapshot.seconds,
        }
        self.session.log.event("held-out", **snapshot.figures)
        curves = {f"held-out/{name}": row["accuracy"] for name, row in snapshot.figures["attributes"].items()}
        self.session.log.scalars(self.learner.step, curves)

    def _objective(self, planes: Tensor, ids: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of a batch whose `ids` are its captions, then one prompt for each attribute value."""
        model, count = self.learner.module, len(planes)
        image = model.encode_image(normalise(planes), normalize=True)
        texts = model.encode_text(ids, normalize=True)
        with torch.autocast(planes.device.type, enabled=False):
            image, texts, scale = image.float(), texts.float(), model.logit_scale.exp()
            loss: Tensor = self._caption_loss(image, texts[:count], scale, model.logit_bias)
            asked = attribute_loss(image, texts[count:], labels, self._sizes, scale)
        return loss + self.config.attributes * asked

    def _warm_up(self, objective: Step) -> None:
        self._step_loss(objective).backward()
        self.learner.module.zero_grad(set_to_none=True)

    def _step_loss(self, objective: Step) -> Tensor:
        data, random, device = self.data, self.session.randomness, self.session.device
        batch = self.config.optimiser.batch

        def draw(high: int, count: int = batch) -> Tensor:
            return torch.randint(high, (count,), generator=random, device=device)

        pairs = draw(len(data.pixels) // 2, batch // 2)
        rows = torch.stack([2 * pairs, 2 * pairs + 1], 1).flatten()
        frame = draw(data.pixels.shape[1])
        shares = torch.tensor(VIEW_SHARES, device=device)
        view = torch.multinomial(shares, batch, replacement=True, generator=random)
        prompts = self._prompt_ids
        phrasing = draw(prompts.shape[1], len(prompts))
        ids = torch.cat([data.ids[rows, draw(data.ids.shape[1])], prompts[torch.arange(len(prompts)), phrasing]])
        planes = spoil(data.pixels[rows, frame, view], self.config.softness, random)
        with self.session.autocast():
            return objective(planes, ids, data.labels[rows, frame, view])

    def _fill(self) -> None:
        """Render the training views, or as many as their share of the time left allows."""
        config, session = self.config, self.session
        end = session.clock.elapsed + config.pace.data_share * session.clock.left
        parts: list[tuple[Tensor, Tensor]] = []
        captions: list[str] = []
        rendered = 0
        while rendered < config.scenes and (not parts or session.clock.elapsed < end):
            size = config.sizes[len(parts) % len(config.sizes)]
            pixels, labels, texts = self._views_of(min(config.render_batch, config.scenes - rendered) // 2, size)
            parts.append((pixels, labels))
            captions += texts
            rendered += len(pixels)
        ids, _, cut = token_ids(self.tokenizer, captions)
        self.data = Data(
            torch.cat([p[0] for p in parts]),
            torch.cat([p[1] for p in parts]),
            ids.view(rendered, config.captions, -1).to(session.device),
        )
        session.log.event("data ready", scenes=rendered, captions_cut=cut, rendered=session.snapshot.rendered)

    def _views_of(self, edits: int, size: Size) -> tuple[Tensor, Tensor, list[str]]:
        """Return views, labels and captions of `edits` fresh edits, the two sides one after the other."""
        config, source = self.config, self.source
        start, what, captions = self.session.fresh(edits), list[Scene](), list[str]()
        for i, scene in enumerate(scenes(source, "text-image", config.seed, start, edits), start):
            rng = generator("text-image edits", config.seed, i)
            what += source.edit(scene, rng, rng.choice(SCENARIOS))[:2]
        for i, scene in enumerate(what, 2 * start):
            captions += caption_batch(source, scene, config.seed, i, config.captions, config.chinese)
        clips, ids = source.render_with_ids(what, config.frames, *size)
        labels = label_scenes([source.shown(scene) for scene in what], self.prompts)
        pixels, asked = views(clips, ids, labels, config.shape.image_size, self.session.randomness)
        each = (len(what), config.frames)
        return pixels.unflatten(0, each), asked.unflatten(0, each), captions

    def _tokens(self, texts: list[str]) -> Tensor:
        return token_ids(self.tokenizer, texts)[0].to(self.session.device)
