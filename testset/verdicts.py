"""What an attribute probe says of a set that was rendered elsewhere: the lines for `build --rejected`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.errors import UserError
from bench.media.decode import read_mask, read_video
from bench.testsets import read_info, read_testset
from testset.cases import EDITS, GROUPS, Plan, candidates
from testset.reading import Reader


def plans_of(folder: Path, secret: str = "") -> dict[str, tuple[Plan, int]]:
    """Return case id to (plan, attempt) of a built set's groups; raises UserError for cases that are not of this draw.

    The plans are drawn again from the splits' seeds; `testset.json` says which groups took another attempt.
    """
    redrawn = read_info(folder).generator.get("redrawn", {})
    found = {}
    for case in read_testset(folder).cases:
        split, _, number = case.group.rpartition("-")
        if split not in GROUPS or not number.isdigit():
            raise UserError(f"{case.id}: no group of {', '.join(GROUPS)}; name a folder that `testset build` wrote")
        attempt = redrawn.get(case.group, 0)
        plans = {p.id: p for p in candidates(split, int(number), EDITS, attempt, secret)}
        plan = plans.get(case.id)
        if plan is None or plan.changes != case.attributes:
            raise UserError(f"{case.id}: its record is not what the seeds give now; build the set anew")
        found[case.id] = (plan, attempt)
    return found


def verdicts(folder: Path, reader: Reader, secret: str = "") -> Iterator[tuple[str, list[str]]]:
    """Yield (`CASE ATTEMPT`, why) for every case of a built set that the reader's probe turns down."""
    testset, plans = read_testset(folder), plans_of(folder, secret)
    for case in testset.cases:
        assert case.target is not None
        assert case.mask is not None
        assert case.product_mask is not None
        plan, attempt = plans[case.id]
        source, target = (read_video(folder / a.path).frames for a in (case.source, case.target))
        mask, product = (read_mask(folder / a.path) for a in (case.mask, case.product_mask))
        if why := reader.faults(plan, source, target, mask, product):
            yield f"{case.id} {attempt}", why
