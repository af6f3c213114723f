"""Few-step editing: a distilled student (DMD2, Yin et al., arXiv 2405.14867), or its teacher at as few steps.

A student is sampled at the sigmas and by the sampler it was trained for, without guidance, which is built into it. What
is left to choose is how an edit starts, that is, how the source's structure and motion get into the start noise:

- `inversion`: the network walks the source up its own sigmas, and then down again. Needs the `ode` sampler: a sampler
  that draws fresh noise at each step has no way back.
- `teacher-inversion`: the teacher walks the source up, in as many steps as wanted; the student comes down.
- `flowedit`: no noise to start from; the source follows the difference of the student's two velocities.
- `renoise`: the source under fresh noise, at the student's first sigma not above `strength`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from bench.errors import UserError
from bench.types import EditRequest, MethodCard, Need
from methods.flow_edit import flow_edit, fresh_noise
from methods.wan.adapter import WanMethod, WanParameters
from methods.wan.folder import flow_shift, resolve
from methods.wan.schedules import shifted_grid
from methods.wan.solvers import Velocity, euler
from methods.wan.student import Sampler, descending, find, mounted, read, up_to

if TYPE_CHECKING:
    from torch import Tensor

    from methods.wan.velocity import Backbone

Start = Literal["inversion", "teacher-inversion", "flowedit", "renoise"]


def consistency(x: Tensor, sigmas: Sequence[float], velocity: Velocity[Tensor], noise: Callable[[], Tensor]) -> Tensor:
    """Carry x down `sigmas` to 0: each step predicts the clean clip and puts it under fresh noise again."""
    for sigma, below in pairwise(sigmas):
        clean = x - sigma * velocity(x, sigma)
        x = clean if below == 0 else (1 - below) * clean + below * noise()
    return x


class FewStepParameters(WanParameters):
    """What a few-step row may set. Without a student the model itself takes `generation_steps` steps."""

    student: str | None = Field(
        None, description="a shipped student, a folder or a LoRA file, or null for the model itself"
    )
    sampler: Sampler | None = Field(
        None, description="ode or sde, for a student that does not say; null takes the student's own (a model's is ode)"
    )
    sigmas: tuple[float, ...] | None = Field(
        None, strict=False, description="a list of sigmas that descend from at most 1, for a student that does not say"
    )
    start: Start = Field("inversion", description="one of inversion, teacher-inversion, flowedit, renoise")
    inversion_steps: int = Field(8, ge=1, description="a whole number of steps >= 1 (teacher-inversion)")
    guidance_source: float = Field(
        1.0, ge=1, description="a guidance scale >= 1 of the source branch (flowedit); 1 is none"
    )
    generation_steps: int = Field(4, ge=1, description="a whole number of steps >= 1; a student brings its own")
    generation_solver: Literal["euler"] = Field("euler", description="euler: the student's sampler decides")
    guidance: float = Field(1.0, ge=1, description="a guidance scale >= 1; 1 for a student, which has it built in")

    @property
    def needs(self) -> tuple[Need, ...]:
        """The source prompt, but where an edit starts from the source under fresh noise."""
        return super().needs if self.start == "renoise" else ("source_prompt",)

    def own_sigmas(self, shift: float) -> Sequence[float]:
        """Return the sigmas of a row without a student, descending from at most 1; after the last comes 0."""
        return self.sigmas or shifted_grid(self.generation_steps, shift)[:-1]

    def check_model(self, row: str) -> None:
        """Raise UserError where `strength` is below every sigma of the student, or of the row's own."""
        super().check_model(row)
        try:
            if self.student is None:
                sigmas = self.own_sigmas(self.shift or flow_shift(resolve(self.model)))
            else:
                sigmas = read(find(self.student), self.sampler, self.sigmas).sigmas
        except UserError:
            return  # said when the row is made or loaded: a row can be listed without its weights
        up_to(sigmas, self.strength, row)


class FewStep(WanMethod):
    """Edit in a few steps, by a student or by the model itself."""

    Parameters: ClassVar[type[FewStepParameters]] = FewStepParameters
    parameters: FewStepParameters

    @classmethod
    def variant(cls, card: MethodCard, changes: Mapping[str, Any]) -> MethodCard:
        """Return the card with some parameters set otherwise; a student that does not fit is said at once.

        A student of the `sde` sampler starts by `teacher-inversion` where no other start is named.
        """
        made = super().variant(card, changes)
        p = FewStepParameters.read(card.name, made.parameters)
        student = None if p.student is None else read(find(p.student), p.sampler, p.sigmas)
        if student is not None and student.sampler == "sde" and "start" not in changes:
            made = super().variant(card, {**changes, "start": "teacher-inversion"})
        cls(made)
        return made

    def __init__(self, card: MethodCard) -> None:
        super().__init__(card)
        p = self.parameters
        if p.sigmas is not None and not (descending(p.sigmas) and p.sigmas[0] <= 1):
            raise UserError(f"method '{card.name}': sigmas {list(p.sigmas)} do not descend from at most 1 to above 0")
        if p.student is None and p.start == "teacher-inversion":
            raise UserError(f"method '{card.name}': teacher-inversion needs a student; wanted start: inversion")
        self._student = None if p.student is None else read(find(p.student), p.sampler, p.sigmas)
        self.sampler: Sampler = self._student.sampler if self._student else p.sampler or "ode"
        if self.sampler == "sde" and p.start in ("inversion", "flowedit"):
            raise UserError(
                f"method '{card.name}': start {p.start} follows the velocity both ways, the student was trained for "
                "the sde sampler, which draws fresh noise; wanted start: teacher-inversion or renoise"
            )

    def load(self, device: str) -> None:
        """Read the model and the student onto `device`; UserError when either is not whole or they do not fit."""
        super().load(device)
        if self._student is None:
            return
        p, self._teacher = self.parameters, self.wan.transformer
        assert p.student is not None
        self.wan.transformer = mounted(self._student, p.student, p.model, self._teacher)

    def sigmas(self, wan: Backbone) -> list[float]:
        """Return the sigmas of an edit, those not above `strength`, and 0."""
        p = self.parameters
        if self._student is not None:
            return up_to(self._student.sigmas, p.strength, self.card.name)
        return up_to(p.own_sigmas(self.shift(wan)), p.strength, self.card.name)

    def latents(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents; latent frame 0 is that of the first frame asked for, bit for bit."""
        from methods.wan.velocity import pin, watched

        p, grid = self.parameters, self.sigmas(wan)
        source = wan.encode(request.source.frames)
        first = self.first_latent(wan, request, source)
        noise = fresh_noise(source, request.seed)
        v_tar = partial(
            wan.velocity,
            context=wan.encode_text(request.target_prompt),
            first=first,
            guidance=p.guidance,
            negative=self.negative(wan, p.guidance),
        )
        if p.start == "flowedit":
            v_src = self._source_velocity(wan, request, source, p.guidance_source)
            branches = watched(v_src, grid, "source branch"), watched(v_tar, grid, "target branch")
            return pin(flow_edit(source, grid, *branches, noise), first)
        x = pin(self._start(wan, request, source, grid, noise), first)
        velocity = watched(v_tar, grid, "generation")
        made = euler(x, grid, velocity) if self.sampler == "ode" else consistency(x, grid, velocity, noise)
        return pin(made, first)

    def _start(
        self, wan: Backbone, request: EditRequest, source: Tensor, grid: Sequence[float], noise: Callable[[], Tensor]
    ) -> Tensor:
        """Return what generation starts from, at `grid[0]`."""
        from methods.wan.velocity import watched

        if self.parameters.start == "renoise":
            return (1 - grid[0]) * source + grid[0] * noise()
        velocity = self._source_velocity(wan, request, source, 1.0)
        if self.parameters.start == "inversion":
            up = list(reversed(grid))
            return euler(source, up, watched(velocity, up, "inversion"))
        up = self._teachers_way(wan, grid[0])
        student, wan.transformer = wan.transformer, self._teacher
        try:
            return euler(source, up, watched(velocity, up, "inversion"))
        finally:
            wan.transformer = student

    def _teachers_way(self, wan: Backbone, top: float) -> list[float]:
        """Return the teacher's sigmas from 0 up to `top`."""
        from methods.wan.schedules import unshift_sigma

        shift = self.shift(wan)
        return shifted_grid(self.parameters.inversion_steps, shift, unshift_sigma(top, shift))[::-1]

    def _source_velocity(
        self, wan: Backbone, request: EditRequest, source: Tensor, guidance: float
    ) -> Velocity[Tensor]:
        return partial(
            wan.velocity,
            context=wan.encode_text(request.source_prompt),
            first=source[:, :, :1],
            guidance=guidance,
            negative=self.negative(wan, guidance),
        )
