"""Incident response: sessions of a role ended, a user shut out; planned, guarded and recorded like everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from iamsync import keys
from iamsync.apply import Execute
from iamsync.aws import accesskeys
from iamsync.aws.read import confirm, read
from iamsync.aws.session import Connection
from iamsync.engine.credentials import executor
from iamsync.engine.duties import look, opener
from iamsync.engine.planning import Planned, informed
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached, Ways
from iamsync.errors import InputError, Unsupported
from iamsync.kinds.keyrules import ConsoleAccess, Wishes
from iamsync.kinds.kind import Context
from iamsync.manifest.lockfile import read_lock
from iamsync.model import Address, Call, Finding, Plan, Resource, State
from iamsync.planner.confirming import questions
from iamsync.planner.contrast import contrast
from iamsync.planner.guards import answered
from iamsync.planner.plan import plan
from iamsync.planner.standards import Standards
from iamsync.policy.document import Document, principals

# The name that AWS's console gives the policy, so that either finds what the other did.
REVOKED: Final = "AWSRevokeOlderSessions"
_VERSION: Final = "2012-10-17"


@dataclass(frozen=True, slots=True)
class Response:
    """One account's plan of a response, and how to make it again from a new read."""

    item: Planned
    again: Callable[[], Plan]
    executor: Callable[[Callable[[float], object]], Execute]


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

    return _response(project, ways, wanted, write, lambda connection, live, now: ((), ()))


def quarantine(project: Project, ways: Ways, name: str, *, write: bool) -> Response:
    """A user may do nothing any more: all denied, its keys off, its password gone; InputError where there is none."""
    address = _address("user", name)

    def wanted(live: State, now: str) -> Resource:
        denial = {"Effect": "Deny", "Action": "*", "Resource": "*"}
        return _with_inline(_found(live, address), keys.QUARANTINE, denial, live.partition)

    def more(connection: Connection, live: State, now: str) -> tuple[tuple[keys.Act, ...], tuple[Finding, ...]]:
        user = _found(live, address)
        held = look(connection, user, Wishes(console=ConsoleAccess(None)), opener(project, connection, Path()))
        acts = keys.quarantined(held, tuple(_others(connection, user.address.name)), now)
        return acts, tuple(_remarks(live, user, held))

    return _response(project, ways, wanted, write, more)


More = Callable[[Connection, State, str], tuple[tuple[keys.Act, ...], tuple[Finding, ...]]]


def _response(
    project: Project, ways: Ways, wanted: Callable[[State, str], Resource], write: bool, more: More
) -> Response:
    accounts = project.accounts(writes=write)
    if len(accounts) != 1:
        raise InputError(
            "a response is about one account", code="which-account", hint="add --account NAME; repeat it for each"
        )
    project.settings(accounts[0])
    reached = ways.reach(accounts[0], write=write)
    now = project.now
    item = _planned(project, reached, wanted, more, now)
    assert reached.connection is not None
    places = opener(project, reached.connection, Path())
    return Response(
        item,
        lambda: _planned(project, reached, wanted, more, now).plan,
        lambda sleep: executor(reached.connection, places, sleep, keep_one=False),
    )


def _planned(
    project: Project, reached: Reached, wanted: Callable[[State, str], Resource], more: More, now: str
) -> Planned:
    assert reached.connection is not None
    settings = replace(project.settings(reached.account), unmanaged="ignore", ignore_changes=())
    live = read(reached.connection)
    desired = State.of(live.account_id, [wanted(live, now)], partition=live.partition)
    live = confirm(reached.connection, live, questions(desired, live, settings))
    live = replace(live, unread=frozenset())
    compared = contrast(desired, live, settings, now=now)
    standards = Standards(organization=reached.account.organization, locked=read_lock(project.root))
    live = informed(reached, desired, live, compared, standards)
    acts, remarks = more(reached.connection, live, now)
    made = plan(
        desired,
        live,
        settings,
        account_name=reached.account.name,
        caller=reached.caller,
        now=now,
        applier=reached.applier,
        noted=remarks,
        standards=standards,
        compared=compared,
    )
    made = replace(made, reported=())
    if acts:
        (resource,) = desired
        made = _beside(made, keys.Turn(keys.Held(resource), acts))
        made = replace(made, guards=answered(made.guards, settings, now))
    return Planned(reached, desired, live, settings, made, compared)


def _beside(made: Plan, turn: keys.Turn) -> Plan:
    """The plan with what is done to credentials, in the change of the same user where there is one."""
    more, steps = keys.changes((turn,), first=len(made.steps) + 1)
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
            hint="look it up: iamsync snapshot, or name the account with --account",
        )
    return found


def _others(connection: Connection, user: str) -> Iterator[tuple[str, Call]]:
    for kind in accesskeys.OTHERS:
        try:
            yield from accesskeys.others_of(connection.iam, user, kind)
        except Unsupported:
            continue  # AWS offers all of them, so this is no AWS


def _remarks(live: State, user: Resource, held: keys.Held) -> Iterable[Finding]:
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
    if held.console:
        yield Finding(
            "not-restored",
            "warn",
            f"{user.address}: its password is deleted, which cannot be undone",
            user.address,
            remedy="afterwards give it another one: console_access and iamsync keys rotate",
        )
