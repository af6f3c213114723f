"""What a built set says of its own draws: which attempt each group took, and the lines for `build --rejected`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bench.errors import UserError
from bench.testsets import read_info, read_testset
from testset.cases import EDITS, GROUPS, Plan, candidates


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


def attempts_of(folder: Path, secret: str = "") -> dict[str, int]:
    """Return group to attempt of a built set, for an order of another rendition of the same cases."""
    return {plan.group: attempt for plan, attempt in plans_of(folder, secret).values()}


def rejections(folder: Path, cases: Iterable[str], secret: str = "") -> list[str]:
    """Return `CASE ATTEMPT` for every case of a built set that was turned down."""
    plans = plans_of(folder, secret)
    return [f"{case} {plans[case][1]}" for case in cases]
