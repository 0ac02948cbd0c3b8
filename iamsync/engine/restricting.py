"""Apply under sessions that can do nothing but the plan: each call is signed with credentials limited to its steps."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from iamsync.aws.session import Connection
from iamsync.engine.planning import Planned
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways
from iamsync.errors import AwsError, InputError
from iamsync.kinds.kind import Context
from iamsync.model import Plan, Step
from iamsync.planner import required
from iamsync.planner.required import Part, Whereabouts


def whereabouts(plan: Plan) -> Whereabouts:
    """Where the resources of a plan are found."""
    return Whereabouts.of(Context(plan.account_id, plan.partition), plan.steps, plan.prior)


def restrictable(project: Project) -> None:
    """InputError where an account of this run is not reached by assuming a role, whose session could be limited."""
    options = project.options
    for account in project.accounts(writes=True):
        if options.sandbox or account.backend == "sandbox":
            told = f"account {account.name} is the embedded IAM, which enforces no policy"
        elif not (options.assume_role or account.write):
            told = f"account {account.name} is reached without one"
        else:
            continue
        raise InputError(
            f"--restrict limits the session of a role, and {told}",
            code="nothing-to-restrict",
            hint="give assume_role in iamsync.yaml, or --assume-role ARN; a role may be trusted to assume itself",
        )


class Restricted:
    """The connection of each step of one plan: a session of the account's last role, limited to that part of the plan.

    Sessions are made when their first step comes; safe to share between threads. The account passed `restrictable`.
    """

    def __init__(self, ways: Ways, item: Planned) -> None:
        access = item.reached.access
        assert access is not None
        self._ways = ways
        self._access = access
        self._plan = item.plan
        self._where = whereabouts(item.plan)
        self._lock = threading.Lock()
        self._part: dict[str, Part] = {}
        self._made: dict[frozenset[str], Connection] = {}
        self._take(required.parts(item.plan.steps, self._where))

    @property
    def sessions(self) -> int:
        """How many sessions the plan takes."""
        return len({id(part) for part in self._part.values()})

    def __call__(self, step: Step) -> Connection:
        """The connection whose session may make this step's call; AwsError where STS refuses it."""
        with self._lock:
            while True:
                part = self._part[step.id]
                if (made := self._made.get(part.steps)) is not None:
                    return made
                try:
                    self._made[part.steps] = self._ways.limited(self._access, part.text)
                except AwsError as error:
                    # AWS packs a policy and limits that too, by a measure that it does not publish.
                    if error.aws_code != "PackedPolicyTooLarge" or len(part.steps) == 1:
                        raise
                    self._take(required.halves(part, self._plan.steps, self._where))

    def _take(self, parts: Iterable[Part]) -> None:
        for part in parts:
            self._part.update(dict.fromkeys(part.steps, part))
