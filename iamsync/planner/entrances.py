"""Whom a person can be: a user with something to sign in with, a role that a provider or another account may assume.

Whether a user has a password or an access key that is on is asked of the account for few users, and only where
somebody would lose it all (`planner.reachguards`). What was not asked, or may not be read, is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from iamsync.model import EMPTY, Address, Question, Resource
from iamsync.planner.permissions import Permissions
from iamsync.policy.administrator import EVERYTHING
from iamsync.policy.document import Document
from iamsync.policy.evaluate import Layers, evaluate
from iamsync.policy.request import Principal, Request
from iamsync.policy.statement import compiled

# Of so many users it is asked at most whether they have anything to sign in with.
MOST_ASKED: Final = 25
# Of a user that is to be deleted everything is known; with other credentials nobody gets at the rest of AWS.
_SIGNING: Final = ("access-key", "login-profile")
_ENTRIES: Final = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")


class Entrances:
    """Whether people can enter the users and roles of one plan; `sign_ins` by the names that users have today.

    `known` is of whom it is known without asking, by name: they are none of the number that may be asked. Of the users
    in `keyless`, whose keys all go, only the password is asked about.
    """

    def __init__(
        self,
        before: Permissions,
        sign_ins: Mapping[str, bool | None],
        old_names: Mapping[Address, str],
        known: Mapping[str, bool] = EMPTY,
        keyless: Collection[str] = (),
    ) -> None:
        self._before = before
        self._sign_ins = sign_ins
        self._old_names = old_names
        self._known = known
        self._keyless = keyless

    def of(self, who: Address, permissions: Permissions) -> bool | None:
        """Whether a person can enter this user or role; None where it is not known of a user.

        A user that the plan makes has nothing to sign in with.
        """
        if who.kind != "user":
            return enterable(who, permissions)
        user = self._before.resource(who)
        if user is None:
            return False
        name = self._name(who)
        if name in self._known:
            return self._known[name]
        return self._sign_ins[name] if name in self._sign_ins else _known(user)

    def asks(self, people: Iterable[Address]) -> tuple[Question, ...]:
        """What to ask of these users of whom it is not known, as far as their number allows, in this order."""
        names = [self._name(who) for who in people if who.kind == "user"]
        fresh = [name for name in names if name not in self._sign_ins and name not in self._known]
        return tuple(
            Question("password" if name in self._keyless else "sign-in", f"user/{name}") for name in fresh[: self._rest]
        )

    def untold(self, people: Iterable[Address]) -> str:
        """Why it is not known of these users."""
        if any(self._name(who) in self._sign_ins for who in people):
            return "whoever plans may not read it"
        return "nothing that was read tells it" if self._rest else f"no more than {MOST_ASKED} users are asked about"

    @property
    def _rest(self) -> int:
        return max(MOST_ASKED - len(self._sign_ins), 0)

    def _name(self, who: Address) -> str:
        return self._old_names.get(who, who.name)


def _known(user: Resource) -> bool | None:
    """What the credentials of a user that is to be deleted come to; None where nobody read them."""
    held = user.facts.get("credentials")
    if held is None:
        return None
    return any(one.what in _SIGNING and one.status in ("", "Active") for one in held)


def enterable(role: Address, permissions: Permissions) -> bool:
    """Whether a role's trust policy lets in a provider's people or another account's principals.

    Users and roles of the account are entrances of their own; services are nobody.
    """
    trust = permissions.trust(role)
    account, partition = permissions.state.account_id, permissions.state.partition
    found = permissions.resource(role)
    where = permissions.arn(found) if found is not None else ""
    return any(
        not decision.certain or decision.allowed
        for who in _outsiders(trust.document, account, partition)
        for action in (_ENTRIES[1:] if who.kind == "federated" else _ENTRIES[:1])
        for decision in (
            evaluate(
                Request(who, action, where, resource_account=account),
                Layers(identity=(EVERYTHING,), resource=trust, is_trust=True),
                explain=False,
            ),
        )
    )


def _outsiders(document: Document, account: str, partition: str) -> Iterable[Principal]:
    """Who outside the account a trust policy names: services are left out."""
    for statement in compiled(document.text):
        if not statement.allows or statement.principals is None:
            continue
        for kind, name in statement.principals.names:
            if kind == "Federated":
                try:
                    yield Principal.of(name)
                except ValueError:
                    yield Principal(name, None, "federated")
            elif name == "*" or statement.principals.negated:
                yield Principal(f"arn:{partition}:sts::000000000000:assumed-role/anybody/session", None, "session")
            elif kind == "AWS" and account not in name:
                if name.isdecimal():
                    name = f"arn:{partition}:iam::{name}:root"
                try:
                    yield Principal.of(name)
                except ValueError:
                    continue  # an id that stands for a principal which is gone
