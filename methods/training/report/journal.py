"""What a report has measured so far, one JSON line for each thing, so that a stopped report goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Journal:
    """Rows of one subject (model, held-out set, device, settings) in a file that may hold others' rows too."""

    def __init__(self, path: Path | None, subject: str) -> None:
        self._path, self._subject = path, subject
        self._rows: dict[tuple[str, int], dict[str, Any]] = {}
        if path is None:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        whole, _, torn = text.rpartition("\n")  # a process killed while it wrote leaves a line without its end
        for line in whole.splitlines():
            row = json.loads(line)
            if row["subject"] == subject:
                self._rows[row["section"], row["item"]] = row["values"]
        if torn:
            path.write_text(whole + "\n" if whole else "", encoding="utf-8")

    def add(self, section: str, item: int, values: dict[str, Any]) -> None:
        """Keep what was measured of one item of a section, a JSON object."""
        self._rows[section, item] = values
        if self._path is not None:
            row = {"subject": self._subject, "section": section, "item": item, "values": values}
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def has(self, section: str, item: int) -> bool:
        """Tell whether an item of a section is measured."""
        return (section, item) in self._rows

    def rows(self, section: str) -> dict[int, dict[str, Any]]:
        """Return a section's rows by item, in the items' order."""
        found = {item: values for (name, item), values in self._rows.items() if name == section}
        return dict(sorted(found.items()))
