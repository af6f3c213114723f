"""Encode and decode with `AutoencoderKLWan` of the Wan 2.2 layout: a whole clip in one pass, or streamed.

diffusers walks a clip four frames at a time and carries a cache through every causal convolution. That
bounds memory, but it is twice as slow on short clips and cannot be compiled or trained. A causal network
needs no cache when it sees all frames at once: `posterior` and `reconstruct` walk the same modules, and treat
the first frame on its own only where the chunked walk does, in the temporal resampling (the first frame is
neither halved nor doubled in time). Streaming is the chunked walk, but pixels are on the device for one
chunk at a time only: that, not the transformer, is the peak of memory on large clips.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bench.errors import CaseFailed, UserError

if TYPE_CHECKING:
    from diffusers import AutoencoderKLWan


WHOLE_PIXELS = 17 * 512 * 512
"""Up to this many pixels a clip goes through in one pass unless told otherwise: faster, but all in memory at once."""


def encode_video(vae: AutoencoderKLWan, frames: Tensor, *, stream: bool | None = None) -> Tensor:
    """Return the normalised latents of a clip: (mode of the posterior - `latents_mean`) / `latents_std`.

    `frames` is uint8 RGB, [B, T, H, W, 3] or [T, H, W, 3], with T = 4n + 1 and sides that are multiples of
    the VAE's spatial factor (UserError else). The result is float32 [B, C, n + 1, H / f, W / f] on the VAE's
    device. `stream` walks the clip in chunks: the same numbers with less memory; None does so for clips of
    more than WHOLE_PIXELS.
    """
    if frames.ndim == 4:
        frames = frames[None]
    check_size(vae, *frames.shape[1:4])
    if _streams(vae, stream, *frames.shape[1:4]):
        mean = streamed_mean(vae, frames)
    else:
        mean = posterior(vae, _in_dtype(vae, to_pixels(frames.to(vae.device))))[0]
    return normalise(vae, mean.float())


def decode_video(vae: AutoencoderKLWan, latents: Tensor, *, stream: bool | None = None) -> Tensor:
    """Return the clip of normalised latents [B, C, T', h, w]: uint8 RGB [B, 4 (T' - 1) + 1, H, W, 3].

    `stream` as in `encode_video`; a streamed clip is on the CPU, else on the VAE's device.
    """
    z = _in_dtype(vae, denormalise(vae, latents.to(vae.device).float()))
    factor = vae.config.scale_factor_spatial
    if _streams(vae, stream, 4 * z.shape[2] - 3, z.shape[3] * factor, z.shape[4] * factor):
        return torch.cat([chunk.cpu() for chunk in streamed_frames(vae, z)], dim=1)
    return to_frames(reconstruct(vae, z))


def streamed_mean(vae: AutoencoderKLWan, frames: Tensor) -> Tensor:
    """Return the posterior's mean [B, C, T', h, w] of uint8 [B, T, H, W, 3], one chunk on the device at a time.

    The first frame is a chunk of its own, then four frames make one; equals `posterior`.
    """
    cache = _cache(vae.encoder)
    chunks = [frames[:, :1], *frames[:, 1:].split(4, dim=1)] if frames.shape[1] > 1 else [frames]
    encoded = []
    for chunk in chunks:
        pixels = _in_dtype(vae, to_pixels(chunk.to(vae.device)))
        encoded.append(vae.encoder(_fold(pixels, vae.config.patch_size), feat_cache=cache, feat_idx=[0]))
    return vae.quant_conv(torch.cat(encoded, dim=2)).chunk(2, dim=1)[0]


def streamed_frames(vae: AutoencoderKLWan, latents: Tensor) -> Iterator[Tensor]:
    """Yield the uint8 frames [B, 1 or 4, H, W, 3] of latents [B, C, T', h, w] (not normalised), as they are decoded."""
    cache = _cache(vae.decoder)
    z = vae.post_quant_conv(latents)
    for i in range(z.shape[2]):
        x = vae.decoder(z[:, :, i : i + 1], feat_cache=cache, feat_idx=[0], first_chunk=i == 0)
        yield to_frames(_unfold(x, vae.config.patch_size))


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
    """Return [B, 3, T, H, W] in [-1, 1] (clipped) as uint8 [B, T, H, W, 3], rounded to the nearest level.

    Raises CaseFailed where a pixel is not a number: as a level it would be black, and nobody would know.
    """
    if bad := int((~pixels.isfinite()).any(1).sum()):
        raise CaseFailed(f"decoding: {bad} of {pixels[:, 0].numel()} pixels are not finite; wanted none")
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


def _streams(vae: AutoencoderKLWan, stream: bool | None, frames: int, height: int, width: int) -> bool:
    """Tell whether a clip of this size is streamed; the blocks of older layouts know no other way."""
    asked = frames * height * width > WHOLE_PIXELS if stream is None else stream
    return asked or not vae.config.is_residual


def _cache(half: torch.nn.Module) -> list[Tensor | None]:
    """Return an empty cache of past frames for the encoder or the decoder: one place for each causal convolution."""
    from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d

    return [None] * sum(isinstance(module, WanCausalConv3d) for module in half.modules())


def _in_dtype(vae: AutoencoderKLWan, x: Tensor) -> Tensor:
    """Return x in the VAE's precision, or as it is under autocast, which decides by itself."""
    return x if torch.is_autocast_enabled(vae.device.type) else x.to(vae.dtype)


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
