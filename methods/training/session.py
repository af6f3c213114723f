"""One command of a stage: its device, clock, log and checkpoints, whatever it trains."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bench.errors import UserError
from methods.training import checkpoint
from methods.training.checkpoint import Snapshot
from methods.training.clips import ClipSource
from methods.training.clock import Clock, Every
from methods.training.config import StageConfig, differences
from methods.training.learner import Diverged, Learner
from methods.training.run_log import RunLog
from methods.training.team import Team, alone

Step = Callable[..., Any]
"""A part of a step that can be compiled, e.g. a batch to its loss."""


class Session:
    """What all stages share around their own loss and evaluation."""

    def __init__(
        self,
        config: StageConfig,
        source: ClipSource,
        *,
        out: Path,
        clock: Clock,
        device: str = "cpu",
        team: Team | None = None,
        state: Path | None = None,
        resume: Path | None = None,
        init: Path | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`device` is for a run of one process; a `team` brings its own.

        Processes beside the first log into folders of their own, say nothing, and save nothing.
        """
        self.config = config
        self.source = source
        self.team = team = team or alone(device)
        self.keeps_large_files = state is not None and state != out
        """Whether large files have a folder of their own, where more of them may be kept."""
        self.state = state or out
        self.out = out if team.leads else self.state / "processes" / str(team.rank)
        clock.reserve = config.pace.reserve_seconds
        self.clock = team.clock(clock)
        self.device = torch.device(team.device)
        self.resumed = _resumed(resume, config)
        self._resume = resume
        self.initial = checkpoint.read_snapshot(init, config.stage) if init else None
        self._init = init
        here = self.state if team.leads else self.out
        self.log = RunLog(self.out, here, say if team.leads else lambda _: None, self.clock.started)
        self.snapshot = self.resumed or Snapshot(config.stage, 0, 0.0, 0.0, 0, config.model_dump(mode="json"))
        self.randomness = torch.Generator(self.device)
        seed = config.seed * 1_000_003 + self.snapshot.step + 500_009 * team.rank
        self.randomness.manual_seed(seed)
        torch.manual_seed(seed)
        self._save_due = Every(config.pace.save_seconds)
        self.log.event(
            "start",
            stage=config.stage,
            device=_device_name(self.device),
            processes=team.size,
            torch=torch.__version__,
            step=self.snapshot.step,
            progress=self.snapshot.progress,
            minutes=clock.minutes,
            steps=clock.steps,
            until=clock.until,
        )
        if self.device.type == "cuda":
            torch.backends.cuda.matmul.allow_tf32 = True
            torch.backends.cudnn.allow_tf32 = True
            torch.backends.cudnn.benchmark = True

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context of the training arithmetic."""
        if self.config.optimiser.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    def compiled(
        self, warm_up: Callable[..., None], *functions: Step, blocks: Sequence[nn.Module] = ()
    ) -> tuple[Step, ...]:
        """Return `functions` compiled, after `warm_up` has run them forwards and backwards once per shape.

        Where the config says so only `blocks`, equal parts of the model, are compiled, in place. Should compiling
        fail, the failure is recorded and all comes back as it is: a slow training is worth more than none.
        """
        with self.setup("first steps", compiled=self.config.optimiser.compile):
            if how := self.config.optimiser.compile:
                fast = functions
                if how == "blocks":
                    for block in blocks:
                        block.compile(dynamic=False)
                else:
                    fast = tuple(torch.compile(function, dynamic=False) for function in functions)
                try:
                    warm_up(*fast)
                    return fast
                except torch.OutOfMemoryError:
                    raise
                except Exception as error:
                    text = f"{type(error).__name__}: {error}"[:2000]
                    self.log.event("failed", what="compile", error=text)
                    for block in blocks:
                        block._compiled_call_impl = None
            warm_up(*functions)
            return functions

    def restore(self, learner: Learner) -> dict[str, Tensor]:
        """Put a learner where the resumed run stood: exactly or from its average, or on the weights of `init`.

        It shares its gradients from here on. Of several processes the first one's draws go on; the others' begin anew.
        Returns the full state that it went on from; empty where there was none.
        """
        learner.share = self.team.average
        if self._init is not None and self.initial is not None:
            earlier = self.initial
            fresh = learner.begin_from(checkpoint.read_model(self._init))
            self.log.event("initialised", step=earlier.step, train_seconds=earlier.seconds, fresh=fresh)
        if self.resumed is None or self._resume is None:
            return {}
        full = checkpoint.read_resume(self._resume, self.state)
        if full is None:
            learner.restart(checkpoint.read_model(self._resume), self.snapshot.step)
            self.log.event("resumed", exact=False, step=learner.step, note="fresh optimiser, new warm-up")
            return {}
        generator = full.pop("generator", None)
        learner.restore(full, self.snapshot.step)
        if self.team.leads and generator is not None and generator.numel() == self.randomness.get_state().numel():
            self.randomness.set_state(generator)
        self.log.event("resumed", exact=True, step=learner.step)
        return full

    def train(
        self,
        learner: Learner,
        loss: Callable[[], Tensor],
        evaluate: Callable[[], None],
        save: Callable[[], None],
        between: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Step until this command's share of the schedule is done.

        `evaluate` runs every `eval_seconds` and `save` every `save_seconds`, in the first process only; `between` runs
        before every step. Raises Diverged when a loss is not finite; the checkpoint saved before that stays.
        """
        pace, snapshot = self.config.pace, self.snapshot
        self.clock.begin(snapshot.progress, learner.step)
        eval_due = Every(pace.eval_seconds)
        window: list[Tensor] = []
        norm = torch.zeros(())
        since, first = time.monotonic(), learner.step
        while not self.clock.over(learner.step):
            between(learner.step)
            value = loss()
            norm = learner.update(value, self.clock.progress(learner.step))
            window.append(value.detach())
            if learner.step % pace.log_every and not self.clock.over(learner.step):
                continue
            mean = float(torch.stack(window).mean())  # waits for the device
            seconds = time.monotonic() - since
            snapshot.step, snapshot.progress = learner.step, self.clock.progress(learner.step)
            snapshot.seconds += seconds
            rate = (learner.step - first) / seconds
            lr = learner.rate(snapshot.progress)
            self.log.event(
                "train",
                step=learner.step,
                progress=snapshot.progress,
                loss=mean,
                norm=float(norm),
                lr=lr,
                steps_per_second=rate,
            )
            self.log.scalars(
                learner.step, {"train/loss": mean, "train/norm": float(norm), "train/lr": lr, "train/steps_per_s": rate}
            )
            if mean != mean or mean in (float("inf"), float("-inf")):
                raise Diverged(
                    f"loss {mean} at step {learner.step}: the last checkpoint in {self.out} is kept; lower "
                    "optimiser.lr or resume from it"
                )
            if self.team.leads and eval_due.due():
                self.log.attempt("evaluate", evaluate)
            if self.team.leads and self._save_due.due():
                learner.check_finite()
                save()
            window.clear()
            since, first = time.monotonic(), learner.step
        snapshot.step, snapshot.progress = learner.step, self.clock.progress(learner.step)

    def fresh(self, count: int) -> int:
        """Return the number of the first of `count` scenes that no process has used yet; they are this one's."""
        start = self.snapshot.rendered + self.team.rank * count
        self.snapshot.rendered += self.team.size * count
        return start

    def write(self, learner: Learner, model: dict[str, Tensor], more: Mapping[str, Tensor] | None = None) -> None:
        """Save a checkpoint of which `model` is the part that is used, and `more` is kept for going on."""
        self.snapshot.step = learner.step
        start = time.monotonic()
        full = learner.state() | {"generator": self.randomness.get_state(), **(more or {})}
        checkpoint.save(self.out, self.state, self.snapshot, model, full)
        self.log.event("saved", step=learner.step, took=round(time.monotonic() - start, 2))

    @contextlib.contextmanager
    def setup(self, what: str, **fields: Any) -> Iterator[None]:
        """Record how long a part of the setup took, the device's share included."""
        with self.log.timed(what, **fields):
            yield
            if self.device.type == "cuda":
                torch.cuda.synchronize(self.device)

    def memory(self) -> float:
        """Return the peak of allocated device memory in GiB (0 on a CPU)."""
        return torch.cuda.max_memory_allocated() / 2**30 if self.device.type == "cuda" else 0.0


def _resumed(folder: Path | None, config: StageConfig) -> Snapshot | None:
    if folder is None:
        return None
    snapshot = checkpoint.read_snapshot(folder, config.stage)
    # Through the class: fields that came later have their defaults.
    earlier = type(config).model_validate(snapshot.config).model_dump(mode="json")
    if changed := differences(earlier, config.model_dump(mode="json")):
        raise UserError(
            f"the run in {folder} was trained with another config ({'; '.join(changed[:3])}): resume it with "
            "its own, or start anew without --resume"
        )
    return snapshot


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
