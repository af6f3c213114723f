"""Which paths a submission may hold: the same rules for the entries of a zip and the files of a folder."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from submissions.rules import Problem, breach

MAX_LENGTH = 128
MAX_DEPTH = 2
_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_RESERVED = frozenset({"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)})


def path_problems(names: Iterable[str]) -> Iterator[Problem]:
    """Yield what is wrong with the paths, each alone and all together.

    A folder's path ends in `/`. Paths are compared as a system would that folds case and composes Unicode.
    """
    files: dict[str, str] = {}
    folders: dict[str, str] = {}
    for name in names:
        yield from _alone(name)
        key = unicodedata.normalize("NFKC", name).casefold().rstrip("/")
        own = folders if name.endswith("/") else files
        if key in own:
            yield breach(name, "path-twice", f"also {own[key]}", "every path once")
        own.setdefault(key, name)
        parts = key.split("/")
        for depth in range(1, len(parts)):
            folders.setdefault("/".join(parts[:depth]), name)
    for key in files.keys() & folders.keys():
        yield breach(files[key], "path-file-as-folder", f"also the folder of {folders[key]}", "a file or a folder")


def _alone(name: str) -> Iterator[Problem]:
    parts = name.removesuffix("/").split("/")
    if len(name) > MAX_LENGTH:
        yield breach(name, "path-length", f"{len(name)} characters", f"{MAX_LENGTH} characters")
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        yield breach(name, "path-absolute", name, "a path inside the submission")
    elif ".." in re.split(r"[/\\]", name):
        yield breach(name, "path-parent", name, "no '..' in a path")
    elif not all(_PART.fullmatch(part) for part in parts):
        yield breach(name, "path-characters", name, "parts of A-Z a-z 0-9 . _ -, each starting with a letter or digit")
    elif len(parts) > MAX_DEPTH:
        yield breach(name, "path-depth", f"{len(parts)} levels", f"{MAX_DEPTH} levels")
    for part in parts:
        device = part.split(".")[0].rstrip(" ").casefold() in _RESERVED
        if device or (part.endswith(".") and part not in (".", "..")):
            yield breach(name, "path-reserved", part, "no device names, no dot at the end")
            break
