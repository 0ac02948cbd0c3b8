"""Keys and passwords of an account's users: what there is, what is due, and the plan of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from iamsync import keys
from iamsync.apply import Execute
from iamsync.aws import accesskeys
from iamsync.aws.read import read
from iamsync.aws.session import Connection
from iamsync.delivery import Place, Target, parse
from iamsync.engine.choosing import meant
from iamsync.engine.duties import look, opener, turned
from iamsync.engine.fleets import Failure, complete, each
from iamsync.engine.lastadmin import with_last_admin
from iamsync.engine.planning import Planned
from iamsync.engine.project import NO_ACCOUNT, Project
from iamsync.engine.reach import Reached, Ways
from iamsync.errors import AccountsFailed, CredentialsError, GuardRefused, IamsyncError, InputError, PartlyApplied
from iamsync.keys import Turn
from iamsync.kinds import KINDS
from iamsync.kinds.keyrules import Wishes, to_json
from iamsync.model import Address, Finding, Plan, Resource, State, Step
from iamsync.planner.contrast import contrast
from iamsync.planner.guards import answered
from iamsync.planner.planfile import finding_json, to_text
from iamsync.selector import Selector, select

__all__ = [
    "Looked",
    "Wanted",
    "Writer",
    "all_looked_at",
    "any_due",
    "document",
    "executor",
    "look",
    "plans",
    "rows",
    "still_held",
    "to_text",
    "users",
    "waiting",
]

# The connection that a step's calls are made with; None for the one that reads.
Writer = Callable[[Step], Connection] | None
What = Literal["rotate", "deactivate", "delete", "list"]
NAME: Final = "$(name)"
FORMAT_VERSION: Final = "1.0"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a command is to do: `users` and `ids` choose, `deliver_to` is the operator's word over the manifests'; with
    `reads` nothing is going to be written."""

    what: What
    users: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    deliver_to: str = ""
    cwd: Path = field(default_factory=Path)
    reads: bool = False

    @property
    def writes(self) -> bool:
        return self.what != "list" and not self.reads


@dataclass(frozen=True, slots=True)
class Looked:
    """One account's users as they were looked at, the plan of what is to be done, and how to look again."""

    item: Planned
    turns: tuple[Turn, ...]
    wishes: Mapping[Address, Wishes]
    executor: Callable[[Callable[[float], object], Writer], Execute]
    again: Callable[[], Plan]


def users(texts: Iterable[str]) -> Selector | None:
    """The users that --user names: a selector, or a bare name; None where it names nobody in particular."""
    written = [text if any(sign in text for sign in "/:*") else f"user/{text}" for text in texts]
    if not written:
        return None
    try:
        chosen = select(written, KINDS)
    except ValueError as error:
        raise InputError(
            str(error), code="bad-selector", hint="for example: --user 'ci-*' or --user user:/bots/**"
        ) from error
    return chosen


def plans(project: Project, ways: Ways, wanted: Wanted) -> tuple[Looked, ...]:
    """What is to be done in every account of this run; every mistake in files and options is told before a call.

    Of several accounts, those that fail join `ways.failed`.
    """
    accounts = project.accounts(writes=wanted.writes)
    override = _override(wanted)
    for account in accounts:
        project.settings(account)
        project.desired(account, account.id or NO_ACCOUNT, account.partition or "aws")
    users(wanted.users)
    return each(
        accounts,
        lambda account: _looked(project, ways.reach(account, write=wanted.writes), wanted, override),
        ways.failed,
    )


def _override(wanted: Wanted) -> Target | None:
    if not wanted.deliver_to:
        return None
    try:
        return parse(wanted.deliver_to.replace(NAME, "name"), operator=True) and Target(*_parts(wanted.deliver_to))
    except ValueError as error:
        raise InputError(
            f"--deliver-to: {error}", code="bad-target", hint="$(name) stands for the user's name"
        ) from error


def _parts(text: str) -> tuple[Any, str, str]:
    scheme, _, rest = text.partition(":")
    recipient, _, name = rest.partition(":") if scheme == "age" else ("", "", rest)
    return scheme, name, recipient


def _looked(project: Project, reached: Reached, wanted: Wanted, override: Target | None) -> Looked:
    assert reached.connection is not None
    settings = project.settings(reached.account)
    desired = project.desired(reached.account, reached.account_id, reached.partition)
    open_place = opener(project, reached.connection, wanted.cwd)
    wishes = {resource.address: _overridden(resource, override) for resource in desired if resource.credentials}
    chosen = users(wanted.users)

    def made() -> tuple[tuple[Turn, ...], Plan, State]:
        assert reached.connection is not None
        live = read(reached.connection)
        turns = tuple(_turns(project, reached.connection, live, desired, wishes, wanted, chosen, open_place))
        if wanted.what == "rotate":
            turns = tuple(one.held_back(lambda found: answered(found, settings, project.now)) for one in turns)
        whose = keys.Whose(
            *(live.account_id, live.partition, reached.account.name, live.alias, reached.caller, reached.applier),
            settings=settings,
        )

        def planned(more: Iterable[Finding]) -> Plan:
            plan = keys.plan(turns, whose, project.now, more)
            return replace(plan, guards=answered(plan.guards, settings, project.now))

        # A list shows what is due, and nothing of it is about to be done.
        live, plan = with_last_admin(reached, live, turns if wanted.what != "list" else (), planned)
        return turns, plan, live

    turns, plan, live = made()
    _one_each(turns)
    # Nothing was compared: what is due follows from rules and times.
    nothing = State.of(live.account_id, ())
    item = Planned(reached, desired, live, settings, plan, contrast(nothing, nothing, settings))
    return Looked(
        item,
        turns,
        wishes,
        lambda sleep, writer: executor(
            reached.connection,
            open_place,
            sleep,
            writer=writer,
            keep_one=not any(found.id == "last-key" for turn in turns for found in turn.findings),
            off=frozenset(key.id for turn in turns for key in turn.held.keys if not key.active),
            taken={place: what for turn in turns for place, what in turn.taken.items()},
        ),
        lambda: made()[1],
    )


def executor(connection: Connection | None, open_place: Any, sleep: Any, **more: Any) -> Execute:
    """What executes the steps of a plan about credentials; `more` as `CredentialExecutor` has it."""
    assert connection is not None
    return accesskeys.CredentialExecutor(connection, open_place, sleep=sleep, **more)


def _overridden(resource: Resource, override: Target | None) -> Wishes:
    wishes: Wishes = resource.credentials
    if override is None:
        return wishes
    to = _for(resource.address.name, override)
    rule, console = wishes.keys, wishes.console
    return replace(
        wishes,
        keys=replace(rule, deliver_to=to) if rule is not None else None,
        console=replace(console, deliver_to=_beside(to)) if console is not None and console.deliver_to else console,
    )


def _for(user: str, override: Target) -> Target:
    """The operator's target for one user; InputError where its name makes another place, or an option, of it."""
    to = replace(override, name=override.name.replace(NAME, user))
    # IAM takes such names: a way out of a folder, and what a command takes for an option.
    odd = user.startswith("-") if to.scheme == "hook" else user in (".", "..")
    try:
        if odd and to != override:
            raise ValueError("this name would mean something else there")
        parse(str(_beside(to)), operator=True)
        return parse(str(to), operator=True)
    except ValueError as error:
        raise InputError(
            f"--deliver-to cannot be used for the user {user!r}: {error}",
            code="bad-target",
            hint="leave this user to another run, with a target of its own: --user",
        ) from error


def _beside(target: Target) -> Target:
    """Where a password goes when an operator's word says where keys go: a command is told which it is."""
    return target if target.scheme == "hook" else replace(target, name=f"{target.name}-console")


def _one_each(turns: Iterable[Turn]) -> None:
    """InputError where one place is to take what two users get."""
    seen: dict[Target, Address] = {}
    for turn, target in keys.targets(turns):
        if target.scheme == "hook":
            continue
        other = seen.setdefault(target, turn.held.address)
        if other != turn.held.address:
            raise InputError(
                f"{target} would take the secrets of {other} and of {turn.held.address}",
                code="bad-target",
                hint=f"write {NAME} in --deliver-to: it stands for the user's name",
            )


def _turns(
    project: Project,
    connection: Connection,
    live: State,
    desired: State,
    wishes: Mapping[Address, Wishes],
    wanted: Wanted,
    chosen: Selector | None,
    open_place: Callable[[str, str], Place],
) -> Iterable[Turn]:
    known = live.folded()
    declared = {address.folded: address for address in wishes}
    candidates = [known.get(address.folded) or desired.resources[address] for address in wishes]
    if chosen is not None:
        every = [resource for resource in live if resource.address.kind == "user"]
        absent = [resource for resource in candidates if resource.address.folded not in known]
        candidates = [one for one in (*every, *absent) if chosen(one.address, one.spec.path, dict(one.spec.tags))]
        if wanted.what == "rotate":
            candidates = [one for one in candidates if one.address.folded in declared]
        if not candidates:
            names = [one.address.name for one in every] if wanted.what != "rotate" else [a.name for a in wishes]
            told = " ".join(wanted.users)
            raise InputError(
                f"--user {told} names no user" + (" with a rule" if wanted.what == "rotate" else ""),
                code="unknown-user",
                hint=meant(
                    told.removeprefix("user/"), names, "rules are access_keys and console_access in its manifest"
                ),
            )
    unknown = set(wanted.ids)
    failed: list[IamsyncError] = []
    for user in sorted(candidates, key=lambda one: one.address):
        wish = wishes.get(declared.get(user.address.folded, user.address), Wishes())
        try:
            held = look(connection, user, wish, open_place, exists=user.address.folded in known)
            unknown -= {key.id for key in held.keys}
            if wanted.what == "deactivate":
                turn = keys.switched_off(held, wish, wanted.ids, project.now)
            elif wanted.what == "delete":
                turn = keys.deleted(held, wish, wanted.ids, project.now)
            else:
                turn = turned(connection, wish, held, open_place, project.now)
        except CredentialsError:
            raise
        except IamsyncError as error:
            failed.append(error)
            turn = Turn(keys.Held(user), findings=(_unread(user.address, error),))
        yield turn
    if failed and len(failed) == len(candidates):
        raise failed[0]  # it is about no user in particular
    if unknown and not failed:
        raise InputError(
            f"none of these users has the key {', '.join(sorted(unknown))}",
            code="unknown-access-key",
            hint="list them: iamsync keys list --user NAME",
        )


def _unread(address: Address, error: IamsyncError) -> Finding:
    """What is said of a user whose keys, or the place of whose keys, gave no answer; the others go on."""
    return Finding(
        "not-looked-at",
        "warn",
        f"{address}: its keys, or their place, could not be looked at, so nothing is done about them",
        address,
        evidence=str(error),
        remedy=error.hint,
    )


# The list -------------------------------------------------------------------------------------------


def document(found: Iterable[Looked], now: str, failed: Iterable[Failure] = ()) -> dict[str, Any]:
    """The list of keys as JSON, with the accounts that failed."""
    rows = [*(_account(one) for one in found), *({**one.json(), "users": []} for one in failed)]
    return {"format_version": FORMAT_VERSION, "now": now, "accounts": rows}


def _account(one: Looked) -> dict[str, Any]:
    plan = one.item.plan
    return {
        "account": {"name": plan.account_name, "id": plan.account_id, "alias": plan.alias},
        "users": rows(one.turns, one.wishes),
    }


def rows(turns: Iterable[Turn], wishes: Mapping[Address, Wishes]) -> list[dict[str, Any]]:
    """A row for each user: its rule, its keys, what is due and what will be."""
    by_name = {address.folded: wish for address, wish in wishes.items()}
    return [
        {
            "address": str(turn.held.address),
            "exists": turn.held.exists,
            "rule": to_json(by_name.get(turn.held.address.folded, Wishes())),
            "keys": [
                {
                    "id": key.id,
                    "status": "Active" if key.active else "Inactive",
                    "created": key.created,
                    "last_used": key.used or None,
                    "service": key.service or None,
                    "region": key.region or None,
                    "delivered": key.id == turn.held.delivered,
                    "inactive_since": turn.held.off_since(key),
                }
                for key in turn.held.keys
            ],
            "password": turn.held.console,
            "due": [{"what": act.wanted or act.gone or act.why, "why": act.why} for act in turn.acts],
            "next": [{"at": at or None, "what": text} for at, text in turn.next],
            "findings": [finding_json(one) for one in turn.findings],
        }
        for turn in turns
    ]


def all_looked_at(found: Iterable[Looked], ways: Ways, *, applied: bool) -> None:
    """PartlyApplied, or with nothing applied AccountsFailed, where users or whole accounts could not be looked at."""
    known = tuple(found)
    turns = [turn for one in known for turn in one.turns]
    left = [str(turn.held.address) for turn in turns if any(one.id == "not-looked-at" for one in turn.findings)]
    if left:
        told = f"{len(left)} of {len(turns)} users could not be looked at: {', '.join(left[:10])}"
        told += f" and {len(left) - 10} more" if len(left) > 10 else ""
        hint = "what happened with each is named above; the others are complete"
        if applied:
            raise PartlyApplied(told, code="applied-in-part", hint=hint)
        raise AccountsFailed(told, code="users-failed", hint=hint)
    complete(ways.failed, len(known) + len(ways.failed))


def waiting(found: Iterable[Looked]) -> tuple[str, ...]:
    """The users about whom only a person can decide."""
    return tuple(str(turn.held.address) for one in found for turn in one.turns if turn.needs_a_person)


def still_held(found: Iterable[Looked]) -> None:
    """GuardRefused where somebody got no credentials again for want of consent; the others have theirs."""
    held = [turn for one in found for turn in one.turns if turn.withheld]
    if held:
        named = ", ".join(sorted({guard for turn in held for guard in turn.withheld}))
        raise GuardRefused(
            f"nothing was given to {', '.join(str(turn.held.address) for turn in held)}: {named}",
            code="guard-refused",
            hint="why, and how to consent, stands above; the others are done",
        )


def any_due(found: Iterable[Looked]) -> bool:
    """Whether anything is due, or waits for a person."""
    return any(turn.acts or turn.needs_a_person for one in found for turn in one.turns)
