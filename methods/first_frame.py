"""The edited first frame, made by the model itself where the track gives none.

The whole clip is edited by FlowEdit under the two prompts alone, without a first frame, and of the result frame 0 is
kept. One frame by itself would be cheaper, but is a clip that a video model has hardly been trained on: on two `dev`
cases its frames were 3 to 6 dB further from the truth. A mask, where the track gives one, bounds the change.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bench.types import EditRequest
from methods.flow_edit import flow_edit
from methods.region import feathered, given
from methods.wan.noise import fresh_noise

if TYPE_CHECKING:
    from torch import Tensor

    from methods.wan.velocity import Backbone


def edited_first(
    wan: Backbone,
    request: EditRequest,
    source: Tensor,
    sigmas: Sequence[float],
    guidance: float,
    negative: Tensor | None,
) -> Tensor:
    """Return the clean latent [1, C, 1, h, w] of the edited first frame; `source` holds the clip's latents.

    CaseFailed names step and sigma when a velocity is not finite or explodes.
    """
    import torch

    from methods.wan.velocity import watched

    v_src = partial(wan.velocity, context=wan.encode_text(request.source_prompt))
    target = wan.encode_text(request.target_prompt)
    v_tar = partial(wan.velocity, context=target, guidance=guidance, negative=negative)
    edit = flow_edit(
        source,
        sigmas,
        watched(v_src, sigmas, "first frame, source branch"),
        watched(v_tar, sigmas, "first frame, target branch"),
        fresh_noise(source, request.seed),
    )[:, :, :1]
    if request.mask is None:
        return edit
    region = given(request.mask[:1], int(wan.vae.config.scale_factor_spatial)).to(edit)
    return torch.lerp(source[:, :, :1], edit, feathered(region, 1))
