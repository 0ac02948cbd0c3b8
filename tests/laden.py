"""A user with every kind of thing that AWS wants gone before it deletes a user."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BOT = "old-bot"
POLICY = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
SSH = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ old-bot"
# The calls that take all of it away, in order: keys first, a second factor when nothing is left to sign in with.
CREDENTIAL_CALLS = (
    *("DeleteAccessKey", "DeleteAccessKey", "DeleteLoginProfile", "DeleteServiceSpecificCredential"),
    *("DeleteSSHPublicKey", "DeleteSigningCertificate"),
)
HOLDING_CALLS = ("RemoveUserFromGroup", "DeleteUserPolicy", "DeleteUserPolicy", "DetachUserPolicy")
DEVICE_CALLS = ("DeactivateMFADevice", "DeactivateMFADevice", "DeleteVirtualMFADevice")
ALL_CALLS = (*CREDENTIAL_CALLS, *HOLDING_CALLS, *DEVICE_CALLS, "DeleteUser")


@cache
def certificate() -> str:
    """A certificate that nobody's key signed for anything."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, BOT)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=9))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def laden(iam: Any) -> list[str]:
    """Make the user; the secrets that came with it."""
    user = {"UserName": BOT}
    iam.create_user(**user)
    keys = [iam.create_access_key(**user)["AccessKey"] for _ in range(2)]
    iam.update_access_key(**user, AccessKeyId=keys[0]["AccessKeyId"], Status="Inactive")
    iam.create_login_profile(**user, Password="Not-a-word-7-of-it")
    made = iam.create_service_specific_credential(**user, ServiceName="codecommit.amazonaws.com")
    service = made["ServiceSpecificCredential"]["ServicePassword"]
    iam.upload_ssh_public_key(**user, SSHPublicKeyBody=SSH)
    iam.upload_signing_certificate(**user, CertificateBody=certificate())
    phone = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]["SerialNumber"]
    for device in (phone, "GAHT12345678"):
        codes = {"AuthenticationCode1": "123456", "AuthenticationCode2": "234567"}
        iam.enable_mfa_device(**user, SerialNumber=device, **codes)
    for name in ("home", "work"):
        iam.put_user_policy(**user, PolicyName=name, PolicyDocument=POLICY)
    iam.attach_user_policy(**user, PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    iam.create_group(GroupName="bots")
    iam.add_user_to_group(**user, GroupName="bots")
    return [*(key["SecretAccessKey"] for key in keys), "Not-a-word-7-of-it", service]
