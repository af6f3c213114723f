"""What lite-1 gives to controls and to known damages of the ground truth: the table of docs/score.md.

    python tests/benchmarks/score_damages.py --split smoke
    python tests/benchmarks/score_damages.py --split dev --row wrong-edit --row "half-way blend"

Prints, per row, the mean, least and greatest score over the split's edits and the mean of each axis; then the score by
scenario; then, per row, the mean place between control (0) and ground truth (1) of every metric of the headline.
About one processor second per row and edit.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import cv2
import numpy as np

from bench import protocol, registry
from bench.features.bank import FeatureBank
from bench.inputs import CaseReader, other_clip, wrong_answer
from bench.meta.damages import reconstruction
from bench.metrics import Sample, damage
from bench.score import AXES
from bench.testsets import select
from bench.types import EditCase, Mask, Video


def rows(source: Video, target: Video, mask: Mask, wrong: Video | None) -> Iterator[tuple[str, Video]]:
    half_speed = target.frames[np.arange(len(target.frames)) // 2]
    yield "ground-truth", target
    yield "copy-source", source
    yield "first-frame", damage.frozen(target)
    if wrong is not None:
        yield "wrong-edit", wrong
    yield "reconstruction", reconstruction(target)
    yield "reconstructed source", reconstruction(source)
    yield "blur, sigma 1", damage.blur(target, 1)
    yield "blur, sigma 2.5", damage.blur(target, 2.5)
    yield "colour cast", damage.cast(target)
    yield "half-way blend", damage.blend(source, target)
    yield "80 % blend", damage.blend(source, target, 0.8)
    yield "leak", damage.leak(target, mask)
    yield "noise, sigma 5", damage.noise(target, 5)
    yield "noise, sigma 15", damage.noise(target, 15)
    yield "flicker, 3 %", damage.flicker(target, 0.03)
    yield "flicker, 12 %", damage.flicker(target, 0.12)
    yield "jitter, 1 px", damage.jitter(target, 1)
    yield "jitter, 4 px", damage.jitter(target, 4)
    yield "half speed", Video(half_speed, target.fps)
    yield "shuffled", damage.shuffled(target)


def table(head: list[str], lines: dict[str, list[float | None]], digits: int) -> None:
    print("| " + " | ".join(head) + " |")
    print("|---" * len(head) + "|")
    for name, values in lines.items():
        print("| " + " | ".join([name, *("" if v is None else f"{v:.{digits}f}" for v in values)]) + " |")
    print()


def mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--testset", default="shopedit-300")
    parser.add_argument("--split", default="smoke")
    parser.add_argument("--row", action="append", help="Only rows of this name; repeat for more.")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    import torch

    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    lite = protocol.load("lite-1")
    testset = registry.testset(args.testset)
    reader = CaseReader(testset.root)
    found: dict[str, list[tuple[EditCase, dict[str, float], dict[str, float]]]] = {}
    cases = select(testset, args.split)
    for case in cases:
        clips = reader.references(case, other_clip(case, testset.cases))
        if clips.target is None or clips.mask is None:
            continue
        sibling = wrong_answer(case, testset.cases)
        wrong = reader.video(sibling.target) if sibling and sibling.target else None
        sample = Sample(
            case, clips.source, clips.source, clips.target, clips.mask, clips.product_mask, clips.other,
            features=FeatureBank(),
        )  # fmt: skip
        for name, edit in rows(clips.source, clips.target, clips.mask, wrong):
            if args.row and name not in args.row:
                continue
            scores = lite.score_edit(sample.with_edit(edit))
            values = {k: scores[k].value or 0.0 for k in ("score", *AXES)}
            found.setdefault(name, []).append(
                (case, values, {p.term.metric: p.x for p in lite.explain(scores, sample)})
            )
    scenarios = list(dict.fromkeys(c.scenario for c in cases))
    metrics = [t.metric for t in lite.formula.terms]
    print(f"{lite.signature}, {testset.name} {testset.version} {args.split}, {len(cases)} edits\n")
    summary: dict[str, list[float | None]] = {}
    by_scenario: dict[str, list[float | None]] = {}
    places: dict[str, list[float | None]] = {}
    for name, edits in found.items():
        total = [v["score"] for _, v, _ in edits]
        summary[name] = [mean(total), min(total), max(total)] + [
            100 * np.mean([v[a] for _, v, _ in edits]) for a in AXES
        ]
        by_scenario[name] = [mean([v["score"] for c, v, _ in edits if c.scenario == s]) for s in scenarios]
        places[name] = [mean([x[m] for _, _, x in edits if m in x]) for m in metrics]
    table(["row", "score", "least", "greatest", *(f"{a} x 100" for a in AXES)], summary, 0)
    table(["score by scenario", *scenarios], by_scenario, 0)
    table(["place of each metric", *metrics], places, 2)


if __name__ == "__main__":
    main()
