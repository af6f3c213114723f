"""The whole-clip walk of the Wan VAE against diffusers' own chunked walk."""

import pytest
import torch
from diffusers import AutoencoderKLWan

from bench.errors import CaseFailed, UserError
from methods.wan.vae import (
    decode_video,
    encode_video,
    posterior,
    reconstruct,
    streamed_frames,
    streamed_mean,
    to_frames,
    to_pixels,
)


def small_vae(seed: int = 0) -> AutoencoderKLWan:
    torch.manual_seed(seed)
    vae = AutoencoderKLWan(
        base_dim=4,
        decoder_base_dim=6,
        z_dim=5,
        dim_mult=[1, 2, 4, 4],
        num_res_blocks=1,
        temperal_downsample=[False, True, True],
        is_residual=True,
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_spatial=16,
        latents_mean=[0.1, -0.2, 0.3, 0.0, 0.5],
        latents_std=[1.0, 2.0, 0.5, 1.5, 0.7],
    )
    return vae.eval().requires_grad_(False)


def clip(frames: int = 9, height: int = 32, width: int = 48, batch: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (batch, frames, height, width, 3), generator=generator, dtype=torch.uint8)


@pytest.mark.parametrize("frames", [1, 5, 9, 17])
def test_one_pass_encodes_what_the_chunked_walk_encodes(frames: int) -> None:
    vae, pixels = small_vae(), to_pixels(clip(frames))
    whole_mean, whole_log_variance = posterior(vae, pixels)
    chunked = vae.encode(pixels).latent_dist
    assert whole_mean.shape == (2, 5, (frames - 1) // 4 + 1, 2, 3)
    torch.testing.assert_close(whole_mean, chunked.mean, atol=1e-5, rtol=0)
    torch.testing.assert_close(whole_log_variance, chunked.logvar, atol=1e-5, rtol=0)


@pytest.mark.parametrize("latent_frames", [1, 2, 3, 5])
def test_one_pass_decodes_what_the_chunked_walk_decodes(latent_frames: int) -> None:
    vae = small_vae()
    latents = torch.randn(2, 5, latent_frames, 2, 3, generator=torch.Generator().manual_seed(2))
    whole = reconstruct(vae, latents)
    assert whole.shape == (2, 3, 4 * (latent_frames - 1) + 1, 32, 48)
    assert whole.std() > 0.01
    torch.testing.assert_close(whole.clamp(-1, 1), vae.decode(latents).sample, atol=1e-5, rtol=0)


def test_the_public_calls_agree_between_both_walks_and_with_the_statistics_of_the_config() -> None:
    vae, frames = small_vae(), clip()
    latents = encode_video(vae, frames)
    torch.testing.assert_close(latents, encode_video(vae, frames, stream=True), atol=1e-5, rtol=0)
    raw = vae.encode(to_pixels(frames)).latent_dist.mode()
    torch.testing.assert_close(latents[:, 1], (raw[:, 1] + 0.2) / 2.0, atol=1e-5, rtol=0)
    whole, chunked = decode_video(vae, latents), decode_video(vae, latents, stream=True)
    assert whole.dtype == torch.uint8 and whole.shape == frames.shape
    assert (whole.int() - chunked.int()).abs().max() <= 1


@pytest.mark.parametrize("frames", [1, 5, 17])
def test_a_streamed_clip_is_that_of_the_chunked_walk_bit_for_bit(frames: int) -> None:
    vae, pixels = small_vae(), clip(frames)
    mean = vae.encode(to_pixels(pixels)).latent_dist.mode()
    assert torch.equal(streamed_mean(vae, pixels), mean)
    decoded = torch.cat(list(streamed_frames(vae, mean)), dim=1)
    assert torch.equal(decoded, to_frames(vae.decode(mean).sample))


def test_a_prefix_of_a_clip_has_the_same_latents_and_frames() -> None:
    vae, pixels = small_vae(), clip(9)
    latents = streamed_mean(vae, pixels)
    for frames in (1, 5):
        prefix = streamed_mean(vae, pixels[:, :frames])
        torch.testing.assert_close(prefix, latents[:, :, : frames // 4 + 1], atol=1e-6, rtol=0)
    decoded = list(streamed_frames(vae, latents))
    for one, whole in zip(streamed_frames(vae, latents[:, :, :2]), decoded, strict=False):
        assert torch.equal(one, whole)


def test_streamed_frames_come_as_they_are_decoded() -> None:
    vae, asked = small_vae(), []
    inner = vae.decoder.forward

    def counting(*args: object, **kwargs: object) -> torch.Tensor:
        asked.append(1)
        return inner(*args, **kwargs)

    vae.decoder.forward = counting
    stream = streamed_frames(vae, torch.randn(1, 5, 4, 2, 3))
    assert [(next(stream).shape[1], len(asked)) for _ in range(4)] == [(1, 1), (4, 2), (4, 3), (4, 4)]


def test_large_clips_are_streamed_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    vae, frames = small_vae(), clip(9, batch=1)
    latents = encode_video(vae, frames)
    whole = decode_video(vae, latents)

    def refuse(*args: object) -> None:
        raise AssertionError("the whole clip was asked for at once")

    monkeypatch.setattr("methods.wan.vae.posterior", refuse)
    monkeypatch.setattr("methods.wan.vae.reconstruct", refuse)
    with pytest.raises(AssertionError):
        encode_video(vae, frames)
    monkeypatch.setattr("methods.wan.vae.WHOLE_PIXELS", 9 * 32 * 48 - 1)
    torch.testing.assert_close(encode_video(vae, frames), latents, atol=1e-5, rtol=0)
    assert (decode_video(vae, latents).int() - whole.int()).abs().max() <= 1


def test_the_first_latent_of_a_clip_is_the_latent_of_its_first_frame() -> None:
    vae, frames = small_vae(), clip()
    torch.testing.assert_close(encode_video(vae, frames)[:, :, :1], encode_video(vae, frames[:, :1]), atol=1e-5, rtol=0)


def test_a_single_clip_gets_a_batch_axis() -> None:
    vae, frames = small_vae(), clip(5)
    latents = encode_video(vae, frames[0])
    assert latents.shape == (1, 5, 2, 2, 3)
    torch.testing.assert_close(latents, encode_video(vae, frames)[:1], atol=1e-5, rtol=0)


def test_eight_bit_frames_survive_the_way_to_pixels_and_back() -> None:
    frames = torch.arange(256, dtype=torch.uint8).reshape(1, 1, 16, 16, 1).expand(-1, -1, -1, -1, 3)
    assert torch.equal(to_frames(to_pixels(frames)), frames)


def test_a_pixel_that_is_no_number_fails_the_case() -> None:
    pixels = torch.zeros(1, 3, 1, 4, 4)
    pixels[0, 1, 0, 2, 3] = float("nan")
    with pytest.raises(CaseFailed, match="1 of 16 pixels are not finite"):
        to_frames(pixels)


def test_gradients_reach_every_weight_of_both_halves() -> None:
    vae = small_vae().requires_grad_(True)
    mean, log_variance = posterior(vae, to_pixels(clip(5)))
    (reconstruct(vae, mean).square().mean() + log_variance.square().mean()).backward()
    weights = dict(vae.named_parameters())
    without = [name for name, weight in weights.items() if weight.grad is None or not weight.grad.any()]
    assert without == []


@pytest.mark.parametrize("shape", [(8, 32, 32), (9, 40, 32), (9, 32, 30)])
def test_a_size_that_the_vae_cannot_take_is_refused_in_one_line(shape: tuple[int, int, int]) -> None:
    frames, height, width = shape
    with pytest.raises(UserError, match=r"4n \+ 1 frames.*multiples of 16") as error:
        encode_video(small_vae(), clip(frames, height, width, batch=1))
    assert "\n" not in str(error.value)
