"""Values as the YAML iamsync writes everywhere."""

from __future__ import annotations

from typing import Any

from iamsync.manifest.writer import dump


def yaml_text(value: Any) -> str:
    """Canonical YAML of nested dicts, lists, texts, numbers and truths."""
    return dump(value)
