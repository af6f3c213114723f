"""`python -m testset build ...`: `bench testset build` for machines that have the renderer's dependencies alone.

It needs warp-lang, av, opencv, numpy and pydantic; no typer, and torch and open_clip with `--probe` alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from bench.errors import BenchError, UserError
from testset.build import build
from testset.order import RENDITIONS, VERSION, Order, read_rejected, read_secret
from testset.reading import Reader
from testset.scenes import prompts
from testset.verdicts import attempts_of


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
    command.add_argument("--like", type=Path, help="a built set: the same cases, in this rendition, not judged again")
    command.add_argument("--probe", action="store_true", help="draw anew what the attribute probe cannot read")
    command.add_argument("--aux", action="store_true", help="write depth and flow of every source as well")
    command.add_argument("--version", default=VERSION)
    args = parser.parse_args()
    start = time.perf_counter()
    try:
        secret = read_secret(args.seed_file) if "hidden" in (args.split or ()) else ""
        order = Order(
            splits=tuple(dict.fromkeys(args.split or ["dev"])),
            rendition=RENDITIONS[args.rendition],
            groups=args.groups,
            secret=secret,
            rejected=read_rejected(args.rejected),
            like=attempts_of(args.like, secret) if args.like else None,
            aux=args.aux,
            device=args.device,
            workers=args.workers,
            version=args.version,
        )
        counts = build(
            args.out, order, _reader() if args.probe else None, done=lambda group: sys.stderr.write(f"{group}\n")
        )
    except BenchError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if isinstance(error, UserError) else 1
    sys.stdout.write(json.dumps(counts | {"seconds": round(time.perf_counter() - start, 1)}) + "\n")
    return 0


def _reader() -> Reader:
    from testset.probing import attribute_reader

    return attribute_reader(prompts())


if __name__ == "__main__":
    sys.exit(main())
