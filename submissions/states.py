"""The states of a submission and every move between them: the one table that code, documentation and tests read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from bench.errors import UserError

State = Literal[
    "draft",
    "uploaded",
    "unpacked",
    "probed",
    "checked",
    "queued",
    "scoring",
    "scored",
    "in-review",
    "accepted",
    "rejected",
    "failed",
    "withdrawn",
    "superseded",
]
Role = Literal["system", "submitter", "moderator"]


@dataclass(frozen=True, slots=True)
class Stage:
    """What a state means, and what becomes of a submission that stays in it."""

    meaning: str
    deadline: timedelta | None = None
    """How long it may stay; None for the states that end it."""
    late: str | None = None
    """The move that is made when the deadline has passed."""
    keep: timedelta | None = None
    """How long the uploaded files are kept once it is here; None while they are needed."""


@dataclass(frozen=True, slots=True)
class Move:
    """One way from a state to another, and who may go it."""

    sources: tuple[State, ...]
    target: State
    roles: tuple[Role, ...]
    meaning: str
    charge: Literal[-1, 0, 1] = 0
    """1 charges the owner's quota, -1 gives back what was charged."""


_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_READING: tuple[State, ...] = ("draft", "uploaded", "unpacked", "probed")

STATES: dict[State, Stage] = {
    "draft": Stage("an id is given, its bytes are on the way in", _HOUR, "expire"),
    "uploaded": Stage("all bytes lie in quarantine", _HOUR, "expire"),
    "unpacked": Stage("the archive was planned, and its files are written", _HOUR, "expire"),
    "probed": Stage("every clip was read by a confined process", 2 * _HOUR, "expire"),
    "checked": Stage("no rule is broken; it waits for room in its owner's quota", 30 * _DAY, "expire"),
    "queued": Stage("charged to the quota; it waits for a worker", 14 * _DAY, "expire"),
    "scoring": Stage("a worker has it on lease", _DAY, "give-up"),
    "scored": Stage("its scores are stored, unseen", _HOUR, "present"),
    "in-review": Stage("a moderator looks at clips, scores and flags", 60 * _DAY, "expire"),
    "accepted": Stage("on the board"),
    "rejected": Stage("turned down by a moderator, with a reason", keep=30 * _DAY),
    "failed": Stage("it broke a rule, could not be scored, or a deadline passed", keep=7 * _DAY),
    "withdrawn": Stage("taken back by its submitter", keep=timedelta()),
    "superseded": Stage("replaced by a later submission of the same team's method", keep=30 * _DAY),
}

MOVES: dict[str, Move] = {
    "receive": Move(("draft",), "uploaded", ("system",), "the last byte has arrived"),
    "unpack": Move(("uploaded",), "unpacked", ("system",), "the files are written"),
    "probe": Move(("unpacked",), "probed", ("system",), "the clips are read"),
    "check": Move(("probed",), "checked", ("system",), "the clips are stored and compared with what is known"),
    "refuse": Move(_READING, "failed", ("system",), "a rule is broken; every problem is listed"),
    "queue": Move(("checked",), "queued", ("system",), "the quota has room", charge=1),
    "start": Move(("queued",), "scoring", ("system",), "a worker takes it"),
    "requeue": Move(("scoring",), "queued", ("system",), "its worker died or failed; another one takes it"),
    "score": Move(("scoring",), "scored", ("system",), "every case is scored"),
    "give-up": Move(("scoring",), "failed", ("system",), "it could not be scored", charge=-1),
    "present": Move(("scored",), "in-review", ("system",), "the anti-cheating checks have run"),
    "accept": Move(("in-review",), "accepted", ("moderator",), "its row appears on the board"),
    "reject": Move(("in-review",), "rejected", ("moderator",), "turned down"),
    "supersede": Move(("accepted",), "superseded", ("system",), "a later submission of the method was accepted"),
    "withdraw": Move(
        (*_READING, "checked", "scoring", "scored", "in-review", "accepted", "rejected"),
        "withdrawn",
        ("submitter", "moderator"),
        "taken back; what was charged stays charged",
    ),
    "cancel": Move(
        ("queued",), "withdrawn", ("submitter", "moderator"), "taken back before a worker had it", charge=-1
    ),
    "expire": Move(
        (*_READING, "checked", "queued", "in-review"), "failed", ("system",), "a deadline has passed", charge=-1
    ),
}

LIVE: tuple[State, ...] = ("draft", "uploaded", "unpacked", "probed", "checked", "queued", "scoring", "scored")
"""States in which the program still has something to do."""


def moves(state: str, role: Role) -> tuple[str, ...]:
    """Return the moves that somebody of that role can make from a state."""
    return tuple(name for name, move in MOVES.items() if state in move.sources and role in move.roles)


def target(state: str, action: str, role: Role) -> State:
    """Return the state that a move leads to. Raises `UserError` where the table has no such move for that role."""
    move = MOVES.get(action)
    if move is None or state not in move.sources:
        possible = ", ".join(moves(state, role)) or "nothing"
        raise UserError(f"a submission that is {state} cannot {action}; possible now: {possible}")
    if role not in move.roles:
        raise UserError(f"{action} is for the {' or the '.join(move.roles)}, not for the {role}")
    return move.target


def tables() -> str:
    """Return both tables in Markdown, as docs/reviewing.md shows them."""
    lines = ["| State | Meaning | Deadline | Then | Files kept after it |", "|---|---|---|---|---|"]
    for name, stage in STATES.items():
        ended = "" if stage.keep is None else _span(stage.keep)
        deadline = "" if stage.deadline is None else _span(stage.deadline)
        lines.append(f"| {name} | {stage.meaning} | {deadline} | {stage.late or ''} | {ended} |")
    lines += ["", "| Move | From | To | By | When | Quota |", "|---|---|---|---|---|---|"]
    quota = {1: "charged", 0: "", -1: "given back"}
    for action, move in MOVES.items():
        who = " or ".join(move.roles)
        lines.append(
            f"| {action} | {', '.join(move.sources)} | {move.target} | {who} | {move.meaning} | {quota[move.charge]} |"
        )
    return "\n".join(lines) + "\n"


def _span(length: timedelta) -> str:
    if not length:
        return "at once"
    return f"{length.days} d" if length.days else f"{length.seconds // 3600} h"
