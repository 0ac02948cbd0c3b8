"""Secrets Manager and the Parameter Store as places to deliver to; both tell in plain sight which key they hold.

The reference is part of the same call as the secret: the version's id in Secrets Manager, the version's
description in the Parameter Store. A write is done or it is not; nothing lies between.
"""

from __future__ import annotations

import json
from typing import Any, Final

from iamsync.aws.calls import call
from iamsync.delivery import Secret
from iamsync.errors import AwsError

# A version's id has 32 characters at least.
_VERSION: Final = "iamsync-delivery-"
_FILL: Final = "-"
_DESCRIBED: Final = "iamsync delivered "
_CURRENT: Final = "AWSCURRENT"


def payload(secret: Secret) -> str:
    """The secret as whoever uses it reads it: one JSON object."""
    return json.dumps(dict(secret.fields), indent=1)


class SecretsManager:
    """A secret: each delivery is a version of its own; the one before stays as AWSPREVIOUS."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def holds(self) -> str:
        try:
            told = call(self._client, "DescribeSecret", {"SecretId": self._name})
        except AwsError as error:
            if error.aws_code == "ResourceNotFoundException":
                return ""
            raise
        if told.get("DeletedDate"):
            return ""  # it waits to be deleted: it is described, and nobody can read it
        current = [version for version, stages in (told.get("VersionIdsToStages") or {}).items() if _CURRENT in stages]
        mine = [version for version in current if version.startswith(_VERSION)]
        return mine[0].removeprefix(_VERSION).rstrip(_FILL) if mine else ""

    def put(self, secret: Secret) -> None:
        version = f"{_VERSION}{secret.reference}".ljust(32, _FILL)
        given = {"ClientRequestToken": version, "SecretString": payload(secret)}
        try:
            call(self._client, "PutSecretValue", {"SecretId": self._name, **given})
        except AwsError as error:
            if error.aws_code != "ResourceNotFoundException":
                raise
            about = f"What iamsync delivers for user/{secret.user}; the version's id names the key."
            call(self._client, "CreateSecret", {"Name": self._name, "Description": about, **given})


class Parameter:
    """A SecureString parameter: each delivery is a version whose description names the key."""

    def __init__(self, client: Any, name: str) -> None:
        self._client, self._name = client, name

    def holds(self) -> str:
        wanted = {"Key": "Name", "Option": "Equals", "Values": [self._name]}
        token: dict[str, str] = {}
        while True:
            told = call(self._client, "DescribeParameters", {"ParameterFilters": [wanted], **token})
            for found in told.get("Parameters") or ():
                if found["Name"] == self._name:
                    text = str(found.get("Description") or "")
                    return text.removeprefix(_DESCRIBED).split(" ")[0] if text.startswith(_DESCRIBED) else ""
            if not told.get("NextToken"):
                return ""
            token = {"NextToken": told["NextToken"]}

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
