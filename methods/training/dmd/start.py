"""From the flags of `bench train dmd` to a stage that is ready to run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from methods.training.clips import ClipSource
from methods.training.clock import Clock
from methods.training.config import read_config
from methods.training.dmd.config import DmdConfig
from methods.training.dmd.stage import DmdStage
from methods.training.session import Session
from methods.training.team import Team


def read(path: Path, steps: int | None) -> DmdConfig:
    """Return the config of a distillation to `steps` steps (null: the file's own); UserError as `read_config`."""
    config: DmdConfig = read_config(path, DmdConfig)
    if steps in (None, config.steps):
        return config
    return DmdConfig.model_validate(config.model_dump() | {"steps": steps})


def start(
    config: DmdConfig,
    source: ClipSource,
    team: Team,
    clock: Clock,
    *,
    teacher: str,
    out: Path,
    state: Path | None = None,
    resume: Path | None = None,
    init: Path | None = None,
    pairs: Sequence[Path] = (),
    say: Callable[[str], None] = lambda _: None,
) -> DmdStage:
    """Return the stage in its session."""
    session = Session(config, source, out=out, clock=clock, team=team, state=state, resume=resume, init=init, say=say)
    clips = None
    if pairs:
        from methods.training.pairs.read import conditions

        clips = conditions(pairs, config)
    return DmdStage(session, teacher, clips)
