"""What the sandbox keeps: moto's users, groups, roles, policies and so on, with what they lack.

Added are AWS-shaped unique ids, tags that survive a rename, boundaries of users, and the unique ids that a
trust policy's principals were resolved to.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

from moto.iam import models
from moto.iam.models import AccessKey, MFADevice, PolicyVersion, SigningCertificate, SshPublicKey

__all__ = [
    "AccessKey",
    "Group",
    "InstanceProfile",
    "MFADevice",
    "OidcProvider",
    "Policy",
    "PolicyVersion",
    "Role",
    "SamlProvider",
    "ServiceCredential",
    "SigningCertificate",
    "SshPublicKey",
    "Tagged",
    "User",
    "moment",
    "new_id",
    "now",
]

_ALPHABET = string.ascii_uppercase + string.digits


def new_id(prefix: str) -> str:
    """A fresh unique id, such as AROA and 17 more capitals and digits."""
    return prefix + "".join(secrets.choice(_ALPHABET) for _ in range(17))


clock: Callable[[], datetime] | None = None  # the server's own, for the time of a request


def now() -> datetime:
    """The time in UTC, in whole seconds as IAM keeps it, naive as moto keeps it."""
    told = datetime.now(UTC) if clock is None else clock().astimezone(UTC)
    return told.replace(microsecond=0, tzinfo=None)


def moment(value: str | datetime) -> datetime:
    """A date of a dump, as text or as boto3 parsed it, in moto's form (naive UTC)."""
    parsed = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return parsed.astimezone(UTC).replace(tzinfo=None) if parsed.tzinfo else parsed


class Tagged:
    """Anything with tags: key to value, keys as they were written."""

    tag_map: dict[str, str]


class Plain:
    """A thing of moto's without its CloudFormation side, and not kept alive by moto's list of instances."""

    def __new__(cls, *_: Any, **__: Any) -> Self:
        return object.__new__(cls)

    def is_created(self) -> bool:
        """Always: nothing here takes time."""
        return True

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """No attribute is for templates."""
        return False

    @classmethod
    def update_from_cloudformation_json(cls, *_: Any, **__: Any) -> Any:
        """No template makes these."""

    @classmethod
    def delete_from_cloudformation_json(cls, *_: Any, **__: Any) -> None:
        """No template deletes these."""


class User(Plain, models.User, Tagged):
    """A user; `boundary_arn` is its permissions boundary."""

    def __init__(self, account_id: str, partition: str, name: str, path: str) -> None:
        super().__init__(account_id, partition, name, path)
        self.id = new_id("AIDA")
        self.create_date = now()
        self.tag_map = {}
        self.boundary_arn: str | None = None
        self.login_date: datetime | None = None
        self.password_last_used: datetime | None = None  # type: ignore[assignment]
        self.service_credentials: dict[str, ServiceCredential] = {}


class ServiceCredential:
    """A name and password for one service (CodeCommit, Keyspaces) or an API key (Bedrock); its id begins with ACCA."""

    def __init__(self, user_name: str, account_id: str, service: str) -> None:
        self.user_name = user_name
        self.service = service
        self.login = f"{user_name}-at-{account_id}"
        self.id = new_id("ACCA")
        self.status = "Active"
        self.create_date = now()
        self.expires: datetime | None = None
        self.renew()

    def renew(self) -> None:
        """Give it another password."""
        self.password = secrets.token_urlsafe(33)

    @property
    def keyed(self) -> bool:
        """Whether it is an API key rather than a name and password."""
        return self.service.startswith("bedrock")

    def view(self) -> dict[str, Any]:
        """As lists show it."""
        named = {} if self.keyed else {"ServiceUserName": self.login}
        return named | {
            "UserName": self.user_name,
            "Status": self.status,
            "ServiceSpecificCredentialId": self.id,
            "ServiceName": self.service,
            "CreateDate": self.create_date,
            "ExpirationDate": self.expires,
        }

    def secret(self) -> dict[str, Any]:
        """What only its creation and its renewal show."""
        return {"ServiceCredentialSecret" if self.keyed else "ServicePassword": self.password}


class Group(Plain, models.Group):
    """A group."""

    def __init__(self, account_id: str, partition: str, name: str, path: str) -> None:
        super().__init__(account_id, partition, name, path)
        self.id = new_id("AGPA")
        self.create_date = now()


class Role(Plain, models.Role, Tagged):
    """A role; its trust policy is text as written, `trust_ids` what the principals in it stood for then."""

    def __init__(self, account_id: str, partition: str, name: str, path: str, trust: str) -> None:
        super().__init__(
            account_id=account_id,
            partition=partition,
            role_id=new_id("AROA"),
            name=name,
            assume_role_policy_document=trust,
            path=path,
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration=None,
        )
        self.create_date = now()
        self.tag_map = {}
        self.session_seconds = 3600
        self.used_in = "us-east-1"
        self.trust_ids: dict[str, str] = {}

    @property
    def boundary_arn(self) -> str | None:
        """The permissions boundary, under the same name as a user's."""
        return self.permissions_boundary_arn

    @boundary_arn.setter
    def boundary_arn(self, arn: str | None) -> None:
        self.permissions_boundary_arn = arn

    @property
    def service_linked(self) -> bool:
        """Whether an AWS service owns the role."""
        return self.path.startswith("/aws-service-role/")

    @property
    def protected(self) -> bool:
        """Whether AWS refuses changes to the role's permissions and trust."""
        return self.service_linked or self.path.startswith("/aws-reserved/")


class Policy(Plain, models.ManagedPolicy, Tagged):
    """A managed policy; `account_id` is "aws" for AWS's own."""

    def __init__(self, name: str, account_id: str, partition: str, *, path: str, document: str = "") -> None:
        self.exact_arn = ""
        super().__init__(name, account_id=account_id, region=partition, document=document, path=path)
        self.id = new_id("ANPA")
        self.create_date = self.update_date = self.versions[0].create_date = now()
        self.tag_map = {}

    @property
    def aws(self) -> bool:
        """Whether AWS owns the policy."""
        return self.account_id == "aws"

    @property
    def arn(self) -> str:
        """The ARN; a seeded AWS policy keeps the one of its dump."""
        return self.exact_arn or f"arn:{self.partition}:iam::{self.account_id}:policy{self.path}{self.name}"

    def version(self, version_id: str) -> PolicyVersion | None:
        """The version with this id."""
        return next((each for each in self.versions if each.version_id == version_id), None)


class InstanceProfile(Plain, models.InstanceProfile, Tagged):
    """An instance profile; it holds no role or one."""

    def __init__(self, account_id: str, partition: str, name: str, path: str) -> None:
        super().__init__(account_id, partition, new_id("AIPA"), name, path, [])
        self.create_date = now()
        self.tag_map = {}


class OidcProvider(Plain, models.OpenIDConnectProvider, Tagged):
    """An OIDC provider; `url` is without its scheme."""

    def __init__(self, account_id: str, partition: str, url: str, thumbprints: list[str], clients: list[str]) -> None:
        super().__init__(account_id, partition, url, thumbprints, clients, {})
        self.create_date = now()
        self.tag_map = {}


class SamlProvider(Plain, models.SAMLProvider, Tagged):
    """A SAML provider."""

    def __init__(self, account_id: str, partition: str, name: str, metadata: str) -> None:
        super().__init__(account_id, partition, name, metadata)
        self.create_date = now()
        self.tag_map = {}


def tag_list(tags: dict[str, str]) -> list[dict[str, Any]]:
    """Tags as the API shows them, sorted by key."""
    return [{"Key": key, "Value": tags[key]} for key in sorted(tags)]
