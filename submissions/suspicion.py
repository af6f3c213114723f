"""What a moderator should look at: clips that are no edits of this case, and scores that no edit should have.

None of it refuses a submission. Every check has its limit here and its reason in docs/reviewing.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.types import Score
from submissions.ledger import Flag
from submissions.thumbs import Thumbs, apart, sampled

CHECKS: dict[str, str] = {
    "copy-of-source": "the clip is the source, encoded again at most",
    "copy-of-target": "the clip is the ground truth, encoded again at most",
    "copy-of-submission": "the clip is another submitter's, encoded again at most",
    "still": "one frame is shown all along while the source moves",
    "reversed": "the clip fits the source better when it is played backwards",
    "repeated-frames": "frames are repeated that the source does not repeat",
    "beyond-truth": "a metric is better than the ground truth's own",
    "outlier": "a metric is better than the other rows by more than six of their absolute deviations",
    "no-edit": "nearly all is kept and nearly nothing edited, as where the source is copied",
    "same-again": "the same files were submitted before",
    "team-taken": "another account has submitted under this team's name",
    "team-pace": "the team had another submission accepted within the last 14 days",
}
SAME_LEVELS = 5.0
"""Of 255, in the block that differs most: closer clips are taken for copies. On the shipped development split encoding
the sources again moves 0.8 to 1.9 levels (H.264 at crf 18 and 23) and up to 4.3 (crf 30), the smallest edit 8.9."""
MOVES, STILL = 4.0, 1.0
"""Levels between frames in the block that moves most: the source moves, the edit does not."""
REPEATED_SHARE = 0.2
BEYOND_SHARE = 0.05
"""Of the span between control and ground truth."""
DEVIATIONS = 6.0
LEAST_ROWS = 5
KEPT, EDITED = 0.95, 0.02
"""Mean preservation and accuracy."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A clip with what it is compared with."""

    case: str
    edit: Thumbs
    source: Thumbs
    target: Thumbs | None
    others: tuple[Thumbs, ...]
    """Sampled thumbs of other submitters' clips of the case."""


def clip_flags(clips: Sequence[Seen]) -> tuple[Flag, ...]:
    """Return one flag per check that any clip gives rise to, naming its clips."""
    found: dict[str, list[str]] = {}
    for clip in clips:
        for check in _clip_checks(clip):
            found.setdefault(check, []).append(clip.case)
    limits = {
        "still": f"{STILL:g} levels where the source moves {MOVES:g}",
        "reversed": "closer to the source forwards",
        "repeated-frames": f"{REPEATED_SHARE:.0%} of the frames",
    }
    return tuple(
        Flag(check, _names(cases), f"{len(cases)} of {len(clips)} clips", limits.get(check, f"{SAME_LEVELS:g} levels"))
        for check, cases in found.items()
    )


def _names(cases: Sequence[str]) -> str:
    return ", ".join(cases[:5]) + (f" and {len(cases) - 5} more" if len(cases) > 5 else "")


def _clip_checks(clip: Seen) -> Iterator[str]:
    if apart(clip.edit, clip.source) <= SAME_LEVELS:
        yield "copy-of-source"
    elif clip.target is not None and apart(clip.edit, clip.target) <= SAME_LEVELS:
        yield "copy-of-target"
    if any(apart(sampled(clip.edit), other) <= SAME_LEVELS for other in clip.others):
        yield "copy-of-submission"
    moved, wanted = _steps(clip.edit), _steps(clip.source)
    if moved.max(initial=0) <= STILL < MOVES <= wanted.max(initial=0):
        yield "still"
        return
    if clip.edit.shape == clip.source.shape:
        forwards, backwards = (np.abs(clip.edit - s).mean() for s in (clip.source, clip.source[::-1]))
        if backwards < forwards / 2:
            yield "reversed"
    if (moved == 0).sum() - (wanted == 0).sum() > REPEATED_SHARE * len(moved):
        yield "repeated-frames"


def _steps(found: Thumbs) -> Thumbs:
    """Return how far the block that moves most moves from each frame to the next."""
    steps: Thumbs = np.abs(np.diff(found, axis=0)).max((1, 2))
    return steps


def score_flags(
    edits: Sequence[Mapping[str, Score]], better: Mapping[str, str], rows: Mapping[str, Sequence[float]]
) -> Iterator[Flag]:
    """Yield what is odd about a submission's scores.

    `edits` are the scores of each edit by metric, `better` says which way each metric is better, and `rows` are the
    other rows' means by metric.
    """
    for metric, direction in better.items():
        sign = 1.0 if direction == "higher" else -1.0
        scores = [e[metric] for e in edits if metric in e]
        beyond = [s for s in scores if s.value is not None and s.anchors and _beyond(sign, s.value, *s.anchors)]
        if beyond:
            yield Flag(
                "beyond-truth", None, f"{metric} on {len(beyond)} of {len(edits)} edits", "the ground truth's own"
            )
        values = [s.value for s in scores if s.value is not None]
        others = np.asarray(rows.get(metric, ()))
        if values and len(others) >= LEAST_ROWS:
            middle = float(np.median(others))
            limit = middle + sign * DEVIATIONS * float(np.median(np.abs(others - middle)))
            mean = float(np.mean(values))
            if sign * (mean - limit) > 1e-9 * max(1.0, abs(limit)):
                yield Flag("outlier", None, f"{metric} {mean:.4g}", f"{limit:.4g} from {len(others)} rows")
    kept, edited = (_mean(edits, axis) for axis in ("preservation", "accuracy"))
    if kept is not None and edited is not None and kept >= KEPT and edited <= EDITED:
        yield Flag("no-edit", None, f"preservation {kept:.3f}, accuracy {edited:.3f}", f"accuracy {EDITED:g}")


def _beyond(sign: float, value: float, control: float, truth: float) -> bool:
    return sign * (value - truth) > BEYOND_SHARE * abs(truth - control)


def _mean(edits: Iterable[Mapping[str, Score]], metric: str) -> float | None:
    values = [e[metric].value for e in edits if metric in e]
    known = [v for v in values if v is not None]
    return float(np.mean(known)) if known else None
