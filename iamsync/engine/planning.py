"""Plans: for each account, desired against live, with what must be asked one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from iamsync import __version__
from iamsync.aws.policies import aws_policies
from iamsync.aws.read import confirm, read
from iamsync.engine import aiming
from iamsync.engine.agreeing import dated, desired_at
from iamsync.engine.duties import due
from iamsync.engine.fleets import each
from iamsync.engine.leftovers import with_leftovers
from iamsync.engine.narrowing import selection
from iamsync.engine.options import Options, utc_now
from iamsync.engine.owning import with_owners
from iamsync.engine.project import NO_ACCOUNT, Project
from iamsync.engine.reach import Reached, Ways
from iamsync.engine.revisions import revision
from iamsync.engine.weakening import weakenings
from iamsync.errors import InputError
from iamsync.fleet import Failure
from iamsync.kinds.kind import Context
from iamsync.manifest.config import Account
from iamsync.manifest.lockfile import read_lock
from iamsync.model import Address, Finding, Plan, State
from iamsync.planner import across, awsdrift, planfile
from iamsync.planner.confirming import questions
from iamsync.planner.contrast import Compared, contrast
from iamsync.planner.effects import documents_held, documents_needed
from iamsync.planner.failing import documents_tested
from iamsync.planner.gate import gains
from iamsync.planner.moving import documents_of_all
from iamsync.planner.plan import plan
from iamsync.planner.projected import projected
from iamsync.planner.scope import looked_at
from iamsync.planner.standards import Standards
from iamsync.settings import Settings

# How many users are asked about side by side before one that can sign in ends the search.
_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Planned:
    """One account's plan beside everything it was made from.

    `compared` is the comparison it rests on; `base` is the older revision, where one was given.
    `opened` are the roles that start with a placeholder for the sake of other accounts (`planner.across`);
    `missed` the targets that are nobody's name here (`aiming`).
    """

    reached: Reached
    desired: State
    live: State
    settings: Settings
    plan: Plan
    compared: Compared
    base: State | None = None
    opened: frozenset[Address] = frozenset()
    missed: Mapping[str, str] = field(default_factory=dict)


def plans(project: Project, ways: Ways, *, write: bool = False, light: bool = False) -> tuple[Planned, ...]:
    """The plan of every account of this run, in configured order; of several, those that fail join `ways.failed`.

    `light` lets go of each account when its plan is made, states and clients: nothing but the plan is wanted.
    """
    accounts = project.accounts(writes=write)
    looked_over(project, accounts)
    with earlier(project) as base:

        def one(account: Account, opened: frozenset[Address] = frozenset()) -> Planned:
            made = planned(project, ways, account, base, write=write, opened=opened)
            if light:
                project.forget(account)
            return _light(made) if light else made

        found = each(accounts, one, ways.failed, watch=project.options.watch)
        aiming.told([item.missed for item in found], whole=not ways.failed, note=project.options.note)
        opened = arranged(found).opened
        # Roles of several accounts that trust each other: one of them begins with a placeholder.
        return tuple(
            one(item.reached.account, opened[item.plan.account_id]) if item.plan.account_id in opened else item
            for item in found
        )


def looked_over(project: Project, accounts: Iterable[Account]) -> None:
    """InputErrors with every mistake in options and files, before the first call.

    Whatever the ids of the accounts turn out to be.
    """
    for account in accounts:
        project.settings(account)
        project.narrowed()
        project.narrowing_paths()
        where = account.id or NO_ACCOUNT, account.partition or "aws"
        project.desired(account, *where)
        project.tests(account, *where)


@contextmanager
def earlier(project: Project) -> Iterator[Project | None]:
    """The project at the revision of --base for as long as needed; None without one."""
    if project.options.base is None:
        yield None
    else:
        with revision(project, project.options.base) as base:
            yield base


def _light(item: Planned) -> Planned:
    """The plan, and of the rest only who it is about."""
    nothing = State.of(item.live.account_id, (), partition=item.live.partition)
    settled = replace(item.compared.settled, desired=nothing, live=nothing, renames={}, moved={}, findings=())
    compared = replace(item.compared, settled=settled, live=nothing, differences=(), reported=(), findings=())
    reached = replace(item.reached, connection=None)
    return replace(item, reached=reached, desired=nothing, live=nothing, compared=compared, base=None)


def planned(
    project: Project,
    ways: Ways,
    account: Account,
    base: Project | None,
    *,
    write: bool = False,
    opened: frozenset[Address] = frozenset(),
) -> Planned:
    """The plan of one account; `opened` as in `replan`."""
    reached = ways.reach(account, write=write)
    if not project.configured and account.settings.unmanaged == "delete":
        raise InputError("unmanaged: delete needs an iamsync.yaml", code="bad-option", hint="write one")
    if base is None:
        return replan(project, reached, project.now, opened=opened)
    before = desired_at(base, account, reached)
    noted = weakenings(project, base, account, reached.account_id, reached.partition)
    return replan(project, reached, project.now, before, opened, noted)


def arranged(planned: Sequence[Planned]) -> across.Arranged:
    """The order in which these plans are carried out, and what in them waits for other accounts."""
    return in_order([(item.reached.account.wave, item.plan) for item in planned])


def in_order(plans: Sequence[tuple[int, Plan]]) -> across.Arranged:
    """The same of plans with their waves; nothing where two of them are of one account."""
    several = len({plan.account_id for _, plan in plans}) < len(plans)
    return across.arrange(() if several else plans)


@dataclass(frozen=True, slots=True)
class Turn:
    """One account's turn in an apply: in which wave, which of its plan, and how long to wait first, in seconds.

    `again` is the second turn of an account, with what had to wait for others.
    """

    wave: int
    item: Planned
    pause: int = 0
    again: bool = False


def turns(planned: Sequence[Planned]) -> list[Turn]:
    """The turns of an apply, in their order; what waits for later accounts has a wave of its own after all others."""
    order = arranged(planned)
    by_id = {item.plan.account_id: item for item in planned}
    first: list[Turn] = []
    second: list[Turn] = []
    if len(by_id) < len(planned):  # two names of one account: one after the other, as they are written
        first = [Turn(item.reached.account.wave, item) for item in planned if item.plan.changes]
        return sorted(first, key=lambda turn: turn.wave)
    last = max((item.reached.account.wave for item in planned), default=0) + 1
    for account in order.turns:
        item = by_id[account]
        now, later = across.parts(item.plan, order.late.get(account, frozenset()))
        # A principal that another account made a moment ago is not known everywhere at once.
        for part, found, wave in ((now, first, item.reached.account.wave), (later, second, last)):
            waits = any((account, step.id) in order.waits for step in part.steps)
            pause = item.settings.safety.settle if waits else 0
            if part.changes:
                found.append(Turn(wave, replace(item, plan=part), pause, part is later))
    return sorted([*first, *second], key=lambda turn: turn.wave)


def replan(
    project: Project,
    reached: Reached,
    now: str,
    before: State | None = None,
    opened: frozenset[Address] = frozenset(),
    noted: tuple[Finding, ...] = (),
) -> Planned:
    """The plan of one account that was reached, from a read made now.

    `before` is what the revision of --base declares; `opened` as in `planner.order`, `noted` joins the findings.
    """
    account = reached.account
    settings = project.settings(account)
    desired = project.desired(account, reached.account_id, reached.partition)
    tests = project.tests(account, reached.account_id, reached.partition)
    standards = Standards(tests, account.organization, read_lock(project.root))
    live = with_leftovers(project, reached, observe(reached, desired, settings, before))
    live = with_owners(project, reached, desired, live, settings)
    desired = dated(project, reached, desired, live, before)
    compared = contrast(desired, live, settings, before, now)
    live = informed(reached, desired, live, compared, standards)
    notes = (*noted, *project.held(account), *due(project, reached, desired, live))
    chosen = selection(project.narrowed(), project.narrowing_paths(), desired)

    def made_of(live: State) -> Plan:
        return plan(
            desired,
            live,
            settings,
            account_name=account.name,
            caller=reached.caller,
            noted=notes,
            applier=reached.applier,
            now=now,
            base=before,
            selection=chosen,
            only=project.options.only,
            expiring=project.options.expiring,
            standards=standards,
            compared=compared,
            opened=opened,
        )

    live, made = decided(reached, live, made_of)
    return Planned(
        *(reached, desired, live, settings, made, compared, before, opened),
        missed=aiming.missed(project, desired, live),
    )


def plan_towards(
    project: Project,
    reached: Reached,
    desired: State,
    live: State,
    settings: Settings,
    *,
    now: str,
    noted: tuple[Finding, ...],
) -> Planned:
    """The plan from a live state to one that no manifest declares, a denial or the way back, and of nothing else.

    The manifests' tests are about where they lead, so they are not asked.
    """
    compared = contrast(desired, live, settings, now=now)
    standards = Standards(organization=reached.account.organization, locked=read_lock(project.root))
    live = informed(reached, desired, live, compared, standards)

    def made_of(live: State) -> Plan:
        return plan(
            desired,
            live,
            settings,
            account_name=reached.account.name,
            caller=reached.caller,
            now=now,
            applier=reached.applier,
            noted=noted,
            standards=standards,
            compared=compared,
        )

    live, made = decided(reached, live, made_of)
    return Planned(reached, desired, live, settings, replace(made, reported=()), compared)


def observe(reached: Reached, desired: State, settings: Settings, base: State | None = None) -> State:
    """The live state, with what the bulk read left open asked where a change would be claimed.

    Kinds that no bulk call brings are read where the manifests, or those of `base`, say something of them.
    """
    if reached.told is not None:
        return reached.told
    assert reached.connection is not None
    kinds = looked_at((desired, base) if base is not None else (desired,), settings.scope)
    live = read(reached.connection, kinds=kinds)
    live = confirm(reached.connection, live, questions(desired, live, settings))
    return replace(live, unread=frozenset())  # what was declared has been asked for


def informed(reached: Reached, desired: State, live: State, found: Compared, standards: Standards) -> State:
    """The live state with the documents of AWS's own policies that the plan of this comparison is to be judged by.

    Read from AWS, in one stream where they are several: those of the lock file that declared principals hold, since
    AWS may have changed them, and where something changes those that gains and losses take. What the tests take
    beside those is looked up in the lock file first, and so is whatever no account can be asked about.
    """
    cx = Context(live.account_id, live.partition)
    locked = standards.locked
    wanted = set(awsdrift.documents_reviewed(desired, locked))
    needed = set(wanted)
    if found.differences:
        changing = set(documents_needed(found.settled.live, found.differences, cx))
        # Guards ask about everybody: who is administrator, and who is left of them.
        changing |= set(documents_of_all(found.settled.live, found.differences))
        wanted |= changing
        ends = projected(found)
        needed |= changing | set(documents_held((ends,), documents_tested(standards.tests, (ends,))))
        wanted |= needed - locked.keys()
    if not needed:
        return live
    known = dict(live.aws_policies)
    if reached.connection is not None and wanted - known.keys():  # what is known was asked a moment ago
        known |= aws_policies(reached.connection, sorted(wanted - known.keys()))
    known = {**locked, **known}
    return replace(live, aws_policies={arn: known[arn] for arn in sorted(needed) if arn in known})


def decided(reached: Reached, live: State, make: Callable[[State], Plan]) -> tuple[State, Plan]:
    """The plan that `make` makes of a live state, and the state with what the plan's guards asked for on the way.

    Most plans ask nothing. A user who can sign in is all that a guard looks for: the rest is not asked then.
    """
    made = make(live)
    while reached.connection is not None:
        open_questions = tuple(dict.fromkeys(one for guard in made.guards for one in guard.asks))
        if not open_questions:
            break
        for some in range(0, len(open_questions), _AT_ONCE):
            live = confirm(reached.connection, live, open_questions[some : some + _AT_ONCE], workers=_AT_ONCE)
            if any(live.sign_ins.values()):
                break
        made = make(live)
    return live, made


to_text = planfile.to_text


def document(planned: tuple[Planned, ...], options: Options, failed: Sequence[Failure] = ()) -> dict[str, object]:
    """The plan document of these plans, and of the accounts that failed."""
    made = [item.plan for item in planned]
    return planfile.document(
        made,
        version=__version__,
        created_at=utc_now(),
        failed=[item.json() for item in failed],
        waits=across.rows(made, arranged(planned)),
    )


def gained(planned: tuple[Planned, ...], patterns: Iterable[str]) -> list[str]:
    """What any principal gains of the actions that these patterns cover, a line each."""
    return [
        f"gain: account {item.plan.account_name}: {finding.title}: {finding.evidence or finding.remedy}"
        for item in planned
        for finding in gains(item.plan, patterns)
    ]


def document_of(made: Plan) -> dict[str, object]:
    """The plan document of a single plan that belongs to no run."""
    return planfile.document([made], version=__version__, created_at=made.now)
