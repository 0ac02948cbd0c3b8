"""Incident response: sessions of a role ended, a user shut out; planned, guarded and recorded like everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from iamsync import keys
from iamsync.apply import Execute
from iamsync.aws import accesskeys
from iamsync.aws.read import confirm, read
from iamsync.aws.session import Connection
from iamsync.engine.choosing import meant
from iamsync.engine.credentials import Writer, executor
from iamsync.engine.duties import opener
from iamsync.engine.planning import Planned, plan_towards
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached, Ways
from iamsync.errors import AwsError, CredentialsError, InputError, PartlyApplied, Unsupported
from iamsync.kinds.kind import Context
from iamsync.model import Address, Call, Finding, Plan, Resource, State
from iamsync.planner.confirming import questions
from iamsync.planner.guards import answered
from iamsync.policy.document import Document, principals
from iamsync.settings import Settings

# The name that AWS's console gives the policy, so that either finds what the other did.
REVOKED: Final = "AWSRevokeOlderSessions"
_VERSION: Final = "2012-10-17"


@dataclass(frozen=True, slots=True)
class Response:
    """One account's plan of a response, how to make it again from a new read, and what nobody could look at."""

    item: Planned
    again: Callable[[], Plan]
    executor: Callable[[Callable[[float], object], Writer], Execute]
    unseen: tuple[str, ...] = ()

    def complete(self) -> None:
        """PartlyApplied where something of the user could not be looked at, so that it may work on."""
        if self.unseen:
            (whom,) = self.item.desired.resources
            raise PartlyApplied(
                f"not looked at, so as it was: {' and '.join(f'its {what}' for what in self.unseen)} of {whom}",
                code="applied-in-part",
                hint="why stands above; the rest is done: mend it and run the same command again",
            )


def revoke_sessions(project: Project, ways: Ways, name: str, *, write: bool) -> Response:
    """Every session of a role that began before now may do nothing any more; InputError where there is no such role."""
    address = _address("role", name)

    def wanted(live: State, now: str) -> Resource:
        role = _found(live, address)
        denial = {
            "Effect": "Deny",
            "Action": "*",
            "Resource": "*",
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": now}},
        }
        return _with_inline(role, REVOKED, denial, live.partition)

    return _response(project, ways, wanted, write, lambda connection, live, now: More())


def quarantine(project: Project, ways: Ways, name: str, *, write: bool) -> Response:
    """A user may do nothing any more: all denied, its keys off, its password gone; InputError where there is none."""
    address = _address("user", name)

    def wanted(live: State, now: str) -> Resource:
        denial = {"Effect": "Deny", "Action": "*", "Resource": "*"}
        return _with_inline(_found(live, address), keys.QUARANTINE, denial, live.partition)

    def more(connection: Connection, live: State, now: str) -> More:
        user = _found(live, address)
        unseen: dict[str, AwsError] = {}
        held, others = _looked(connection, user, unseen)
        acts = keys.quarantined(held, others, now)
        return More(acts, tuple(_remarks(live, user, held, unseen)), tuple(unseen))

    return _response(project, ways, wanted, write, more)


@dataclass(frozen=True, slots=True)
class More:
    """What a response does beside its denial, what is said of it, and what of the user nobody could look at."""

    acts: tuple[keys.Act, ...] = ()
    remarks: tuple[Finding, ...] = ()
    unseen: tuple[str, ...] = ()


Beside = Callable[[Connection, State, str], More]


def _response(
    project: Project, ways: Ways, wanted: Callable[[State, str], Resource], write: bool, beside: Beside
) -> Response:
    accounts = project.accounts(writes=write)
    if len(accounts) != 1:
        raise InputError(
            "a response is about one account", code="which-account", hint="add --account NAME; repeat it for each"
        )
    project.settings(accounts[0])
    reached = ways.reach(accounts[0], write=write)
    now = project.now
    item, unseen = _planned(project, reached, wanted, beside, now)
    assert reached.connection is not None
    places = opener(project, reached.connection, Path())
    return Response(
        item,
        lambda: _planned(project, reached, wanted, beside, now)[0].plan,
        lambda sleep, writer: executor(reached.connection, places, sleep, keep_one=False, writer=writer),
        unseen,
    )


def _planned(
    project: Project, reached: Reached, wanted: Callable[[State, str], Resource], beside: Beside, now: str
) -> tuple[Planned, tuple[str, ...]]:
    assert reached.connection is not None
    settings = replace(project.settings(reached.account), unmanaged="ignore", ignore_changes=())
    live = read(reached.connection)
    resource = wanted(live, now)
    desired = State.of(live.account_id, [resource], partition=live.partition)
    more = beside(reached.connection, live, now)
    item = _denied(project, reached, desired, live, settings, more.remarks, now)
    made = item.plan
    if more.acts and not made.changes:
        # The denial is there, and what is left to do is as grave: what was asked about it is asked again.
        open_again = _without(live, resource.address, keys.QUARANTINE)
        asked = _denied(project, reached, desired, open_again, settings, more.remarks, now).plan
        made = replace(made, guards=tuple(one for one in asked.guards if one.id != "call-denied"))
    if more.acts:
        made = _beside(made, keys.Turn(keys.Held(resource), more.acts))
        made = replace(made, guards=answered(made.guards, settings, now))
    return replace(item, plan=made), more.unseen


def _denied(
    project: Project,
    reached: Reached,
    desired: State,
    live: State,
    settings: Settings,
    remarks: tuple[Finding, ...],
    now: str,
) -> Planned:
    """The plan of the denial alone."""
    assert reached.connection is not None
    live = confirm(reached.connection, live, questions(desired, live, settings))
    live = replace(live, unread=frozenset())
    return plan_towards(project, reached, desired, live, settings, now=now, noted=remarks)


def _beside(made: Plan, turn: keys.Turn) -> Plan:
    """The plan with what is done to credentials, in the change of the same user where there is one."""
    more, steps = keys.changes((turn,), first=len(made.steps) + 1, apart=True)
    changes = {change.address: change for change in made.changes}
    for change in more:
        mine = changes.get(change.address)
        if mine is not None:
            change = replace(mine, fields=(*mine.fields, *change.fields), steps=(*mine.steps, *change.steps))
        changes[change.address] = change
    every = (*made.steps, *steps)
    return replace(
        made,
        changes=tuple(changes[address] for address in sorted(changes)),
        steps=every,
        unchanged=made.unchanged - (not made.changes),
        approval=keys.approval(made.account_id, every, made.approval),
    )


def _with_inline(resource: Resource, name: str, statement: Mapping[str, object], partition: str) -> Resource:
    document = Document.of({"Version": _VERSION, "Statement": [dict(statement)]}, partition)
    inline = {**dict(resource.spec.inline_policies), name: document}
    return replace(resource, spec=replace(resource.spec, inline_policies=tuple(sorted(inline.items()))), facts={})


def _address(kind: str, name: str) -> Address:
    return Address(kind, name.removeprefix(f"{kind}/"))


def _found(live: State, address: Address) -> Resource:
    found = live.folded().get(address.folded)
    if found is None:
        raise InputError(
            f"{address} does not exist in account {live.account_id}",
            code="unknown-principal",
            hint=meant(
                str(address),
                map(str, live.resources),
                "look it up: iamsync snapshot, or name the account with --account",
            ),
        )
    return found


def _without(live: State, address: Address, policy: str) -> State:
    """The state as it would be had the resource no such inline policy."""

    def before(resource: Resource) -> Resource:
        if resource.address.folded != address.folded:
            return resource
        kept = tuple(item for item in resource.spec.inline_policies if item[0] != policy)
        return replace(resource, spec=replace(resource.spec, inline_policies=kept))

    resources = {at: before(resource) for at, resource in live.resources.items()}
    return replace(live, resources=MappingProxyType(resources))


Seen = TypeVar("Seen")


def _looked(
    connection: Connection, user: Resource, unseen: dict[str, AwsError]
) -> tuple[keys.Held, tuple[tuple[str, Call], ...]]:
    """What a user has to sign in or sign with, as far as the caller may look; the rest joins `unseen`."""
    iam, name = connection.iam, user.address.name

    def tried(look: Callable[[], Seen], otherwise: Seen, what: str) -> Seen:
        try:
            return look()
        except CredentialsError:
            raise
        except Unsupported:
            return otherwise  # AWS offers all of them, so this is no AWS
        except AwsError as error:
            unseen[what] = error
            return otherwise

    nothing: tuple[Any, ...] = ()
    found = tried(lambda: accesskeys.keys_of(iam, name, uses=False), nothing, "access keys")
    console: bool | None
    try:
        console = accesskeys.has_password(iam, name)
    except (CredentialsError, Unsupported):
        raise
    except AwsError:
        console = None  # to take it away needs no look at it
    others: list[tuple[str, Call]] = []
    for what in accesskeys.OTHERS:
        others += tried(partial(accesskeys.others_of, iam, name, what), nothing, what)
    return keys.Held(user, tuple(keys.Key(**one) for one in found), console), tuple(others)


def _remarks(live: State, user: Resource, held: keys.Held, unseen: Mapping[str, AwsError]) -> Iterator[Finding]:
    arn = Context(live.account_id, live.partition).arn(user.address, user.spec.path)
    named = [
        str(role.address) for role in live if role.address.kind == "role" and arn in principals(role.spec.trust_policy)
    ]
    yield Finding(
        "sessions-go-on",
        "info",
        f"sessions that {user.address} opened in roles go on; its own end with the denial",
        user.address,
        evidence=f"these trust it by name: {', '.join(named)}" if named else "no role trusts it by name",
        remedy="to end them: iamsync respond revoke-sessions ROLE",
    )
    for what, error in unseen.items():
        yield Finding(
            "not-looked-at",
            "warn",
            f"{user.address}: its {what} could not be looked at, so those that it has stay on",
            user.address,
            evidence=str(error),
            remedy=f"{error.hint or 'mend that'}; then run the same command again".lstrip("; "),
        )
    if held.console is not False:
        yield Finding(
            "not-restored",
            "warn",
            f"{user.address}: its password{'' if held.console else ', if any,'} is deleted, which cannot be undone",
            user.address,
            remedy="afterwards give it another one: console_access and iamsync keys rotate",
        )
