"""The table of a user's own clips: which columns it may have, and reading it from CSV or YAML.

Every fault is a `Problem` with row and column; none stops the reading of the others.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from bench.errors import UserError, unknown
from bench.types import SCENARIOS, AttributeChange, Scenario

MAX_TEXT = 2000
"""Characters of a prompt or instruction."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a table: where, and in one line what was found and wanted."""

    row: int | None
    """As a spreadsheet numbers it: the header of a CSV is row 1. Of a YAML list, the item, from 1."""
    column: str | None
    text: str

    def __str__(self) -> str:
        place = f"row {self.row}" if self.row is not None else "the table"
        return f"{place}, column {self.column}: {self.text}" if self.column else f"{place}: {self.text}"


def is_name(value: str) -> bool:
    """Return whether a text can name a case, a split or a group: it is safe as a file name everywhere."""
    return _NAME.fullmatch(value) is not None


def _name(value: str) -> str:
    if not is_name(value):
        raise ValueError(f"found '{value}', wanted up to 80 letters, digits, '.', '_' or '-', a letter or digit first")
    return value


def _path(value: str) -> str:
    if "\\" in value:
        raise ValueError(f"found '{value}', wanted '/' between folders")
    path = PurePosixPath(value)
    if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", value):
        raise ValueError(f"'{value}' leaves the folder of the clips; wanted a path inside it")
    return value


def _text(value: str) -> str:
    if bad := next((c for c in value if not c.isprintable()), None):
        raise ValueError(f"holds the control character {bad!r}; wanted plain text on one line")
    if len(value) > MAX_TEXT:
        raise ValueError(f"found {len(value)} characters, wanted at most {MAX_TEXT}")
    return value


def _scenario(value: str) -> str:
    if value not in SCENARIOS:
        raise ValueError(str(unknown("scenario", value, SCENARIOS)))
    return value


def _sha256(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", value.lower()):
        raise ValueError(f"found '{value}', wanted 64 hexadecimal digits")
    return value.lower()


def _words(value: object) -> object:
    return tuple(word.strip() for word in value.split(";") if word.strip()) if isinstance(value, str) else value


Name = Annotated[str, AfterValidator(_name)]
ClipPath = Annotated[str, AfterValidator(_path)]
Text = Annotated[str, AfterValidator(_text)]
Sha256 = Annotated[str, AfterValidator(_sha256)]
Words = Annotated[tuple[Text, ...], BeforeValidator(_words)]


class ClipRow(BaseModel):
    """One edit as the user's table describes it. Paths start from the folder of the table (or `--root`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    case_id: Name = Field(description="name of the edit, and of its clip in a submission")
    source: ClipPath = Field(description="the clip to be edited")
    scenario: Annotated[Scenario, BeforeValidator(_scenario)] = Field(description="one of " + ", ".join(SCENARIOS))
    source_prompt: Text = Field(description="what the source shows")
    target_prompt: Text = Field(description="what the edit shall show")
    instruction: Text = Field(description="the edit as a request, in English")
    instruction_zh: Text = Field("", description="the same in Chinese")
    vertical: Name = Field("other", description="apparel, home, food ... any word")
    target: ClipPath | None = Field(None, description="the exact answer: size, length and rate of the source")
    mask: ClipPath | None = Field(None, description="clip, white where the edit may change pixels")
    product_mask: ClipPath | None = Field(None, description="clip, white on the product")
    first_frame: ClipPath | None = Field(None, description="PNG of the edited first frame, where there is no target")
    group: Name | None = Field(None, description="cluster of intervals; default: one per source clip")
    split: Name = Field("test", description="what `--split` takes")
    tags: Words = Field((), description="why it is hard; `;` between words")
    keep: Words = Field((), description="what must stay; `;` between words")
    attribute: Text | None = Field(None, description="what changes, e.g. color; with the next two")
    attribute_from: Text | None = Field(None, description="its value in the source")
    attribute_to: Text | None = Field(None, description="its value in the edit")
    licence: Text | None = Field(None, description="of the clip; default: `--licence`")
    source_sha256: Sha256 | None = Field(None, description="checked where given")
    target_sha256: Sha256 | None = Field(None, description="checked where given")
    mask_sha256: Sha256 | None = Field(None, description="checked where given")
    product_mask_sha256: Sha256 | None = Field(None, description="checked where given")
    first_frame_sha256: Sha256 | None = Field(None, description="checked where given")
    edited_sha256: Sha256 | None = Field(None, description="not imported: a method's result, not part of a test set")
    notes: str | None = Field(None, description="not imported")

    @model_validator(mode="after")
    def _attribute_is_whole(self) -> ClipRow:
        given = [self.attribute, self.attribute_from, self.attribute_to]
        if any(given) and not all(given):
            raise ValueError("attribute, attribute_from and attribute_to: found some of the three, wanted all or none")
        return self

    @property
    def attributes(self) -> tuple[AttributeChange, ...]:
        """What changes from what to what; empty where the table does not say."""
        if not (self.attribute and self.attribute_from and self.attribute_to):
            return ()
        return (AttributeChange(name=self.attribute, source=self.attribute_from, target=self.attribute_to),)


COLUMNS = tuple(ClipRow.model_fields)
REQUIRED = tuple(name for name, field in ClipRow.model_fields.items() if field.is_required())

_ABSENT = "the column is missing"

Cells = Mapping[str, Any]


def read_table(path: Path) -> tuple[dict[int, ClipRow], list[Problem]]:
    """Return the rows without a fault by number, and every fault of the others.

    Raises `UserError` where the file as a whole is none: missing, neither CSV nor YAML, without rows.
    """
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".yaml", ".yml"):
        raise UserError(f"{path}: found {suffix or 'no suffix'}, wanted a table in .csv, .yaml or .yml")
    if not path.is_file():
        raise UserError(f"{path}: no such file; wanted a table of clips")
    data = path.read_bytes()
    cells, problems = _csv(path, data) if suffix == ".csv" else _yaml(path, data)
    absent = {problem.column for problem in problems if problem.text == _ABSENT}
    rows: dict[int, ClipRow] = {}
    for number, values in cells.items():
        try:
            rows[number] = ClipRow.model_validate(values)
        except ValidationError as error:
            problems += [problem for problem in _problems(number, error) if problem.column not in absent]
    problems += _repeated(rows)
    return rows, problems


def _csv(path: Path, data: bytes) -> tuple[dict[int, Cells], list[Problem]]:
    # Bytes that are no UTF-8 become lone surrogates, so that each can be named by its row and column.
    text = data.decode("utf-8-sig", errors="surrogateescape")
    try:
        header, *records = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [[]]
    except csv.Error as error:
        raise UserError(f"{path}: not CSV ({error}); export it anew as comma-separated UTF-8") from None
    header = [name.strip() for name in header]
    if len(header) == 1 and any(mark in header[0] for mark in ";\t"):
        raise UserError(f"{path}: the columns are not separated by ','; export it anew as comma-separated UTF-8")
    problems = list(_header_problems(header, 1))
    rows: dict[int, Cells] = {}
    for number, record in enumerate(records, 2):
        if not any(cell.strip() for cell in record):
            continue
        if len(record) != len(header):
            problems.append(Problem(number, None, f"found {len(record)} cells, wanted {len(header)} as in the header"))
            continue
        values = dict(zip(header, record, strict=True))
        problems += [Problem(number, name, _not_utf8(cell)) for name, cell in values.items() if _not_utf8(cell)]
        rows[number] = _known({name: cell.encode(errors="replace").decode() for name, cell in values.items()})
    if not rows and not problems:
        raise UserError(f"{path}: holds no row; wanted one per edit below the header")
    return rows, problems


def _yaml(path: Path, data: bytes) -> tuple[dict[int, Cells], list[Problem]]:
    try:
        found = yaml.safe_load(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: not UTF-8 (byte 0x{data[error.start]:02x}); save it as UTF-8") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    items = found.get("cases") if isinstance(found, dict) else found
    if not isinstance(items, list) or not items:
        raise UserError(f"{path}: wanted a list of edits (or `cases:` and a list), one mapping each")
    problems: list[Problem] = []
    rows: dict[int, Cells] = {}
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            problems.append(Problem(number, None, f"found {type(item).__name__}, wanted a mapping of columns"))
            continue
        values = {str(key): value for key, value in item.items()}
        problems += _header_problems(list(values), number, complete=False)
        rows[number] = _known(values)
    return rows, problems


def _header_problems(names: list[str], row: int, complete: bool = True) -> Iterator[Problem]:
    for name in sorted({n for n in names if names.count(n) > 1}):
        yield Problem(row, name, "the column is there twice")
    for name in dict.fromkeys(names):
        if name not in COLUMNS:
            yield Problem(row, name.encode(errors="replace").decode(), str(unknown("column", name, COLUMNS)))
    if complete:
        yield from (Problem(row, name, _ABSENT) for name in REQUIRED if name not in names)


def _known(values: Cells) -> Cells:
    """Leave out empty cells, whose defaults apply, and columns that were complained of already."""
    return {k: v for k, v in values.items() if k in COLUMNS and v is not None and v != "" and not _blank(v)}


def _blank(value: object) -> bool:
    return isinstance(value, str) and not value.strip()


def _not_utf8(cell: str) -> str:
    bad = next((c for c in cell if "\udc80" <= c <= "\udcff"), None)
    return f"not UTF-8 (byte 0x{ord(bad) - 0xDC00:02x}); export the table as UTF-8" if bad else ""


def _problems(number: int, error: ValidationError) -> Iterator[Problem]:
    for fault in error.errors():
        column = str(fault["loc"][0]) if fault["loc"] else None
        if fault["type"] == "missing":
            yield Problem(number, column, "empty; wanted " + str(ClipRow.model_fields[str(column)].description))
        elif fault["type"] == "value_error":
            yield Problem(number, column, fault["msg"].removeprefix("Value error, "))
        else:
            yield Problem(number, column, f"found {fault['input']!r}: {fault['msg']}")


def _repeated(rows: Mapping[int, ClipRow]) -> Iterable[Problem]:
    """Yield ids used twice; case is folded, because file systems and zip archives do."""
    first: dict[str, int] = {}
    for number, row in rows.items():
        key = row.case_id.casefold()
        if key in first:
            yield Problem(number, "case_id", f"'{row.case_id}' is the id of row {first[key]} already; ids must differ")
        first.setdefault(key, number)
