"""What a project holds its plans to beside the manifests' resources: tests, reviewed documents of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iamsync.expectations import PermissionTest
from iamsync.model import EMPTY
from iamsync.policy.document import Document


@dataclass(frozen=True, slots=True)
class Standards:
    """Permission tests, and version and document of AWS's own policies as they were reviewed (`locked`), by ARN."""

    tests: tuple[PermissionTest, ...] = ()
    locked: Mapping[str, tuple[str, Document]] = field(default_factory=lambda: EMPTY)
