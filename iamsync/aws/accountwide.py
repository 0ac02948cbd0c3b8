"""What an audit asks of an account beside its resources: server certificates, and the root user's second factor."""

from __future__ import annotations

from typing import Any

from iamsync.aws.calls import pages, whole
from iamsync.kinds.wire import moment


def root_devices(iam: Any) -> tuple[str, ...]:
    """The serial numbers of virtual MFA devices that belong to the root user; one that is none is not listed at all."""
    found = []
    with whole("ListVirtualMFADevices"):
        for page in pages(iam, "ListVirtualMFADevices", {"AssignmentStatus": "Assigned", "MaxItems": 1000}):
            for held in page.get("VirtualMFADevices") or ():
                owner = str((held.get("User") or {}).get("Arn") or "")
                if owner.endswith(":root") or held["SerialNumber"].endswith(":mfa/root-account-mfa-device"):
                    found.append(held["SerialNumber"])
    return tuple(sorted(found))


def certificates(iam: Any) -> tuple[tuple[str, str], ...]:
    """Every server certificate's name and when it ends, RFC 3339 in UTC."""
    with whole("ListServerCertificates"):
        found = [
            (held["ServerCertificateName"], moment(held.get("Expiration")))
            for page in pages(iam, "ListServerCertificates", {"MaxItems": 1000})
            for held in page.get("ServerCertificateMetadataList") or ()
        ]
    return tuple(sorted(found))
