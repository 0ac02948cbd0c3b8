"""How the sandbox says no: AWS's error codes with their HTTP statuses, in XML or JSON."""

from __future__ import annotations

import json
import uuid
from typing import Final
from xml.sax.saxutils import escape

Answer = tuple[int, dict[str, str], bytes]

STATUS: Final = {
    "NoSuchEntity": 404,
    "NotSupportedService": 404,
    "EntityAlreadyExists": 409,
    "DeleteConflict": 409,
    "LimitExceeded": 409,
    "AccessDenied": 403,
    "ReportNotPresent": 410,
    "ServiceFailure": 500,
    "NotImplemented": 501,
}


class Refused(Exception):
    """An AWS error answer; `code` is the wire code, without the suffix Exception."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = STATUS.get(code, 400)

    def xml(self) -> Answer:
        """The answer of a service that speaks the query protocol (IAM, STS)."""
        request_id = str(uuid.uuid4())
        kind = "Receiver" if self.status >= 500 else "Sender"
        body = (
            f"<ErrorResponse><Error><Type>{kind}</Type><Code>{self.code}</Code>"
            f"<Message>{escape(self.message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return self.status, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body.encode()

    def json(self) -> Answer:
        """The answer of a service that speaks JSON (the tagging API)."""
        headers = {"Content-Type": "application/x-amz-json-1.1", "x-amzn-RequestId": str(uuid.uuid4())}
        return self.status, headers, json.dumps({"__type": self.code, "message": self.message}).encode()


def missing(kind: str, name: str) -> Refused:
    """NoSuchEntity in AWS's words; `kind` is "user", "role", "group" and so on."""
    return Refused("NoSuchEntity", f"The {kind} with name {name} cannot be found.")


def taken(kind: str, name: str) -> Refused:
    """EntityAlreadyExists in AWS's words; `kind` starts with a capital."""
    return Refused("EntityAlreadyExists", f"{kind} with name {name} already exists.")


def conflict(todo: str) -> Refused:
    """DeleteConflict that names what must go first."""
    return Refused("DeleteConflict", f"Cannot delete entity, must {todo} first.")


def over(quota: str, limit: int) -> Refused:
    """LimitExceeded for a quota that is a count."""
    return Refused("LimitExceeded", f"Cannot exceed quota for {quota}: {limit}")


def malformed(message: str) -> Refused:
    """MalformedPolicyDocument."""
    return Refused("MalformedPolicyDocument", message)
