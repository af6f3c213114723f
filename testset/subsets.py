"""The named parts of the `dev` split: `smoke` and `mini`."""

from __future__ import annotations

from collections.abc import Sequence

from bench.types import EditCase


def subsets(cases: Sequence[EditCase]) -> list[EditCase]:
    """Return the cases with those of `dev` marked: `smoke` (one per scenario, each of another clip), `mini` (30).

    Both are stratified over scenarios; a third of `mini` is in portrait, as in the whole.
    """
    by_scenario: dict[str, list[EditCase]] = {}
    for case in cases:
        if case.split == "dev":
            by_scenario.setdefault(case.scenario, []).append(case)
    smoke: list[str] = []
    groups: set[str] = set()
    for scenario in sorted(by_scenario, key=lambda s: len(by_scenario[s])):
        pick = next((c for c in by_scenario[scenario] if c.group not in groups), by_scenario[scenario][0])
        smoke.append(pick.id)
        groups.add(pick.group)
    mini = _mini(by_scenario, smoke)
    return [
        c.model_copy(update={"subsets": tuple(n for n, ids in (("smoke", smoke), ("mini", mini)) if c.id in ids)})
        for c in cases
    ]


def _mini(by_scenario: dict[str, list[EditCase]], smoke: Sequence[str], size: int = 30) -> list[str]:
    mini = list(smoke)
    total = sum(map(len, by_scenario.values()))
    tall = {c.id for cases in by_scenario.values() for c in cases if c.source.height > c.source.width}
    turn = 0
    while len(mini) < min(size, total):
        for scenario in sorted(by_scenario):
            left = [c.id for c in by_scenario[scenario] if c.id not in mini]
            short_of_tall = 3 * sum(i in tall for i in mini) < len(mini)
            pool = [i for i in left if (i in tall) == short_of_tall] or left
            if pool and len(mini) < size:
                mini.append(pool[(7 * turn) % len(pool)])
        turn += 1
    return mini
