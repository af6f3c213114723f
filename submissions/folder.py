"""What a submission's folder holds, found without following a single link."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from submissions.archive import MAX_FILE, MAX_FILES, MAX_TOTAL
from submissions.names import MAX_DEPTH, path_problems
from submissions.rules import Problem, breach, mib


def scan(folder: Path) -> tuple[dict[str, int], tuple[Problem, ...]]:
    """Return the size of every regular file by its path in the folder, and every rule the folder breaks."""
    sizes: dict[str, int] = {}
    names: list[str] = []
    problems: list[Problem] = []
    waiting = [("", folder)]
    while waiting and len(names) <= MAX_FILES:
        prefix, place = waiting.pop()
        with os.scandir(place) as found:
            for entry in sorted(found, key=lambda e: e.name):
                name, facts = prefix + entry.name, entry.stat(follow_symlinks=False)
                names.append(name + "/" * entry.is_dir(follow_symlinks=False))
                if entry.is_symlink():
                    problems.append(breach(name, "path-link", "a symbolic link", "a regular file"))
                elif stat.S_ISREG(facts.st_mode):
                    sizes[name] = facts.st_size
                elif entry.is_dir(follow_symlinks=False):
                    if name.count("/") < MAX_DEPTH:
                        waiting.append((name + "/", Path(entry.path)))
                else:
                    found_type = f"file type {stat.S_IFMT(facts.st_mode):#o}"
                    problems.append(breach(name, "path-special", found_type, "a regular file or a folder"))
    if len(names) > MAX_FILES:
        problems.append(breach(folder.name, "count-files", f"more than {MAX_FILES}", f"{MAX_FILES} entries"))
    for name, size in sizes.items():
        if size > MAX_FILE:
            problems.append(breach(name, "size-file", mib(size), mib(MAX_FILE)))
    if sum(sizes.values()) > MAX_TOTAL:
        problems.append(breach(folder.name, "size-total", mib(sum(sizes.values())), mib(MAX_TOTAL)))
    return sizes, (*path_problems(names), *problems)
