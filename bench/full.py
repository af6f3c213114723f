"""What protocol `full-1` measures, and its formula: `lite-1`'s, with the official networks in the proxies' places.

The weights of the terms are those of `lite-1`; the spans of LPIPS and DINO terms are set from published scales and
stay provisional until they are measured on `dev` in the full rendition. Changing them changes the signature.
"""

from __future__ import annotations

from bench.score import Formula, Term

FULL_1_METRICS = (
    "psnr",
    "psnr-inside",
    "psnr-outside",
    "ssim",
    "ssim-outside",
    "lpips-alex",
    "lpips-alex-outside",
    "dino-structure-vitb8",
    "dino-structure-vitb8-target",
    "edges-gms",
    "edges-gms-outside",
    "clip-text-b32",
    "clip-text-b32-inside",
    "clip-direction-b32",
    "clip-direction-b32-inside",
    "clip-frame-accuracy-b32",
    "clip-frame-accuracy-b32-inside",
    "margin-lab",
    "margin-dino-vitb8",
    "label-text",
    "ciede2000",
    "ciede2000-outside",
    "motion-lk",
    "warp-excess-raft",
    "flicker-difference",
    "clip-frames-b32",
    "dino-frames-vitb8",
    "seconds",
    "nfe",
    "peak-memory",
)

FULL_1_SETS = ("kvd-i3d", "fvd-i3d", "fid-inception")

FULL_1 = Formula(
    terms=(
        Term("margin-lab", "accuracy", "higher", "source", weight=4),
        Term("margin-dino-vitb8", "accuracy", "higher", "source", weight=1),
        Term(
            "ciede2000-outside",
            "preservation",
            "lower",
            "other",
            weight=4,
            least_span=20,
            most_span=25,
            where="outside",
        ),
        Term("ssim-outside", "preservation", "higher", "other", weight=2, least_span=0.4, where="outside"),
        Term("lpips-alex-outside", "preservation", "lower", "other", weight=1, least_span=0.5, where="outside"),
        Term("dino-structure-vitb8-target", "preservation", "lower", "other", weight=1, least_span=80, where="whole"),
        Term("ssim", "preservation", "higher", "other", weight=1, least_span=0.4, where="whole"),
        Term("motion-lk", "temporal", "higher", "frozen", weight=3),
        Term("flicker-difference", "temporal", "lower", "frozen", weight=1, least_span=16, most_span=32),
    ),
    accuracy=1.0,
    preservation=0.5,
    temporal=0.5,
)
