"""What a stage of the training is made of: one YAML file per stage, checked before any time is spent."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bench.errors import UserError

Size = tuple[Annotated[int, Field(gt=0, multiple_of=32)], Annotated[int, Field(gt=0, multiple_of=32)]]
"""Height and width in pixels."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VaeShape(_Section):
    """Arguments of `AutoencoderKLWan`; the rest is fixed by the Wan 2.2 layout."""

    base_dim: int = 24
    decoder_base_dim: int = 24
    z_dim: int = 32
    dim_mult: tuple[int, ...] = (1, 2, 4, 4)
    num_res_blocks: int = 1


class TransformerShape(_Section):
    """Arguments of `WanTransformer3DModel`; its channels are the VAE's, its text width the text encoder's."""

    heads: int = 6
    head_dim: int = 64
    layers: int = 8
    ffn_dim: int = 1280


class TextShape(_Section):
    """The tokenizer and `UMT5EncoderModel`, trained together with the transformer."""

    vocabulary: int = 800
    d_model: int = 256
    layers: int = 3
    heads: int = 4
    head_dim: int = 64
    ffn_dim: int = 448
    max_tokens: int = 64


class Optimiser(_Section):
    """AdamW under a warm-up and a cosine to `final_lr` of the peak."""

    batch: int = Field(gt=0)
    lr: float = Field(gt=0)
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 1e-4
    warmup: int = 100
    """Steps of linear warm-up."""
    final_lr: float = 0.01
    clip: float = 1.0
    ema: float = Field(0.998, ge=0, lt=1)
    precision: Literal["bf16", "fp32"] = "bf16"
    """Of the arithmetic (autocast); the weights are float32."""
    compile: bool | Literal["blocks"] = True
    """A whole step, or only the transformer's blocks, which share one compilation: a fraction of the time."""


class Pace(_Section):
    """What happens besides optimiser steps, and how often."""

    log_every: int = 25
    """Steps between two looks at the loss: the only moments when the host waits for the device."""
    save_seconds: float = 75
    eval_seconds: float = 60
    reserve_seconds: float = 45
    """Kept back from `--minutes` for the last evaluation and the last save."""
    data_share: float = 0.15
    """At most this share of the time left goes into rendering; fewer clips are used then."""


class VaeLoss(_Section):
    """Weights of the terms of the reconstruction loss (methods/training/vae_loss.py)."""

    gradient: float = 0.5
    motion: float = 0.25
    pooled: float = 0.5
    laplacian: float = 0.25
    texture: float = 0.1
    kl: float = 1e-4
    square: float = 0.0
    """Of the squared error: L1 terms alone settle on blur where they cannot place an edge."""
    edges: float = 2.0
    """How much more an edge weighs than a flat pixel."""
    sharp: float = 0.0
    """Of the squared error of the Laplacian: of the loss terms, the one that asks for detail and does not pay for
    its absence where it can be placed (docs/training.md, "The autoencoder's sharpness")."""


class Critic(_Section):
    """A small patch discriminator beside the reconstruction loss (methods/training/critic.py)."""

    width: int = 32
    start: float = Field(0.25, ge=0, lt=1)
    """Share of the schedule after which it learns; the autoencoder feels it from there on ..."""
    ramp: float = Field(0.05, gt=0, le=1)
    """... and fully after this share more."""
    strength: float = Field(0.2, ge=0)
    """Size of its gradient at the pixels, in sizes of the reconstruction loss's: the balance holds by itself."""
    matching: float = Field(1.0, ge=0)
    """Of the distance between its features of original and reconstruction, beside the wish to pass as real."""
    smooth: float = Field(100.0, ge=0)
    """Of the approximated R1 penalty."""
    optimiser: Optimiser


class TextImageShape(_Section):
    """A `CLIP` of open_clip: an image tower of timm's and a causal text transformer, into one space."""

    tower: str = "convnext_zepto_rms"
    """A timm model without running statistics: only weights are averaged and saved."""
    image_size: int = Field(128, gt=0, multiple_of=32)
    embed_dim: int = 96
    layer_scale: float = 0.5
    """Where the tower's layer scales start: at timm's 1e-6 a short training would spend its time on waking them."""
    vocabulary: int = 600
    max_tokens: int = 64
    width: int = 96
    heads: int = 3
    layers: int = 2
    mlp_ratio: float = 2.0


class Softness(_Section):
    """What training views are spoilt by, so that codecs and autoencoders do not change what is read."""

    blur: float = Field(0.5, ge=0, le=1)
    """Share of views that are mixed with their own half-resolution copy."""
    noise: float = Field(0.01, ge=0)
    """Largest standard deviation of added noise, in [0, 1] pixel units."""


class VaeConfig(_Section):
    """Stage `vae`."""

    stage: Literal["vae"] = "vae"
    seed: int = 0
    frames: int = Field(17, ge=1)
    sizes: tuple[Size, ...] = ((256, 256),)
    pool: int = 6000
    """Clips held on the device, shared between the sizes."""
    refresh_clips: int = 64
    refresh_every: int = 100
    """Every so many steps that many clips of the pool are rendered anew."""
    render_batch: int = 64
    crop: Size | None = None
    """Train on random crops of this size: a step costs less, and steps are what a small VAE is short of. The only layer
    that sees a whole frame, the attention at the bottleneck, carries over to full size (docs/training.md)."""
    held_out: int = 32
    train: Literal["all", "decoder"] = "all"
    """`decoder` leaves the latents as they are: a transformer that was trained on them stays good."""
    shape: VaeShape = VaeShape()
    loss: VaeLoss = VaeLoss()
    critic: Critic | None = None
    optimiser: Optimiser
    pace: Pace = Pace()

    @model_validator(mode="after")
    def _frames_fit(self) -> VaeConfig:
        if self.crop and any(c > s for size in self.sizes for c, s in zip(self.crop, size, strict=True)):
            raise ValueError(f"crop {self.crop} is larger than one of the sizes {self.sizes}")
        return _check_frames(self)


class FlowConfig(_Section):
    """Stage `flow`."""

    stage: Literal["flow"] = "flow"
    seed: int = 0
    frames: int = Field(17, ge=1)
    sizes: tuple[Size, ...] = ((256, 256),)
    clips: int = 24000
    """Clips rendered and encoded at the start of each command, shared between the sizes."""
    captions: int = 3
    """Phrasings per clip."""
    chinese: float = Field(0.2, ge=0, le=1)
    """Share of captions in Chinese."""
    render_batch: int = 64
    held_out_pairs: int = 49
    """Source and target clips for the edit evaluation, every scenario in turn."""
    shape: TransformerShape = TransformerShape()
    text: TextShape = TextShape()
    text_to_video: float = Field(0.25, ge=0, le=1)
    """Share of samples without the clean first frame."""
    text_dropout: float = Field(0.12, ge=0, le=1)
    shift: float = Field(2.0, gt=0)
    """Shift map of the training times and of the sampling schedule."""
    time_scale: float = 1.2
    """t = shift(sigmoid(time_scale * normal)) ..."""
    uniform_times: float = Field(0.2, ge=0, le=1)
    """... except for this share of samples, whose t is uniform."""
    channel_power: float = Field(0.0, ge=0, le=1)
    """Channels of the latents weigh in the loss by their effect on the pixels to this power, 1 in the mean: by 1 the
    loss is the error of the pixels to first order, by 0 all channels are alike (methods/training/channels.py)."""
    sampling_steps: int = 25
    edit_eval_seconds: float = 180
    optimiser: Optimiser
    pace: Pace = Pace()

    @model_validator(mode="after")
    def _frames_fit(self) -> FlowConfig:
        return _check_frames(self)


class TextImageConfig(_Section):
    """Stage `text-image`."""

    stage: Literal["text-image"] = "text-image"
    seed: int = 0
    frames: int = Field(2, ge=1)
    """Frames per scene, spread over its clip."""
    sizes: tuple[Size, ...] = ((256, 256),)
    """Sizes that scenes are rendered at, in turn; every view is then brought to `shape.image_size`."""
    scenes: int = Field(80000, gt=1, multiple_of=2)
    """Scenes rendered at the start of each command (half of them edits of the others), or as many as time allows."""
    captions: int = 2
    """Phrasings per scene."""
    chinese: float = Field(0.3, ge=0, le=1)
    """Share of captions in Chinese."""
    render_batch: int = Field(64, gt=1, multiple_of=2)
    held_out: int = 1024
    """Scenes of the zero-shot evaluation."""
    held_out_frames: int = 3
    held_out_pairs: int = 210
    shape: TextImageShape = TextImageShape()
    softness: Softness = Softness()
    attributes: float = 1.0
    """Weight of the attribute loss beside open_clip's caption loss."""
    optimiser: Optimiser
    pace: Pace = Pace()

    @model_validator(mode="after")
    def _batch_fits(self) -> TextImageConfig:
        if self.optimiser.batch % 2:
            raise ValueError(f"optimiser.batch holds both sides of edits and is even, found {self.optimiser.batch}")
        return self


ClipConfig = TypeVar("ClipConfig", VaeConfig, FlowConfig)
StageConfig = VaeConfig | FlowConfig | TextImageConfig
Config = TypeVar("Config", VaeConfig, FlowConfig, TextImageConfig)


def read_config(path: Path, kind: type[Config]) -> Config:
    """Return the stage's config from a YAML file; a field that is unknown or out of range is a UserError."""
    if not path.is_file():
        raise UserError(
            f"no config at {path}: name a YAML file of stage '{kind.model_fields['stage'].default}' with --config"
        )
    try:
        return kind.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (ValidationError, yaml.YAMLError) as error:
        raise UserError(f"config {path}: {_first_line(error)}") from error


def differences(was: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """Return one `section.field: old -> new` per value in which two dumped configs differ."""
    lines = []
    for key in sorted(was.keys() | now.keys()):
        old, new = was.get(key), now.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new, f"{prefix}{key}.")
        elif old != new:
            lines.append(f"{prefix}{key}: {old} -> {new}")
    return lines


def fingerprint(config: BaseModel, include: set[str] | None = None) -> str:
    """Return the sha256 of a config's content, or of some of its fields."""
    return sha256(json.dumps(config.model_dump(mode="json", include=include), sort_keys=True).encode()).hexdigest()


def _check_frames(config: ClipConfig) -> ClipConfig:
    if config.frames % 4 != 1:
        raise ValueError(f"frames must be 4n + 1 (the VAE's stride in time), found {config.frames}")
    return config


def _first_line(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where or 'top level'}: {first['msg']}"
    return str(error).replace("\n", " ")
