"""From an account's access to clients that work: credentials, role chains, endpoints, or a transport.

A transport answers requests in this process (the embedded IAM); then nothing of the machine's AWS
configuration is looked at and nothing touches the network.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any, Final

from iamsync import __version__
from iamsync.aws.calls import call
from iamsync.aws.errors import translate
from iamsync.errors import AccessDenied, AwsError, CredentialsError, InputError, Unsupported

Transport = Callable[[str, str, Mapping[str, str], bytes], tuple[int, dict[str, str], bytes]]
Tap = Callable[[str], None]

# Where IAM's control plane is: the tagging API knows IAM's resources only there (iam-facts 5.2).
IAM_REGIONS: Final = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-f": "us-isof-south-1",
}
_HOME: Final = "us-east-1"
# botocore's variables that lead to files of this machine, leading nowhere.
_DETACHED: Final = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}


@dataclass(frozen=True, slots=True)
class Hop:
    """One role of a chain; `duration` in seconds, None for AWS's own (one hour); `policy` limits its session."""

    arn: str
    external_id: str | None = None
    session_name: str = "iamsync"
    duration: int | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach an account; `account_id` is the one that is expected there."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    hops: tuple[Hop, ...] = ()
    account_id: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """Clients of one account, safe to share between threads.

    `iam` repeats what fails in passing; `iam_once` never repeats, for calls that make another thing
    each time. `caller` is the user's ARN, or the role's as STS tells it, without session and path. `client` makes one
    of any other service, `client("s3")` or `client("cloudformation", region="eu-west-1")`, with the same credentials.
    """

    iam: Any
    iam_once: Any
    tagging: Any
    account_id: str
    partition: str
    caller: str
    client: Callable[..., Any]

    def alias(self) -> str | None:
        """The account's alias; None where there is none, or the caller may not know it."""
        try:
            names = call(self.iam, "ListAccountAliases").get("AccountAliases") or ()
        except (AccessDenied, Unsupported):
            return None
        return str(names[0]) if names else None


@dataclass(slots=True)
class Sessions:
    """Base credentials and service models, shared by the accounts of one run.

    A profile is resolved once, so that its second factor is asked for once.
    """

    _held: dict[tuple[str | None, str | None], Any] = field(default_factory=dict)
    _loader: Any = None
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def of(self, profile: str | None, account_id: str | None = None, *, ambient: bool = True) -> Any:
        """The botocore session of a profile; not `ambient`: one that signs as `account_id` and knows no file."""
        key = (profile, None) if ambient else (None, account_id or "sandbox")
        with self._lock:
            if key not in self._held:
                self._held[key] = self._fresh(profile, _DETACHED if not ambient else {})
                if not ambient:
                    self._held[key].set_credentials(key[1], "sandbox")
            return self._held[key]

    def derived(self, credentials: Any, parent: Any) -> Any:
        """A session that signs with a role's credentials and is otherwise like its parent."""
        with self._lock:
            known = parent.get_component("config_store")
            names = (*_DETACHED, "region")
            session = self._fresh(None, {name: known.get_config_variable(name) for name in names})
            session.register_component("credential_provider", _Given(credentials))
            return session

    def client(self, session: Any, service: str, **given: Any) -> Any:
        """A new client; botocore's sessions cannot make two at once."""
        with self._lock:
            return session.create_client(service, **given)

    def _fresh(self, profile: str | None, fixed: Mapping[str, str | None]) -> Any:
        from botocore.session import Session

        session = Session(profile=profile)
        for name, value in fixed.items():
            session.get_component("config_store").set_config_variable(name, value)
        if self._loader is None:
            self._loader = session.get_component("data_loader")
        session.register_component("data_loader", self._loader)
        # Parsing dates is half the time of a large read, and no date is compared.
        session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_as_it_is)
        return session


def connect(
    access: Access,
    *,
    transport: Transport | None = None,
    tap: Tap | None = None,
    sessions: Sessions | None = None,
) -> Connection:
    """Clients of the account that `access` leads to; `tap` is told each operation before it is called.

    Raises CredentialsError where there are no usable credentials, or they belong to another account
    than expected, InputError for an endpoint that is none, and AwsError where STS gives no answer.
    """
    from botocore.exceptions import BotoCoreError

    sessions = sessions or Sessions()
    try:
        maker = _Maker(sessions, access, transport, tap)
        # Fewer attempts: whoever mistyped an endpoint or has no network should not wait long to hear it.
        identity = call(maker.client("sts", attempts=4), "GetCallerIdentity")
        partition, caller = _caller(identity)
        account_id = str(identity["Account"])
        _expect(access, account_id, caller)
        return Connection(
            iam=maker.client("iam"),
            iam_once=maker.client("iam", attempts=1),
            tagging=maker.client("resourcegroupstaggingapi", region=_tagging_region(partition, maker.region)),
            account_id=account_id,
            partition=partition,
            caller=caller,
            client=maker.client,
        )
    except BotoCoreError as error:
        raise translate(error, "GetCallerIdentity", "sts") from error


def object_client(access: Access, sessions: Sessions, tap: Tap | None = None) -> Any:
    """A client of S3 with the credentials of `access`; CredentialsError where there are none."""
    from botocore.exceptions import BotoCoreError

    try:
        # An endpoint of one's own has no name for each bucket.
        own = access.endpoint_url or os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        style = {"addressing_style": "path"} if own else {}
        return _Maker(sessions, access, None, tap).client("s3", attempts=4, options={"s3": style})
    except BotoCoreError as error:
        raise translate(error, "GetObject", "s3") from error


def service_client(service: str, access: Access, sessions: Sessions) -> Any:
    """A client of any other service with the credentials of `access`; CredentialsError where there are none."""
    from botocore.exceptions import BotoCoreError

    try:
        return _Maker(sessions, access, None, None).client(service, attempts=4)
    except BotoCoreError as error:
        raise translate(error, "Publish", service) from error


class _Maker:
    """Makes the clients of one account: its credentials, endpoint, region and hooks."""

    def __init__(self, sessions: Sessions, access: Access, transport: Transport | None, tap: Tap | None) -> None:
        self.sessions = sessions
        self.endpoint = access.endpoint_url if transport is None else None
        self.transport = transport
        self.tap = tap
        self.session = sessions.of(access.profile, access.account_id, ambient=transport is None)
        self.region = _HOME if transport else _region(access, self.session)
        for hop in access.hops:
            self.session = sessions.derived(self._assumed(hop), self.session)

    def client(
        self,
        service: str,
        *,
        attempts: int = 10,
        region: str | None = None,
        options: Mapping[str, Any] | None = None,
        **keys: Any,
    ) -> Any:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        config = Config(
            retries={"mode": "adaptive" if attempts > 1 else "standard", "total_max_attempts": attempts},
            max_pool_connections=16,
            connect_timeout=10,
            user_agent_extra=f"iamsync/{__version__}",
            ignore_configured_endpoint_urls=self.transport is not None,
            **(options or {}),
        )
        try:
            client = self.sessions.client(
                self.session,
                service,
                region_name=region or self.region,
                endpoint_url=self.endpoint,
                config=config,
                **keys,
            )
        except ValueError as error:
            if isinstance(error, BotoCoreError):
                raise
            # botocore's own words for what no request can be sent to, from a flag, the environment or a profile
            raise InputError(str(error), code="bad-endpoint", hint="for example http://127.0.0.1:4566") from error
        if self.transport is not None:
            client.meta.events.register_first("before-send", _sender(self.transport))
        if self.tap is not None:
            tap = self.tap
            client.meta.events.register("before-call", lambda model, **_: tap(model.name))
        return client

    def _assumed(self, hop: Hop) -> Any:
        from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials

        source = self.session.get_credentials()
        if source is None:
            from botocore.exceptions import NoCredentialsError

            raise NoCredentialsError
        wishes = {
            "RoleSessionName": hop.session_name,
            "ExternalId": hop.external_id,
            "DurationSeconds": hop.duration,
            "Policy": hop.policy,
        }
        fetcher = AssumeRoleCredentialFetcher(
            client_creator=self.client,
            source_credentials=source,
            role_arn=hop.arn,
            extra_args={name: value for name, value in wishes.items() if value is not None},
        )
        return DeferredRefreshableCredentials(fetcher.fetch_credentials, "assume-role")


@dataclass(frozen=True, slots=True)
class _Given:
    """A session's source of credentials that are known already."""

    credentials: Any

    def load_credentials(self) -> Any:
        return self.credentials


def _as_it_is(value: Any) -> Any:
    return value


def _region(access: Access, session: Any) -> str:
    # STS needs a region even though IAM has none; AWS_REGION is what CI systems set.
    configured = session.get_config_variable("region")
    return access.region or configured or os.environ.get("AWS_REGION") or _HOME


def _tagging_region(partition: str, region: str) -> str:
    return IAM_REGIONS.get(partition, region)


def _caller(identity: Mapping[str, Any]) -> tuple[str, str]:
    """The partition and the caller without its session, from GetCallerIdentity's answer."""
    arn = str(identity.get("Arn") or "")
    parts = arn.split(":", 5)
    if len(parts) != 6 or not identity.get("Account"):
        raise AwsError(
            f"GetCallerIdentity: an answer that names nobody ({arn or 'no ARN'})",
            code="bad-identity",
            operation="GetCallerIdentity",
            hint="check --endpoint-url",
        )
    if parts[5].startswith("assumed-role/"):
        parts[5] = "/".join(parts[5].split("/")[:2])
    return parts[1], ":".join(parts)


def _expect(access: Access, account_id: str, caller: str) -> None:
    if access.account_id is None or access.account_id == account_id:
        return
    through = f"profile {access.profile}" if access.profile else "these credentials"
    raise CredentialsError(
        f"{through} lead to account {account_id} ({caller}), but {access.account_id} is expected",
        code="wrong-account",
        operation="GetCallerIdentity",
        hint=f"use credentials of {access.account_id} (--profile, assume_role), or mend the account id",
    )


class _Raw(BytesIO):
    """A body as botocore reads one from the network."""

    def stream(self, **_: Any) -> Any:
        while chunk := self.read(65536):
            yield chunk


def _sender(transport: Transport) -> Callable[..., Any]:
    """A before-send hook: botocore takes what it returns for the network's answer."""
    from botocore.awsrequest import AWSResponse
    from botocore.exceptions import ConnectionClosedError

    def send(request: Any, **_: Any) -> Any:
        body = request.body or b""
        if isinstance(body, str):
            body = body.encode()
        elif not isinstance(body, (bytes, bytearray)):
            body = body.read()
        headers = {
            name: value.decode("latin-1") if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        try:
            status, answered, content = transport(request.method, request.url, headers, bytes(body))
        except ConnectionError as error:
            raise ConnectionClosedError(endpoint_url=request.url, error=error) from error
        return AWSResponse(request.url, status, answered, _Raw(content))

    return send
