"""What a row of the registry may set, checked when the row is read: names, types and ranges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError
from typing_extensions import Self

from bench.errors import UserError
from bench.types import Need, Track


class Parameters(BaseModel):
    """Base of all parameter sets. Every field has a description that states its range in words."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    names_needs: ClassVar[bool] = False
    """Whether the row itself names the words it needs, because they cannot be known from its parameters."""

    @classmethod
    def read(cls, row: str, values: Mapping[str, Any]) -> Self:
        """Return the checked parameters of a row, defaults filled in.

        Raises UserError naming the row, the first wrong parameter, what was found and what is allowed.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            wrong = error.errors()[0]
            name = str(wrong["loc"][0])
            allowed = cls.model_fields.get(name)
            if allowed is None:
                names = ", ".join(cls.model_fields) or "none"
                raise UserError(f"method '{row}': unknown parameter '{name}'; allowed: {names}") from None
            raise UserError(
                f"method '{row}': {name} = {wrong['input']!r} is not allowed; "
                f"wanted {allowed.description} (default {allowed.get_default(call_default_factory=True)!r})"
            ) from None

    @property
    def needs(self) -> tuple[Need, ...]:
        """Words that a row with these values cannot do without; a case that lacks one is refused at planning."""
        return ()

    def check_track(self, row: str, track: Track) -> None:
        """Raise UserError where a value asks for what the row's input track does not give."""

    def check_model(self, row: str) -> None:
        """Raise UserError where a value does not fit the model that the row names; a model not here is not asked."""
