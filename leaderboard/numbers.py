"""Numbers as readers want them: digits that mean something, and a dash where there is none."""

from __future__ import annotations

import math

NONE = "–"


def fixed(value: float | None, digits: int) -> str:
    """Return a number with that many decimals, or a dash."""
    return NONE if value is None else f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")


def significant(value: float | None, digits: int = 3) -> str:
    """Return a number with that many significant digits and no exponent below a million, or a dash."""
    if value is None:
        return NONE
    if value == 0:
        return "0"
    decimals = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
    return fixed(value, min(decimals, 6)) if abs(value) < 1e6 else f"{value:.{digits - 1}e}"


def memory(size: float | None) -> str:
    """Return bytes as MiB or GiB, or a dash."""
    if not size:
        return NONE
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def seconds(value: float | None) -> str:
    """Return seconds with the digits a stopwatch deserves, or a dash."""
    if value is None:
        return NONE
    if 0 < value < 0.01:
        return "< 0.01"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def moment(iso: str | None) -> str:
    """Return a time in ISO 8601, without seconds: 2026-11-23 18:54 UTC."""
    return f"{iso[:10]} {iso[11:16]} UTC" if iso else NONE
