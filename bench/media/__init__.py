"""Clips in and out of files: exact decoding, deterministic encoding, masks, still frames."""

from bench.media.decode import ClipFacts, probe, read_mask, read_video
from bench.media.encode import write_lossless, write_mask, write_mp4
from bench.media.still import read_png, write_png

__all__ = [
    "ClipFacts",
    "probe",
    "read_mask",
    "read_png",
    "read_video",
    "write_lossless",
    "write_mask",
    "write_mp4",
    "write_png",
]
