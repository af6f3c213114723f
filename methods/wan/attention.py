"""Taps on the transformer: features of one forward are recorded, and take the place of another's.

A tap is a hook on a module of a block, so any attention kernel does and no forward is re-written. Queries and keys are
taken after their norm and before the rotary embedding: both clips have the same grid of tokens, so positions agree.
Features are [B, L, D], one row for each token, latent frame by latent frame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

if TYPE_CHECKING:
    from diffusers import WanTransformer3DModel

Site = Literal["query", "key", "value", "output", "block", "cross-query"]
"""Where a block is tapped: self-attention's query, key, value and output, the block's own output, or the query that
cross-attention puts to the prompt."""
Place = tuple[int, Site]
"""A layer, from 0, and where it is tapped."""
Hook = Callable[[torch.nn.Module, object, Tensor], Tensor | None]
_MODULE: dict[Site, str] = {
    "query": "attn1.norm_q",
    "key": "attn1.norm_k",
    "value": "attn1.to_v",
    "output": "attn1",
    "block": "",
    "cross-query": "attn2.norm_q",
}


@contextmanager
def recording(transformer: WanTransformer3DModel, places: Iterable[Place]) -> Iterator[dict[Place, Tensor]]:
    """Give a dict that holds the features of the one forward that is run inside.

    Raises ValueError on a second forward: the features would be of two branches.
    """
    features: dict[Place, Tensor] = {}

    def record(place: Place) -> Hook:
        def hook(module: torch.nn.Module, inputs: object, output: Tensor) -> None:
            if place in features:
                raise ValueError("features are recorded from one forward at a time; guidance must be 1")
            features[place] = output

        return hook

    with _hooks(transformer, {place: record(place) for place in places}):
        yield features


@contextmanager
def injecting(transformer: WanTransformer3DModel, features: Mapping[Place, Tensor], weight: Tensor) -> Iterator[None]:
    """Put `features` in the place of those of every forward inside; both branches of guidance are given them.

    `weight` is [1, L, 1] in [0, 1]: 0 keeps a token's own feature bit for bit, 1 is the given one bit for bit.
    """

    def inject(given: Tensor) -> Hook:
        def hook(module: torch.nn.Module, inputs: object, output: Tensor) -> Tensor:
            return torch.lerp(output, given.to(output).expand_as(output), weight.to(output))

        return hook

    with _hooks(transformer, {place: inject(given) for place, given in features.items()}):
        yield


@contextmanager
def _hooks(transformer: WanTransformer3DModel, hooks: Mapping[Place, Hook]) -> Iterator[None]:
    """Hold a hook on the module of each layer and site."""
    with ExitStack() as held:
        for (layer, site), hook in hooks.items():
            module = transformer.blocks[layer].get_submodule(_MODULE[site])
            held.callback(module.register_forward_hook(hook).remove)
        yield
