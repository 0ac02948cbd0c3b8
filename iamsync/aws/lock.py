"""The team lock: one object an account, taken by S3's conditional writes and kept alive while the run goes on.

Every time in it is S3's. A holder that died leaves its object behind: it is never taken over in silence, but
shown with the end of its lease, and released by a person.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from iamsync.aws.objects import Objects, Stored
from iamsync.errors import AwsError, LockHeld

LEASE: Final = 120.0
_RENEW: Final = 30.0
_LONGEST_PAUSE: Final = 5.0
_FORMAT: Final = "1.0"

Note = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an account's lock: `since` and `renewed` RFC 3339, `idle` seconds since the last renewal.

    `expired`: it was not renewed for as long as its lease, so its run is most likely gone.
    """

    caller: str
    token: str
    command: str
    job: str
    since: str
    renewed: str
    idle: int
    lease: int
    etag: str

    @property
    def expired(self) -> bool:
        return self.idle > self.lease

    def __str__(self) -> str:
        by = f"{self.caller} ({self.command}{f', {self.job}' if self.job else ''})"
        return f"{by} since {self.since}, last renewed {self.idle} s ago"


def look(objects: Objects, account_id: str) -> Holder | None:
    """Who holds the lock of an account; None where nobody does. AwsError for what is no lock."""
    stored = objects.get(_name(account_id))
    return _holder(stored, objects, account_id) if stored is not None else None


def take(
    objects: Objects,
    account_id: str,
    *,
    caller: str,
    token: str,
    command: str,
    job: str = "",
    timeout: float = 0.0,
    note: Note = lambda text: None,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Lock:
    """Take an account's lock, waiting up to `timeout` seconds for it; LockHeld with the holder's name otherwise.

    `token` tells this run from every other one. A lock whose lease ran out is not waited for.
    """
    about: dict[str, Any] = {"format_version": _FORMAT, "account_id": account_id, "caller": caller, "token": token}
    about |= {"command": command, "job": job, "lease": int(LEASE)}
    end, pause, told, vanished = clock() + timeout, 0.5, "", 0
    while True:
        stored = objects.put(_name(account_id), _body(about), new=True)
        if stored is not None:
            lock = Lock(objects, account_id, {**about, "since": _text(stored.now)}, stored.etag, note, clock)
            lock.begin()
            return lock
        holder = look(objects, account_id)
        if holder is not None and holder.token == token:  # our own write, whose answer was lost
            lock = Lock(objects, account_id, {**about, "since": holder.since}, holder.etag, note, clock)
            lock.begin()
            return lock
        left = end - clock()
        if holder is not None and (holder.expired or left <= 0):
            raise held(account_id, holder)
        vanished += holder is None
        if holder is None and left <= 0 and vanished > 10:
            raise LockHeld(
                f"the lock of account {account_id} changes hands too fast to be taken",
                code="locked",
                hint="run the command again",
            )
        if holder is not None and holder.token != told:
            told = holder.token
            note(f"account {account_id} is locked by {holder}; waiting up to {max(1, round(left))} s")
        sleep(min(pause, max(left, 0.1)))
        pause = min(_LONGEST_PAUSE, pause * 1.5)


def held(account_id: str, holder: Holder) -> LockHeld:
    """The error that names the holder."""
    if holder.expired:
        hint = "its lease ran out, so its run is most likely gone: when you are sure, `iamsync lock release`"
    else:
        hint = "wait for it with --lock-timeout 5m; iamsync lock status tells how it stands"
    return LockHeld(f"account {account_id} is locked by {holder}", code="locked", hint=hint)


def release(objects: Objects, account_id: str, holder: Holder) -> bool:
    """Take a lock away from this holder; False where it is not the holder's any more."""
    return objects.delete(_name(account_id), holder.etag)


class Lock:
    """A lock that is held: renewed by a thread of its own until it is released."""

    def __init__(
        self,
        objects: Objects,
        account_id: str,
        about: dict[str, Any],
        etag: str,
        note: Note,
        clock: Callable[[], float],
    ) -> None:
        self.account_id = account_id
        self._objects, self._about, self._etag = objects, about, etag
        self._note, self._clock = note, clock
        self._renewed = clock()
        self._lost = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lock-{account_id}", daemon=True)

    def begin(self) -> None:
        """Renew from now on."""
        self._thread.start()

    @property
    def held(self) -> bool:
        """Whether it is certainly still ours: not taken away, and renewed within its lease."""
        return not self._lost and self._clock() - self._renewed < LEASE

    def renew(self) -> None:
        """Tell S3 that the run goes on; finds out where the lock was taken away."""
        before = self._clock()
        stored = self._objects.put(_name(self.account_id), _body(self._about), over=self._etag)
        if stored is None:
            holder = look(self._objects, self.account_id)
            if holder is None or holder.token != self._about["token"]:
                self._lost = True
                return
            self._etag = holder.etag  # a renewal whose answer was lost
        else:
            self._etag = stored.etag
        self._renewed = before

    def release(self) -> None:
        """Stop renewing and give the lock back; a note where that fails, since the run itself is over."""
        self._ended.set()
        self._thread.join()
        if self._lost:
            return
        try:
            if not self._objects.delete(_name(self.account_id), self._etag):
                holder = look(self._objects, self.account_id)
                if holder is not None and holder.token == self._about["token"]:
                    self._objects.delete(_name(self.account_id), holder.etag)
        except AwsError as error:
            self._note(f"the lock of account {self.account_id} was not given back ({error}): iamsync lock release")

    def _keep(self) -> None:
        while not self._ended.wait(_RENEW) and not self._lost:
            try:
                self.renew()
            except AwsError:
                continue  # `held` ends with the lease if this goes on


def _name(account_id: str) -> str:
    return f"{account_id}.json"


def _body(about: dict[str, Any]) -> bytes:
    return json.dumps(about, indent=1).encode()


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _holder(stored: Stored, objects: Objects, account_id: str) -> Holder:
    try:
        told = json.loads(stored.body)
        return Holder(
            caller=str(told["caller"]),
            token=str(told["token"]),
            command=str(told["command"]),
            job=str(told["job"]),
            since=str(told.get("since") or _text(stored.modified)),
            renewed=_text(stored.modified),
            idle=max(0, int((stored.now - stored.modified).total_seconds())),
            lease=int(told["lease"]),
            etag=stored.etag,
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise AwsError(
            f"{objects.bucket}{_name(account_id)} is no lock of iamsync",
            code="bad-lock",
            hint="mend `lock:` in iamsync.yaml, or delete that object by hand",
        ) from error
