"""What a user signs in or signs requests with, and the calls that take all of it away.

It is read only of users that are to be deleted: what it is, by its id, and when it was last used; never
a secret. Source: IAM API Reference, DeleteUser.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from iamsync.kinds.kind import Act, Context, Phase
from iamsync.model import Call, Resource

What = Literal[
    "access-key", "login-profile", "service-credential", "ssh-key", "signing-certificate", "mfa-device", "virtual-mfa"
]
# In the order in which access ends: keys first, second factors when nothing is left that they protect.
ORDER: Final[tuple[What, ...]] = (
    *("access-key", "login-profile", "service-credential", "ssh-key", "signing-certificate"),
    *("mfa-device", "virtual-mfa"),
)
_NOUNS: Final = {
    "access-key": ("access key", "access keys"),
    "login-profile": ("login profile", "login profiles"),
    "service-credential": ("service-specific credential", "service-specific credentials"),
    "ssh-key": ("SSH public key", "SSH public keys"),
    "signing-certificate": ("signing certificate", "signing certificates"),
    "mfa-device": ("MFA device", "MFA devices"),
    "virtual-mfa": ("virtual MFA device", "virtual MFA devices"),
}
# The call that ends each, and the parameter that holds its id.
_CALLS: Final[dict[What, tuple[str, str]]] = {
    "access-key": ("DeleteAccessKey", "AccessKeyId"),
    "login-profile": ("DeleteLoginProfile", ""),
    "service-credential": ("DeleteServiceSpecificCredential", "ServiceSpecificCredentialId"),
    "ssh-key": ("DeleteSSHPublicKey", "SSHPublicKeyId"),
    "signing-certificate": ("DeleteSigningCertificate", "CertificateId"),
    "mfa-device": ("DeactivateMFADevice", "SerialNumber"),
    "virtual-mfa": ("DeactivateMFADevice", "SerialNumber"),
}

# A virtual device that was taken off its user and is still there.
UNASSIGNED: Final = "Unassigned"


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential of a user: `id` as AWS has it (a serial number for a device), empty for a password.

    `status` is AWS's (Active, Inactive; Unassigned for a device that was the user's), `service` whom a
    service-specific one is for, `last_used` RFC 3339 in UTC; each is empty where AWS tells none.
    """

    what: What
    id: str = ""
    status: str = ""
    service: str = ""
    last_used: str = ""

    @property
    def name(self) -> str:
        """What people call it, the id masked: `access key ...WXYZ`."""
        return f"{_NOUNS[self.what][0]} {masked(self.what, self.id)}".rstrip()

    def __str__(self) -> str:
        """All that is told of it: `access key ...WXYZ (Active, last used 2026-11-20)`."""
        told = f"{self.name} for {self.service}" if self.service else self.name
        more = [self.status, f"last used {self.last_used[:10]}" if self.last_used else ""]
        notes = ", ".join(note for note in more if note)
        return f"{told} ({notes})" if notes else told


def ended(operation: str, params: Mapping[str, Any]) -> Credential | None:
    """The credential that a call of a plan ends, as far as the call tells it; None where it ends none.

    Of a virtual device that is the call that deletes it, since it is deactivated for that alone.
    """
    if operation == "DeleteVirtualMFADevice":
        return Credential("virtual-mfa", params["SerialNumber"])
    for what, (call, parameter) in _CALLS.items():
        if operation == call and not is_virtual(params.get("SerialNumber", "")):
            return Credential(what, params[parameter] if parameter else "")
    return None


def is_virtual(serial: str) -> bool:
    """Whether a second factor is a virtual one, which can be deleted; hardware and FIDO keys have other numbers."""
    return ":mfa/" in serial


def device_name(serial: str) -> str:
    """What a virtual device is called: the last part of its ARN."""
    return serial.rpartition("/")[2]


def masked(what: str, identifier: str) -> str:
    """An id as people are shown it: its last four characters, of a device its name."""
    if not identifier:
        return ""
    if what in ("mfa-device", "virtual-mfa") and "/" in identifier:
        return device_name(identifier)
    return f"...{identifier[-4:]}"


def in_order(credentials: Iterable[Credential]) -> tuple[Credential, ...]:
    """Credentials in the order in which they are taken away."""
    return tuple(sorted(credentials, key=lambda held: (ORDER.index(held.what), held.service, held.id)))


def counted(credentials: Iterable[Credential]) -> tuple[str, ...]:
    """`2 access keys`, `1 login profile`: how many there are of each, in order."""
    held = tuple(credentials)
    counts = ((what, sum(one.what == what for one in held)) for what in ORDER)
    return tuple(f"{count} {_NOUNS[what][count > 1]}" for what, count in counts if count)


def taken_away(user: Resource, cx: Context) -> Iterator[Act]:
    """The calls that leave a user nothing to sign in with: keys first, a second factor when all else is off.

    A virtual device is deleted once it is nobody's. DeleteUser answers DeleteConflict before that. The
    user's name stands in every call: left out, AWS would act on the caller.
    """
    if not user.address.name:
        raise ValueError("without a user name AWS would act on the caller")
    name = {"UserName": user.address.name}
    held: tuple[Credential, ...] = user.facts.get("credentials", ())
    for at, credential in enumerate(in_order(held)):
        operation, parameter = _CALLS[credential.what]
        given = {parameter: credential.id} if parameter else {}
        item = f"{at:03} {credential.id}"  # the number keeps the order among equals
        if credential.what not in ("mfa-device", "virtual-mfa"):
            yield Act(user.address, Phase.REVOKE, "revoke", "credentials", item, Call(operation, {**name, **given}))
            continue
        # A policy may ask for the second factor, as a denial does: it comes off when nothing is left to sign in with.
        if credential.status != UNASSIGNED:
            yield Act(user.address, Phase.DENY_OFF, "neutral", "mfa_devices", item, Call(operation, {**name, **given}))
        if credential.what == "virtual-mfa":
            call = Call("DeleteVirtualMFADevice", given)
            yield Act(user.address, Phase.DENY_OFF, "neutral", "mfa_devices", item, call)
