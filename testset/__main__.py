"""`python -m testset build ...`: `bench testset build` for machines that have the renderer's dependencies alone.

It needs warp-lang, av, opencv, numpy and pydantic; no torch, no typer.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from bench.errors import BenchError, UserError
from testset.build import build
from testset.order import RENDITIONS, Order, read_rejected, read_secret


def main() -> int:
    """Build what the command line orders; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m testset", description=__doc__)
    command = parser.add_subparsers(required=True).add_parser("build", help="render splits from their seeds")
    command.add_argument("--out", type=Path, required=True)
    command.add_argument("--split", action="append", help="dev, test or hidden; may be given twice (default: dev)")
    command.add_argument("--rendition", choices=list(RENDITIONS), default="lite")
    command.add_argument("--groups", type=int, help="only the first so many source clips of a split")
    command.add_argument("--device", default="cpu")
    command.add_argument("--workers", type=int, help="processes that encode (default: one per core, at most 16)")
    command.add_argument("--seed-file", type=Path, help="secret of the hidden split; else $SHOPEDIT_HIDDEN_SEED")
    command.add_argument("--rejected", type=Path, help="lines `CASE ATTEMPT` that a probe has turned down")
    command.add_argument("--aux", action="store_true", help="write depth and flow of every source as well")
    command.add_argument("--version", default="1.0")
    args = parser.parse_args()
    start = time.perf_counter()
    try:
        order = Order(
            splits=tuple(dict.fromkeys(args.split or ["dev"])),
            rendition=RENDITIONS[args.rendition],
            groups=args.groups,
            secret=read_secret(args.seed_file) if "hidden" in (args.split or ()) else "",
            rejected=read_rejected(args.rejected),
            aux=args.aux,
            device=args.device,
            workers=args.workers,
            version=args.version,
        )
        counts = build(args.out, order, done=lambda group: sys.stderr.write(f"{group}\n"))
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, UserError) else 1
    sys.stdout.write(json.dumps(counts | {"seconds": round(time.perf_counter() - start, 1)}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
