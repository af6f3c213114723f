"""Everything a change must pass: `python -m tests` (add `--slow` for the slower suites, `--fast` for tests alone)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
CHECKS = (
    [str(BIN / "ruff"), "check", "."],
    [str(BIN / "ruff"), "format", "--check", "."],
    [str(BIN / "mypy")],
    [str(BIN / "lint-imports")],
)


def main() -> int:
    """Run the checks, then pytest with the remaining arguments; return the first failure's exit code."""
    arguments = sys.argv[1:]
    checks = () if "--fast" in arguments else CHECKS
    tests = [sys.executable, "-m", "pytest", *(a for a in arguments if a != "--fast")]
    for command in (*checks, tests):
        code = subprocess.run(command, cwd=ROOT, check=False).returncode
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
