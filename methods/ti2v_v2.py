"""TI2V-v2: TI2V inversion with every improvement of the training-free rows, each of which can be turned off.

1. Solvers that undo each other (Uni-Inv up and Euler down, FireFlow or RF-Solver on both legs), at fewer steps.
2. The source's features in the noisiest steps, outside the edited region (`methods.injection`).
3. Latents held to the source outside the region (`methods.blending`).
4. Only as much noise as the edit needs: `strength`, with all steps laid below it.
5. The given first frame carried along the motion (`methods.propagation`), so that the model fills in what that hides.
6. The source's own pixels where nothing changed (`methods.pasting`).

How much of each may depend on what is asked: a colour is carried along even where the flow is in doubt, a new prop only
where it is sure. `presets` holds, by scenario, what differs from the row; the scenario is read from the instruction.

All of it may run on a distilled student (`student`): both legs then walk the student's own sigmas. Guidance is built
into a student, so the row's should be 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field
from typing_extensions import Self

from bench.errors import UserError
from bench.types import EditRequest, Frames, MethodCard, Scenario, Track
from methods.blending import BlendingParameters, generate_held, source_path
from methods.injection import Borrowing, InjectionParameters, SharingParameters, Tap
from methods.intent import scenario_of
from methods.pasting import PastingParameters, pasted
from methods.propagation import PropagationParameters, propagated
from methods.region import region_of
from methods.wan.solvers import SOLVERS
from methods.wan.student import find, mounted, read, up_to
from methods.wan.trace import Trace

if TYPE_CHECKING:
    from torch import Tensor

    from methods.wan.velocity import Backbone

FIXED = ("model", "student", "first_frame", "first_frame_guidance", "fit", "presets")
"""Parameters that hold for all of a row, so no preset may set them."""


class TI2VV2Parameters(
    InjectionParameters, SharingParameters, BlendingParameters, PropagationParameters, PastingParameters
):
    """What a row of TI2V-v2 may set."""

    student: str | None = Field(None, description="a shipped student, a folder, or null for the model itself")
    presets: dict[Scenario, dict[str, Any]] = Field(
        default_factory=dict, description="for any scenario a mapping of parameters that differ there"
    )

    @property
    def taps(self) -> tuple[Tap, ...]:
        """Both taps."""
        return self.injection, self.sharing

    @classmethod
    def read(cls, row: str, values: Mapping[str, Any]) -> Self:
        """As `Parameters.read`; the row is read as each of its presets makes it, too."""
        own = super().read(row, values)
        for scenario in own.presets:
            own.preset(scenario, row)
        return own

    def preset(self, scenario: Scenario | None, row: str) -> Self:
        """Return the parameters for a scenario, complete and checked; the row's own where it has no preset."""
        changes = {} if scenario is None else self.presets.get(scenario, {})
        for name in FIXED:
            if name in changes:
                raise UserError(f"method '{row}': preset '{scenario}' sets {name}; wanted it in the row itself")
        return super().read(f"{row}, preset {scenario}", {**self.model_dump(mode="json"), **changes, "presets": {}})

    def check_track(self, row: str, track: Track) -> None:
        """Raise UserError where the row, or a preset of it, wants what its track does not give."""
        super().check_track(row, track)
        for scenario in self.presets:
            super(TI2VV2Parameters, self.preset(scenario, row)).check_track(f"{row}, preset {scenario}", track)

    def check_model(self, row: str) -> None:
        """Raise UserError where the row, or a preset of it, does not fit the model's layers or the student's sigmas."""
        super().check_model(row)
        self._check_student(row)
        for scenario in self.presets:
            self.preset(scenario, row).check_model(f"{row}, preset {scenario}")

    def _check_student(self, row: str) -> None:
        if self.student is None:
            return
        try:
            student = read(find(self.student))
        except UserError:
            return  # said when the row is made: a row can be listed without its student
        sigmas = up_to(student.sigmas, self.strength, row)
        if self.generation_solver == "unipc" and sigmas[0] == 1:
            raise UserError(
                f"method '{row}': unipc is undefined at sigma 1, where the student starts; "
                "wanted another generation_solver, or a strength below 1"
            )


class TI2VV2(Borrowing):
    """Every improvement together, as the scenario's preset sets them."""

    Parameters: ClassVar[type[TI2VV2Parameters]] = TI2VV2Parameters
    parameters: TI2VV2Parameters

    @classmethod
    def variant(cls, card: MethodCard, changes: Mapping[str, Any]) -> MethodCard:
        """Return the card with some parameters set otherwise; a student that does not fit is said at once."""
        made = super().variant(card, changes)
        cls(made)
        return made

    def __init__(self, card: MethodCard) -> None:
        super().__init__(card)
        name = self.parameters.student
        self._student = None if name is None else read(find(name))
        if self._student is not None and self._student.sampler != "ode":
            raise UserError(
                f"method '{card.name}': the student was trained for the {self._student.sampler} sampler, which has no "
                "way up; wanted an ode student"
            )

    def load(self, device: str) -> None:
        """As `Borrowing.load`; UserError too when the student does not fit the model."""
        super().load(device)
        if self._student is not None:
            p = self.parameters
            self.wan.transformer = mounted(self._student, str(p.student), p.model, self.wan.transformer)

    def grid(self, wan: Backbone, steps: int | None = None, shift: float | None = None) -> list[float]:
        """Return the descending sigmas of either leg: a student's own, as far as they are not above the strength."""
        if self._student is None:
            return super().grid(wan, steps, shift)
        return up_to(self._student.sigmas, self.parameters.strength, self.card.name)

    def latents(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents; latent frame 0 is that of the first frame asked for, bit for bit."""
        mine = copy(self)
        mine.parameters = self._preset(request)
        return mine.settled(wan, request)

    def _preset(self, request: EditRequest) -> TI2VV2Parameters:
        return self.parameters.preset(scenario_of(request.instruction), self.card.name)

    def finished(self, frames: Frames, request: EditRequest) -> Frames:
        """Return the decoded clip with the first frame carried along and source pixels where nothing changed."""
        p, source = self._preset(request), request.source.frames
        if p.propagate != "none":
            given = request.first_frame if p.first_frame == "target" else None
            guide = source if p.propagate == "source" else frames
            frames = propagated(frames, guide, frames[0] if given is None else given, p)
        return pasted(frames, source, p) if p.paste else frames

    def settled(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents by the row's own parameters, whatever the instruction asks."""
        p, branches, trace = self.parameters, self.branches(wan, request), Trace()
        region = region_of(p, wan, request, branches)
        noise, v_tar = self.borrow(wan, branches, region, trace)
        if region is None:
            return self.generate(wan, branches, noise, v_tar)
        path, solver = source_path(p, branches, trace, request.seed), SOLVERS[p.generation_solver]
        return generate_held(noise, self.grid(wan), solver, v_tar, branches.first, region, path, p.blend_until)
