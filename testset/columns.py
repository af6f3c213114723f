"""The table that `datasets.load_dataset` reads: one Parquet file a split, clips as `Video` features.

The folder builder of `datasets` turns `<name>_file_name` into the feature `<name>` and finds the file beside the
table. Parquet rather than JSON lines, because its columns have types even where every value is empty.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.types import EditCase, TestSet
from testset.statistics import splits_of

CLIPS = ("source", "target", "mask", "product_mask")


def file_of(split: str) -> str:
    """Return the name of a split's table. `datasets` takes letters, digits and `_` in the name of a split."""
    return re.sub(r"\W", "_", split, flags=re.ASCII) + ".parquet"


def record(case: EditCase) -> dict[str, Any]:
    """Return a case as one row, clips as the paths of their files."""
    row = case.model_dump(mode="json", exclude={*CLIPS, "first_frame", "split"})
    paths = {f"{role}_file_name": asset.path if (asset := getattr(case, role)) else None for role in CLIPS}
    s = case.source
    still = {"first_frame_path": case.first_frame.path if case.first_frame else None}
    return {**row, **paths, **still, "width": s.width, "height": s.height, "frames": s.frames, "fps": s.fps}


def write_tables(testset: TestSet, folder: Path) -> list[str]:
    """Write a table per split and return the names of the files. Raises `UserError` without pyarrow."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ModuleNotFoundError:
        raise UserError('the card needs pyarrow: pip install "shopedit-bench[hub]"') from None
    text, words = pa.string(), pa.list_(pa.string())
    schema = pa.schema(
        [
            ("id", text),
            ("version", pa.int32()),
            ("group", text),
            ("scenario", text),
            ("vertical", text),
            ("tags", words),
            ("source_prompt", text),
            ("target_prompt", text),
            ("instruction", pa.struct([("en", text), ("zh", text)])),
            ("attributes", pa.list_(pa.struct([("name", text), ("source", text), ("target", text)]))),
            ("keep", words),
            ("subsets", words),
            ("licence", text),
            *((f"{role}_file_name", text) for role in CLIPS),
            ("first_frame_path", text),
            ("width", pa.int32()),
            ("height", pa.int32()),
            ("frames", pa.int32()),
            ("fps", text),
        ]
    )
    written = []
    for split in splits_of(testset):
        rows = [record(case) for case in testset.select(split)]
        pq.write_table(pa.Table.from_pylist(rows, schema), folder / file_of(split))
        written.append(file_of(split))
    return written
