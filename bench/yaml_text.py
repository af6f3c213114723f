"""YAML as this project's rows, flags and configurations are written in: numbers as in YAML 1.2."""

from __future__ import annotations

import re
from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """The safe loader; YAML 1.1, which it otherwise follows, takes 1e-3 for a word because it has no point."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"), list("-+.0123456789")
)


def read_yaml(text: str) -> Any:
    """Return the value of a YAML text; raises `yaml.YAMLError` where it is none."""
    return yaml.load(text, Loader=_Loader)
