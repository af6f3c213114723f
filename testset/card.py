"""The card of a test set, made from its own records: README.md, tables, pictures, licence and checksums.

Nothing of it is typed by hand, so nothing can be out of date without `stale` seeing it: the card names the digest of
the records it was made from, and the checksums pin every file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from bench.errors import UserError
from bench.identity import file_digest, testset_digest
from bench.testsets import TestSetInfo, read_info, read_testset
from bench.types import TestSet
from testset import statistics
from testset.columns import CLIPS, file_of, write_tables
from testset.pictures import sheet, write_jpeg
from testset.statistics import Counts

README = "README.md"
LICENCE = "LICENSE"
SUMS = "SHA256SUMS"
PICTURES = "pictures"
AUX = "aux"
"""Depth and flow, made on demand and never shipped."""
CC_BY = "CC-BY-4.0"

FIELDS = {
    "id": "name of the edit, and of its clip in a submission",
    "version": "raised when the edit changes under the same name",
    "group": "source clip; edits of one clip are one cluster of every interval",
    "scenario": "product, background, color, material, style, add or remove",
    "vertical": "kind of shop",
    "tags": "what makes it hard",
    "source": "the clip to be edited",
    "target": "the exact answer, where there is one",
    "mask": "white where the edit may change a pixel, shadows and reflections included",
    "product_mask": "white on the product, without its shadow",
    "first_frame": "the edited first frame as a PNG, where there is no target to take it from",
    "source_prompt": "what the source shows",
    "target_prompt": "what the edit shall show",
    "instruction": "the edit as a request, `en` and `zh`",
    "attributes": "what changes from what to what, in words of the closed vocabularies",
    "keep": "what must stay, in the same words",
    "split": "dev: every choice is made here; test: measured once per method version",
    "subsets": "named parts of the split, e.g. smoke and mini",
    "licence": "of the clip",
}
"""Every field of a case and what it means."""

_RENDERED = (
    "The scenes are rendered. A method that is good on them may fail on footage: try it with `bench testset import`.",
    "The vocabularies are closed: products, colours, materials, settings, styles and props are those counted above.",
    "Prompts and instructions are made from templates; free wording is not tested.",
    "No people, no hands, no speech, no text beyond short words, no cuts within a clip.",
    "Clips are encoded with loss. Outside the mask source and target agree exactly before encoding, not after.",
)
_IMPORTED = (
    "The clips are their owner's; rights, consent and privacy have not been looked into by the program that made this.",
    "Without targets there is no headline score: what can be compared with the source is, the rest is unscored.",
)


def card_text(testset: TestSet, info: TestSetInfo) -> str:
    """Return README.md: metadata for a hub, then what a reader wants to know; the same records give the same text."""
    rendered = "dropped" in info.generator
    title = info.title or info.name
    parts = [
        "---\n" + yaml.safe_dump(_metadata(testset, info), sort_keys=False, allow_unicode=True, width=1000) + "---",
        f"# {title}\n\n{info.description}\n\n{_size(testset)}",
        "\n\n".join(f"![{split}]({PICTURES}/{split}.jpg)" for split in statistics.splits_of(testset)),
        f"## Use\n\n{_use(testset, info)}",
        f"## What it holds\n\n{_statistics(testset)}",
        f"## Fields\n\n{_fields()}",
        f"## How it was made\n\n{_made(info)}",
        "## Limits\n\n" + "\n".join(f"- {line}" for line in (_RENDERED if rendered else _IMPORTED)),
        f"## Licence and citation\n\n{_licence(testset, info)}",
        f"Made by `bench testset card` from records with sha256 `{testset_digest(testset)}`.",
    ]
    return "\n\n".join(parts) + "\n"


def write_card(folder: Path) -> list[str]:
    """Write card, tables, pictures, licence and checksums into a test set's folder; return the names of the files."""
    testset, info = read_testset(folder), read_info(folder)
    written = [README, *write_tables(testset, folder)]
    (folder / README).write_text(card_text(testset, info), encoding="utf-8")
    for split in statistics.splits_of(testset):
        name = f"{PICTURES}/{split}.jpg"
        write_jpeg(sheet(testset, split), folder / name)
        written.append(name)
    if info.licence == CC_BY:
        (folder / LICENCE).write_text(_cc_by(info), encoding="utf-8")
        written.append(LICENCE)
    sums = {path: file_digest(folder / path) for path in shipped(folder) if path != SUMS}
    (folder / SUMS).write_text("".join(f"{digest}  {path}\n" for path, digest in sums.items()), encoding="utf-8")
    return [*written, SUMS]


def stale(testset: TestSet, info: TestSetInfo) -> list[str]:
    """Return why the card is not that of these records (empty where it is); one without a card says so."""
    folder = testset.root
    if not (folder / README).is_file() or not (folder / SUMS).is_file():
        return [f"{README}: no card yet; write it with `bench testset card`"]
    remedy = "write the card again with `bench testset card`"
    found = []
    if (folder / README).read_text(encoding="utf-8") != card_text(testset, info):
        found.append(f"{README}: says other than the records; {remedy}")
    sums = _sums(folder)
    for path in sorted(set(shipped(folder)) - {SUMS} | sums.keys()):
        if path not in sums:
            found.append(f"{path}: not in {SUMS}; remove it, or {remedy}")
        elif not (folder / path).is_file():
            found.append(f"{path}: in {SUMS} and missing; restore it, or {remedy}")
        elif not path.startswith("clips/") and file_digest(folder / path) != sums[path]:
            found.append(f"{path}: not as in {SUMS}; {remedy}")
    return found


def shipped(folder: Path) -> list[str]:
    """Return the paths of the files that a test set consists of, sorted: neither hidden ones nor `build --aux`'s."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(p.as_posix() for p in found if p.parts[0] != AUX and not any(x.startswith(".") for x in p.parts))


def _sums(folder: Path) -> dict[str, str]:
    lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    pairs = [line.split("  ", 1) for line in lines]
    if any(len(pair) != 2 for pair in pairs):
        raise UserError(f"{folder / SUMS}: wanted `<sha256>  <path>` in every line; write it with `bench testset card`")
    return {path: digest for digest, path in pairs}


def _metadata(testset: TestSet, info: TestSetInfo) -> dict[str, Any]:
    splits = statistics.splits_of(testset)
    return {
        "license": info.licence.lower() if info.licence == CC_BY else "other",
        "pretty_name": info.title or info.name,
        "language": ["en", "zh"],
        "task_categories": ["image-to-video", "text-to-video"],
        "tags": ["video-editing", "benchmark", "e-commerce"],
        "size_categories": ["n<1K" if len(testset.cases) < 1000 else "1K<n<10K"],
        "configs": [
            {
                "config_name": "default",
                "drop_labels": True,
                "metadata_filenames": [file_of(split) for split in splits],
                "data_files": [
                    {"split": file_of(s)[: -len(".parquet")], "path": [file_of(s), "clips/**"]} for s in splits
                ],
            }
        ],
    }


def _size(testset: TestSet) -> str:
    lacking = [f"{sum(getattr(c, r) is None for c in testset.cases)} have no {r}" for r in ("target", "mask")]
    whole = [text for text in lacking if not text.startswith("0 ")]
    clips = len({case.group for case in testset.cases})
    exact = "; " + ", ".join(whole) if whole else ", each with its exact target and mask"
    return f"{len(testset.cases)} edits of {clips} source clips, version {testset.version}{exact}."


def _use(testset: TestSet, info: TestSetInfo) -> str:
    split = statistics.splits_of(testset)[0]
    name = file_of(split)[: -len(".parquet")]
    return (
        "```python\nimport datasets\n\n"
        f'cases = datasets.load_dataset("path/to/{info.name}", split="{name}")\n'
        'paths = cases.cast_column("source", datasets.Video(decode=False))  # without torchcodec\n```\n\n'
        "```sh\n"
        f"bench run --method NAME --testset path/to/{info.name} --split {split}\n"
        f"bench testset check --testset path/to/{info.name}   # or: sha256sum -c {SUMS}\n```"
    )


def _statistics(testset: TestSet) -> str:
    parts = statistics.parts_of(testset)
    named = ", ".join(f"`{name}` ({len(testset.select(name))})" for name in parts)
    tables = [
        statistics.by_scenario(testset),
        statistics.count(testset, "vertical", lambda case: [case.vertical]),
        statistics.count(testset, "hard because of", lambda case: case.tags),
        statistics.by_product(testset, _products()),
        *statistics.by_values(testset),
        statistics.by_size(testset),
    ]
    text = "\n\n".join(_table(table) for table in tables if table.rows)
    return f"Edits by split.{f' Named parts: {named}.' if named else ''}\n\n{text}"


def _products() -> list[str]:
    from testset.scenes.vocabulary import PRODUCTS

    return list(PRODUCTS)


def _table(counts: Counts) -> str:
    return _markdown([counts.title, *counts.splits], [[value, *map(str, n)] for value, n in counts.rows])


def _markdown(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    heads = list(heads)
    lines = [heads, ["---", *("---:" for _ in heads[1:])], *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def _fields() -> str:
    rows = [[f"`{name}`", ("clip: " if name in CLIPS else "") + text] for name, text in FIELDS.items()]
    heads = "| field | |\n| --- | --- |\n"
    return (
        heads
        + "\n".join(f"| {name} | {text} |" for name, text in rows)
        + (
            "\n\nIn the tables for `datasets`, clips are features of type `Video` (None where a case has none), and "
            "`width`, `height`, `frames` and `fps` are the source's."
        )
    )


def _made(info: TestSetInfo) -> str:
    generator = dict(info.generator)
    parts = []
    if "dropped" in generator:
        parts.append(
            "Every candidate is rendered and measured before it may ship: the target must move, the mask must be large "
            "enough, and source and target must differ inside the mask and agree outside it. One that fails is dropped "
            "and drawn anew.\n\n" + _dropped(generator.pop("kept"), generator.pop("dropped"))
        )
    if probe := generator.pop("probe", None):
        parts.append(_probed(probe))
    rest = yaml.safe_dump(generator, sort_keys=True, allow_unicode=True).strip()
    parts.append(f"As recorded in `testset.json`:\n\n```yaml\n{rest}\n```" if generator else "Nothing is recorded.")
    return "\n\n".join(parts)


def _dropped(kept: Mapping[str, int], dropped: Mapping[str, int]) -> str:
    rows = []
    for scenario in sorted(kept.keys() | dropped.keys()):
        left, gone = kept.get(scenario, 0), dropped.get(scenario, 0)
        rows.append([scenario, str(left), str(gone), f"{100 * gone / max(left + gone, 1):.1f} %"])
    return _markdown(["scenario", "kept", "dropped", "share dropped"], rows)


def _probed(probe: Mapping[str, Any]) -> str:
    asked, unread = probe["asked"], probe["unread"]
    weak = "".join(
        f" It does not judge {name}, which it reads right in {share:.0%} of held-out renders only."
        for name, share in probe.get("unreliable", {}).items()
    )
    rows = [[name, str(n), str(unread.get(name, 0))] for name, n in sorted(asked.items())]
    wrong = [[attribute, truth, answer, str(n)] for attribute, truth, answer, n in probe["confusions"]]
    return (
        "A text-image model trained on other scenes of the same generator (weights with sha256 "
        f"`{probe['weights']}`) reads every candidate. One whose target does not show the target's value of the "
        f"edited attribute, or whose source shows it already, is among the dropped.{weak}\n\n"
        + _markdown(["scenario", "read", "not readable"], rows)
        + "\n\nWhat it took for what, on sources and targets of all candidates:\n\n"
        + (_markdown(["attribute", "shown", "read", "times"], wrong) if wrong else "Nothing for anything else.")
    )


def _licence(testset: TestSet, info: TestSetInfo) -> str:
    others = sorted({case.licence for case in testset.cases} - {info.licence})
    per_case = f" Some clips have their own: {', '.join(others)}." if others else ""
    named = f"[{CC_BY}](https://creativecommons.org/licenses/by/4.0/)" if info.licence == CC_BY else info.licence
    return f"Licence: {named}.{per_case}\n\n```bibtex\n{info.citation or _bibtex(info)}\n```"


def _bibtex(info: TestSetInfo) -> str:
    key = "".join(c if c.isalnum() else "_" for c in info.name)
    author = "{The ShopEdit-Bench authors}" if "dropped" in info.generator else "{Unknown}"
    fields = {"title": info.title or info.name, "author": author, "note": f"Version {info.version}"}
    return f"@misc{{{key},\n" + ",\n".join(f"  {name} = {{{text}}}" for name, text in fields.items()) + "\n}"


def _cc_by(info: TestSetInfo) -> str:
    return (
        f"{info.title or info.name}, version {info.version}, by the ShopEdit-Bench authors.\n\n"
        "Licensed under the Creative Commons Attribution 4.0 International Public License (CC BY 4.0).\n"
        "SPDX-License-Identifier: CC-BY-4.0\n"
        "The licence: https://creativecommons.org/licenses/by/4.0/legalcode\n\n"
        "Share and adapt the clips, masks and annotations for any purpose. Name the authors and this licence, link to\n"
        "it, and say what you changed. They come as they are, without warranty of any kind.\n"
    )
