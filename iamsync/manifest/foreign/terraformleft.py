"""What of a Terraform state stays behind: by type, why, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_STAYS: Final = "leave it in Terraform, with the user's name written out"

LEFT: Final[Mapping[str, tuple[str, str]]] = {
    "aws_iam_access_key": (
        "an access key: what is secret of it stands in the state and belongs in no manifest",
        f"{_STAYS}; or declare access_keys: with the user, rotate it with iamsync keys rotate, and forget it",
    ),
    "aws_iam_user_login_profile": (
        "a console password, which nobody can read back",
        f"{_STAYS}; or declare console_access: with the user: iamsync then leaves a password that there is",
    ),
    "aws_iam_user_ssh_key": ("an SSH key, which iamsync does not manage", _STAYS),
    "aws_iam_service_specific_credential": ("a credential, which iamsync does not manage", _STAYS),
    "aws_iam_signing_certificate": ("a signing certificate, which iamsync does not manage", _STAYS),
    "aws_iam_virtual_mfa_device": ("an MFA device, which its user is to hold", _STAYS),
    "aws_iam_server_certificate": ("a server certificate, which iamsync does not manage", "leave it in Terraform"),
    "aws_iam_service_linked_role": (
        "a service-linked role: AWS owns it, and iamsync never touches one",
        "leave it in Terraform, or have Terraform forget it: it stays",
    ),
    "aws_iam_security_token_service_preferences": (
        "a setting of STS, which iamsync does not manage",
        "leave it in Terraform",
    ),
    "aws_iam_organizations_features": (
        "a setting of the organization, which iamsync does not manage",
        "leave it in Terraform",
    ),
    "": ("iamsync does not manage this type", "leave it in Terraform"),
}

# Beginnings of the types of neighbouring services.
OTHERS: Final[Mapping[str, tuple[str, str]]] = {
    "aws_ssoadmin_": ("Identity Center is not IAM", "leave it in Terraform"),
    "aws_identitystore_": ("Identity Center is not IAM", "leave it in Terraform"),
    "aws_organizations_": ("organizations and their policies are not IAM", "leave it in Terraform"),
    "aws_rolesanywhere_": ("IAM Roles Anywhere is not IAM", "leave it in Terraform"),
}
