"""What `iamsync accounts` tells and hands out: accounts, their ways in hop by hop, and sessions for other programs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from iamsync.aws.hops import Tried, tried
from iamsync.aws.session import Connection
from iamsync.engine.fleets import each
from iamsync.engine.project import NO_ACCOUNT, Project
from iamsync.engine.reach import Ways
from iamsync.engine.sandboxing import served
from iamsync.errors import InputError
from iamsync.fleet import shard_of
from iamsync.manifest.config import Account

# What else would lead the SDKs of a child process somewhere.
_LEADING: Final = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION"),
    *("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_SESSION_NAME"),
    *("AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
)
# What goes before AWS_ENDPOINT_URL for what iamsync is about.
_ELSEWHERE: Final = ("AWS_ENDPOINT_URL_IAM", "AWS_ENDPOINT_URL_STS", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")


@dataclass(frozen=True, slots=True)
class Checked:
    """One chain of one account: `purpose` is read or write, or both where they are one."""

    account: Account
    purpose: str
    hops: tuple[Tried, ...]

    @property
    def well(self) -> bool:
        """Whether one gets to its end."""
        return not any(hop.error for hop in self.hops)


@dataclass(frozen=True, slots=True)
class Handed:
    """Credentials for another program; `expiration` where they end. Its secrets are never shown by itself."""

    account_id: str
    region: str
    key_id: str
    secret: str = field(repr=False)
    token: str | None = field(repr=False, default=None)
    expiration: str | None = None

    def process(self) -> dict[str, Any]:
        """As `credential_process` gives them to an SDK."""
        told = {
            "Version": 1,
            "AccessKeyId": self.key_id,
            "SecretAccessKey": self.secret,
            "SessionToken": self.token,
            "Expiration": self.expiration,
        }
        return {name: value for name, value in told.items() if value is not None}

    def environment(self, before: dict[str, str], endpoint: str | None = None) -> dict[str, str]:
        """An environment in which every SDK is this account's, whatever it was before."""
        leading = (*_LEADING, "AWS_SESSION_TOKEN", *(_ELSEWHERE if endpoint else ()))
        kept = {name: value for name, value in before.items() if name not in leading}
        made = {
            "AWS_ACCESS_KEY_ID": self.key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            **({"AWS_SESSION_TOKEN": self.token} if self.token else {}),
            **({"AWS_CREDENTIAL_EXPIRATION": self.expiration} if self.expiration else {}),
            **({"AWS_ENDPOINT_URL": endpoint} if endpoint else {}),
        }
        return {**kept, **made}


def rows(project: Project) -> list[dict[str, Any]]:
    """A row for each account of this run, as JSON values, and for each of the organization that is left out."""
    return [
        *(_row(account) for account in project.accounts()),
        *(
            {
                "account": one.name,
                "id": one.id,
                "wave": None,
                "labels": {},
                "read": [],
                "write": [],
                "left_out": one.reason,
            }
            for one in project.left
        ),
    ]


def _row(account: Account) -> dict[str, Any]:
    return {
        "account": account.name,
        "id": account.id,
        "partition": account.partition or "aws",
        "wave": account.wave,
        "labels": dict(account.labels),
        "manifests": list(account.manifests),
        "profile": account.profile,
        "region": account.region,
        "backend": account.backend,
        "read": [hop.arn for hop in account.read],
        "write": [hop.arn for hop in account.write],
    }


def matrix(project: Project, shards: int | None) -> dict[str, Any]:
    """The jobs of a CI system's matrix: an account each, or a shard each that holds accounts."""
    accounts = project.accounts()
    if shards is None:
        return {"include": [{"account": one.name, "id": one.id, "wave": one.wave} for one in accounts]}
    held: dict[int, list[str]] = {}
    for account in accounts:
        held.setdefault(shard_of(account.id or account.name, shards), []).append(account.name)
    return {"include": [{"shard": f"{at}/{shards}", "accounts": names} for at, names in sorted(held.items())]}


def checked(project: Project, ways: Ways) -> tuple[Checked, ...]:
    """Every chain of every account of this run, hop by hop."""
    real = [account for account in project.accounts() if not ways.sandboxed(account)]
    if not real:
        raise InputError("the sandbox is reached without roles", code="no-credentials", hint="leave --sandbox out")
    found = each(real, lambda account: _checked(ways, account), ways.failed)
    return tuple(one for held in found for one in held)


def _checked(ways: Ways, account: Account) -> list[Checked]:
    chains = {"read": account.read, "write": account.write}
    if account.read == account.write:
        chains = {"read and write": account.read}
    return [
        Checked(account, purpose, tried(ways.access(account, hops), ways.sessions, ways.options.tap))
        for purpose, hops in chains.items()
    ]


@contextmanager
def entered(project: Project, ways: Ways, before: dict[str, str], *, write: bool) -> Iterator[dict[str, str]]:
    """The environment `before` as it must be for other programs to work on the one account of this run.

    The embedded IAM is an endpoint for as long as this is open; what was done there is kept.
    """
    account = _one(project)
    if not ways.sandboxed(account):
        yield handed(project, ways, write=write).environment(before, ways.options.endpoint_url)
        return
    with served(project, account.id) as url:
        # The embedded IAM takes the key's id for the account's, and looks at no secret.
        inside = Handed(account.id or NO_ACCOUNT, "us-east-1", account.id or NO_ACCOUNT, "sandbox")
        yield inside.environment(before, url)


def _one(project: Project) -> Account:
    accounts = project.accounts()
    if len(accounts) != 1:
        raise InputError(
            f"{len(accounts)} accounts match, and credentials are of one", code="which-account", hint="name one"
        )
    return accounts[0]


def handed(project: Project, ways: Ways, *, write: bool) -> Handed:
    """Credentials of the one account of this run, by its roles for reading or for writing; its id is checked first."""
    account = _one(project)
    if ways.sandboxed(account):
        raise InputError(
            f"account {account.name} is the embedded IAM, which has no credentials",
            code="no-credentials",
            hint="iamsync sandbox serve makes an endpoint of it, accounts exec runs a command on it",
        )
    # Reading, also where the roles for writing are wanted: nothing is written here, so no lock is taken.
    reached = ways.reach(replace(account, read=account.write) if write else account)
    assert reached.connection is not None
    return _handed(reached.connection)


def _handed(connection: Connection) -> Handed:
    held = connection.credentials
    frozen = held.get_frozen_credentials()
    # botocore tells the end of its credentials to nobody but itself.
    end = getattr(held, "_expiry_time", None)
    return Handed(
        connection.account_id,
        connection.region,
        frozen.access_key,
        frozen.secret_key,
        frozen.token,
        end.strftime("%Y-%m-%dT%H:%M:%SZ") if end is not None else None,
    )


def document(found: tuple[Checked, ...], ways: Ways) -> dict[str, Any]:
    """What was checked, as JSON values."""
    made: dict[str, Any] = {
        "chains": [
            {
                "account": one.account.name,
                "id": one.account.id,
                "purpose": one.purpose,
                "ok": one.well,
                "hops": [
                    {
                        "role": hop.arn or None,
                        "caller": hop.caller or None,
                        "error": None if hop.error is None else {"code": hop.error.code, "message": hop.error.message},
                        "missing": list(hop.missing),
                    }
                    for hop in one.hops
                ],
            }
            for one in found
        ]
    }
    return made
