"""The quotas of a new AWS account, named as in GetAccountSummary (plus two that it does not tell)."""

from __future__ import annotations

from typing import Final

DEFAULTS: Final[dict[str, int]] = {
    "AccessKeysPerUserQuota": 2,
    "AssumeRolePolicySizeQuota": 2048,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 10,
    "AttachedPoliciesPerUserQuota": 10,
    "GroupPolicySizeQuota": 5120,
    "GroupsPerUserQuota": 10,
    "GroupsQuota": 300,
    "InstanceProfilesQuota": 1000,
    "PoliciesQuota": 1500,
    "PolicySizeQuota": 6144,
    "PolicyVersionsInUseQuota": 10000,
    "RolePolicySizeQuota": 10240,
    "RolesQuota": 1000,
    "ServerCertificatesQuota": 20,
    "SigningCertificatesPerUserQuota": 2,
    "UserPolicySizeQuota": 2048,
    "UsersQuota": 5000,
    "VersionsPerPolicyQuota": 5,
    "SSHPublicKeysPerUserQuota": 5,
    "TagsPerResourceQuota": 50,
}
UNTOLD: Final = frozenset({"SSHPublicKeysPerUserQuota", "TagsPerResourceQuota"})
