"""Group calls: the group and its members."""

from __future__ import annotations

from moto.core.responses import ActionResult, EmptyResult

from iamsync.sandbox import checks, views
from iamsync.sandbox.entities import Group, User
from iamsync.sandbox.holders import HolderCalls
from iamsync.sandbox.refusal import conflict, missing, over


class GroupCalls(HolderCalls):
    """CreateGroup, AddUserToGroup and so on."""

    def create_group(self) -> ActionResult:
        iam, name = self.iam, self.params["GroupName"]
        checks.free_name("Group", name, iam.groups)
        checks.room("Groups", len(iam.groups), iam.quotas)
        group = iam.groups[name] = Group(iam.account_id, iam.partition, name, self.params.get("Path", "/"))
        return ActionResult({"Group": views.group(group)})

    def get_group(self) -> ActionResult:
        group = self.iam.get_group(self.params["GroupName"])
        members = [views.user(each) for each in group.users if isinstance(each, User)]
        return ActionResult({"Group": views.group(group), "Users": members})

    def list_groups(self) -> ActionResult:
        prefix = self.params.get("PathPrefix", "/")
        groups = [views.group(each) for each in self.iam.groups.values() if each.path.startswith(prefix)]
        return ActionResult({"Groups": groups})

    def update_group(self) -> ActionResult:
        iam, old = self.iam, self.params["GroupName"]
        group = iam.get_group(old)
        new = self.params.get("NewGroupName", old)
        checks.free_name("Group", new, (name for name in iam.groups if name != old))
        group.path = self.params.get("NewPath", group.path)
        group.name = new
        iam.groups = {each.name: each for each in iam.groups.values()}
        return EmptyResult()

    def delete_group(self) -> ActionResult:
        group = self.iam.get_group(self.params["GroupName"])
        blockers = (
            (group.users, "remove users from group"),
            (group.policies, "delete policies"),
            (group.managed_policies, "detach all policies"),
        )
        for left, todo in blockers:
            if left:
                raise conflict(todo)
        del self.iam.groups[group.name]
        return EmptyResult()

    def add_user_to_group(self) -> ActionResult:
        iam = self.iam
        group, user = iam.get_group(self.params["GroupName"]), iam.get_user(self.params["UserName"])
        if user not in group.users:
            if len(iam.groups_of(user)) >= iam.quotas["GroupsPerUserQuota"]:
                raise over("GroupsPerUser", iam.quotas["GroupsPerUserQuota"])
            group.users.append(user)
        return EmptyResult()

    def remove_user_from_group(self) -> ActionResult:
        group, user = self.iam.get_group(self.params["GroupName"]), self.iam.get_user(self.params["UserName"])
        if user not in group.users:
            raise missing("user", f"{user.name} in group {group.name}")
        group.users.remove(user)
        return EmptyResult()

    def put_group_policy(self) -> ActionResult:
        return self.put_inline("Group", self.iam.get_group(self.params["GroupName"]))

    def get_group_policy(self) -> ActionResult:
        return self.get_inline("Group", self.iam.get_group(self.params["GroupName"]))

    def delete_group_policy(self) -> ActionResult:
        return self.delete_inline("Group", self.iam.get_group(self.params["GroupName"]))

    def list_group_policies(self) -> ActionResult:
        return ActionResult({"PolicyNames": list(self.iam.get_group(self.params["GroupName"]).policies)})

    def attach_group_policy(self) -> ActionResult:
        return self.attach("Group", self.iam.get_group(self.params["GroupName"]))

    def detach_group_policy(self) -> ActionResult:
        return self.detach(self.iam.get_group(self.params["GroupName"]))

    def list_attached_group_policies(self) -> ActionResult:
        return self.list_attached(self.iam.get_group(self.params["GroupName"]))
