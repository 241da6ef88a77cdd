"""What each experiment consists of, in YAML files beside this module."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def read_suite(name: str) -> Any:
    """Return the content of ``NAME.yaml``."""
    import yaml

    return yaml.safe_load(Path(__file__).with_name(f"{name}.yaml").read_text(encoding="utf-8"))
