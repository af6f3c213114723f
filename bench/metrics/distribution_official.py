"""FID, FVD and KVD on their official networks; the numerics are those of `bench.metrics.distribution`."""

from __future__ import annotations

from bench import weights
from bench.features.i3d import I3dClip
from bench.features.inception import InceptionFrames
from bench.metrics.distribution import SetDistance, frechet_card, kernel_card

I3D, INCEPTION = weights.CATALOGUE["i3d"].sha256, weights.CATALOGUE["inception-fid"].sha256
FVD = "Unterthiner et al. 2018 (FVD, KVD), arXiv:1812.01717"
METRICS = (
    SetDistance(kernel_card("kvd-i3d", "KVD, I3D", "i3d kinetics-400", I3D, FVD), I3dClip(), "kernel"),
    SetDistance(frechet_card("fvd-i3d", "FVD, I3D", "i3d kinetics-400", I3D, FVD), I3dClip(), "frechet"),
    SetDistance(
        frechet_card("fid-inception", "FID of frames, Inception", "inception 2015", INCEPTION, "arXiv:1706.08500"),
        InceptionFrames(),
        "frechet",
    ),
)
