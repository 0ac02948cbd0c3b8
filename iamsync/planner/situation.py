"""What guards look at: both sides of a plan, what differs, and what the operator decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from iamsync.kinds.kind import Context
from iamsync.model import EMPTY, Address, State
from iamsync.planner.compare import Difference
from iamsync.planner.permissions import Permissions
from iamsync.settings import Settings

_MOST: Final = 10  # names in a row
# AWS's published defaults (IAM User Guide, IAM and AWS STS quotas), for a source that does not tell its own.
DEFAULT_QUOTAS: Final = {
    "AttachedPoliciesPerUserQuota": 10,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "GroupsPerUserQuota": 10,
    "UserPolicySizeQuota": 2048,
    "GroupPolicySizeQuota": 5120,
    "RolePolicySizeQuota": 10240,
    "PolicySizeQuota": 6144,
    "AssumeRolePolicySizeQuota": 2048,
    "UsersQuota": 5000,
    "GroupsQuota": 300,
    "RolesQuota": 1000,
    "PoliciesQuota": 1500,
    "InstanceProfilesQuota": 1000,
}


@dataclass(frozen=True, slots=True)
class Situation:
    """What guards look at: both sides as compared, the differences, the operator's settings.

    `caller` is the ARN that reads the account, `applier` the one that will apply the plan where that is known to be
    another. `before` and `after` are everybody's permissions as they are and as
    the plan leaves them, None where nobody asked for them or nothing differs. `sign_ins` as in `State`.
    """

    desired: State
    live: State
    differences: Sequence[Difference]
    settings: Settings
    now: str
    cx: Context
    managed: int
    caller: str = ""
    applier: str = ""
    before: Permissions | None = None
    after: Permissions | None = None
    sign_ins: Mapping[str, bool | None] = field(default_factory=lambda: EMPTY)


def names_of(addresses: Sequence[Address]) -> str:
    """Addresses in words, the first few by name."""
    names = [str(address) for address in sorted(addresses)]
    rest = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return ", ".join(names[:_MOST]) + rest
