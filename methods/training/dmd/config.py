"""What a distillation is made of: one YAML file, checked before any time is spent."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from methods.training.config import Optimiser, Pace, Size, _Section


class Lora(_Section):
    """Student and critic are low-rank adapters of the teacher's one copy; the teacher is that copy without them."""

    rank: int = Field(32, ge=1)
    alpha: float = Field(32.0, gt=0)
    """The adapter's output is scaled by alpha / rank."""
    targets: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0", "ffn.net.0.proj", "ffn.net.2")
    """Ends of the names of the linear layers that get adapters."""
    checkpointing: bool = False
    """Recompute activations in the backward pass: what lets the 5B fit."""


class Gan(_Section):
    """A classifier of real against student latents, on features of the teacher."""

    blocks: tuple[int, ...] = (3, 5, 7)
    """Transformer blocks whose output it reads."""
    width: int = 128
    student: float = Field(0.03, gt=0)
    """Weight of the student's term."""
    critic: float = Field(1.0, gt=0)
    """Weight of the classifier's own term."""


class Regression(_Section):
    """Warm-up: the student first learns where the teacher's own trajectories end."""

    updates: int = Field(200, ge=1)
    bank: int = Field(512, ge=1)
    """Trajectories of each size, made once."""
    teacher_steps: int = Field(24, ge=1)
    """Euler steps of a trajectory; a multiple of the student's, so that its sigmas lie on the teacher's grid."""


class Guards(_Section):
    """When a run is dying. Ratios are the student's statistic over the teacher's, on the same held-out conditions."""

    every: int = Field(50, ge=1)
    """Student updates between two looks."""
    grace: int = Field(200, ge=0)
    """Updates before the first: an undistilled student has too little variance by nature."""
    patience: int = Field(3, ge=1)
    """Looks in a row that must be bad."""
    motion: tuple[float, float] = (0.5, 2.0)
    """Mean change from latent frame to latent frame: low where the first frame is copied."""
    spread: tuple[float, float] = (0.7, 1.4)
    """Standard deviation of the latents, the worst channel counting."""
    saturation: tuple[float, float] = (0.6, 1.6)
    """Mean colourfulness (largest less smallest of R, G, B) of decoded frames."""


class DmdConfig(_Section):
    """Stage `dmd`."""

    stage: Literal["dmd"] = "dmd"
    seed: int = 0
    frames: int = Field(17, ge=5)
    sizes: tuple[Size, ...] = Field(((256, 256),), min_length=1)
    """In turn, an update each; the fixed-seed samples have the first."""
    clips: int = Field(6000, ge=1)
    """Conditions, shared between the sizes: captions and first frames (and whole clips, for the GAN head)."""
    captions: int = Field(2, ge=1)
    chinese: float = Field(0.2, ge=0, le=1)
    render_batch: int = 64
    text_to_video: float = Field(0.2, ge=0, le=1)
    """Share of samples without a first frame."""
    steps: int = Field(4, ge=1)
    """Of the student."""
    shift: float | None = Field(None, gt=0)
    """Shift map of the student's sigmas; null for the teacher's own."""
    sampler: Literal["ode", "sde"] = "ode"
    """How the student gets from one of its sigmas to the next; inversion needs `ode`."""
    guidance: float = Field(2.0, ge=1)
    """Of the teacher, v_u + g (v_c - v_u): the student has it built in and runs without."""
    negative_prompt: str = ""
    score_shift: float | None = Field(None, gt=0)
    """Shift map of the sigmas at which the scores are compared; null for the teacher's own."""
    score_range: tuple[float, float] = (0.02, 0.98)
    critic_updates: int = Field(5, ge=1)
    """For each of the student's."""
    lora: Lora | None = None
    """Null trains full weights."""
    gan: Gan | None = None
    regression: Regression | None = None
    guards: Guards = Guards()
    held_out: int = Field(12, ge=2)
    """Conditions of the fixed-seed samples."""
    teacher_steps: int = Field(24, ge=1)
    """Of the teacher's own samples beside them."""
    look_every: int = Field(100, ge=1)
    """Updates between two sheets of samples."""
    keep_every: int = Field(200, ge=1)
    """Updates between two checkpoints that are kept for good; the best student is often an early one."""
    optimiser: Optimiser
    critic: Optimiser
    pace: Pace = Pace()

    @model_validator(mode="after")
    def _fits(self) -> DmdConfig:
        if self.frames % 4 != 1:
            raise ValueError(f"frames must be 4n + 1 (the VAE's stride in time), found {self.frames}")
        low, high = self.score_range
        if not 0 < low < high < 1:
            raise ValueError(f"score_range must be 0 < low < high < 1, found {low}, {high}")
        if self.regression and self.regression.teacher_steps % self.steps:
            raise ValueError(
                f"regression.teacher_steps must be a multiple of steps {self.steps}, "
                f"found {self.regression.teacher_steps}"
            )
        if self.gan and self.lora:
            raise ValueError("gan needs full weights: leave out either gan or lora")
        if self.optimiser.batch != self.critic.batch:
            raise ValueError(f"critic.batch {self.critic.batch} must be optimiser.batch {self.optimiser.batch}")
        return self
