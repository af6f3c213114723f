"""Which stored results a command means by the name of a method, alone or with a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.errors import UserError, unknown

if TYPE_CHECKING:
    from bench.store.read import Board, Reader, Result


def results_of(reader: Reader, method: str, run: str | None = None) -> tuple[Board, tuple[Result, ...]]:
    """Return a method's results in that run; without one, all it has on the board of its newest run.

    Results that were not scored under the board's protocol are left out. Raises `UserError` for an unknown method or
    run, and where nothing is left.
    """
    from bench.cli.table import board_of

    names = {key: card.name for key, card in reader.methods().items()}
    covering = {r.id: sorted({names[key] for key in r.methods}) for r in reader.runs()}
    if run is None:
        run_of = next((r for r, covered in covering.items() if method in covered), None)
        if run_of is None:
            raise _absent(method, {name for covered in covering.values() for name in covered})
        board = board_of(reader, run_of)
    else:
        board = board_of(reader, run)
        if method not in covering[run]:
            raise UserError(f"run {run} has no results of '{method}': it covers {', '.join(covering[run])}")
    results = reader.results(board, run=run, methods=frozenset((method,)))
    scored = tuple(r for r in results if r.scores)
    if not scored:
        raise UserError(f"no edit of '{method}' was scored under {board.signature}: run bench run --method {method}")
    return board, scored


def _absent(method: str, stored: set[str]) -> UserError:
    from bench import registry

    if not stored or method in registry.methods():
        return UserError(f"the store holds no run of '{method}': make one with bench run --method {method}")
    return unknown("method", method, stored)
