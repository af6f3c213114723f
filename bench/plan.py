"""What is to be done: methods x cases x metrics, less what the store already has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench import weights
from bench.errors import UserError
from bench.identity import digest, job_key, missing_key, score_key
from bench.inputs import compared_with, given, other_clip, refusal, wrong_answer
from bench.types import EditCase, MethodCard, MethodEntry, MetricCard, TestSet

if TYPE_CHECKING:
    from bench.store.records import EditFacts
    from bench.store.repo import Known

SCORING_SECONDS = (1.5, 0.9)
"""Of a clip of any size, and more for each `LITE_PIXELS`: features see a shrunken clip, motion and SSIM do not."""
LITE_PIXELS = 17 * 256 * 256
FIRST_GUESS = {True: 0.2, False: 12.0}
"""Seconds per `LITE_PIXELS` of a control and of a method that this store has never seen run."""
STORED_SHARE = 0.3
"""Size of a stored edit as a share of its raw frames, on rendered clips."""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What was asked for."""

    methods: tuple[str, ...]
    split: str
    testset: str
    protocol: str
    metrics: tuple[str, ...] = ()
    """Registered metrics to score besides the protocol's."""
    limit: int | None = None
    seed: int = 0
    controls: bool = True
    device: str = "cpu"
    """Of several, between commas, each worker takes the next."""
    workers: int = 1
    parameters: tuple[tuple[str, Any], ...] = ()
    """Parameters of the named methods that are set otherwise than in their rows, as values of JSON."""


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One method on one case: the edit, unless it is stored already, and the scores that are due."""

    key: str
    entry: MethodEntry
    case: EditCase
    wrong: EditCase | None
    """The sibling whose target is the wrong answer."""
    other: EditCase | None
    """The case whose source is another clip."""
    seed: int
    stored: EditFacts | None
    due: frozenset[str]
    """Names of metrics without a score."""
    seconds: float
    """Estimate."""

    words: Mapping[str, str]
    """Digests of the words that some metrics read: `prompts` of the case, `vocabulary` of the test set."""

    def references(self, card: MetricCard) -> dict[str, str]:
        """Return a digest of all that a metric compares the edit with, by role."""
        return _references(card, self.case, self.other, self.words)


@dataclass(frozen=True, slots=True)
class Refused:
    """A pair of method and case that cannot be run."""

    method: str
    case: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Jobs in the order they are run: by method, so that a model is loaded once, then by case."""

    jobs: tuple[Job, ...]
    done: int
    """Pairs of method and case with nothing due."""
    refused: tuple[Refused, ...]

    @property
    def seconds(self) -> float:
        """Estimated time of all jobs on one worker, model loading left out."""
        return sum(job.seconds for job in self.jobs)

    @property
    def edits(self) -> int:
        """Jobs that make an edit; the others only score one."""
        return sum(job.stored is None for job in self.jobs)

    @property
    def size(self) -> int:
        """Estimated bytes of the clips that will be stored."""
        made = [job.case.source for job in self.jobs if job.stored is None]
        return round(sum(3 * a.frames * a.height * a.width for a in made) * STORED_SHARE)


def choose(entries: Mapping[str, MethodEntry], names: Sequence[str], controls: bool) -> tuple[MethodEntry, ...]:
    """Return the entries to run: the controls first (where wanted), then those named, each once."""
    first = [name for name, entry in entries.items() if controls and entry.card.control]
    return tuple(entries[name] for name in dict.fromkeys([*first, *names]))


def make(
    entries: Iterable[MethodEntry],
    cases: Sequence[EditCase],
    testset: TestSet,
    cards: Sequence[MetricCard],
    signature: str,
    seed: int,
    known: Mapping[str, Known],
    elsewhere: Mapping[str, EditFacts],
    history: Mapping[str, float],
) -> Plan:
    """Return the plan.

    `known` is what the store has on this test set, `elsewhere` the stored edits of any (a case that another
    version shares is not edited again), `history` the mean seconds by method. A failed edit is due again.
    Raises `UserError` where a method that was asked for can be run on no case.
    """
    vocabulary = digest(testset.vocabulary)
    inventory = weights.inventory()
    jobs: list[Job] = []
    refused: list[Refused] = []
    done = 0
    for entry in entries:
        card, before = entry.card, len(refused)
        for case in cases:
            wrong = wrong_answer(case, testset.cases) if card.oracle else None
            if reason := refusal(card, case, wrong):
                refused.append(Refused(card.name, case.id, reason))
                continue
            job = _job(
                entry, case, testset, vocabulary, cards, signature, seed, wrong, known, elsewhere, history, inventory
            )
            if job is None:
                done += 1
            else:
                jobs.append(job)
        if len(refused) - before == len(cases) and not card.control:
            raise UserError(
                f"method '{card.name}' (track {card.track}) fits no case here: {refused[-1].reason}; "
                "choose another split or a method of another track"
            )
    return Plan(tuple(jobs), done, tuple(refused))


def _keys(key: str, inventory: str) -> tuple[str, str]:
    """Return the keys under which a score is done: its own, and that of lacking weights which lack still."""
    return key, missing_key(key, inventory)


def edit_key(card: MethodCard, case: EditCase, wrong: EditCase | None, seed: int) -> str:
    """Return the identity of one edit, from the files that its track gives."""
    assets = {role: asset.sha256 for role, asset in given(card, case, wrong).items() if asset}
    return job_key(card, case, assets, seed)


def _job(
    entry: MethodEntry,
    case: EditCase,
    testset: TestSet,
    vocabulary: str,
    cards: Sequence[MetricCard],
    signature: str,
    seed: int,
    wrong: EditCase | None,
    known: Mapping[str, Known],
    elsewhere: Mapping[str, EditFacts],
    history: Mapping[str, float],
    inventory: str,
) -> Job | None:
    """Return what is left to do for one pair, or None where nothing is."""
    card = entry.card
    key = edit_key(card, case, wrong, seed)
    other = other_clip(case, testset.cases)
    words = {"prompts": digest([case.source_prompt, case.target_prompt]), "vocabulary": vocabulary}
    have = known.get(key)
    stored = elsewhere.get(key)
    scored = have.scores if have else frozenset()
    due = frozenset(
        c.name
        for c in cards
        if stored is None
        or scored.isdisjoint(
            _keys(score_key(stored.sha256, _references(c, case, other, words), c, signature), inventory)
        )
    )
    if have and have.ok and not due:
        return None
    clips = case.source.frames * case.source.height * case.source.width / LITE_PIXELS
    editing = 0.0 if stored else history.get(card.name, FIRST_GUESS[card.control] * clips)
    return Job(key, entry, case, wrong, other, seed, stored, due, editing + scoring_seconds(clips), words)


def scoring_seconds(clips: float) -> float:
    """Return the estimate for scoring one edit of so many `LITE_PIXELS`."""
    whole, each = SCORING_SECONDS
    return whole + each * clips


def _references(card: MetricCard, case: EditCase, other: EditCase | None, words: Mapping[str, str]) -> dict[str, str]:
    files = {role: asset.sha256 for role, asset in compared_with(case, other).items()}
    return files | {name: words[name] for name in card.needs if name in words}
