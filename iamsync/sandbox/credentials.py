"""What users sign in and sign requests with: passwords, keys, certificates, second factors."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from moto.core.responses import ActionResult, EmptyResult

from iamsync.sandbox import views
from iamsync.sandbox.entities import ServiceCredential, User, now
from iamsync.sandbox.holders import HolderCalls
from iamsync.sandbox.refusal import Refused, missing, over

# Per service and user; AWS offers no more.
_SERVICE_CREDENTIALS: Final = 2
_SERVICES: Final = frozenset({"bedrock.amazonaws.com", "cassandra.amazonaws.com", "codecommit.amazonaws.com"})


class CredentialCalls(HolderCalls):
    """CreateAccessKey, DeleteLoginProfile, CreateServiceSpecificCredential and so on."""

    def create_access_key(self) -> ActionResult:
        iam, user = self.iam, self.user_or_caller()
        if len(user.access_keys) >= iam.quotas["AccessKeysPerUserQuota"]:
            raise over("AccessKeysPerUser", iam.quotas["AccessKeysPerUserQuota"])
        key = user.create_access_key(prefix="AKIA")
        key.create_date = now()
        iam.access_keys[key.access_key_id] = key
        return ActionResult({"AccessKey": key})

    def get_access_key_last_used(self) -> ActionResult:
        key_id = self.params["AccessKeyId"]
        for user in self.iam.users.values():
            for key in user.access_keys:
                if key.access_key_id == key_id:
                    used: dict[str, Any] = {"Region": "N/A", "ServiceName": "N/A"}
                    if last := key.last_used:
                        used = {"LastUsedDate": last.timestamp, "Region": last.region, "ServiceName": last.service}
                    return ActionResult({"UserName": user.name, "AccessKeyLastUsed": used})
        # For a key that does not exist, AWS does not say NoSuchEntity.
        raise Refused("AccessDenied", f"The Access Key with id {key_id} cannot be found.")

    def create_login_profile(self) -> ActionResult:
        user = self.user_or_caller()
        if user.password:
            raise Refused("EntityAlreadyExists", f"Login Profile for user {user.name} already exists.")
        user.password, user.login_date = self.params.get("Password", "*"), now()
        user.password_reset_required = self.params.get("PasswordResetRequired", False)
        return self._login_profile(user)

    def get_login_profile(self) -> ActionResult:
        return self._login_profile(self.user_or_caller())

    def update_login_profile(self) -> ActionResult:
        user = self.iam.get_user(self.params["UserName"])
        if not user.password:
            raise missing("Login Profile for User", user.name)
        user.password = self.params.get("Password", user.password)
        user.password_reset_required = self.params.get("PasswordResetRequired", user.password_reset_required)
        return EmptyResult()

    def delete_login_profile(self) -> ActionResult:
        user = self.user_or_caller()
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

    def create_service_specific_credential(self) -> ActionResult:
        user, service = self.iam.get_user(self.params["UserName"]), self.params["ServiceName"]
        if service not in _SERVICES:
            raise Refused("NotSupportedService", f"No such service {service} supports service-specific credentials.")
        if sum(held.service == service for held in user.service_credentials.values()) >= _SERVICE_CREDENTIALS:
            raise over("ServiceSpecificCredentialsPerUser", _SERVICE_CREDENTIALS)
        made = ServiceCredential(user.name, self.iam.account_id, service)
        if days := self.params.get("CredentialAgeDays"):
            made.expires = made.create_date + timedelta(days=days)
        user.service_credentials[made.id] = made
        return ActionResult({"ServiceSpecificCredential": made.view() | made.secret()})

    def list_service_specific_credentials(self) -> ActionResult:
        users = list(self.iam.users.values()) if self.params.get("AllUsers") else [self.user_or_caller()]
        wanted = self.params.get("ServiceName")
        held = [each.view() for user in users for each in user.service_credentials.values()]
        shown = [each for each in held if wanted in (None, each["ServiceName"])]
        return ActionResult({"ServiceSpecificCredentials": shown})

    def update_service_specific_credential(self) -> ActionResult:
        self._service_credential()[1].status = self.params["Status"]
        return EmptyResult()

    def reset_service_specific_credential(self) -> ActionResult:
        credential = self._service_credential()[1]
        credential.renew()
        return ActionResult({"ServiceSpecificCredential": credential.view() | credential.secret()})

    def delete_service_specific_credential(self) -> ActionResult:
        user, credential = self._service_credential()
        del user.service_credentials[credential.id]
        return EmptyResult()

    def user_or_caller(self) -> User:
        """The named user, or whoever signed: 20 calls do that, CreateAccessKey and DeleteAccessKey among them."""
        if name := self.params.get("UserName"):
            return self.iam.get_user(name)
        key = self.get_access_key()
        for user in self.iam.users.values():
            if user.has_access_key(key):
                return user
        raise Refused("ValidationError", "Must specify userName when calling with non-User credentials")

    def _login_profile(self, user: User) -> ActionResult:
        if not user.password:
            raise missing("Login Profile for User", user.name)
        view = {
            "UserName": user.name,
            "CreateDate": user.login_date or user.create_date,
            "PasswordResetRequired": user.password_reset_required,
        }
        return ActionResult({"LoginProfile": view})

    def _service_credential(self) -> tuple[User, ServiceCredential]:
        user, held = self.user_or_caller(), self.params["ServiceSpecificCredentialId"]
        if credential := user.service_credentials.get(held):
            return user, credential
        raise Refused("NoSuchEntity", f"No such credential {held} exists")
