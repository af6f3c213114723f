"""How to cite the software and a test set, as BibTeX."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from bench.store.read import Board


def software() -> str:
    """Return the entry of this program."""
    try:
        number = version("shopedit-bench")
    except PackageNotFoundError:
        number = "0"
    return (
        "@software{shopedit_bench,\n"
        "  title   = {ShopEdit-Bench: a benchmark for e-commerce video editing with ground truth},\n"
        "  author  = {{The ShopEdit-Bench authors}},\n"
        f"  version = {{{number}}},\n"
        "  year    = {2026}\n"
        "}"
    )


def testset(board: Board) -> str:
    """Return the entry of a board's test set, with what pins it."""
    return (
        f"@misc{{{_key(board.testset)},\n"
        f"  title        = {{{_plain(board.testset)}, version {_plain(board.version)}}},\n"
        "  author       = {{The ShopEdit-Bench authors}},\n"
        "  year         = {2026},\n"
        f"  note         = {{sha256:{_plain(board.testset_digest[:16])}; scores under {_plain(board.signature)}}}\n"
        "}"
    )


def _plain(text: str) -> str:
    """Return text without what BibTeX would read as markup."""
    return "".join(c for c in text if c.isalnum() or c in " .:-_+")


def _key(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text) or "testset"
