"""Places to deliver a secret to that are no service of AWS: an age-encrypted file, a plain one, a command.

A file has a note beside it that says which key it holds, by the file's digest: the note is written first,
so that the two never tell different things, whatever happens between.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from iamsync.delivery import Secret, whose
from iamsync.errors import IamsyncError, InputError
from iamsync.files import put

NOTE: Final = ".iamsync.json"
_HOOK: Final = "IAMSYNC_DELIVERY"
_TAKEN: Final = "taken"
_SECONDS: Final = 60
# What a secret is called in plain sight: a key's id, or a password's.
_REFERENCE: Final = re.compile(r"[A-Z0-9]{16,128}|password-[0-9a-f]{16}", re.ASCII)


def payload(secret: Secret) -> bytes:
    """The secret as whoever uses it reads it: one JSON object."""
    return json.dumps(dict(secret.fields), indent=1).encode() + b"\n"


class File:
    """A file of mode 0600, its content as `seal` makes it; the last two references are kept in the note beside it."""

    def __init__(self, path: Path, seal: Callable[[bytes], bytes] = lambda content: content) -> None:
        self._path, self._seal = path, seal
        self._note = path.with_name(path.name + NOTE)

    def holds(self) -> str:
        return self._noted().get(hashlib.sha256(self._content()).hexdigest(), "")

    def taken(self, user: str, account: str) -> str:
        if not self._content().strip():
            return ""
        if not self.holds():
            return "what iamsync did not write there, or somebody changed since"
        # The note of an older version has no account.
        other = self._whose()
        if other.get("user", user).casefold() == user.casefold() and other.get("account", account) == account:
            return ""
        return whose(other.get("user", user), other.get("account", ""))

    def _content(self) -> bytes:
        """The file's bytes; nothing where there is none."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise self._failed(error) from error

    def put(self, secret: Secret) -> None:
        owner = {"user": secret.user, "account": secret.fields["AccountId"]}
        content = self._seal(payload(secret))
        digest = hashlib.sha256(content).hexdigest()
        known = {held: name for held, name in self._noted().items() if name == self.holds()}
        note = json.dumps({"format_version": "1.0", **owner, "keys": {**known, digest: secret.reference}})
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            put(self._note, note.encode() + b"\n")
            put(self._path, content)
        except OSError as error:
            raise self._failed(error) from None

    def _whose(self) -> dict[str, str]:
        """Whose the secret is, as far as the note tells; one of an older version has no account."""
        try:
            told = json.loads(self._note.read_bytes())
            return {name: str(told[name]) for name in ("user", "account") if name in told}
        except (OSError, ValueError, TypeError):
            return {}

    def _noted(self) -> dict[str, str]:
        try:
            told = json.loads(self._note.read_bytes())
            return {str(digest): str(name) for digest, name in told["keys"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _failed(self, error: OSError) -> IamsyncError:
        return IamsyncError(
            f"{self._path} cannot be delivered to: {error.strerror or type(error).__name__}",
            code="not-delivered",
            hint="mend the folder's permissions, or name another place",
        )


class Hook:
    """A command that an operator named: it is asked what it holds, and handed the secret on its standard input.

    IAMSYNC_DELIVERY tells it which: `describe` prints the reference of what was delivered last, or `taken` where
    something else stands there; `deliver` reads one JSON object. What it prints otherwise is thrown away, since it
    might be the secret.
    """

    def __init__(self, command: str, user: str) -> None:
        self._command, self._user = command, user

    def holds(self) -> str:
        told = self._described()
        return "" if told == _TAKEN else told

    def taken(self, user: str, account: str) -> str:
        return "something else, as the command says" if self._described() == _TAKEN else ""

    def _described(self) -> str:
        told = self._run("describe", json.dumps({"UserName": self._user})).strip()
        if told and told != _TAKEN and _REFERENCE.fullmatch(told) is None:
            raise self._failed("describe", "what it printed is no reference of a key")
        return told

    def put(self, secret: Secret) -> None:
        self._run("deliver", json.dumps({**secret.fields, "Reference": secret.reference}))

    def _run(self, what: str, given: str) -> str:
        try:
            words = shlex.split(self._command)
            done = subprocess.run(
                words,
                input=given,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_SECONDS,
                env={**os.environ, _HOOK: what},
                check=False,
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise self._failed(what, type(error).__name__) from None
        if done.returncode:
            raise self._failed(what, f"exit code {done.returncode}")
        return done.stdout

    def _failed(self, what: str, why: str) -> IamsyncError:
        hint = f"run it by itself with {_HOOK}={what}; what it printed is not shown, since it might be the secret"
        return IamsyncError(f"the command of --deliver-to failed to {what}: {why}", code="not-delivered", hint=hint)


def sealed(recipient: str) -> Callable[[bytes], bytes]:
    """What encrypts to an age recipient; InputError where that is none, or the extra is not installed."""
    try:
        import pyrage
    except ImportError as error:
        raise InputError(
            "delivery to an age-encrypted file needs an extra", code="no-age", hint="pip install 'iamsync[age]'"
        ) from error
    try:
        key = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise InputError(
            f"{recipient} is no age recipient", code="bad-target", hint="give it as age-keygen prints it: age1..."
        ) from error
    return lambda content: bytes(pyrage.encrypt(content, [key], armored=True))
