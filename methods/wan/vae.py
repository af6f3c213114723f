"""Encode and decode with `AutoencoderKLWan` of the Wan 2.2 layout, a whole clip in one pass.

diffusers walks a clip four frames at a time and carries a cache through every causal convolution. That
bounds memory, but it is twice as slow on short clips and cannot be compiled or trained. A causal network
needs no cache when it sees all frames at once: the functions below walk the same modules, and treat the
first frame on its own only where the chunked walk does, in the temporal resampling (the first frame is
neither halved nor doubled in time).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.errors import UserError

if TYPE_CHECKING:
    from diffusers import AutoencoderKLWan


def encode_video(vae: AutoencoderKLWan, frames: Tensor, *, chunked: bool = False) -> Tensor:
    """Return the normalised latents of a clip: (mode of the posterior - `latents_mean`) / `latents_std`.

    `frames` is uint8 RGB, [B, T, H, W, 3] or [T, H, W, 3], with T = 4n + 1 and sides that are multiples of
    the VAE's spatial factor (UserError else). The result is float32 [B, C, n + 1, H / f, W / f] on the VAE's
    device. `chunked` takes diffusers' own walk: the same numbers with less memory, for long or large clips.
    """
    if frames.ndim == 4:
        frames = frames[None]
    check_size(vae, *frames.shape[1:4])
    pixels = to_pixels(frames.to(vae.device))
    if not torch.is_autocast_enabled(vae.device.type):
        pixels = pixels.to(vae.dtype)
    chunked = chunked or not vae.config.is_residual
    mean = vae.encode(pixels).latent_dist.mode() if chunked else posterior(vae, pixels)[0]
    return normalise(vae, mean.float())


def decode_video(vae: AutoencoderKLWan, latents: Tensor, *, chunked: bool = False) -> Tensor:
    """Return the clip of normalised latents [B, C, T', h, w]: uint8 RGB [B, 4 (T' - 1) + 1, H, W, 3]."""
    z = denormalise(vae, latents.to(vae.device).float())
    if not torch.is_autocast_enabled(vae.device.type):
        z = z.to(vae.dtype)
    chunked = chunked or not vae.config.is_residual
    return to_frames(vae.decode(z).sample if chunked else reconstruct(vae, z))


def check_size(vae: AutoencoderKLWan, frames: int, height: int, width: int) -> None:
    """Raise UserError when the VAE cannot take a clip of this size without padding."""
    factor = vae.config.scale_factor_spatial
    if frames % 4 != 1 or height % factor or width % factor:
        raise UserError(
            f"clip of {frames} frames, {width}x{height}: the VAE takes 4n + 1 frames and sides "
            f"that are multiples of {factor}; crop or resize the clip"
        )


def to_pixels(frames: Tensor) -> Tensor:
    """Return uint8 [B, T, H, W, 3] as float32 [B, 3, T, H, W] in [-1, 1]."""
    return frames.permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_frames(pixels: Tensor) -> Tensor:
    """Return [B, 3, T, H, W] in [-1, 1] (clipped) as uint8 [B, T, H, W, 3], rounded to the nearest level."""
    levels = (pixels.float().clamp(-1, 1) + 1) * 127.5
    return levels.round().to(torch.uint8).permute(0, 2, 3, 4, 1)


def normalise(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """Return latents with each channel's mean 0 and deviation 1, by the statistics in the VAE's config."""
    mean, std = vae.config.latents_mean, vae.config.latents_std
    return (latents - _channels(mean, latents)) / _channels(std, latents)


def denormalise(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """Undo `normalise`."""
    mean, std = vae.config.latents_mean, vae.config.latents_std
    return latents * _channels(std, latents) + _channels(mean, latents)


def posterior(vae: AutoencoderKLWan, pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and log-variance of the latents of [B, 3, T, H, W] in [-1, 1], each [B, C, T', h, w].

    Equals `vae.encode(pixels).latent_dist` (not normalised); differentiable and stateless, so it compiles.
    Needs the residual blocks of the 2.2 layout (`is_residual`).
    """
    encoder = vae.encoder
    x = encoder.conv_in(_fold(pixels, vae.config.patch_size))
    for block in encoder.down_blocks:
        shortcut = block.avg_shortcut(x)
        for resnet in block.resnets:
            x = resnet(x)
        if block.downsampler is not None:
            x = _downsample(block.downsampler, x)
        x = x + shortcut
    x = encoder.mid_block(x)
    x = encoder.conv_out(encoder.nonlinearity(encoder.norm_out(x)))
    mean, log_variance = vae.quant_conv(x).chunk(2, dim=1)
    return mean, log_variance.clamp(-30.0, 20.0)


def reconstruct(vae: AutoencoderKLWan, latents: Tensor) -> Tensor:
    """Return the pixels [B, 3, T, H, W] of latents [B, C, T', h, w] (not normalised), not clipped to [-1, 1].

    Equals `vae.decode(latents).sample` up to that clipping; differentiable and stateless, so it compiles.
    Needs the residual blocks of the 2.2 layout (`is_residual`).
    """
    decoder = vae.decoder
    x = decoder.mid_block(decoder.conv_in(vae.post_quant_conv(latents)))
    for block in decoder.up_blocks:
        # Doubling in time would give the first frame a twin before the clip: `first_chunk` cuts it off.
        shortcut = None if block.avg_shortcut is None else block.avg_shortcut(x, first_chunk=True)
        for resnet in block.resnets:
            x = resnet(x)
        if block.upsampler is not None:
            x = _upsample(block.upsampler, x)
        if shortcut is not None:
            x = x + shortcut
    x = decoder.conv_out(decoder.nonlinearity(decoder.norm_out(x)))
    return _unfold(x, vae.config.patch_size)


def _downsample(resample: torch.nn.Module, x: Tensor) -> Tensor:
    """Halve height and width, and in `downsample3d` the frames after the first."""
    x = _per_frame(resample.resample, x)
    if resample.mode == "downsample3d" and x.shape[2] > 1:
        x = torch.cat([x[:, :, :1], resample.time_conv(x)], dim=2)
    return x


def _upsample(resample: torch.nn.Module, x: Tensor) -> Tensor:
    """Double height and width, and in `upsample3d` the frames after the first (their past starts empty)."""
    if resample.mode == "upsample3d" and x.shape[2] > 1:
        first, rest = x[:, :, :1], x[:, :, 1:]
        batch, channels, time, height, width = rest.shape
        pairs = resample.time_conv(rest).reshape(batch, 2, channels, time, height, width)
        rest = pairs.permute(0, 2, 3, 1, 4, 5).reshape(batch, channels, 2 * time, height, width)
        x = torch.cat([first, rest], dim=2)
    return _per_frame(resample.resample, x)


def _per_frame(image_layer: torch.nn.Module, x: Tensor) -> Tensor:
    batch, channels, time, height, width = x.shape
    y = image_layer(x.transpose(1, 2).reshape(batch * time, channels, height, width))
    return y.reshape(batch, time, *y.shape[1:]).transpose(1, 2)


def _fold(x: Tensor, patch: int | None) -> Tensor:
    """Move each patch x patch square of pixels into channels (channel, then column, then row)."""
    if not patch or patch == 1:
        return x
    batch, channels, time, height, width = x.shape
    x = x.reshape(batch, channels, time, height // patch, patch, width // patch, patch)
    x = x.permute(0, 1, 6, 4, 2, 3, 5)
    return x.reshape(batch, channels * patch * patch, time, height // patch, width // patch)


def _unfold(x: Tensor, patch: int | None) -> Tensor:
    """Undo `_fold`."""
    if not patch or patch == 1:
        return x
    batch, channels, time, height, width = x.shape
    x = x.reshape(batch, channels // patch**2, patch, patch, time, height, width)
    x = x.permute(0, 1, 4, 5, 3, 6, 2)
    return x.reshape(batch, channels // patch**2, time, height * patch, width * patch)


def _channels(values: list[float], like: Tensor) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device).view(1, -1, 1, 1, 1)
