"""Roles on the way into an account: what STS is asked for, anew before it ends, and the second factor asked for once.

Sources: STS AssumeRole and GetSessionToken; the SDKs' shared configuration file (`role_arn`, `mfa_serial`, ...).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from iamsync.aws.calls import call
from iamsync.errors import CredentialsError

# The longest session of a role that was assumed by a role, whatever its MaxSessionDuration
# (IAM User Guide, role chaining).
CHAINED: Final = 3600


@dataclass(frozen=True, slots=True)
class Hop:
    """One role of a chain; `duration` in seconds, None for AWS's own (one hour); `policy` limits its session.

    `tags` are the session's, those of `transitive` stay with whatever is assumed from it, as `source_identity` does
    always. `mfa_serial` is the device of the user who starts the chain.
    """

    arn: str
    external_id: str | None = None
    session_name: str = "iamsync"
    duration: int | None = None
    policy: str | None = None
    tags: tuple[tuple[str, str], ...] = ()
    transitive: tuple[str, ...] = ()
    source_identity: str | None = None
    mfa_serial: str | None = None

    @property
    def request(self) -> dict[str, Any]:
        """AssumeRole's parameters."""
        wishes = {
            "RoleArn": self.arn,
            "RoleSessionName": self.session_name,
            "ExternalId": self.external_id,
            "DurationSeconds": self.duration,
            "Policy": self.policy,
            "Tags": [{"Key": key, "Value": value} for key, value in self.tags] or None,
            "TransitiveTagKeys": list(self.transitive) or None,
            "SourceIdentity": self.source_identity,
        }
        return {name: value for name, value in wishes.items() if value is not None}


def assumed(hop: Hop, sts: Callable[[], Any], tell: Callable[[str], None]) -> Any:
    """Credentials of a role that are fetched when first used, and again before they end; `sts` makes the caller's
    client.

    Where no session of the wished length is to be had, since roles that roles assume last an hour at most, an hour
    it is, and `tell` says so.
    """
    from botocore.credentials import DeferredRefreshableCredentials
    from botocore.exceptions import ClientError

    made: list[Any] = []
    wishes = hop.request

    def fetch() -> dict[str, str]:
        if not made:
            made.append(sts())
        try:
            answer = made[0].assume_role(**wishes)
        except ClientError as error:
            code = (error.response.get("Error") or {}).get("Code")
            if code != "ValidationError" or (hop.duration or 0) <= CHAINED or wishes["DurationSeconds"] == CHAINED:
                raise
            wishes["DurationSeconds"] = CHAINED
            answer = made[0].assume_role(**wishes)
            tell(
                f"{hop.arn}: AWS gives no session of {hop.duration} s here (a role that a role assumes: one hour at "
                "most); it is renewed every hour"
            )
        return _fetched(answer)

    return DeferredRefreshableCredentials(fetch, "assume-role")


def factored(credentials: Any, serial: str, code: Callable[[str], str] | None, sts: Any) -> Any:
    """Credentials with a second factor in them: GetSessionToken's, since a code works once and a session for all.

    The same credentials where they are temporary already: only those of a user can be asked for a factor.
    CredentialsError where nobody can be asked for the code, or it is wrong.
    """
    from botocore.credentials import Credentials

    if credentials.get_frozen_credentials().token:
        return credentials
    if code is None:
        raise CredentialsError(
            f"a code of the device {serial} is needed, and nobody is here to give one",
            code="mfa-needed",
            operation="GetSessionToken",
            hint="give --mfa-token CODE, or run it on a terminal",
        )
    answer = call(sts, "GetSessionToken", {"SerialNumber": serial, "TokenCode": code(serial)})
    told = _fetched(answer)
    return Credentials(told["access_key"], told["secret_key"], told["token"], "mfa")


def _fetched(answer: Mapping[str, Any]) -> dict[str, str]:
    held = answer["Credentials"]
    return {
        "access_key": held["AccessKeyId"],
        "secret_key": held["SecretAccessKey"],
        "token": held["SessionToken"],
        "expiry_time": str(held["Expiration"]),
    }


def unfolded(profiles: Mapping[str, Mapping[str, Any]], name: str | None) -> tuple[str | None, tuple[Hop, ...]]:
    """A profile that assumes roles with a second factor as the profile below it and those roles; others as they are.

    The SDK asks for a code for each such profile, and a code works once.
    """
    hops: list[Hop] = []
    at, seen = name or "default", set()
    while (held := profiles.get(at, {})).get("role_arn") and held.get("source_profile") and at not in seen:
        seen.add(at)
        duration = str(held.get("duration_seconds") or "")
        hops.insert(
            0,
            Hop(
                arn=str(held["role_arn"]),
                external_id=held.get("external_id"),
                session_name=held.get("role_session_name") or "iamsync",
                duration=int(duration) if duration.isdecimal() else None,
                mfa_serial=held.get("mfa_serial"),
            ),
        )
        at = str(held["source_profile"])
    # A profile that is its own source has its keys beside its role: only the SDK takes these apart.
    if at in seen or not any(hop.mfa_serial for hop in hops):
        return name, ()
    return at, tuple(hops)
