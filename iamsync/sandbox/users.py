"""User calls: the user, its boundary, tags, groups and credentials."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from iamsync.sandbox import checks, views
from iamsync.sandbox.entities import User, now
from iamsync.sandbox.holders import HolderCalls, boundary_policy
from iamsync.sandbox.refusal import Refused, conflict, missing, over


class UserCalls(HolderCalls):
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
        return ActionResult({"User": views.full_user(self._user_or_caller())})

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
        return EmptyResult()

    def delete_user(self) -> ActionResult:
        iam = self.iam
        user = iam.get_user(self.params["UserName"])
        blockers = (
            (user.password, "delete login profile"),
            (user.access_keys, "delete access keys"),
            (user.signing_certificates, "delete signing certificates"),
            (user.ssh_public_keys, "delete SSH public keys"),
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

    def create_access_key(self) -> ActionResult:
        iam, user = self.iam, self._user_or_caller()
        if len(user.access_keys) >= iam.quotas["AccessKeysPerUserQuota"]:
            raise over("AccessKeysPerUser", iam.quotas["AccessKeysPerUserQuota"])
        key = user.create_access_key(prefix="AKIA")
        key.create_date = now()
        iam.access_keys[key.access_key_id] = key
        return ActionResult({"AccessKey": key})

    def create_login_profile(self) -> ActionResult:
        user = self._user_or_caller()
        if user.password:
            raise Refused("EntityAlreadyExists", f"Login Profile for user {user.name} already exists.")
        user.password, user.login_date = self.params.get("Password", "*"), now()
        user.password_reset_required = self.params.get("PasswordResetRequired", False)
        return self._login_profile(user)

    def get_login_profile(self) -> ActionResult:
        return self._login_profile(self._user_or_caller())

    def update_login_profile(self) -> ActionResult:
        user = self.iam.get_user(self.params["UserName"])
        if not user.password:
            raise missing("Login Profile for User", user.name)
        user.password = self.params.get("Password", user.password)
        user.password_reset_required = self.params.get("PasswordResetRequired", user.password_reset_required)
        return EmptyResult()

    def delete_login_profile(self) -> ActionResult:
        user = self._user_or_caller()
        if not user.password:
            raise missing("Login Profile for User", user.name)
        user.password = user.login_date = None
        return EmptyResult()

    def upload_ssh_public_key(self) -> ActionResult:
        quota = self.iam.quotas["SSHPublicKeysPerUserQuota"]
        if len(self.iam.get_user(self.params["UserName"]).ssh_public_keys) >= quota:
            raise over("SSHPublicKeysPerUser", quota)
        return super().upload_ssh_public_key()

    def list_virtual_mfa_devices(self) -> ActionResult:
        wanted = self.params.get("AssignmentStatus", "Any")
        devices = []
        for device in self.iam.virtual_mfa_devices.values():
            view: dict[str, Any] = {
                "SerialNumber": device.serial_number,
                "EnableDate": device.enable_date if device.user else None,
            }
            if isinstance(device.user, User):
                view["User"] = views.user(device.user)
            if wanted == "Any" or (wanted == "Assigned") == (device.user is not None):
                devices.append(view)
        return ActionResult({"VirtualMFADevices": devices})

    def delete_virtual_mfa_device(self) -> ActionResult:
        device = self.iam.virtual_mfa_devices.get(self.params["SerialNumber"])
        if device is not None and device.user is not None:
            raise Refused("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.")
        return super().delete_virtual_mfa_device()

    def _login_profile(self, user: User) -> ActionResult:
        if not user.password:
            raise missing("Login Profile for User", user.name)
        view = {
            "UserName": user.name,
            "CreateDate": user.login_date or user.create_date,
            "PasswordResetRequired": user.password_reset_required,
        }
        return ActionResult({"LoginProfile": view})

    def _user_or_caller(self) -> User:
        """The named user, or whoever signed: 20 calls do that, CreateAccessKey and DeleteAccessKey among them."""
        if name := self.params.get("UserName"):
            return self.iam.get_user(name)
        key = self.get_access_key()
        for user in self.iam.users.values():
            if user.has_access_key(key):
                return user
        raise Refused("ValidationError", "Must specify userName when calling with non-User credentials")
