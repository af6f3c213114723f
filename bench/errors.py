"""The exceptions a user meets; everything else is a bug."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class BenchError(Exception):
    """Base of all errors this project raises on purpose."""


class UserError(BenchError):
    """A mistake the user can mend: one line (found, wanted, what to do); the CLI exits with 2."""


class CaseFailed(BenchError):
    """One case could not be edited or scored; it is recorded and the run goes on."""


def unknown(kind: str, name: str, available: Iterable[str]) -> UserError:
    """Return the error for a name that is not registered, with the nearest names first."""
    names = sorted(available)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"did you mean {', '.join(near)}?" if near else f"available: {', '.join(names) or 'none'}"
    return UserError(f"unknown {kind} '{name}': {hint}")
