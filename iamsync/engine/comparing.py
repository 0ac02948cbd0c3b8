"""Any two states compared: manifests, a live account, snapshots, git revisions."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from iamsync.engine.importing import observe_whole
from iamsync.engine.options import utc_now
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached, Ways, account_of, told_state
from iamsync.engine.revisions import revision
from iamsync.errors import InputError
from iamsync.kinds import KINDS
from iamsync.manifest.config import Account
from iamsync.model import Plan, Removal, State
from iamsync.planner.plan import plan
from iamsync.selector import select
from iamsync.settings import Scope, Settings

_SNAPSHOT, _GIT, _LIVE = "snapshot:", "git:", "live"


def difference(project: Project, ways: Ways, before: str, after: str) -> Plan:
    """What turns one state into another: each a path, `live`, `snapshot:FILE` or `git:REV`.

    A comparison, not a plan: nothing is guarded, and what only one side can tell is not compared.
    """
    account = project.accounts()[0]
    with _Sides(project, account) as sides:
        if _LIVE in (before, after):
            sides.reached = ways.reach(account)
        else:
            sides.account_id = _told_id(project, (before, after)) or project.offline_id(account)
        old, new = sides.state(before), sides.state(after)
    if old.account_id != new.account_id:
        raise InputError(
            f"{before} is of account {old.account_id}, {after} of {new.account_id}",
            code="wrong-account",
            hint="compare two states of one account",
        )
    # Of a kind that one side does not tell, nothing can be said to differ.
    told = old.complete & new.complete
    old, new = _only(old, told), _only(new, told)
    settings = Settings(Scope(select(["*"], KINDS), select((), KINDS)), unmanaged="delete")
    settings = replace(settings, safety=replace(settings.safety, settle=0))
    # Settings of an account are never deleted unasked, so a comparison asks.
    gone = tuple(Removal(a) for a in old.resources if KINDS[a.kind].setting and a not in new.resources)
    made = plan(
        replace(new, removed=gone),
        replace(old, complete=frozenset(KINDS)),
        settings,
        account_name=account.name,
        caller="diff",
        now=project.options.now or utc_now(),
    )
    return replace(made, guards=(), findings=(), reported=())


def state_of(project: Project, ways: Ways, text: str | None) -> State:
    """One state of one account: a path, `live`, `snapshot:FILE` or `git:REV`; None is what the project declares."""
    accounts = project.accounts()
    if len(accounts) != 1:
        raise InputError(
            f"{len(accounts)} accounts are configured; this is about one",
            code="which-account",
            hint="add --account NAME",
        )
    account = accounts[0]
    with _Sides(project, account) as sides:
        if text is None:
            return project.desired(account, project.offline_id(account), account.partition or "aws")
        if text == _LIVE:
            sides.reached = ways.reach(account)
        else:
            sides.account_id = _told_id(project, (text,)) or project.offline_id(account)
        return sides.state(text)


def _only(state: State, kinds: frozenset[str]) -> State:
    kept = {address: resource for address, resource in state.resources.items() if address.kind in kinds}
    return replace(state, resources=kept, removed=())


@dataclass(slots=True)
class _Sides:
    """The states that words on the command line stand for, of one account."""

    project: Project
    account: Account
    reached: Reached | None = None
    account_id: str = ""
    _stack: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> _Sides:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def state(self, text: str) -> State:
        if text == _LIVE:
            assert self.reached is not None
            return observe_whole(self.reached)
        if text.startswith(_SNAPSHOT):
            path = self.project.options.cwd / text.removeprefix(_SNAPSHOT)
            return told_state(path, self.project.options)
        if text.startswith(_GIT):
            then = self._stack.enter_context(revision(self.project, text))
            found = next((known for known in then.config.accounts if known.name == self.account.name), None)
            if found is None:
                raise InputError(f"{text} has no account {self.account.name}", code="bad-revision", hint="name another")
            return then.desired(found, *self._identity())
        path = self.project.options.cwd / text
        if not path.exists():
            raise InputError(
                f"{text} is no state", code="bad-option", hint="give a path, live, snapshot:FILE or git:REV"
            )
        beside = replace(self.account, manifests=(str(path.resolve()),))
        return self.project.alone().desired_of(beside, *self._identity())

    def _identity(self) -> tuple[str, str]:
        if self.reached is not None:
            return self.reached.account_id, self.reached.partition
        return self.account_id, self.account.partition or "aws"


def _told_id(project: Project, sides: tuple[str, ...]) -> str | None:
    """The account a snapshot names, so that manifests beside it are read for the same one."""
    for text in sides:
        if text.startswith(_SNAPSHOT):
            return account_of(project.options.cwd / text.removeprefix(_SNAPSHOT))
    return None
