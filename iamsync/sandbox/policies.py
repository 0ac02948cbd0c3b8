"""Managed policy calls: the policy, its versions, its tags, who uses it."""

from __future__ import annotations

from moto.core.responses import ActionResult, EmptyResult

from iamsync.sandbox import checks, views
from iamsync.sandbox.backend import Backend
from iamsync.sandbox.entities import Group, Policy, PolicyVersion, Role, User, now, tag_list
from iamsync.sandbox.holders import HolderCalls
from iamsync.sandbox.refusal import Refused


class PolicyCalls(HolderCalls):
    """CreatePolicy, CreatePolicyVersion and so on."""

    def create_policy(self) -> ActionResult:
        iam, name, text = self.iam, self.params["PolicyName"], self.params["PolicyDocument"]
        if any(each.name.casefold() == name.casefold() for each in iam.managed_policies.values()):
            message = f"A policy called {name} already exists. Duplicate names are not allowed."
            raise Refused("EntityAlreadyExists", message)
        checks.room("Policies", len(iam.managed_policies), iam.quotas)
        checks.identity_document(text)
        checks.policy_size(text, iam.quotas)
        policy = Policy(name, iam.account_id, iam.partition, path=self.params.get("Path", "/"), document=text)
        policy.description = self.params.get("Description", "")
        policy.tag_map = self.new_tags(fold=False)
        iam.managed_policies[policy.arn] = policy
        # The answer to a creation lacks the description even where one was given.
        return ActionResult({"Policy": views.policy(policy, {}, {}) | {"Tags": tag_list(policy.tag_map)}})

    def get_policy(self) -> ActionResult:
        return ActionResult({"Policy": views.full_policy(self.iam, self._policy())})

    def list_policies(self) -> ActionResult:
        iam, scope = self.iam, self.params.get("Scope", "All")
        policies = [] if scope == "AWS" else list(iam.managed_policies.values())
        attached, bounding = iam.attachments(), iam.boundary_uses()
        if scope != "Local":
            policies += iam.all_aws_policies()
        if self.params.get("OnlyAttached"):
            usage = self.params.get("PolicyUsageFilter")
            used = {None: attached + bounding, "PermissionsPolicy": attached, "PermissionsBoundary": bounding}[usage]
            policies = [each for each in policies if used[each.arn]]
        prefix = self.params.get("PathPrefix", "/")
        shown = [views.policy(each, attached, bounding) for each in policies if each.path.startswith(prefix)]
        return ActionResult({"Policies": shown})

    def delete_policy(self) -> ActionResult:
        iam, policy = self.iam, self._own_policy()
        if iam.attachments()[policy.arn] or iam.boundary_uses()[policy.arn]:
            raise Refused("DeleteConflict", "Cannot delete a policy attached to entities.")
        if len(policy.versions) > 1:
            raise Refused(
                "DeleteConflict",
                "This policy has more than one version. Before you delete a policy, you must delete the policy's "
                "versions. The default version is deleted with the policy.",
            )
        del iam.managed_policies[policy.arn]
        return EmptyResult()

    def create_policy_version(self) -> ActionResult:
        iam, policy, text = self.iam, self._own_policy(), self.params["PolicyDocument"]
        checks.identity_document(text)
        checks.policy_size(text, iam.quotas)
        limit = iam.quotas["VersionsPerPolicyQuota"]
        if len(policy.versions) >= limit:
            raise Refused(
                "LimitExceeded",
                f"A managed policy can have up to {limit} versions. Before you create a new version, you must delete "
                "an existing version.",
            )
        version = PolicyVersion(policy.arn, text, False, f"v{policy.next_version_num}", now())
        policy.next_version_num += 1
        policy.versions.append(version)
        policy.update_date = now()
        if self.params.get("SetAsDefault"):
            _make_default(policy, version)
        # The answer to a creation has no document.
        return ActionResult({"PolicyVersion": views.version(version)})

    def get_policy_version(self) -> ActionResult:
        return ActionResult({"PolicyVersion": views.full_version(self._version(self._policy()))})

    def list_policy_versions(self) -> ActionResult:
        newest_first = reversed(self._policy().versions)
        return ActionResult({"Versions": [views.version(each) for each in newest_first]})

    def delete_policy_version(self) -> ActionResult:
        policy = self._own_policy()
        version = self._version(policy)
        if version.is_default:
            raise Refused("DeleteConflict", "Cannot delete the default version of a policy.")
        policy.versions.remove(version)
        return EmptyResult()

    def set_default_policy_version(self) -> ActionResult:
        policy = self._own_policy()
        _make_default(policy, self._version(policy))
        policy.update_date = now()
        return EmptyResult()

    def tag_policy(self) -> ActionResult:
        return self.tag(self._own_policy())

    def untag_policy(self) -> ActionResult:
        return self.untag(self._own_policy())

    def list_policy_tags(self) -> ActionResult:
        return self.list_tags(self._policy())

    def list_entities_for_policy(self) -> ActionResult:
        iam, policy = self.iam, self._policy()
        kind, prefix = self.params.get("EntityFilter"), self.params.get("PathPrefix", "/")
        # Other filters name kinds of policies, which hold nothing.
        kinds = {"User": User, "Role": Role, "Group": Group}
        usage = self.params.get("PolicyUsageFilter")
        found = [
            each
            for each in iam.holders()
            if _uses(each, policy.arn, usage) and each.path.startswith(prefix)
            if kind is None or (kind in kinds and isinstance(each, kinds[kind]))
        ]

        def named(wanted: type, word: str) -> list[dict[str, str]]:
            return [{f"{word}Name": each.name, f"{word}Id": each.id} for each in found if isinstance(each, wanted)]

        return ActionResult(
            {
                "PolicyGroups": named(Group, "Group"),
                "PolicyUsers": named(User, "User"),
                "PolicyRoles": named(Role, "Role"),
            }
        )

    def _policy(self) -> Policy:
        return self.iam.get_policy(self.params["PolicyArn"])

    def _own_policy(self) -> Policy:
        policy = self._policy()
        if policy.aws:
            raise Refused("AccessDenied", f"Policy {policy.arn} is managed by AWS and cannot be changed.")
        return policy

    def _version(self, policy: Policy) -> PolicyVersion:
        version_id = self.params["VersionId"]
        version = policy.version(version_id)
        if version is None:
            message = f"Policy {policy.arn} version {version_id} does not exist or is not attachable."
            raise Refused("NoSuchEntity", message)
        return version


def _make_default(policy: Policy, version: PolicyVersion) -> None:
    for each in policy.versions:
        each.is_default = each is version
    policy.default_version_id = version.version_id


def _uses(each: User | Group | Role, arn: str, usage: str | None) -> bool:
    attached = arn in each.managed_policies
    bounded = not isinstance(each, Group) and each.boundary_arn == arn
    return {"PermissionsPolicy": attached, "PermissionsBoundary": bounded}.get(usage or "", attached or bounded)


def details(iam: Backend, wanted: set[str]) -> dict[str, list[views.View]]:
    """The four lists of GetAccountAuthorizationDetails; `wanted` are values of its Filter, all if empty."""

    def asked(kind: str) -> bool:
        return not wanted or kind in wanted

    attached, bounding = iam.attachments(), iam.boundary_uses()
    policies = list(iam.managed_policies.values()) if asked("LocalManagedPolicy") else []
    if asked("AWSManagedPolicy"):
        # Dumps of real accounts hold only those in use.
        in_use = (iam.find_policy(arn) for arn in dict.fromkeys([*iam.aws_policies, *attached, *bounding]))
        policies += [each for each in in_use if each is not None and each.aws]
    return {
        "UserDetailList": [views.user_detail(iam, each) for each in iam.users.values()] if asked("User") else [],
        "GroupDetailList": [views.group_detail(each) for each in iam.groups.values()] if asked("Group") else [],
        "RoleDetailList": [views.role_detail(iam, each) for each in iam.roles.values()] if asked("Role") else [],
        "Policies": [views.policy_detail(each, attached, bounding) for each in policies],
    }
