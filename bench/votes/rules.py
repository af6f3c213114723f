"""What a vote is: axes, answers and limits. A study keeps the rules it was opened with; docs/votes.md explains them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

Axis = Literal["edit_done", "rest_kept", "looks_real", "overall"]
AXES: tuple[Axis, ...] = ("edit_done", "rest_kept", "looks_real", "overall")
QUESTIONS: dict[Axis, str] = {
    "edit_done": "Which clip does what the instruction asks?",
    "rest_kept": "Which clip leaves everything else as it was?",
    "looks_real": "Which clip looks more like real footage?",
    "overall": "Which clip would you rather use?",
}
Choice = Literal["left", "right", "tie"]


class Rules(BaseModel):
    """The limits of a study."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    floor_seconds: float = 4.0
    """A vote sooner than this after its clips were shown is refused, as is one before both could have been seen."""
    catch_every: int = 5
    """One of so many ballots in a row, at a random place, is a catch trial."""
    least_caught: int = 4
    """Catch trials a voter must have answered before the votes count."""
    pass_share: float = 0.85
    """Catch trials a voter must have answered rightly for the votes to count."""
    per_hour: int = 240
    """Ballots a voter may be given within an hour."""
    open_minutes: float = 30.0
    """A ballot that is not answered by then is given to the next voter as well."""
