"""User calls: the user, its boundary, tags and groups."""

from __future__ import annotations

from moto.core.responses import ActionResult, EmptyResult

from iamsync.sandbox import checks, views
from iamsync.sandbox.credentials import CredentialCalls
from iamsync.sandbox.entities import User
from iamsync.sandbox.holders import boundary_policy
from iamsync.sandbox.refusal import Refused, conflict


class UserCalls(CredentialCalls):
    """CreateUser, GetUser, DeleteUser and so on."""

    def create_user(self) -> ActionResult:
        iam, name = self.iam, self.params["UserName"]
        checks.free_name("User", name, iam.users)
        checks.room("Users", len(iam.users), iam.quotas)
        user = User(iam.account_id, iam.partition, name, self.params.get("Path", "/"))
        user.tag_map = self.new_tags(fold=True)
        if arn := self.params.get("PermissionsBoundary"):
            user.boundary_arn = boundary_policy(iam, arn)
        iam.users[name] = user
        return ActionResult({"User": views.full_user(user)})

    def get_user(self) -> ActionResult:
        return ActionResult({"User": views.full_user(self.user_or_caller())})

    def list_users(self) -> ActionResult:
        prefix = self.params.get("PathPrefix", "/")
        users = [views.user(each) for each in self.iam.users.values() if each.path.startswith(prefix)]
        return ActionResult({"Users": users})

    def update_user(self) -> ActionResult:
        iam, old = self.iam, self.params["UserName"]
        user = iam.get_user(old)
        new = self.params.get("NewUserName", old)
        checks.free_name("User", new, (name for name in iam.users if name != old))
        user.path = self.params.get("NewPath", user.path)
        if new != old:
            user.name = new
            iam.users = {each.name: each for each in iam.users.values()}
            for key in user.access_keys:
                key.user_name = new
            for ssh in user.ssh_public_keys:
                ssh.user_name = new
            for certificate in user.signing_certificates.values():
                certificate.user_name = new
            for credential in user.service_credentials.values():
                credential.user_name = new
        return EmptyResult()

    def delete_user(self) -> ActionResult:
        iam = self.iam
        user = iam.get_user(self.params["UserName"])
        blockers = (
            (user.password, "delete login profile"),
            (user.access_keys, "delete access keys"),
            (user.signing_certificates, "delete signing certificates"),
            (user.ssh_public_keys, "delete SSH public keys"),
            (user.service_credentials, "delete service specific credentials"),
            (user.mfa_devices, "delete MFA device"),
            (user.policies, "delete policies"),
            (user.managed_policies, "detach all policies"),
            (iam.groups_of(user), "remove users from group"),
        )
        for left, todo in blockers:
            if left:
                raise conflict(todo)
        del iam.users[user.name]
        return EmptyResult()

    def put_user_permissions_boundary(self) -> ActionResult:
        user = self.iam.get_user(self.params["UserName"])
        user.boundary_arn = boundary_policy(self.iam, self.params["PermissionsBoundary"])
        return EmptyResult()

    def delete_user_permissions_boundary(self) -> ActionResult:
        user = self.iam.get_user(self.params["UserName"])
        if not user.boundary_arn:
            raise Refused("NoSuchEntity", f"User {user.name} does not have a permissions boundary.")
        user.boundary_arn = None
        return EmptyResult()

    def tag_user(self) -> ActionResult:
        return self.tag(self.iam.get_user(self.params["UserName"]), fold=True)

    def untag_user(self) -> ActionResult:
        return self.untag(self.iam.get_user(self.params["UserName"]), fold=True)

    def list_user_tags(self) -> ActionResult:
        return self.list_tags(self.iam.get_user(self.params["UserName"]))

    def put_user_policy(self) -> ActionResult:
        return self.put_inline("User", self.iam.get_user(self.params["UserName"]))

    def get_user_policy(self) -> ActionResult:
        return self.get_inline("User", self.iam.get_user(self.params["UserName"]))

    def delete_user_policy(self) -> ActionResult:
        return self.delete_inline("User", self.iam.get_user(self.params["UserName"]))

    def list_user_policies(self) -> ActionResult:
        return ActionResult({"PolicyNames": list(self.iam.get_user(self.params["UserName"]).policies)})

    def attach_user_policy(self) -> ActionResult:
        return self.attach("User", self.iam.get_user(self.params["UserName"]))

    def detach_user_policy(self) -> ActionResult:
        return self.detach(self.iam.get_user(self.params["UserName"]))

    def list_attached_user_policies(self) -> ActionResult:
        return self.list_attached(self.iam.get_user(self.params["UserName"]))

    def list_groups_for_user(self) -> ActionResult:
        user = self.iam.get_user(self.params["UserName"])
        return ActionResult({"Groups": [views.group(each) for each in self.iam.groups_of(user)]})
