"""Where an edit may change the clip, in latents: from the mask that the track gives, or found from the model itself.

A region is float32 [1, 1, T', h, w] in [0, 1]: 1 is free to change, 0 is held to the source.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from bench.errors import CaseFailed, UserError
from bench.types import EditRequest, Mask, Track
from methods.inversion import Branches, InversionParameters
from methods.wan.noise import fresh_noise

if TYPE_CHECKING:
    from torch import Tensor

    from methods.wan.velocity import Backbone


class RegionParameters(InversionParameters):
    """How a row comes to its region."""

    region: Literal["none", "found", "mask"] = Field(
        "found", description="none (all of the clip), found (from the velocity difference) or mask (track mask)"
    )
    region_sigma: float = Field(
        0.7, gt=0, lt=1, description="the sigma in (0, 1) at which the velocities are compared, where region is found"
    )
    region_draws: int = Field(1, ge=1, description="a whole number >= 1 of noise draws to compare the velocities on")
    region_threshold: float = Field(
        0.12, gt=0, lt=1, description="a share in (0, 1) of the largest difference, from which on a place is edited"
    )
    region_softness: float = Field(0.08, gt=0, le=1, description="the width in (0, 1] of the threshold's ramp")
    feather: int = Field(1, ge=0, description="a whole number >= 0 of latents over which a region fades outwards")

    def check_track(self, row: str, track: Track) -> None:
        """Raise UserError where the row wants a mask that its track does not give."""
        super().check_track(row, track)
        if self.region == "mask" and track != "mask":
            raise UserError(f"method '{row}': track {track} gives no mask; wanted region: found, or track: mask")


def region_of(p: RegionParameters, wan: Backbone, request: EditRequest, branches: Branches) -> Tensor | None:
    """Return the edit's region, or None where all of the clip is one; CaseFailed where a mask is lacking or empty."""
    if p.region == "none":
        return None
    if p.region == "found":
        return feathered(found(p, branches, request.seed), p.feather)
    if request.mask is None:
        raise CaseFailed("no edit mask: give one (track mask), or set region: found")
    if not request.mask.any():
        raise CaseFailed("the edit mask is empty; wanted at least one pixel that may change")
    factor = int(wan.vae.config.scale_factor_spatial)
    return feathered(given(request.mask, factor).to(branches.source.device), p.feather)


def given(mask: Mask, factor: int) -> Tensor:
    """Return the region of a mask T x H x W: a latent is free where any of its pixels is.

    Latent frame 0 holds frame 0, latent frame k the frames 4k - 3 to 4k; a latent is factor x factor pixels.
    """
    import torch
    import torch.nn.functional as F

    pixels = torch.tensor(mask)[None, None].float()
    first = F.max_pool3d(pixels[:, :, :1], (1, factor, factor))
    if pixels.shape[2] == 1:
        return first
    return torch.cat([first, F.max_pool3d(pixels[:, :, 1:], (4, factor, factor))], dim=2)


def found(p: RegionParameters, branches: Branches, seed: int) -> Tensor:
    """Return the region where the two conditions pull the noised source apart, without guidance, softly cut.

    The idea is DiffEdit's (Couairon et al., arXiv 2210.11427), on velocities and a whole clip. Costs two evaluations
    a draw. Frame 0 has no velocity: there the two first frames themselves are compared.
    """
    import torch

    from methods.wan.velocity import watched

    source, sigma = branches.source, p.region_sigma
    noise = fresh_noise(source, seed)
    apart = torch.zeros_like(source)
    v_tar = watched(branches.v_free, [sigma], "region, target branch")
    v_src = watched(branches.v_src, [sigma], "region, source branch")
    for _ in range(p.region_draws):
        x = (1 - sigma) * source + sigma * noise()
        apart += v_tar(x, sigma) - v_src(x, sigma)
    first = branches.first - source[:, :, :1]
    parts = [_cut(part, p) for part in (first, apart[:, :, 1:]) if part.shape[2]]
    return torch.cat(parts, dim=2)


def _cut(difference: Tensor, p: RegionParameters) -> Tensor:
    """Return a difference [1, C, T, h, w] as a region: its size, smoothed, cut at a share of its largest value."""
    size = _blurred(difference.square().mean(dim=1, keepdim=True).sqrt(), 1)
    share = size / size.max().clamp(min=1e-6)
    return ((share - p.region_threshold) / p.region_softness + 0.5).clamp(0, 1)


def feathered(region: Tensor, radius: int) -> Tensor:
    """Return the region with its edge faded outwards over 2 `radius` latents; where it was 1 it stays 1."""
    import torch.nn.functional as F

    if radius == 0:
        return region
    wide = F.max_pool3d(region, (1, 2 * radius + 1, 2 * radius + 1), stride=1, padding=(0, radius, radius))
    return _blurred(wide, radius)


def _blurred(x: Tensor, radius: int) -> Tensor:
    """Return the mean over the (2 radius + 1)^2 latents around each, in each frame; edges are repeated outwards."""
    import torch.nn.functional as F

    grown = F.pad(x, (radius, radius, radius, radius, 0, 0), mode="replicate")
    return F.avg_pool3d(grown, (1, 2 * radius + 1, 2 * radius + 1), stride=1)


def kept_tokens(region: Tensor | None, latents: Tensor, patch: int) -> Tensor:
    """Return [1, L, 1] in [0, 1]: how far each token of latents [1, C, T', h, w] is held to the source.

    A token is as free as the freest of its patch x patch latents. Those of frame 0 are free: that frame is given.
    """
    import torch
    import torch.nn.functional as F

    _, _, frames, height, width = latents.shape
    if region is None:
        free = torch.zeros(1, 1, frames, height // patch, width // patch, device=latents.device)
    else:
        free = F.max_pool3d(region.to(latents.device), (1, patch, patch))
    free[:, :, :1] = 1
    return 1 - free.flatten()[None, :, None]
