"""Sigma grids of the flow: pure floats, no torch.

Sigma is the share of noise: x = (1 - sigma) * clean + sigma * noise, so 1 is pure noise and 0 is clean;
the model's timestep is 1000 * sigma. A grid descends to exactly 0; inversion walks it upwards.
"""

from __future__ import annotations

NATIVE_TOP = 0.999
"""Where Wan's own UniPC starts before the shift (its `sigma_max`); UniPC is undefined at sigma = 1."""


def shift_sigma(u: float, shift: float) -> float:
    """Return the shifted sigma S(u) = s u / (1 + (s - 1) u), in [0, 1] as u is (Wan2.2's `flow_shift`)."""
    return shift * u / (1 + (shift - 1) * u)


def unshift_sigma(sigma: float, shift: float) -> float:
    """Return the u with S(u) = sigma: the inverse of `shift_sigma`."""
    return sigma / (shift - (shift - 1) * sigma)


def shifted_grid(steps: int, shift: float, top: float = 1.0) -> list[float]:
    """Return `steps + 1` sigmas S(top * (1 - i / steps)), down to 0; `top` is the start unshifted."""
    return [shift_sigma(top * (1 - i / steps), shift) for i in range(steps)] + [0.0]


def native_unipc(steps: int, shift: float) -> list[float]:
    """Return the grid of Wan's UniPC: it starts at S(0.999), and its timesteps are int(1000 * sigma)."""
    return shifted_grid(steps, shift, NATIVE_TOP)


def native_dpm(steps: int, shift: float) -> list[float]:
    """Return the grid of Wan's DPM++ sampler: it starts at sigma = 1 exactly."""
    return shifted_grid(steps, shift)


def grid_from(sigma: float, steps: int, shift: float, top: float = NATIVE_TOP) -> list[float]:
    """Return a grid of `steps` steps from `sigma`, in (0, 1], or from S(top) where that is lower.

    A partial edit keeps all its steps: they are laid on [0, sigma] along the same shifted curve, so that
    strength changes what is re-made and not how finely.
    """
    return shifted_grid(steps, shift, min(unshift_sigma(sigma, shift), top))
