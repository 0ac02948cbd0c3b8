"""From an account's access to clients that work: credentials, role chains, endpoints, or a transport.

A transport answers requests in this process (the embedded IAM); then nothing of the machine's AWS
configuration is looked at and nothing touches the network.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from iamsync import __version__
from iamsync.aws.acting import For, Whoever, acting
from iamsync.aws.calls import call, pages
from iamsync.aws.decoding import undo
from iamsync.aws.errors import translate
from iamsync.aws.regions import HOME, IAM_REGIONS, region_of, tagging_region
from iamsync.aws.retrying import ATTEMPTS, FEW, SINGLE, THROTTLED
from iamsync.aws.roles import Hop, assumed, factored, unfolded
from iamsync.aws.transport import Transport, sender
from iamsync.errors import AccessDenied, AwsError, CredentialsError, InputError, Unsupported
from iamsync.events import Called, Slowed

Tap = Callable[[str], None]

_CONNECT: Final = 10.0  # seconds until a host that does not answer is given up
_CONNECTIONS: Final = 64
# botocore's variables that lead to files of this machine, leading nowhere.
_DETACHED: Final = {"profile": None, "config_file": os.devnull, "credentials_file": os.devnull}


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach an account; `account_id` and `partition` are the ones that are expected there."""

    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    hops: tuple[Hop, ...] = ()
    account_id: str | None = None
    partition: str | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """Clients of one account, safe to share between threads.

    `iam` repeats what fails in passing; `iam_once` never repeats, for calls that make another thing
    each time. `caller` is the user's ARN, or the role's as STS tells it, without session and path. `client` makes one
    of any other service, `client("s3")` or `client("cloudformation", region="eu-west-1")`, with the same credentials.
    `credentials` are botocore's: they renew themselves.
    """

    iam: Any
    iam_once: Any
    tagging: Any
    account_id: str
    partition: str
    caller: str
    client: Callable[..., Any]
    credentials: Any = field(repr=False, default=None)
    region: str = ""

    def alias(self) -> str | None:
        """The account's alias; None where there is none, or the caller may not know it."""
        try:
            listed = pages(self.iam, "ListAccountAliases", {})
            names = [name for page in listed for name in page.get("AccountAliases") or ()]
        except (AccessDenied, Unsupported):
            return None
        return str(names[0]) if names else None


@dataclass(slots=True)
class Sessions:
    """Base credentials, service models and connections, shared by the accounts of one run.

    `code` asks a person for the code of an MFA device, `tell` is told what a person should know, `watch`
    each call and each that AWS slows down. A device is asked
    for once, and so is whatever else a profile asks.
    """

    _held: dict[tuple[str | None, str | None], Any] = field(default_factory=dict)
    _loader: Any = None
    code: Callable[[str], str] | None = None
    tell: Callable[[str], None] = lambda _: None
    watch: Callable[[Called | Slowed], None] | None = None
    _factored: dict[tuple[int, str], Any] = field(default_factory=dict)
    _pools: dict[tuple[str, str | None], Any] = field(default_factory=dict)
    _common: dict[tuple[Any, ...], tuple[Any, Whoever]] = field(default_factory=dict)
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
        return acting()(parent, credentials)

    def common(self, session: Any, where: tuple[Any, ...], make: Callable[[Any], Any], credentials: Any) -> Any:
        """A client that all accounts have together which begin with this session, as the owner of credentials uses it.

        `make` makes it of a session; `where` is the service, region and endpoint that it is made for. What one account
        is throttled by must not slow the others, so it does not limit its own rate.
        """
        with self._lock:
            key = (id(session), *where)
            if key not in self._common:
                whoever = Whoever()
                self._common[key] = make(self.derived(whoever.credentials, session)), whoever
            return For(*self._common[key], credentials)

    def factored(self, session: Any, serial: str, sts: Callable[[], Any]) -> Any:
        """The session with a second factor in its credentials; the device's code is asked for once in a run."""
        with self._lock:
            key = (id(session), serial)
            if key not in self._factored:
                credentials = session.get_credentials()
                if credentials is None:
                    raise _nobody()
                made = factored(credentials, serial, self.code, sts())
                self._factored[key] = session if made is credentials else self.derived(made, session)
            return self._factored[key]

    def joined(self, client: Any, verify: str | None) -> None:
        """Let a client use the connections of those before it to the same host: accounts need not shake hands each."""
        with self._lock:
            endpoint = client._endpoint
            endpoint.http_session = self._pools.setdefault((endpoint.host, verify), endpoint.http_session)

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
        # Before botocore's own hook, which then finds nothing of it left to undo.
        session.get_component("event_emitter").register_first("after-call.iam", undo)
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
        identity = call(maker.common("sts", attempts=FEW), "GetCallerIdentity")
        partition, caller = _caller(identity)
        account_id = str(identity["Account"])
        _expect(access, account_id, partition, caller)
        return Connection(
            iam=maker.client("iam"),
            iam_once=_Later(lambda: maker.client("iam", attempts=SINGLE)),
            tagging=maker.common("resourcegroupstaggingapi", region=tagging_region(partition, maker.region)),
            account_id=account_id,
            partition=partition,
            caller=caller,
            client=maker.client,
            credentials=maker.session.get_credentials(),
            region=maker.region,
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
        return _Maker(sessions, access, None, tap).client("s3", attempts=FEW, options={"s3": style})
    except BotoCoreError as error:
        raise translate(error, "GetObject", "s3") from error


def service_client(service: str, access: Access, sessions: Sessions, tap: Tap | None = None) -> Any:
    """A client of any other service with the credentials of `access`; CredentialsError where there are none."""
    from botocore.exceptions import BotoCoreError

    try:
        return _Maker(sessions, access, None, tap).client(service, attempts=FEW)
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
        if transport is not None:
            self.region = IAM_REGIONS.get(access.partition or "aws", HOME)
        else:
            self.region = region_of(access.region, access.partition, self.session)
        hops = (*(self._of_profile(access.profile) if transport is None else ()), *access.hops)
        self.base = self.session
        serial = next((hop.mfa_serial for hop in hops if hop.mfa_serial), None)
        if serial is not None:
            self.session = sessions.factored(self.session, serial, self._sts_of(self.session))
        for hop in hops:
            if self.session.get_credentials() is None:
                raise _nobody()
            made = assumed(hop, self._sts_of(self.session), sessions.tell)
            self.session = sessions.derived(made, self.session)

    def _of_profile(self, name: str | None) -> tuple[Hop, ...]:
        """The roles of a profile that wants a second factor, after which the session is that of the one below it."""
        if name is None and os.environ.get("AWS_ACCESS_KEY_ID"):
            return ()
        named = name or self.session.get_config_variable("profile")
        below, hops = unfolded(self.session.full_config.get("profiles") or {}, named)
        if hops:
            self.session = self.sessions.of(below)
        return hops

    def _sts_of(self, session: Any) -> Callable[[], Any]:
        return lambda: self._common(session, "sts", self.region, FEW)

    def common(self, service: str, *, region: str | None = None, attempts: int = ATTEMPTS) -> Any:
        """A client of a service that the accounts of a run share, for whoever the way led to."""
        return self._common(self.session, service, region or self.region, attempts)

    def _common(self, whose: Any, service: str, region: str, attempts: int) -> Any:
        def make(session: Any) -> Any:
            return self._client(session, service, attempts=attempts, region=region, limits=False)

        if self.transport is not None:
            return make(whose)
        where = service, region, self.endpoint, attempts
        return self.sessions.common(self.base, where, make, whose.get_credentials())

    def client(
        self,
        service: str,
        *,
        attempts: int = ATTEMPTS,
        region: str | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Any:
        """A client of a service for whoever the way led to."""
        return self._client(self.session, service, attempts=attempts, region=region, options=options)

    def _client(
        self,
        session: Any,
        service: str,
        *,
        attempts: int,
        region: str | None = None,
        options: Mapping[str, Any] | None = None,
        limits: bool = True,
    ) -> Any:
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        config = Config(
            retries={
                "mode": "adaptive" if limits and attempts > SINGLE else "standard",
                "total_max_attempts": attempts,
            },
            max_pool_connections=_CONNECTIONS,
            connect_timeout=_CONNECT,
            user_agent_extra=f"iamsync/{__version__}",
            ignore_configured_endpoint_urls=self.transport is not None,
            **(options or {}),
        )
        try:
            client = self.sessions.client(
                session, service, region_name=region or self.region, endpoint_url=self.endpoint, config=config
            )
        except ValueError as error:
            if isinstance(error, BotoCoreError):
                raise
            # botocore's own words for what no request can be sent to, from a flag, the environment or a profile
            raise InputError(str(error), code="bad-endpoint", hint="for example http://127.0.0.1:4566") from error
        if self.transport is not None:
            client.meta.events.register_first("before-send", sender(self.transport))
        else:
            self.sessions.joined(client, session.get_config_variable("ca_bundle"))
        if self.tap is not None:
            tap = self.tap
            client.meta.events.register("before-call", lambda model, **_: tap(model.name))
        if (watch := self.sessions.watch) is not None:
            client.meta.events.register("before-call", lambda model, **_: watch(Called(model.name)))
            # Told of every answer; the first handler that says something decides, and this one says nothing.
            client.meta.events.register_first("needs-retry", partial(_slowed, watch))
        return client


class _Later:
    """A client that is made when it is first used: most runs write nothing."""

    __slots__ = ("_made", "_make")

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            self._made = self._make()
        return getattr(self._made, name)


def _slowed(watch: Callable[[Called | Slowed], None], *, response: Any, operation: Any, **_: Any) -> None:
    """Tell of an answer that asks for fewer calls; `response` is None where there was none."""
    if response is not None and (response[1].get("Error") or {}).get("Code") in THROTTLED:
        watch(Slowed(operation.name))


def _as_it_is(value: Any) -> Any:
    return value


def _nobody() -> Any:
    from botocore.exceptions import NoCredentialsError

    return NoCredentialsError()


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


def _expect(access: Access, account_id: str, partition: str, caller: str) -> None:
    if access.partition not in (None, partition):
        raise CredentialsError(
            f"these credentials lead to partition {partition} ({caller}), but {access.partition} is expected",
            code="wrong-account",
            operation="GetCallerIdentity",
            hint="name a --region of the partition and use credentials of it, or mend the partition",
        )
    if access.account_id is None or access.account_id == account_id:
        return
    through = f"profile {access.profile}" if access.profile else "these credentials"
    raise CredentialsError(
        f"{through} lead to account {account_id} ({caller}), but {access.account_id} is expected",
        code="wrong-account",
        operation="GetCallerIdentity",
        hint=f"use credentials of {access.account_id} (--profile, assume_role), or mend the account id",
    )
