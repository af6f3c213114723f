"""Per-token timesteps at the price of two: under a clean first frame a clip holds only the values 0 and t."""

from __future__ import annotations

from torch import Tensor, nn, where


class TwoTimesteps(nn.Module):
    """A transformer's `condition_embedder` that embeds each distinct timestep once and hands out the rows.

    The embedding is a row-wise network, so the result is that of embedding every token's timestep. Rows of
    `timestep` must hold at most two values, the first token's and the last one's.
    """

    def __init__(self, embedder: nn.Module) -> None:
        super().__init__()
        self.embedder = embedder

    def forward(
        self,
        timestep: Tensor,
        text: Tensor,
        image: Tensor | None = None,
        timestep_seq_len: int | None = None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """Return time embedding [B, L, D], modulation [B, L, 6 D], text and image states, as the embedder."""
        if timestep_seq_len is None:  # one timestep per clip
            result: tuple[Tensor, Tensor, Tensor, Tensor | None] = self.embedder(timestep, text, image)
            return result
        per_token = timestep.unflatten(0, (-1, timestep_seq_len))
        ends = per_token[:, [0, -1]]
        like_first = (per_token == ends[:, :1])[..., None]
        embedded, modulation, text, image = self.embedder(ends.flatten(), text, image, timestep_seq_len=2)
        embedded, modulation = (where(like_first, e[:, :1], e[:, 1:]) for e in (embedded, modulation))
        return embedded, modulation, text, image
