"""The sigma grids are Wan's own, to the digit."""

from itertools import pairwise

import pytest

from methods.wan.schedules import (
    grid_from,
    native_dpm,
    native_unipc,
    shift_sigma,
    shifted_grid,
    unshift_sigma,
)

# Sigmas that Wan2.2's schedulers give (head and tail of each grid), and the timesteps they truncate to.
UNIPC = {
    (4, 5): ([0.999800, 0.937265, 0.833055, 0.624687], []),
    (8, 5): ([0.999800, 0.972006, 0.937265, 0.892602, 0.833055, 0.749700, 0.624687, 0.416389], []),
    (50, 5): ([0.999800, 0.995732, 0.991530, 0.987187, 0.982696, 0.978048], [0.172265, 0.092507]),
    (40, 5): ([0.999800, 0.994695, 0.989377, 0.983833], [0.208160, 0.113533]),
    (50, 3): ([0.999666, 0.992907, 0.985963], [0.111008, 0.057637]),
}
DPM = {
    (50, 5): ([1.0, 0.995935, 0.991736, 0.987395], [0.172414, 0.092593]),
    (4, 5): ([1.0, 0.9375, 0.833333, 0.625], []),
    (8, 5): ([1.0, 0.972222, 0.9375, 0.892857, 0.833333, 0.75, 0.625, 0.416667], []),
}
TIMESTEPS = {
    (8, 5): ([999, 972, 937, 892, 833, 749, 624, 416], []),
    (50, 5): ([999, 995, 991, 987, 982, 978], [172, 92]),
    (40, 5): ([999, 994, 989, 983], [208, 113]),
    (50, 3): ([999, 992, 985], [111, 57]),
}


def ends(values, head, tail):
    """The first and the last values before the final zero, as many as the table has."""
    return values[: len(head)], values[len(values) - 1 - len(tail) : len(values) - 1]


@pytest.mark.parametrize(("native", "table"), [(native_unipc, UNIPC), (native_dpm, DPM)])
def test_native_grids_equal_the_published_values(native, table):
    for (steps, shift), (head, tail) in table.items():
        grid = native(steps, shift)
        assert len(grid) == steps + 1
        assert grid[-1] == 0
        assert ends(grid, head, tail) == (pytest.approx(head, abs=5e-6), pytest.approx(tail, abs=5e-6))


def test_timesteps_of_the_unipc_grid_are_truncated_not_rounded():
    for (steps, shift), (head, tail) in TIMESTEPS.items():
        timesteps = [int(1000 * s) for s in native_unipc(steps, shift)]
        assert ends(timesteps, head, tail) == (head, tail)


def test_unshift_undoes_shift_at_every_shift():
    for shift in (0.01, 1.0, 2.0, 3.0, 5.0, 8.0, 100.0):
        for u in (0.0, 1e-3, 0.3, 0.8, 1.0):
            assert unshift_sigma(shift_sigma(u, shift), shift) == pytest.approx(u, abs=1e-12)


def test_a_partial_grid_keeps_its_steps_and_starts_at_the_asked_sigma():
    for sigma in (0.2, 0.5, 0.9):
        grid = grid_from(sigma, 25, 5)
        assert len(grid) == 26
        assert grid[0] == pytest.approx(sigma, abs=1e-12)
        assert all(a > b for a, b in pairwise(grid))


def test_a_full_grid_starts_where_wans_unipc_does():
    assert grid_from(1.0, 50, 5) == native_unipc(50, 5)


def test_shift_one_is_the_even_grid():
    assert shifted_grid(4, 1) == pytest.approx([1, 0.75, 0.5, 0.25, 0])
