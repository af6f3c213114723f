"""`submission.yaml`, format 1: what a submission says of itself, read as text that nobody trusts.

Every scalar is text until a field gives it a type, so `version: 1.0` is the version "1.0", and `no` is
not false. The parser is pure Python and builds plain lists and mappings only.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from bench.types import Track
from submissions.rules import Problem, breach, mib

FILE = "submission.yaml"
FORMAT = 1
MAX_BYTES = 2**20
MAX_DEPTH = 8
MAX_EVENTS = 20_000


def _plain(text: str) -> str:
    if not text:
        raise ValueError("a line of text")
    if any(c != " " and unicodedata.category(c)[0] in "CZ" for c in text):
        raise ValueError("a line of text without control, bidi or other invisible characters")
    return text


def _https(text: str) -> str:
    parts = urlsplit(text)
    host = parts.hostname or ""
    if parts.scheme != "https" or "." not in host or "@" in parts.netloc or not re.fullmatch(r"[!-~]+", text):
        raise ValueError("a public https address")
    return text


def _shaped(pattern: str, wanted: str) -> AfterValidator:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            raise ValueError(wanted)
        return text

    return AfterValidator(check)


def _none(value: Any) -> Any:
    return None if value in ("", "~", "null") else value


Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=200),
    AfterValidator(_plain),
]
"""One line of visible text."""
Slug = Annotated[
    str,
    StringConstraints(max_length=64),
    _shaped(r"[a-z0-9]+(-[a-z0-9]+)*", "lower-case letters and digits with hyphens between"),
]
Email = Annotated[
    str,
    StringConstraints(max_length=200),
    _shaped(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", "an e-mail address"),
]
Link = Annotated[str, StringConstraints(max_length=500), AfterValidator(_https)]
OptionalLink = Annotated[Link | None, BeforeValidator(_none)]
Sha256 = Annotated[str, _shaped(r"[0-9a-f]{64}", "64 hexadecimal digits in lower case")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Method(_Part):
    """Which method made the clips."""

    name: Slug
    version: Line
    track: Track
    """What the method was given: rows of different tracks are never ranked together."""


class Edited(_Part):
    """What was edited."""

    name: Line
    version: Line
    split: Line
    """A split of the test set or a named part of one; all its cases belong to the submission."""


class Manifest(_Part):
    """Format 1 of `submission.yaml`."""

    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)]
    method: Method
    testset: Edited
    team: Line
    contact: Email
    """Never shown."""
    paper: OptionalLink = None
    code: OptionalLink = None
    licence: Line
    """Under which the submitted clips may be shown, as an SPDX identifier where there is one."""
    model: Line
    """The base model with its size."""
    hardware: Line
    seconds_per_edit: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
    """Mean wall time without loading the model."""
    sha256: dict[Line, Sha256] = {}
    """Hash of clips by case id, where the submitter wants them checked."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What could be read of a manifest."""

    manifest: Manifest | None
    """None where any field is amiss."""
    edited: Edited | None
    """What was edited; there even where other fields are amiss, so that clips can be checked all the same."""
    problems: tuple[Problem, ...]


def read_manifest(data: bytes) -> Reading:
    """Return what the bytes of a manifest say, and every problem of them."""
    if len(data) > MAX_BYTES:
        return Reading(None, None, (breach(FILE, "manifest-size", mib(len(data)), mib(MAX_BYTES)),))
    try:
        fields = _mapping(data.decode("utf-8"))
    except (yaml.YAMLError, ValueError) as error:
        return Reading(None, None, (breach(FILE, "manifest-yaml", " ".join(str(error).split()), "plain YAML"),))
    try:
        manifest = Manifest.model_validate(fields)
    except ValidationError as error:
        problems = tuple(_field_problem(detail) for detail in error.errors(include_url=False))
        return Reading(None, _edited(fields.get("testset")), problems)
    return Reading(manifest, manifest.testset, ())


def _edited(fields: Any) -> Edited | None:
    try:
        return Edited.model_validate(fields)
    except ValidationError:
        return None  # told with the other fields


def _mapping(text: str) -> dict[str, Any]:
    """Return the one mapping of a document. ValueError or YAMLError for anything cleverer."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.BaseLoader)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise ValueError("an anchor or alias")
        if tag := getattr(event, "tag", None):
            raise ValueError(f"the tag {tag}")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH or count > MAX_EVENTS:
            raise ValueError(f"more than {MAX_DEPTH} levels or {MAX_EVENTS} parts")
    loaded = yaml.load(text, Loader=_OnceLoader)
    if not isinstance(loaded, dict):
        raise ValueError(f"{'nothing' if not loaded else f'a {type(loaded).__name__}'} where fields were expected")
    return loaded


class _OnceLoader(yaml.BaseLoader):
    """Text scalars only; a key may be there once."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return the mapping. ValueError for a repeated key or one that is no scalar."""
        keys = [key.value if isinstance(key, yaml.ScalarNode) else None for key, _ in node.value]
        repeated = {str(key) for key in keys if keys.count(key) > 1}
        if None in keys or repeated:
            raise ValueError(f"the key {', '.join(sorted(repeated))} twice" if repeated else "a key that is no text")
        found: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        return found


def _field_problem(detail: Any) -> Problem:
    where = ".".join(str(part) for part in detail["loc"])
    found = "nothing" if detail["type"] == "missing" or detail["input"] == "" else repr(detail["input"])
    wanted = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return breach(f"{FILE}: {where}", "manifest-field", found, wanted)
