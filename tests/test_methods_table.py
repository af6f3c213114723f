"""Every shipped row edits, at the cost that docs/methods.md states: on a tiny model with the real one's layers."""

import importlib
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.types import EditRequest, Video
from methods import zoo
from methods.wan.adapter import WanMethod
from methods.wan.load import load
from tests.tiny_model import build

torch.set_num_threads(1)
DOCS = (Path(__file__).parent.parent / "docs" / "methods.md").read_text(encoding="utf-8")
TABLE = DOCS.partition("## What they score")[0]
rng = np.random.default_rng(0)
FRAMES = rng.integers(0, 256, (5, 64, 64, 3), dtype=np.uint8)
MASK = np.zeros((5, 64, 64), bool)
MASK[:, :32] = True


def documented():
    """Track and NFE by row, from the table; a line may hold several rows, with as many figures."""
    found = {}
    for line in TABLE.splitlines():
        if line.startswith("| `"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            names, figures = re.findall("`([^`]+)`", cells[0]), [int(n) for n in cells[-1].split(",")]
            found |= {name: (cells[-2], nfe) for name, nfe in zip(names, figures, strict=True)}
    return found


def backbone_rows():
    """The shipped rows that run on the backbone and are no controls."""
    rows = {}
    for name, entry in zoo().items():
        module, _, cls = entry.target.partition(":")
        adapter = getattr(importlib.import_module(module), cls)
        if issubclass(adapter, WanMethod):
            rows[name] = (entry.card, adapter)
    return rows


ROWS = backbone_rows()


@pytest.fixture(scope="module")
def wan(tmp_path_factory):
    return load(str(build(tmp_path_factory.mktemp("model"), layers=8)), "cpu")


def test_the_table_names_every_row_that_edits_and_its_track():
    edit = {name: entry.card.track for name, entry in zoo().items() if not entry.card.control}
    assert {name: track for name, (track, _) in documented().items()} == edit
    assert edit.keys() >= ROWS.keys()


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_shipped_row_edits_at_the_documented_nfe(wan, name):
    card, adapter = ROWS[name]
    method = adapter(card)
    method.wan, method._device = wan, "cpu"
    request = EditRequest(
        case_id="case",
        source=Video(FRAMES),
        source_prompt="a red mug",
        target_prompt="a blue mug",
        instruction="Surprise me.",
        seed=0,
        first_frame=255 - FRAMES[0] if card.track == "first-frame" else None,
        mask=MASK if card.track == "mask" else None,
    )
    edit = method.edit(request)
    assert edit.video.shape == (5, 64, 64)
    assert edit.nfe == documented()[name][1]
