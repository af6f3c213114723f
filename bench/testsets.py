"""Read a test set from its folder, and check that its files are the ones it was published with.

A folder holds `testset.json` (name, version), `cases.jsonl` (one `EditCase` per line) and the files the
cases name.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.errors import UserError, unknown
from bench.identity import file_digest
from bench.types import Asset, EditCase, TestSet


class TestSetInfo(BaseModel):
    """`testset.json`: what the folder says of the whole."""

    __test__ = False
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    title: str = ""
    description: str = ""
    licence: str = "CC-BY-4.0"
    citation: str = ""
    vocabulary: dict[str, dict[str, tuple[str, ...]]] = {}
    """The closed vocabularies: attribute to value to the phrasings that the attribute probe asks with."""
    generator: dict[str, Any] = {}
    """How the files were made (seed, renderer, commit); never read by the program."""


def _why(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else str(first["msg"])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; a test set is a folder with testset.json and cases.jsonl") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 text ({error.reason}); save it as UTF-8") from error


def assets_of(case: EditCase) -> dict[str, Asset]:
    """Return the files a case names, by role (`source`, `target`, `mask`, `product_mask`, `first_frame`)."""
    roles = {
        "source": case.source,
        "target": case.target,
        "mask": case.mask,
        "product_mask": case.product_mask,
        "first_frame": case.first_frame,
    }
    return {role: asset for role, asset in roles.items() if asset is not None}


def read_info(folder: Path) -> TestSetInfo:
    """Return what `testset.json` says. Raises `UserError` where it is missing or says anything else."""
    try:
        return TestSetInfo.model_validate_json(_text(folder / "testset.json"))
    except ValidationError as error:
        raise UserError(f"{folder / 'testset.json'}: {_why(error)}") from error


def read_testset(folder: Path) -> TestSet:
    """Read a test set's records; no media is opened.

    Raises `UserError` naming the file and line for text that is no record, for an id used twice, and for a
    path that leaves the folder.
    """
    info = read_info(folder)
    cases: dict[str, EditCase] = {}
    path = folder / "cases.jsonl"
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            case = EditCase.model_validate_json(line)
        except ValidationError as error:
            raise UserError(f"{path}:{number}: {_why(error)}") from error
        if case.id in cases:
            raise UserError(f"{path}:{number}: case '{case.id}' is there twice; ids must differ")
        for asset in assets_of(case).values():
            inside = PurePosixPath(asset.path)
            if inside.is_absolute() or ".." in inside.parts:
                raise UserError(f"{path}:{number}: '{asset.path}' leaves the folder; use a path inside it")
        cases[case.id] = case
    if not cases:
        raise UserError(f"{path}: holds no case")
    return TestSet(info.name, info.version, folder, tuple(cases.values()), info.vocabulary)


def select(testset: TestSet, split: str) -> tuple[EditCase, ...]:
    """Return the cases of a split or a named part of one, in id order. Raises `UserError` for an unknown
    name.
    """
    cases = testset.select(split)
    if not cases:
        raise unknown("split", split, testset.splits)
    return tuple(sorted(cases, key=lambda case: case.id))


def default_split(testset: TestSet) -> str:
    """Return `smoke`, or the only split of a test set without it. Raises `UserError` where there are several."""
    splits = testset.splits
    if "smoke" in splits or len(splits) == 1:
        return "smoke" if "smoke" in splits else splits[0]
    raise UserError(f"{testset.name} has no split 'smoke': choose with --split from {', '.join(splits)}")


def verify_assets(testset: TestSet, cases: Iterable[EditCase]) -> int:
    """Check the sha256 of every file the cases name and return how many files were read.

    Raises `UserError` with the file, the expected and the found hash for the first that differs or is
    missing.
    """
    checked: set[str] = set()
    for case in cases:
        for role, asset in assets_of(case).items():
            if asset.path in checked:
                continue
            path = testset.root / asset.path
            mend = f"restore the files of {testset.name} {testset.version}"
            if not path.is_file():
                raise UserError(f"{path}: missing ({role} of case {case.id}), expected sha256 {asset.sha256}; {mend}")
            found = file_digest(path)
            if found != asset.sha256:
                raise UserError(
                    f"{path}: altered ({role} of case {case.id}), expected sha256 {asset.sha256}, found {found}; {mend}"
                )
            checked.add(asset.path)
    return len(checked)
