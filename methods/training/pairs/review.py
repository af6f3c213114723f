"""Start the page that shows pairs to be accepted or rejected."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from bench.errors import UserError

FOLDER = "SHOPEDIT_PAIRS"
"""The environment variable in which the page finds its folder."""


def review(folder: Path, port: int) -> None:
    """Serve the page on this machine until it is stopped; UserError when Streamlit or the pairs are not there."""
    from methods.training.pairs.build import read_manifest

    if find_spec("streamlit") is None:
        raise UserError("reviewing needs the package 'streamlit': pip install 'shopedit-bench[board]'")
    read_manifest(folder)
    os.environ[FOLDER] = str(folder.resolve())
    from streamlit.web.cli import main

    script = Path(__file__).with_name("review_app.py")
    options = [f"--server.port={port}", "--browser.gatherUsageStats=false", "--client.toolbarMode=minimal"]
    main(["run", str(script), "--server.address=127.0.0.1", *options], prog_name="bench pairs review")
