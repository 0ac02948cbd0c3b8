"""One embedded IAM: requests in, answers out, state in a JSON file.

It must not know how requests reach it (a hook in a client, or a socket).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from moto.core.model_instances import reset_model_data
from moto.core.request import Request
from moto.iam import models as iam_models
from moto.iam.models import AccessKeyLastUsed
from moto.sts import models as sts_models

from iamsync.errors import InputError
from iamsync.sandbox import entities, quotas, seed, state, stores, tagging
from iamsync.sandbox.account import Iam
from iamsync.sandbox.backend import Accounts, Backend
from iamsync.sandbox.calls import scope
from iamsync.sandbox.lock import FileLock, on_disk
from iamsync.sandbox.refusal import Answer, Refused
from iamsync.sandbox.sts import Sts, StsAccounts

# moto is not thread-safe, and for the time of a request its module globals are ours.
_MOTO: Final = threading.RLock()
_GLOBALS: Final = (
    (iam_models, "iam_backends"),
    (sts_models, "iam_backends"),
    (sts_models, "sts_backends"),
)


class Server:
    """One embedded IAM (and STS, resourcegroupstaggingapi) for any number of accounts.

    `state` is the file to load from and save to; without one nothing outlives the process. While the server is
    open it holds a lock on it (waits up to 30 s, then IamsyncError "sandbox-busy"). `account_id` is where
    requests go that are signed by a key the sandbox did not make; a key id of 12 digits names its account.
    `quotas` can be changed at any time; it is kept in the state. `clock` (UTC) is what things are dated by, where
    that is not the time of day.
    """

    def __init__(
        self,
        state: Path | None = None,
        *,
        account_id: str = "000000000000",
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        self.account_id = account_id
        self.clock = clock
        self.quotas = dict(quotas.DEFAULTS)
        self._accounts = Accounts(account_id, self.quotas)
        self._sts = StsAccounts()
        self._path = state
        self._lock = FileLock(state) if state is not None else None
        self._loaded = b""
        if self._lock is not None:
            self._lock.acquire()
            try:
                self._load()
            except BaseException:
                self._lock.release()
                raise

    def handle(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer one signed request of any AWS client: status, headers, body."""
        with self._moto():
            lowered = {name.lower(): _text(value) for name, value in headers.items()}
            service = _service(url, lowered, body)
            self._note_use(lowered, service)
            if service == "tagging" or service in stores.SERVICES:
                return self._json(service, lowered, body)
            if service not in {"iam", "sts"}:
                return Refused("NotImplemented", f"The sandbox does not offer the service {service!r}.").xml()
            request = Request.from_primitives(method, url, lowered, body)
            call = Iam(self._accounts) if service == "iam" else Sts(self._accounts, self._sts)
            try:
                status, answered, content = call._dispatch(request)
            except Refused as refused:
                return refused.xml()
            content = content.encode() if isinstance(content, str) else bytes(content)
            told = {name: str(value) for name, value in answered.items() if name.lower() != "date"}
            return status, {**told, "Date": format_datetime(entities.now().replace(tzinfo=UTC), usegmt=True)}, content

    def seed(self, account_id: str, dump: Mapping[str, Any]) -> None:
        """Put the content of a GetAccountAuthorizationDetails dump into an account, ids and dates included.

        Things of the same name are replaced, others stay. InputError "sandbox-seed" says what is wrong with a dump,
        of which nothing is taken then.
        """
        with self._moto():
            account, partition = self._accounts[account_id], seed.partition_of(dump)
            before = state.dump(account[partition])
            try:
                seed.load_backend(account[partition], dump)
            except InputError:
                account[partition] = Backend(self._accounts, account_id, partition)
                seed.load_backend(account[partition], before)
                raise

    def reset(self, account_id: str | None = None) -> None:
        """Empty one account, or all of them and the quotas."""
        with self._moto():
            if account_id is not None:
                self._accounts.pop(account_id, None)
                self._sts.pop(account_id, None)
                return
            self._accounts.clear()
            self._sts.clear()
            self.quotas.clear()
            self.quotas.update(quotas.DEFAULTS)

    def save(self) -> None:
        """Write the state, whole or not at all; nothing where nothing changed or there is no file."""
        if self._path is None:
            return
        with self._moto():
            content = state.encode(self._accounts, self.quotas)
        if content != self._loaded:
            with on_disk(self._path):
                state.write(self._path, content)
            self._loaded = content

    def close(self) -> None:
        """Save and let go of the file."""
        if self._lock is None:
            return
        try:
            if self._lock.held:
                self.save()
        finally:
            self._lock.release()

    def __enter__(self) -> Server:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _load(self) -> None:
        if self._path is not None and self._path.exists():
            with on_disk(self._path):
                self._loaded = self._path.read_bytes()
            with self._moto():
                self.quotas.update(state.decode(self._path, self._loaded, self._accounts))

    def _json(self, service: str, headers: Mapping[str, str], body: bytes) -> Answer:
        key, region, _ = scope(headers.get("authorization", ""))
        iam = self._accounts[self._accounts.of_key(key)][_partition(region)]
        action = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            if service == "tagging":
                return tagging.answer(iam, action, body)
            return stores.answer(iam.stores.setdefault(region, {}), f"{region}:{iam.account_id}", action, body)
        except Refused as refused:
            return refused.json()

    def _note_use(self, headers: Mapping[str, str], service: str) -> None:
        """A key that was made here is used: GetAccessKeyLastUsed tells where and when."""
        key_id, region, _ = scope(headers.get("authorization", ""))
        for backend in self._accounts.backends() if key_id.startswith("AKIA") else ():
            if key_id in backend.access_keys:
                backend.access_keys[key_id].last_used = AccessKeyLastUsed(entities.now(), service, region)

    @contextmanager
    def _moto(self) -> Iterator[None]:
        """Let moto's own code see this server's accounts, for the time of one request."""
        with _MOTO:
            before: list[tuple[Any, str, Any]] = [(module, name, getattr(module, name)) for module, name in _GLOBALS]
            before.append((entities, "clock", entities.clock))
            entities.clock = self.clock
            for module, name in _GLOBALS:
                setattr(module, name, self._sts if name == "sts_backends" else self._accounts)
            try:
                yield
            finally:
                for module, name, value in before:
                    setattr(module, name, value)
                reset_model_data()  # moto keeps whatever was ever made, for a page that nobody looks at here


def _service(url: str, headers: Mapping[str, str], body: bytes) -> str:
    service = scope(headers.get("authorization", ""))[2]
    if service:
        return service
    # Web identity and SAML are not signed; the host tells, or else only STS has such calls.
    host = (urlsplit(url).hostname or "").partition(".")[0]
    if host in {"iam", "sts", "tagging"}:
        return host
    action = parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    return "sts" if action.startswith("AssumeRoleWith") else ""


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
