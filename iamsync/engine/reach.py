"""Where live states come from: an account, the embedded IAM, or a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iamsync.aws.organizations import members
from iamsync.aws.roles import Hop
from iamsync.aws.session import Access, Connection, Sessions, connect
from iamsync.buckets import Bucket
from iamsync.engine.options import Options
from iamsync.engine.project import NO_ACCOUNT, Project
from iamsync.engine.textfile import read_text
from iamsync.errors import CredentialsError, InputError, Place
from iamsync.fleet import Failure
from iamsync.kinds.wire import dump_state
from iamsync.manifest.config import Account
from iamsync.manifest.snapshot import from_text
from iamsync.model import State
from iamsync.strictjson import misfit, read_object

if TYPE_CHECKING:
    from iamsync.aws.objects import Objects

SANDBOX_NOTE = "sandbox: the embedded IAM, not AWS; its state is {path}"


@dataclass(frozen=True, slots=True)
class Reached:
    """One account of a run: a connection to it and the way there, or the state a file tells.

    `applier` is the ARN that would apply what is planned: the caller, or the role that is configured for writing.
    `lock` is the team lock (`aws.lock.Lock`) that is held for a writer, where the project has one, and
    `records` where its runs are recorded beside this machine.
    """

    account: Account
    account_id: str
    partition: str
    caller: str
    connection: Connection | None = None
    told: State | None = None
    is_sandbox: bool = False
    access: Access | None = None
    applier: str = ""
    lock: Any = None
    records: Objects | None = None


@dataclass(slots=True)
class Ways:
    """The ways into the accounts of one run; closes what it opened.

    Safe to share between threads. `failed` are the accounts of several that came to nothing so far.
    """

    project: Project
    _stack: ExitStack = field(default_factory=ExitStack)
    _server: Any = None
    _sessions: Sessions = field(default_factory=Sessions)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    failed: list[Failure] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._sessions = self.project.sessions or self._sessions
        self._sessions.code = self.options.ask_code
        self._sessions.tell = self.options.warn
        self._sessions.watch = self.options.watch

    def __enter__(self) -> Ways:
        return self

    def __exit__(self, *error: Any) -> None:
        self._stack.close()

    @property
    def options(self) -> Options:
        return self.project.options

    def reach(self, account: Account, *, write: bool = False) -> Reached:
        """A way into this account; the id is checked before anything else is asked."""
        self.project.check_allowed(account, account.id)
        found = self._way(account, write)
        self.project.check_allowed(account, found.account_id)
        return found

    def _way(self, account: Account, write: bool) -> Reached:
        if self.options.live is not None:
            if write:
                raise InputError(
                    "--live reads a file; nothing can be applied to it", code="bad-option", hint="leave --live out"
                )
            return self._told(account, self.options.live)
        if self.sandboxed(account):
            if write and self.project.config.lock is not None:
                self.options.note("the sandbox takes no team lock")
            return self._embedded(account)
        hops = account.write if write else account.read
        if self.options.assume_role:
            hops = ()
        access = self.access(account, hops)
        journal = self.project.config.journal
        made = connect(access, tap=self.options.tap, sessions=self._sessions)
        overridden = write or self.options.assume_role or account.write == account.read
        applier = made.caller if overridden or not account.write else account.write[-1].arn
        return Reached(
            *(account, made.account_id, made.partition, made.caller),
            connection=made,
            access=access,
            applier=applier,
            records=self.objects(journal, account) if write and journal is not None else None,
            lock=self._locked(account, made) if write and self.project.config.lock is not None else None,
        )

    @property
    def sessions(self) -> Sessions:
        """What the accounts of this run share."""
        return self._sessions

    def access(self, account: Account, hops: Sequence[Any]) -> Access:
        """The way into an account through these roles of the project file, then the one of --assume-role."""
        more = (Hop(self.options.assume_role, session_name=_session()),) if self.options.assume_role else ()
        return replace(
            self._base(account),
            hops=(*(_hop(hop) for hop in hops), *more),
            account_id=account.id,
            partition=_partition(account, hops),
        )

    def sandboxed(self, account: Account) -> bool:
        """Whether the account is the embedded IAM in this run."""
        return self.options.sandbox or account.backend == "sandbox"

    def objects(self, bucket: Bucket, account: Account) -> Objects:
        """A place in S3, by the credentials that the run started with for this account."""
        from iamsync.aws.objects import Objects

        return Objects.reached(bucket, self._base(account), self._sessions, self.options.tap)

    def _base(self, account: Account) -> Access:
        """The way in before any role is assumed."""
        return Access(
            profile=self.options.profile or account.profile,
            region=self.options.region or account.region,
            partition=account.partition,
            endpoint_url=self.options.endpoint_url,
        )

    def _locked(self, account: Account, made: Connection) -> Any:
        """The team lock of an account, until the ways are closed."""
        from iamsync.engine.locking import taken

        assert self.project.config.lock is not None
        lock = taken(
            self.objects(self.project.config.lock, account),
            made.account_id,
            made.caller,
            command=self.options.command,
            timeout=self.options.lock_timeout,
            note=self.options.warn,
        )
        with self._lock:
            self._stack.callback(lock.release)
        return lock

    def limited(self, access: Access, policy: str) -> Connection:
        """The same way again, in a session of its last role that may do only what the policy says as well."""
        *before, last = access.hops
        limited = replace(access, hops=(*before, replace(last, policy=policy)))
        return connect(limited, tap=self.options.tap, sessions=self._sessions)

    def _embedded(self, account: Account) -> Reached:
        for flag, value in (
            ("--profile", self.options.profile),
            ("--endpoint-url", self.options.endpoint_url),
            ("--assume-role", self.options.assume_role),
        ):
            if value:
                raise InputError(
                    f"{flag} asks for a real account, and this run uses the embedded sandbox",
                    code="sandbox-and-real",
                    hint=f"leave out {flag}, or the sandbox",
                )
        account_id = account.id or NO_ACCOUNT
        with self._lock:
            if self._server is None:
                self._server = self._stack.enter_context(open_sandbox(self.project.home, account_id, self.options.now))
                where = self.project.home / "sandbox.json"
                self.options.warn(SANDBOX_NOTE.format(path=_near(where, self.options.cwd)))
        access = Access(account_id=account_id, partition=account.partition)
        made = connect(access, transport=self._server.handle, tap=self.options.tap, sessions=self._sessions)
        # Nobody is anybody there: the embedded IAM enforces no policy.
        return Reached(account, made.account_id, made.partition, made.caller, connection=made, is_sandbox=True)

    def _told(self, account: Account, path: Path) -> Reached:
        state = told_state(path, self.options)
        if account.id is not None and account.id != state.account_id:
            raise CredentialsError(
                f"{path} is of account {state.account_id}, but account {account.name} is {account.id}",
                code="wrong-account",
                hint="give the file of that account",
            )
        return Reached(account, state.account_id, state.partition, f"file:{path.name}", told=state)


def told_state(path: Path, options: Options) -> State:
    """The state in a snapshot, or in a saved answer of get-account-authorization-details."""
    state, notes, _ = told_whole(path)
    for note in notes:
        options.note(note)
    return state


def told_whole(path: Path) -> tuple[State, tuple[str, ...], dict[str, Any]]:
    """The same with notes on what had to be read with good will, and the file's own value; InputError for others."""
    text = read_text(path, "a snapshot or a saved answer of get-account-authorization-details")
    hint = "take it again: iamsync snapshot --out FILE"
    value = read_object(text, str(path), "snapshot", code="bad-snapshot", hint=hint)
    if not is_dump(value):
        return from_text(text, str(path)), (), value
    try:
        return *dump_state(value), value
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise InputError(
            f"this is no answer of get-account-authorization-details: {misfit(error)}",
            code="bad-snapshot",
            place=Place(str(path)),
            hint="save one with: aws iam get-account-authorization-details --output json",
        ) from error


def account_of(path: Path) -> str:
    """The id of the account that a snapshot or a saved answer is of."""
    return told_whole(path)[0].account_id


def meant(project: Project) -> tuple[Account, ...]:
    """The accounts of this run; with a file in place of the account (--live), the one it is of."""
    accounts = project.accounts()
    if project.options.live is None or len(accounts) == 1:
        return accounts
    told = account_of(project.options.live)
    return tuple(account for account in accounts if account.id == told) or accounts[:1]


def is_dump(value: Mapping[str, Any]) -> bool:
    return any(name in value for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"))


def open_sandbox(home: Path, account_id: str, now: str = "") -> Any:
    """The embedded IAM of a project, whose clock stands at `now` where that is told; IamsyncError without its extra."""
    try:
        from iamsync.sandbox import Server
    except ImportError as error:
        raise InputError(
            "the sandbox is not installed", code="no-sandbox", hint="pip install 'iamsync[sandbox]'"
        ) from error
    clock = (lambda: datetime.fromisoformat(now)) if now else None
    return Server(home / "sandbox.json", account_id=account_id, clock=clock)


def opened(options: Options) -> Project:
    """The project, with the accounts that its `discover:` finds: asked of Organizations once in a run."""
    project = Project.open(options)
    discover = project.config.discover
    if discover is None or options.live is not None:
        return project
    if options.sandbox:
        options.warn("the sandbox has no organization: discover: finds nothing, accounts: is all there is")
        return project
    sessions = Sessions()
    sessions.code, sessions.tell, sessions.watch = options.ask_code, options.warn, options.watch
    access = Access(
        profile=options.profile or discover.profile,
        region=options.region or discover.region,
        endpoint_url=options.endpoint_url,
        hops=tuple(_hop(hop) for hop in discover.through),
        partition=discover.partition,
    )
    found = members(access, sessions, units=discover.units, tags=discover.tags, tap=options.tap)
    left = project.discovered(found)
    project.sessions = sessions
    if left:
        told = ", ".join(f"{one.name} ({one.id}, {one.reason})" for one in left)
        options.warn(f"{len(left)} of {len(found)} accounts of the organization are left out: {told}")
    return project


def _hop(hop: Any) -> Hop:
    return Hop(
        hop.arn,
        external_id=hop.external_id,
        session_name=hop.session_name or _session(),
        duration=hop.duration,
        tags=hop.session_tags,
        transitive=hop.transitive_tags,
        source_identity=hop.source_identity,
        mfa_serial=hop.mfa_serial,
    )


def _partition(account: Account, hops: Sequence[Any]) -> str | None:
    """The partition that an account is in, as far as the project file tells: no trust crosses partitions."""
    return account.partition or next((hop.arn.split(":")[1] for hop in hops), None)


def _session() -> str:
    """What CloudTrail shows as the session where the project file says nothing: the SDKs' own variable, so that a CI
    job can put its run there."""
    return os.environ.get("AWS_ROLE_SESSION_NAME") or "iamsync"


def _near(path: Path, cwd: Path) -> str:
    try:
        return path.relative_to(cwd).as_posix()
    except ValueError:
        return str(path)
