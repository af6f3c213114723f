"""Motion fidelity: do the points of the clip travel as those of the ground truth do?

Dense flow on flat, shaded backgrounds measures noise and crushes every method that decodes latents. Corners tracked
over several frames do not: only points that can be located, and that move, are asked.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.features.bank import FeatureBank
from bench.metrics import Sample
from bench.metrics.region import reference
from bench.types import MetricCard, Score, Video

SPAN = 8
"""Frames over which a point is followed."""
POINTS = 160
"""Most corners taken per starting frame."""
QUALITY = 0.02
"""Least corner strength, as a share of the strongest corner's."""
MIN_TRAVEL = 2 / 256
"""Only points that travel farther, as a share of the frame's short side, are asked."""
MIN_POINTS = 8
ROUND_TRIP = 1.0
"""Pixels by which a point may miss its start when tracked there and back in the reference."""

Points = NDArray[np.float32]


def grey(video: Video) -> NDArray[np.uint8]:
    """Return lightly blurred luma, T x H x W: tracking must not depend on grain."""
    return np.stack([cv2.GaussianBlur(cv2.cvtColor(f, cv2.COLOR_RGB2GRAY), (0, 0), 1.0) for f in video.frames])


def follow(frames: NDArray[np.uint8], points: Points) -> tuple[Points, NDArray[np.bool_]]:
    """Return where points of the first frame are in each later one, frames x N x 2, and which were never lost.

    Pyramidal Lucas-Kanade (Bouguet 2001) from frame to frame, windows of 15 x 15 pixels, three levels.
    """
    alive = np.ones(len(points), bool)
    places = []
    for now, then in pairwise(frames):
        points, status, _ = cv2.calcOpticalFlowPyrLK(now, then, points, None, winSize=(15, 15), maxLevel=3)
        alive &= status.ravel() == 1
        places.append(points)
    return np.stack(places), alive


def tracks(bank: FeatureBank, video: Video) -> list[tuple[int, Points, Points]]:
    """Return the reference's tracks of moving points: per span its first frame, starts (N x 2), travel so far
    (frames x N x 2)."""

    def compute() -> list[tuple[int, Points, Points]]:
        frames = grey(video)
        span = min(SPAN, len(frames) - 1)
        limit = MIN_TRAVEL * min(frames.shape[1:])
        found = []
        for first in range(0, len(frames) - span, max(1, span // 2)):
            corners = cv2.goodFeaturesToTrack(frames[first], POINTS, QUALITY, 5)
            if corners is None:
                continue
            start = corners.reshape(-1, 2)
            window = frames[first : first + span + 1]
            places, there = follow(window, start)
            back, again = follow(window[::-1], places[-1])
            sure = there & again & (np.linalg.norm(back[-1] - start, axis=1) < ROUND_TRIP)
            sure &= np.linalg.norm(places[-1] - start, axis=1) > limit
            found.append((first, start[sure], (places - start)[:, sure]))
        return found

    return bank.memo(("motion-tracks", bank.digest(video)), compute)


class MotionFidelity:
    """1 - the mean over moving points of min(sum |d_edit - d_reference| / sum |d_reference|, 1).

    d is the travel since the span's first frame, the sums run over the span's frames: a point that arrives in time
    but jumps about on the way (shuffled frames) is wrong too. Each point's error is bounded, so lost ones cannot
    dominate; a median would fall from nearly 1 to 0 once half of the corners are blurred away.
    """

    card = MetricCard(
        name="motion-lk",
        version=2,
        title="Motion fidelity, Lucas-Kanade tracks",
        family="temporal",
        better="higher",
        range=(0, 1),
        axis="temporal",
        paper="after Yatim et al. 2024, arXiv:2311.17009, section 4; displacement error in place of direction",
        description=f"Corners of the reference followed over {SPAN} frames in both clips; 0 for a frozen clip. "
        "Without a target: the source's motion.",
        reactions={
            "identity": "same",
            "frozen": "worse",
            "shuffled": "worse",
            "noise": "worse",
            "jitter": "worse",
        },
    )

    def score(self, sample: Sample) -> Score:
        """Return the share of motion that is right; unscored where too little of the reference moves."""
        paths = tracks(sample.features, reference(sample))
        if sum(len(start) for _, start, _ in paths) < MIN_POINTS:
            return Score(unscored=f"needs {MIN_POINTS} points that can be followed and move")
        frames = grey(sample.edit)
        span = min(SPAN, len(frames) - 1)
        errors = []
        for first, start, travel in paths:
            if not len(start):
                continue
            places, alive = follow(frames[first : first + span + 1], start)
            gap = np.linalg.norm(places - start - travel, axis=2).sum(0)
            miss = gap / np.linalg.norm(travel, axis=2).sum(0)
            errors.append(np.where(alive, np.minimum(miss, 1), 1))
        return Score(float(1 - np.concatenate(errors).mean()))


METRICS = (MotionFidelity(),)
