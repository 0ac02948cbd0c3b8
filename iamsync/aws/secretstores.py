"""Secrets Manager and the Parameter Store as places to deliver to; both tell in plain sight which key they hold.

The reference is part of the same call as the secret: the version's id in Secrets Manager, the version's
description in the Parameter Store. A write is done or it is not; nothing lies between.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any, Final

from iamsync.aws.calls import call, token_pages
from iamsync.delivery import Secret, whose
from iamsync.errors import AwsError

# A version's id has 32 to 64 characters. A secret that others made to be filled keeps their description, so it is its
# version that tells for whom it was filled; that of an older iamsync does not.
_VERSION: Final = re.compile(r"iamsync-delivery-(.+?)(?:--([0-9a-f]{12}))?-*", re.ASCII)
_DESCRIBED: Final = "iamsync delivered "
_CURRENT: Final = "AWSCURRENT"
_FOR: Final = re.compile(r"What iamsync delivers for user/(.+); the version's id names the key\.")
_OF: Final = re.compile(rf"{_DESCRIBED}(\S+) of user/(.+)")
_FOREIGN: Final = "a value that iamsync did not put there"
_OTHER: Final = "what was delivered for another user"


def payload(secret: Secret) -> str:
    """The secret as whoever uses it reads it: one JSON object."""
    return json.dumps(dict(secret.fields), indent=1)


class SecretsManager:
    """A secret: each delivery is a version of its own; the one before stays as AWSPREVIOUS."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def holds(self) -> str:
        found = _VERSION.fullmatch(_current(self._described()))
        return found[1] if found else ""

    def taken(self, user: str, account: str) -> str:
        told = self._described()
        current = _current(told)
        if not current:
            return ""  # a secret without a value, as others make it for iamsync to fill
        found = _VERSION.fullmatch(current)
        if found is None:
            return _FOREIGN
        described = _FOR.fullmatch(str(told.get("Description") or ""))
        other = _others(described[1], user) if described else ""
        if found[2] is None:
            return other
        # The description is of whoever made the secret, or was the first to have it.
        return "" if found[2] == _sign(user) else other or _OTHER

    def _described(self) -> dict[str, Any]:
        try:
            told = call(self._client, "DescribeSecret", {"SecretId": self._name})
        except AwsError as error:
            if error.aws_code == "ResourceNotFoundException":
                return {}
            raise
        return {} if told.get("DeletedDate") else told  # one that waits to be deleted nobody can read

    def put(self, secret: Secret) -> None:
        version = f"iamsync-delivery-{secret.reference}--{_sign(secret.user)}"
        given = {"ClientRequestToken": version, "SecretString": payload(secret)}
        try:
            call(self._client, "PutSecretValue", {"SecretId": self._name, **given})
        except AwsError as error:
            if error.aws_code != "ResourceNotFoundException":
                raise
            about = f"What iamsync delivers for user/{secret.user}; the version's id names the key."
            call(self._client, "CreateSecret", {"Name": self._name, "Description": about, **given})


def _current(told: dict[str, Any]) -> str:
    """The id of a secret's current version; empty where it has no value."""
    versions = (told.get("VersionIdsToStages") or {}).items()
    return next((version for version, stages in versions if _CURRENT in stages), "")


def _sign(user: str) -> str:
    """What stands for a user in a version's id, whose letters are too few for a name."""
    return hashlib.sha256(user.casefold().encode()).hexdigest()[:12]


def _others(owner: str, user: str) -> str:
    return "" if owner.casefold() == user.casefold() else whose(owner)


class Parameter:
    """A SecureString parameter: each delivery is a version whose description names the key."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def holds(self) -> str:
        found = _OF.fullmatch(str((self._described() or {}).get("Description") or ""))
        return found[1] if found else ""

    def taken(self, user: str, account: str) -> str:
        told = self._described()
        if told is None:
            return ""
        found = _OF.fullmatch(str(told.get("Description") or ""))
        return _others(found[2], user) if found else _FOREIGN

    def _described(self) -> dict[str, Any] | None:
        wanted = {"Key": "Name", "Option": "Equals", "Values": [self._name]}
        for found in token_pages(self._client, "DescribeParameters", {"ParameterFilters": [wanted]}, "Parameters"):
            if found.get("Name") == self._name:
                return found
        return None

    def put(self, secret: Secret) -> None:
        call(
            self._client,
            "PutParameter",
            {
                "Name": self._name,
                "Description": f"{_DESCRIBED}{secret.reference} of user/{secret.user}",
                "Value": payload(secret),
                "Type": "SecureString",
                "Overwrite": True,
            },
        )
