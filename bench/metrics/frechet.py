"""Frechet distance of two sets of features: the numerics of FID and FVD."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float64]


def frechet(x: Features, y: Features) -> float:
    """Return the Frechet distance of the normal distributions fitted to two sets, n x D and m x D.

        |mean x - mean y|^2 + tr Cx + tr Cy - 2 tr (Cx Cy)^(1/2)        (Heusel et al. 2017, arXiv:1706.08500, eq. 6)

    Covariances divide by n - 1. The last trace is the sum of singular values of Xc Yc^T / sqrt((n - 1)(m - 1)), with Xc
    and Yc the centred sets: no matrix root is taken, so sets smaller than D, whose covariances are singular, are exact
    too. Each set is brought to min(n, D) rows first by a QR decomposition, which changes no singular value.
    Raises ValueError for fewer than two rows or unequal widths.
    """
    if min(len(x), len(y)) < 2 or x.shape[1] != y.shape[1]:
        raise ValueError(f"wanted two sets of two or more rows of one width, found {x.shape} and {y.shape}")
    means = x.mean(0), y.mean(0)
    roots = [np.linalg.qr(s - m, mode="r") / np.sqrt(len(s) - 1) for s, m in zip((x, y), means, strict=True)]
    shared = np.linalg.svd(roots[0] @ roots[1].T, compute_uv=False).sum()
    apart = ((means[0] - means[1]) ** 2).sum()
    return float(apart + (roots[0] ** 2).sum() + (roots[1] ** 2).sum() - 2 * shared)
