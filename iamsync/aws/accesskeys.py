"""Access keys and passwords: what there is of them, and the steps of a rotation, each told to have worked or undone.

`CreateAccessKey` makes another key each time and tells its secret once. It is never repeated on a doubt:
whatever a lost answer left behind is found by its absence before, and removed where it is nobody else's (`straykeys`).
"""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Callable, Container, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from iamsync.aws.calls import call, pages, shaped, whole
from iamsync.aws.execute import Executor
from iamsync.aws.retrying import LOOKS, sort_of
from iamsync.aws.session import Connection
from iamsync.aws.straykeys import Seen, own, seen
from iamsync.delivery import DELIVER, Place, Secret
from iamsync.errors import AwsError, IamsyncError
from iamsync.events import Result
from iamsync.kinds.keyrules import NOTE
from iamsync.kinds.wire import moment
from iamsync.model import Address, Call, Step

_CREATED: Final = "CreateAccessKey"
_SWITCHES: Final = frozenset(
    {"UpdateAccessKey", "UpdateServiceSpecificCredential", "UpdateSSHPublicKey", "UpdateSigningCertificate"}
)
_TRIES: Final = 3
# What a password policy can ask for at most is one of each and 128 characters; 40 are more than anybody guesses.
_LENGTH: Final = 40
_CLASSES: Final = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "!@#$%^&*()_+-=[]{}|")


def keys_of(iam: Any, user: str, *, uses: bool = True) -> tuple[dict[str, Any], ...]:
    """A user's keys, oldest first: id, active, created; with `uses` also used, service and region of the last use.

    Times are RFC 3339 in UTC.
    """
    if not user:
        raise ValueError("without a user name AWS would answer about the caller")
    with whole("ListAccessKeys"):
        listed = [
            item for page in pages(iam, "ListAccessKeys", {"UserName": user}) for item in page["AccessKeyMetadata"]
        ]
        found = []
        for item in listed:
            key = str(item["AccessKeyId"])
            known = {"id": key, "active": item["Status"] == "Active", "created": moment(item["CreateDate"])}
            found.append({**known, **(_last_use(iam, key) if uses else {})})
    return tuple(sorted(found, key=lambda one: (one["created"], one["id"])))


def _last_use(iam: Any, key: str) -> dict[str, Any]:
    told = call(iam, "GetAccessKeyLastUsed", {"AccessKeyId": key}).get("AccessKeyLastUsed") or {}
    used = moment(told.get("LastUsedDate"))
    return {
        "used": used,
        "service": str(told.get("ServiceName") or "") if used else "",
        "region": str(told.get("Region") or "") if used else "",
    }


def has_password(iam: Any, user: str) -> bool:
    """Whether a user can sign in to the console."""
    try:
        call(iam, "GetLoginProfile", {"UserName": user})
    except AwsError as error:
        if error.aws_code == "NoSuchEntity":
            return False
        raise
    return True


def password() -> str:
    """A password that every password policy takes."""
    picked = [secrets.choice(letters) for letters in _CLASSES]
    picked += [secrets.choice("".join(_CLASSES)) for _ in range(_LENGTH - len(picked))]
    secrets.SystemRandom().shuffle(picked)
    return "".join(picked)


class CredentialExecutor:
    """Executes the steps of a plan about credentials; a secret lives here between its creation and its delivery.

    `places` opens a target, by its text, for a user. With `keep_one`, no key is switched off while it is the
    user's only working one. `off` are the keys that were off when the plan was made: none of them is deleted once
    it is on again. `taken` is what somebody consented to replace, by target (`Place.taken`); nothing else is
    replaced that was not delivered for the user. `writer` gives the connection that a step's own calls are made with,
    where it is another than the one that reads.
    """

    def __init__(
        self,
        connection: Connection,
        places: Callable[[str, str], Place],
        *,
        sleep: Callable[[float], object] = time.sleep,
        keep_one: bool = True,
        off: frozenset[str] = frozenset(),
        taken: Mapping[str, str] | None = None,
        writer: Callable[[Step], Connection] | None = None,
    ) -> None:
        self._iam = connection.iam
        self._writer = writer or (lambda _: connection)
        self._account = connection.account_id
        self._places = places
        self._sleep = sleep
        self._keep_one, self._off, self._taken = keep_one, off, dict(taken or {})
        self._rest = Executor(connection, sleep=sleep, writer=writer)
        self._made: dict[str, Secret] = {}
        self._before: dict[str, frozenset[str]] = {}
        self._passwords: dict[str, Secret] = {}

    def __repr__(self) -> str:
        return "CredentialExecutor()"

    def __call__(self, step: Step, created: frozenset[Address]) -> Result:
        """Make the step's effect live; AwsError or another IamsyncError where it is not, without any secret."""
        if step.operation == _CREATED:
            return self._create(step)
        if step.operation == DELIVER:
            return self._deliver(step)
        if step.operation == "CreateLoginProfile":
            return self._sign_in(step)
        if step.operation == "UpdateAccessKey" and self._keep_one:
            self._one_is_left(step.params)
        if step.operation == "DeleteAccessKey" and step.params["AccessKeyId"] in self._off:
            self._still_off(step.params)
        if step.operation in _SWITCHES:
            try:
                answer = call(self._writer(step).iam, step.operation, step.params)
            except AwsError as error:
                if error.aws_code == "NoSuchEntity" and step.params["Status"] == "Inactive":
                    return Result("already", error.request_id)  # it is gone, so that it works no more
                raise
            return Result("done", str((answer.get("ResponseMetadata") or {}).get("RequestId") or ""))
        return self._rest(step, created)

    # A key --------------------------------------------------------------------------------------

    def _create(self, step: Step) -> Result:
        user = step.params["UserName"]
        before = seen(self._iam, user)
        self._before[user] = frozenset(before.keys)
        for attempt in range(1, _TRIES + 1):
            try:
                answer = call(self._writer(step).iam_once, _CREATED, {"UserName": user})
                with shaped(_CREATED):  # an answer without the secret is as good as lost
                    made = answer["AccessKey"]
                    fields = {
                        "UserName": user,
                        "AccountId": self._account,
                        "AccessKeyId": str(made["AccessKeyId"]),
                        "SecretAccessKey": str(made["SecretAccessKey"]),
                    }
            except AwsError as error:
                self._after_doubt(step, before, error)
                # Where pauses are cut short nothing was looked for long enough to make another one.
                if attempt == _TRIES or sort_of(error) not in ("doubtful", "throttled") or self._sleep(2.0**attempt):
                    raise
                continue
            self._made[user] = Secret(user, fields["AccessKeyId"], fields, ("SecretAccessKey",))
            request = str((answer.get("ResponseMetadata") or {}).get("RequestId") or "")
            return Result("done", request, attempt)
        raise AssertionError("unreachable")

    def _after_doubt(self, step: Step, before: Seen, error: AwsError) -> None:
        """Remove what a call made whose answer was lost; the call's own error where that cannot be told.

        IamsyncError where what appeared may be somebody else's.
        """
        if not error.doubtful:
            return
        user = step.params["UserName"]
        try:
            first = last = seen(self._iam, user)
            for seconds in LOOKS:  # AWS may show a key some seconds after it made it, and another one sooner
                if self._sleep(seconds):
                    return  # pauses are cut short: not all may show yet, and the next run sees more
                last = seen(self._iam, user)
            stray = own(self._iam, user, before, first, last, error)
        except AwsError as unknown:
            raise error from unknown
        except IamsyncError:
            self._unclaimed(step, last)
            raise
        if stray:
            self._remove(step, stray)

    def _unclaimed(self, step: Step, found: Seen) -> None:
        """Note these keys among those that are not this run's, so that no later run takes one for lost."""
        now = moment(found.at or datetime.now(UTC))
        note = {"Key": NOTE, "Value": f"creating {now} beside {' '.join(sorted(found.keys))}"}
        tagging = Call("TagUser", {"UserName": step.params["UserName"], "Tags": [note]})
        with suppress(AwsError):  # why the keys stay is told all the same
            self._rest(Step(step.id, step.address, tagging, "neutral"), frozenset())

    def _ids(self, user: str) -> frozenset[str]:
        return frozenset(self._statuses(user))

    def _remove(self, step: Step, key: str) -> None:
        """Delete a key that this step made, or could not deliver."""
        user = step.params["UserName"]
        removal = Call("DeleteAccessKey", {"UserName": user, "AccessKeyId": key})
        self._rest(Step(step.id, Address("user", user), removal, "revoke"), frozenset())

    def _one_is_left(self, params: Mapping[str, Any]) -> None:
        """Refuse to take the only working key away, whatever the plan was made of."""
        user, key = params["UserName"], params["AccessKeyId"]
        keys = self._statuses(user)
        others = [other for other, status in keys.items() if other != key and status == "Active"]
        if keys.get(key) == "Active" and not others:
            raise IamsyncError(
                f"{key} is the only working key of user/{user} now; it stays",
                code="last-key",
                hint="the user's keys changed since the plan was made: run the command again",
            )

    def _still_off(self, params: Mapping[str, Any]) -> None:
        """Refuse to delete a key that somebody switched on again since the plan was made: it is missed."""
        user, key = params["UserName"], params["AccessKeyId"]
        if self._statuses(user).get(key) == "Active":
            raise IamsyncError(
                f"{key} of user/{user} was off when the plan was made and is on again; it stays",
                code="key-in-use",
                hint="somebody seems to need it: ask who, then run the command again",
            )

    def _statuses(self, user: str) -> dict[str, str]:
        listed = pages(self._iam, "ListAccessKeys", {"UserName": user})
        with whole("ListAccessKeys"):
            return {str(one["AccessKeyId"]): str(one["Status"]) for page in listed for one in page["AccessKeyMetadata"]}

    # Delivery -----------------------------------------------------------------------------------

    def _deliver(self, step: Step) -> Result:
        params = step.params
        user = params["UserName"]
        if "Password" in params:
            secret = self._passwords[user] = self._password(user)
        else:
            secret = self._made.pop(user)
        failed: IamsyncError | None
        held: str | None = ""
        try:
            if "Password" not in params:
                self._alone(user, secret)
            place = self._places(params["To"], user)
            self._free(place, params["To"], user)
        except IamsyncError as error:
            failed = error  # it could be opened when the plan was made; nothing was handed to it
        else:
            failed, known = self._put(place, secret)
            if failed is None:
                return Result("done")
            held = _held(place) if known else None
        if "Password" in params:
            del self._passwords[user]
            raise failed
        # Nobody has the new key's secret, so the key must not stay; if that is not known, the next run decides.
        if held is not None and held != secret.reference:
            self._remove(step, secret.reference)
            failed.hint = f"{failed.hint}; the new key {secret.reference} was removed again".lstrip("; ")
        raise failed

    def _alone(self, user: str, secret: Secret) -> None:
        """Refuse to deliver where another run made a key meanwhile: it took this one for lost, and removed it."""
        if self._ids(user) - self._before[user] - {secret.reference}:
            raise IamsyncError(
                f"another key of user/{user} appeared while this one was made, so this one is not delivered",
                code="not-delivered",
                hint="another run seems to be at it: lock: in iamsync.yaml keeps them apart",
            )

    def _free(self, place: Place, target: str, user: str) -> None:
        """Refuse to replace what was not delivered for this user, and what nobody consented to replace."""
        found = taken(place, user, self._account, self._before.get(user, frozenset()))
        if found and found != self._taken.get(target):
            raise IamsyncError(
                f"{target} holds {found}, which stays",
                code="not-delivered",
                hint="name another place, or move away what is there; run the command again to be asked about it",
            )

    def _put(self, place: Place, secret: Secret) -> tuple[IamsyncError | None, bool]:
        """None once the place says itself that it holds the secret, else why not, without the secret.

        Beside it, whether the place had the time to show what it took.
        """
        try:
            place.put(secret)
        except IamsyncError as error:
            # The answer was lost, or a repetition was refused; a place may show a moment later what it took.
            looks = len(LOOKS) if isinstance(error, AwsError) and error.doubtful else 1
            shown = self._confirmed(place, secret, looks)
            return None if shown else _scrubbed(error, secret), shown is not None
        shown = self._confirmed(place, secret, len(LOOKS))
        if shown:
            return None, True
        failed = IamsyncError(
            f"user/{secret.user}: the secret was delivered, but its place does not say that it holds it",
            code="not-confirmed",
            hint="look at it, then run the command again",
        )
        return failed, shown is not None

    def _confirmed(self, place: Place, secret: Secret, looks: int) -> bool | None:
        """Whether the place says that it holds the secret, looked at so many times; None where pauses are cut short."""
        hurried = False
        for look in range(looks):
            if (held := _held(place)) == secret.reference:
                return True
            if held is None:
                break
            if look + 1 < looks:
                hurried = bool(self._sleep(LOOKS[look])) or hurried
        return None if hurried else False

    # A password ---------------------------------------------------------------------------------

    def _password(self, user: str) -> Secret:
        fields = {"UserName": user, "AccountId": self._account, "Password": password()}
        return Secret(user, f"password-{secrets.token_hex(8)}", fields, ("Password",))

    def _sign_in(self, step: Step) -> Result:
        params, writer = step.params, self._writer(step)
        secret = self._passwords.pop(params["UserName"])
        given = {**params, "Password": secret.fields["Password"]}
        try:
            answer = call(writer.iam_once, "CreateLoginProfile", given)
        except AwsError as error:
            if not (error.doubtful and has_password(self._iam, params["UserName"])):
                raise _scrubbed(error, secret) from None
            try:
                # It exists since our own call: what it is set to may be said again.
                answer = call(writer.iam, "UpdateLoginProfile", given)
            except AwsError as second:
                raise _scrubbed(second, secret) from None
        return Result("done", str((answer.get("ResponseMetadata") or {}).get("RequestId") or ""))


def taken(place: Place, user: str, account: str, keys: Container[str]) -> str:
    """What a delivery would replace that is not the user's own (`keys` are its keys' ids), in words; else nothing."""
    return "" if place.holds() in keys else place.taken(user, account)


def _held(place: Place) -> str | None:
    """What a place says that it holds; None where it gives no answer."""
    try:
        return place.holds()
    except IamsyncError:
        return None


def _scrubbed(error: IamsyncError, secret: Secret) -> IamsyncError:
    """The error without what it may repeat of the request, and without the one that it came from."""
    error.message, error.hint = secret.scrubbed(error.message), secret.scrubbed(error.hint)
    error.args = (error.message,)
    error.__cause__ = error.__context__ = None
    return error


# What else a user signs with, by its plural: the listing call, its member, the id's name, the call that switches one
# off, the word for one.
OTHERS: Final = {
    "service-specific credentials": (
        *("ListServiceSpecificCredentials", "ServiceSpecificCredentials", "ServiceSpecificCredentialId"),
        *("UpdateServiceSpecificCredential", "service-specific credential"),
    ),
    "SSH public keys": (
        *("ListSSHPublicKeys", "SSHPublicKeys", "SSHPublicKeyId"),
        *("UpdateSSHPublicKey", "SSH public key"),
    ),
    "signing certificates": (
        *("ListSigningCertificates", "Certificates", "CertificateId"),
        *("UpdateSigningCertificate", "signing certificate"),
    ),
}


def others_of(iam: Any, user: str, what: str) -> tuple[tuple[str, Call], ...]:
    """What of one of `OTHERS` a user has that is on, in words, and the call that switches each off."""
    operation, member, identifier, update, word = OTHERS[what]
    with whole(operation):
        listed = [item for page in pages(iam, operation, {"UserName": user}) for item in page.get(member) or ()]
        on = [str(item[identifier]) for item in listed if item["Status"] == "Active"]
    return tuple(
        (f"{word} {one}", Call(update, {"UserName": user, identifier: one, "Status": "Inactive"})) for one in on
    )
