"""Role and instance profile calls."""

from __future__ import annotations

import json

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.models import SERVICE_NAME_CONVERSION
from moto.moto_api._internal import mock_random

from iamsync.sandbox import checks, trust, views
from iamsync.sandbox.entities import InstanceProfile, Role
from iamsync.sandbox.holders import HolderCalls, boundary_policy
from iamsync.sandbox.refusal import Refused, conflict, missing, over


class RoleCalls(HolderCalls):
    """CreateRole, UpdateAssumeRolePolicy and so on."""

    def create_role(self) -> ActionResult:
        role = self._new_role(
            self.params["RoleName"], self.params.get("Path", "/"), self.params["AssumeRolePolicyDocument"]
        )
        role.description = self.params.get("Description", "")
        role.session_seconds = self.params.get("MaxSessionDuration", 3600)
        role.tag_map = self.new_tags(fold=True)
        if arn := self.params.get("PermissionsBoundary"):
            role.boundary_arn = boundary_policy(self.iam, arn)
        self.iam.roles[role.id] = role
        return ActionResult({"Role": views.full_role(self.iam, role)})

    def get_role(self) -> ActionResult:
        return ActionResult({"Role": views.full_role(self.iam, self._role())})

    def list_roles(self) -> ActionResult:
        prefix = self.params.get("PathPrefix", "/")
        roles = [views.role(self.iam, each) for each in self.iam.roles.values() if each.path.startswith(prefix)]
        return ActionResult({"Roles": roles})

    def update_role(self) -> ActionResult:
        role = self._role()
        checks.taggable(role)
        seconds = self.params.get("MaxSessionDuration", role.session_seconds)
        if seconds != role.session_seconds:
            checks.changeable(role)
        # Only what was sent changes; "" takes the description away.
        role.description = self.params.get("Description", role.description)
        role.session_seconds = seconds
        return EmptyResult()

    def update_role_description(self) -> ActionResult:
        role = self._role()
        checks.taggable(role)
        role.description = self.params["Description"]
        return ActionResult({"Role": views.full_role(self.iam, role)})

    def update_assume_role_policy(self) -> ActionResult:
        role = self._changeable()
        text = self.params["PolicyDocument"]
        role.trust_ids = self._trust_ids(text)
        role.assume_role_policy_document = text
        return EmptyResult()

    def delete_role(self) -> ActionResult:
        role = self._changeable()
        blockers = (
            (self.iam.profiles_of(role), "remove roles from instance profile"),
            (role.managed_policies, "detach all policies"),
            (role.policies, "delete policies"),
        )
        for left, todo in blockers:
            if left:
                raise conflict(todo)
        del self.iam.roles[role.id]
        return EmptyResult()

    def put_role_permissions_boundary(self) -> ActionResult:
        role = self._changeable()
        role.boundary_arn = boundary_policy(self.iam, self.params["PermissionsBoundary"])
        return EmptyResult()

    def delete_role_permissions_boundary(self) -> ActionResult:
        role = self._changeable()
        if not role.boundary_arn:
            raise Refused("NoSuchEntity", f"Role {role.name} does not have a permissions boundary.")
        role.boundary_arn = None
        return EmptyResult()

    def put_role_policy(self) -> ActionResult:
        return self.put_inline("Role", self._changeable())

    def get_role_policy(self) -> ActionResult:
        return self.get_inline("Role", self._role())

    def delete_role_policy(self) -> ActionResult:
        return self.delete_inline("Role", self._changeable())

    def list_role_policies(self) -> ActionResult:
        return ActionResult({"PolicyNames": list(self._role().policies)})

    def attach_role_policy(self) -> ActionResult:
        return self.attach("Role", self._changeable())

    def detach_role_policy(self) -> ActionResult:
        return self.detach(self._changeable())

    def list_attached_role_policies(self) -> ActionResult:
        return self.list_attached(self._role())

    def tag_role(self) -> ActionResult:
        role = self._role()
        checks.taggable(role)
        return self.tag(role, fold=True)

    def untag_role(self) -> ActionResult:
        role = self._role()
        checks.taggable(role)
        return self.untag(role, fold=True)

    def list_role_tags(self) -> ActionResult:
        return self.list_tags(self._role())

    def create_service_linked_role(self) -> ActionResult:
        service: str = self.params["AWSServiceName"]
        if not service.endswith((".amazonaws.com", ".amazonaws.com.cn")):
            raise Refused("InvalidInput", f"{service} is not a service that uses service-linked roles.")
        prefix, *middle = service.partition(".amazonaws.com")[0].split(".")
        camel = "".join(part.capitalize() for part in prefix.split("-"))
        main = middle[-1] if middle else prefix
        name = SERVICE_NAME_CONVERSION.get(main, main if middle else camel)
        name = f"AWSServiceRoleFor{name}_{camel}" if middle else f"AWSServiceRoleFor{name}"
        if suffix := self.params.get("CustomSuffix"):
            name = f"{name}_{suffix}"
        if any(each.name.casefold() == name.casefold() for each in self.iam.roles.values()):
            message = f"Service role name {name} has been taken in this account, please try a different suffix."
            raise Refused("InvalidInput", message)
        statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        role = self._new_role(
            name, f"/aws-service-role/{service}/", json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        )
        role.description = self.params.get("Description", "")
        self.iam.roles[role.id] = role
        return ActionResult({"Role": views.full_role(self.iam, role)})

    def delete_service_linked_role(self) -> ActionResult:
        role = self._role()
        if not role.service_linked:
            raise Refused("InvalidInput", f"{role.name} is not a service-linked role.")
        del self.iam.roles[role.id]
        # The id of a task that is already done, in the form task/path/name/uuid.
        return ActionResult({"DeletionTaskId": f"task{role.path}{role.name}/{mock_random.uuid4()}"})

    def create_instance_profile(self) -> ActionResult:
        iam, name = self.iam, self.params["InstanceProfileName"]
        checks.free_name("Instance Profile", name, iam.instance_profiles)
        checks.room("InstanceProfiles", len(iam.instance_profiles), iam.quotas)
        profile = InstanceProfile(iam.account_id, iam.partition, name, self.params.get("Path", "/"))
        profile.tag_map = self.new_tags(fold=False)
        iam.instance_profiles[name] = profile
        return ActionResult({"InstanceProfile": views.full_profile(iam, profile)})

    def get_instance_profile(self) -> ActionResult:
        return ActionResult({"InstanceProfile": views.full_profile(self.iam, self._profile())})

    def list_instance_profiles(self) -> ActionResult:
        prefix = self.params.get("PathPrefix", "/")
        profiles = [each for each in self.iam.instance_profiles.values() if each.path.startswith(prefix)]
        return ActionResult({"InstanceProfiles": [views.profile(self.iam, each) for each in profiles]})

    def list_instance_profiles_for_role(self) -> ActionResult:
        profiles = self.iam.profiles_of(self._role())
        return ActionResult({"InstanceProfiles": [views.profile(self.iam, each) for each in profiles]})

    def delete_instance_profile(self) -> ActionResult:
        profile = self._profile()
        if profile.roles:
            raise conflict("remove roles from instance profile")
        del self.iam.instance_profiles[profile.name]
        return EmptyResult()

    def add_role_to_instance_profile(self) -> ActionResult:
        profile, role = self._profile(), self._changeable()
        if profile.roles:
            raise over("InstanceSessionsPerInstanceProfile", 1)
        profile.roles.append(role)
        return EmptyResult()

    def remove_role_from_instance_profile(self) -> ActionResult:
        profile, role = self._profile(), self._changeable()
        if role not in profile.roles:
            raise missing("role", f"{role.name} in instance profile {profile.name}")
        profile.roles.remove(role)
        return EmptyResult()

    def tag_instance_profile(self) -> ActionResult:
        return self.tag(self._profile())

    def untag_instance_profile(self) -> ActionResult:
        return self.untag(self._profile())

    def list_instance_profile_tags(self) -> ActionResult:
        return self.list_tags(self._profile())

    def _new_role(self, name: str, path: str, text: str) -> Role:
        iam = self.iam
        checks.free_name("Role", name, (each.name for each in iam.roles.values()))
        checks.room("Roles", len(iam.roles), iam.quotas)
        bound = self._trust_ids(text)
        role = Role(iam.account_id, iam.partition, name, path, text)
        role.trust_ids = bound
        return role

    def _trust_ids(self, text: str) -> dict[str, str]:
        document = checks.trust_document(text)
        checks.trust_size(text, self.iam.quotas)
        return trust.bind(self.iam, document)

    def _role(self) -> Role:
        return self.iam.get_role(self.params["RoleName"])

    def _changeable(self) -> Role:
        role = self._role()
        checks.changeable(role)
        return role

    def _profile(self) -> InstanceProfile:
        return self.iam.get_instance_profile(self.params["InstanceProfileName"])
