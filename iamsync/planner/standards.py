"""What a project holds its plans to beside the manifests' resources: tests, reviewed documents of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from iamsync.expectations import PermissionTest
from iamsync.model import EMPTY
from iamsync.policy.document import Document
from iamsync.policy.organization import Organization


@dataclass(frozen=True, slots=True)
class Standards:
    """Permission tests, what the organization limits the account to, and AWS's own policies as they were reviewed.

    `locked` holds version and document by ARN.
    """

    tests: tuple[PermissionTest, ...] = ()
    organization: Organization = field(default_factory=Organization)
    locked: Mapping[str, tuple[str, Document]] = field(default_factory=lambda: EMPTY)
