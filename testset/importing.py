"""A user's own clips become a test set: checked as a whole, then copied as they are, or not at all.

Nothing is resized, cropped or re-timed unless a `Refit` asks for it. Every problem of the table and of every clip is
found before anything is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import CaseFailed, UserError
from bench.identity import file_digest
from bench.media import read_png, write_png
from bench.media.inspect import Inspection, inspect, jitter, upright
from bench.testsets import TestSetInfo, read_testset
from bench.types import Asset, EditCase, Instruction, TestSet
from testset.refit import AS_IT_IS, Refit, cover, picks, shown, write_refitted
from testset.table import ClipRow, Problem, read_table

Role = str
ROLES: tuple[Role, ...] = ("source", "target", "mask", "product_mask")
MASKS = ("mask", "product_mask")
STILL = "first_frame"
SUFFIXES = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".avi")
MAX_JITTER = 0.25
"""Frame intervals. Rounded time stamps stay below it; a frame dropped or held does not."""


class ImportRefused(UserError):
    """The table cannot be imported; `problems` are all the reasons, in the order of its rows."""

    def __init__(self, table: Path, problems: list[Problem]) -> None:
        count = f"{len(problems)} problem{'s' * (len(problems) != 1)}"
        super().__init__(f"{table}: {count}, listed above; nothing was written")
        self.problems = sorted(problems, key=lambda p: p.row or 0)


@dataclass(frozen=True, slots=True)
class Import:
    """What is imported, and how."""

    table: Path
    out: Path
    """Folder to write; must not exist, or be empty."""
    root: Path
    """Where the table's paths start."""
    name: str
    version: str = "1.0"
    licence: str = "unknown"
    """Of every clip whose row names none: nobody but the user can say."""
    refit: Refit = AS_IT_IS


@dataclass(frozen=True, slots=True)
class Clip:
    """A file of the user's that was looked at from start to end."""

    path: Path
    sha256: str
    facts: Inspection


@dataclass(slots=True)
class _Looked:
    """Every file that was looked at, once each: the clip, or why it is none."""

    root: Path
    done: Callable[[str], None]
    found: dict[Path, Clip | str] = field(default_factory=dict)

    def at(self, name: str) -> Clip | str:
        path = self.root / name
        if path not in self.found:
            self.found[path] = self._look(path, name)
            self.done(name)
        return self.found[path]

    def _look(self, path: Path, name: str) -> Clip | str:
        if not path.resolve().is_relative_to(self.root.resolve()):
            return f"'{name}' is a link that leaves the folder of the clips; put the file itself there"
        if path.suffix.lower() not in SUFFIXES:
            return f"found '{name}', wanted a clip in {', '.join(SUFFIXES)}"
        if not path.is_file():
            return f"'{name}': no such file in {self.root}"
        try:
            return Clip(path, file_digest(path), inspect(path))
        except CaseFailed as error:
            return str(error)


def import_table(wanted: Import, done: Callable[[str], None] = lambda _: None) -> TestSet:
    """Write the test set that a table describes and return it; `done` is told of each file looked at or written.

    Raises `ImportRefused` with every problem of the table and its clips, and `UserError` where the table is none or
    the folder cannot be written. In either case nothing is left behind.
    """
    if wanted.out.exists() and (not wanted.out.is_dir() or any(wanted.out.iterdir())):
        raise UserError(f"{wanted.out}: exists already; name a new folder with --out, or remove it")
    rows, problems = read_table(wanted.table)
    looked = _Looked(wanted.root, done)
    clips: dict[int, dict[Role, Clip]] = {}
    for number, row in rows.items():
        clips[number], faults = _clips_of(row, looked, wanted.refit)
        faults += _still_of(row, clips[number].get("source"), wanted.root)
        problems += [Problem(number, column, text) for column, text in faults]
    problems += _shared(rows, clips)
    if problems:
        raise ImportRefused(wanted.table, problems)
    part = wanted.out.with_name(f".{wanted.out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        _write(wanted, rows, clips, part, done)
        read_testset(part)
        if wanted.out.exists():
            wanted.out.rmdir()
        part.replace(wanted.out)
    except OSError as error:
        raise UserError(f"{wanted.out}: cannot be written ({error.strerror or error}); nothing was written") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return read_testset(wanted.out)


def _clips_of(row: ClipRow, looked: _Looked, refit: Refit) -> tuple[dict[Role, Clip], list[tuple[str, str]]]:
    """Return a row's clips by role, and column and text of every fault of theirs."""
    clips: dict[Role, Clip] = {}
    faults: list[tuple[str, str]] = []
    for role in ROLES:
        name = getattr(row, role)
        if name is None:
            continue
        clip = looked.at(name)
        if isinstance(clip, str):
            faults.append((role, clip))
            continue
        clips[role] = clip
        wanted = getattr(row, f"{role}_sha256")
        if wanted not in (None, clip.sha256):
            faults.append((f"{role}_sha256", f"found {clip.sha256}, wanted {wanted}: '{name}' is another file"))
        alone = [*_alone(clip.facts, refit)]
        beside = [*_beside(clip.facts, clips["source"].facts, refit)] if role != "source" and "source" in clips else []
        faults += [(role, text) for text in alone + beside]
        if role in MASKS and not alone and not any((f.mean(-1) > 127).any() for f in upright(clip.path)):
            faults.append((role, "found no white pixel in any frame, wanted white where the mask holds"))
    if "source" in clips and not faults:
        try:
            picks(clips["source"].facts, refit)
        except CaseFailed as error:
            faults.append(("source", str(error)))
    return clips, faults


def _still_of(row: ClipRow, source: Clip | None, root: Path) -> Iterator[tuple[str, str]]:
    """Yield column and text of what is wrong with a row's edited first frame."""
    if row.first_frame is None:
        return
    path = root / row.first_frame
    if row.target is not None:
        yield STILL, "the target's first frame is the edited first frame; leave one of the two out"
    if not path.resolve().is_relative_to(root.resolve()):
        yield STILL, f"'{row.first_frame}' is a link that leaves the folder of the clips; put the file itself there"
    elif path.suffix.lower() != ".png" or not path.is_file():
        yield STILL, f"'{row.first_frame}': no such PNG file in {root}"
    else:
        if row.first_frame_sha256 not in (None, found := file_digest(path)):
            yield f"{STILL}_sha256", f"found {found}, wanted {row.first_frame_sha256}: '{row.first_frame}' is another"
        try:
            height, width = read_png(path).shape[:2]
        except CaseFailed as error:
            yield STILL, str(error)
            return
        wanted = AS_IT_IS.size_of(source.facts) if source else (width, height)
        if (width, height) != wanted:
            yield STILL, f"found {width}x{height}, wanted {wanted[0]}x{wanted[1]}, the source's; export it at that size"


def _alone(clip: Inspection, refit: Refit) -> Iterator[str]:
    """Yield what is wrong with a clip by itself."""
    if clip.rotation and not refit:
        yield f"stored rotated: players turn it by {clip.rotation} degrees; re-encode it upright, or let --size do it"
    if (clip.width % 2 or clip.height % 2) and refit.size is None:
        yield f"found the odd size {clip.width}x{clip.height}, wanted even numbers; crop it by a pixel, or use --size"
    if clip.aspect != 1 and refit.size is None:
        yield f"found pixels {clip.aspect} as wide as high, wanted square ones; scale it, or use --size"
    off = jitter(clip.times)
    if off > MAX_JITTER and refit.fps is None:
        yield (
            f"found a variable frame rate ({float(clip.fps):.2f} on average, a frame {off:.2f} intervals off), wanted "
            "a constant one; re-encode it, or use --fps"
        )
    if clip.interlaced:
        yield "found interlaced frames, wanted progressive ones; deinterlace it"
    if clip.hdr:
        yield f"found high dynamic range ({clip.hdr}), wanted 8-bit SDR; tone-map it"
    if clip.frames < 2:
        yield f"found {clip.frames} frame, wanted two or more"


def _beside(clip: Inspection, source: Inspection, refit: Refit) -> Iterator[str]:
    """Yield where a target or mask does not fit its source."""
    own, wanted = AS_IT_IS.size_of(clip), AS_IT_IS.size_of(source)
    if own != wanted:
        yield f"found {own[0]}x{own[1]}, wanted {wanted[0]}x{wanted[1]}, the source's; export it at that size"
    if clip.frames != source.frames:
        yield f"found {clip.frames} frames, wanted {source.frames}, the source's; export one for each of them"
    if clip.fps != source.fps and refit.fps is None:
        yield f"found {clip.fps} frames a second, wanted {source.fps}, the source's"


def _shared(rows: Mapping[int, ClipRow], clips: Mapping[int, Mapping[Role, Clip]]) -> Iterator[Problem]:
    """Yield rows that put one source clip into two groups or two splits."""
    first: dict[str, int] = {}
    for number, row in rows.items():
        if "source" not in clips[number]:
            continue
        earlier = first.setdefault(clips[number]["source"].sha256, number)
        if row.group != rows[earlier].group:
            yield Problem(
                number,
                "group",
                f"found '{row.group or ''}', but row {earlier} has the same source clip in "
                f"'{rows[earlier].group or ''}'; a clip belongs to one group",
            )
        if row.split != rows[earlier].split:
            yield Problem(
                number,
                "split",
                f"found '{row.split}', but row {earlier} has the same source clip in "
                f"'{rows[earlier].split}'; splits share no clip",
            )


def _write(
    wanted: Import,
    rows: Mapping[int, ClipRow],
    clips: Mapping[int, Mapping[Role, Clip]],
    folder: Path,
    done: Callable[[str], None],
) -> None:
    """Write clips, cases and `testset.json`. A file that several cases name is written once."""
    writer = _Writer(folder, wanted.refit, done)
    groups: dict[str, str] = {}
    cases = []
    for number, row in rows.items():
        source = clips[number]["source"]
        group = groups.setdefault(source.sha256, row.group or row.case_id)
        assets = {role: writer.asset(row.case_id, role, clip, source) for role, clip in clips[number].items()}
        if row.first_frame is not None:
            assets[STILL] = writer.still(row.case_id, wanted.root / row.first_frame, assets["source"])
        cases.append(
            EditCase(
                id=row.case_id,
                group=group,
                scenario=row.scenario,
                vertical=row.vertical,
                tags=row.tags,
                source_prompt=row.source_prompt,
                target_prompt=row.target_prompt,
                instruction=Instruction(en=row.instruction, zh=row.instruction_zh),
                attributes=row.attributes,
                keep=row.keep,
                split=row.split,
                licence=row.licence or wanted.licence,
                **assets,
            )
        )
    refit = wanted.refit
    info = TestSetInfo(
        name=wanted.name,
        version=wanted.version,
        title=wanted.name,
        description=f"Imported from {wanted.table.name}.",
        licence=wanted.licence,
        generator={
            "table": {"name": wanted.table.name, "sha256": file_digest(wanted.table)},
            "size": list(refit.size) if refit.size else None,
            "fps": str(refit.fps) if refit.fps else None,
            "frames": refit.frames,
        },
    )
    (folder / "testset.json").write_text(info.model_dump_json(indent=2) + "\n", encoding="utf-8")
    lines = "".join(case.model_dump_json(exclude_defaults=True) + "\n" for case in cases)
    (folder / "cases.jsonl").write_text(lines, encoding="utf-8")


@dataclass(slots=True)
class _Writer:
    folder: Path
    refit: Refit
    done: Callable[[str], None]
    written: dict[tuple[str, str, bool], Asset] = field(default_factory=dict)

    def asset(self, case: str, role: Role, clip: Clip, source: Clip) -> Asset:
        """Return the record of a clip, which is written now unless it is there already."""
        mask = role in MASKS
        key = (clip.sha256, source.sha256 if self.refit else "", mask)
        if key not in self.written:
            suffix = ".mp4" if self.refit else clip.path.suffix.lower()
            path = self.folder / "clips" / case / f"{role}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            self.written[key] = self._refitted(clip, source, path, mask) if self.refit else self._copied(clip, path)
            self.done(path.name)
        return self.written[key]

    def still(self, case: str, picture: Path, source: Asset) -> Asset:
        """Return the record of an edited first frame, which is written now; made to fit as its source was."""
        path = self.folder / "clips" / case / f"{STILL}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        if self.refit.size:
            write_png(cover(read_png(picture), source.width, source.height), path)
        else:
            shutil.copyfile(picture, path)
        return self._record(path, file_digest(path), source.width, source.height, 1, source.fps)

    def _copied(self, clip: Clip, path: Path) -> Asset:
        shutil.copyfile(clip.path, path)
        facts = clip.facts
        return self._record(path, clip.sha256, facts.width, facts.height, facts.frames, str(facts.fps))

    def _refitted(self, clip: Clip, source: Clip, path: Path, mask: bool) -> Asset:
        # The source's times rule, so that frame n of a mask stays that of frame n.
        chosen = picks(source.facts, self.refit)
        frames = shown(clip.path, clip.facts, self.refit)
        fps = self.refit.fps or source.facts.fps
        write_refitted(frames[chosen], path, fps, mask)
        height, width = frames.shape[1:3]
        return self._record(path, file_digest(path), width, height, len(chosen), str(fps))

    def _record(self, path: Path, sha256: str, width: int, height: int, frames: int, fps: str) -> Asset:
        name = path.relative_to(self.folder).as_posix()
        return Asset(path=name, sha256=sha256, width=width, height=height, frames=frames, fps=fps)
