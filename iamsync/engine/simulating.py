"""Permission tests that AWS's own policy simulator decides, beside our own evaluator."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from iamsync.aws import simulate
from iamsync.aws.session import Connection
from iamsync.aws.simulate import Answer, Policies
from iamsync.engine.fleets import Failure, each
from iamsync.engine.permitted import Permitted, Subject, reached_permissions
from iamsync.engine.project import Project
from iamsync.engine.reach import Reached, Ways
from iamsync.engine.testing import Tested, narrowed, some
from iamsync.errors import AccessDenied, InputError, Unsupported, raise_all
from iamsync.model import Address
from iamsync.planner.simulated import Ask, Opinion, Question, judged, questions
from iamsync.planner.testing import Row, mistakes
from iamsync.policy.evaluate import Source
from iamsync.policy.holdings import Held, Holdings, Unknown

T = TypeVar("T")


def simulated(project: Project, subject: Subject, failed: list[Failure]) -> tuple[Tested, ...]:
    """The tests of each account as AWS decides them; `live` asks about the principals as they are in the account.

    Of several accounts those that cannot be read or asked join `failed`. Raises InputError where there is no account to
    ask, AccessDenied where the caller may not simulate.
    """
    if project.options.live is not None:
        raise InputError(
            "--aws asks an account, and --live FILE is none", code="bad-option", hint="leave the file out: --live"
        )
    with Ways(project) as ways:
        found = each(project.accounts(), lambda account: _account(project, ways.reach(account), subject), failed)
    return found if failed else some(found)


def _account(project: Project, reached: Reached, subject: Subject) -> Tested:
    assert reached.connection is not None
    held = reached_permissions(project, reached, subject)
    tests = narrowed(project, project.tests(held.account, held.account_id, held.partition))
    raise_all([error for test in tests for error in mistakes(test, held.permissions)])
    simulator = _Simulator(reached.connection, held)
    rows = tuple(row for one in questions(tests, held.permissions, project.now) for row in simulator.rows(one))
    return Tested(held.account.name, held.account_id, subject, rows)


class _Simulator:
    """Asks about the principals of one account; what stands in the way is found out once for each."""

    def __init__(self, connection: Connection, held: Permitted) -> None:
        self.connection = connection
        self.permissions = held.permissions
        self.live = held.subject == "live"
        self._subjects: dict[Address, tuple[Policies | str, str | None, frozenset[str]]] = {}

    def rows(self, question: Question) -> tuple[Row, ...]:
        """An expectation's rows with both opinions; our own alone, and why, where AWS cannot be asked."""
        if not question.asks:
            return tuple(judged(question, _nobody))
        subject, obstacle, keys = self._subject(question.row.principal)
        if obstacle is not None:
            unasked = Question(question.row, (), (obstacle, *question.untold), question.lenient, question.own)
            return tuple(judged(unasked, _nobody))
        requests = {ask: _request(ask, keys) for ask in question.asks}
        answers = _asked(lambda: simulate.simulate(self.connection, subject, requests.values()))

        def opinion(ask: Ask) -> Opinion:
            answer: Answer = answers[requests[ask]]
            return Opinion(answer.verdict, answer.missing, answer.limits)

        return tuple(judged(question, opinion))

    def _subject(self, principal: Address) -> tuple[Policies | str, str | None, frozenset[str]]:
        if principal not in self._subjects:
            self._subjects[principal] = self._found(principal)
        return self._subjects[principal]

    def _found(self, principal: Address) -> tuple[Policies | str, str | None, frozenset[str]]:
        holdings = self.permissions.holdings(principal)
        if self.live:
            resource = self.permissions.resource(principal)
            assert resource is not None
            subject: Policies | str = self.permissions.arn(resource)
        else:
            subject = _policies(holdings)
            if unknown := _unknown(holdings):
                return subject, f"AWS cannot be asked: the document of {unknown[0]} is not known", frozenset()
            if obstacle := simulate.unaskable(self.connection, subject):
                return subject, f"AWS cannot be asked: {obstacle}", frozenset()
        return subject, None, _asked(lambda: simulate.context_keys(self.connection, subject))


def _nobody(ask: Ask) -> Opinion:
    raise KeyError(ask.action)


def _request(ask: Ask, keys: frozenset[str]) -> simulate.Request:
    """The request with the context that the policies ask for."""
    entries = tuple(simulate.Entry(*value) for value in ask.context if value[0] in keys)
    return simulate.Request(ask.action, ask.resource, entries)


def _policies(holdings: Holdings) -> Policies:
    def texts(held: tuple[Held, ...]) -> tuple[str, ...]:
        return tuple(one.document.text for one in held if isinstance(one, Source))

    boundary = holdings.boundary.document.text if isinstance(holdings.boundary, Source) else None
    return Policies(texts(holdings.identity), boundary, tuple(texts(level) for level in holdings.scps))


def _unknown(holdings: Holdings) -> list[str]:
    held: list[Held] = [*holdings.identity, *(one for level in holdings.scps for one in level)]
    if holdings.boundary is not None:
        held.append(holdings.boundary)
    return [one.label for one in held if isinstance(one, Unknown)]


def _asked(call: Callable[[], T]) -> T:
    """What a call answers; errors that say what the simulator needs."""
    try:
        return call()
    except AccessDenied as error:
        raise AccessDenied(
            f"AWS's policy simulator cannot be asked: {error.message}",
            code=error.code,
            operation=error.operation,
            aws_code=error.aws_code,
            request_id=error.request_id,
            hint="allow iam:SimulateCustomPolicy, iam:GetContextKeysForCustomPolicy and, for --live, "
            "iam:SimulatePrincipalPolicy and iam:GetContextKeysForPrincipalPolicy to the caller",
        ) from error
    except Unsupported as error:
        raise Unsupported(
            f"there is no policy simulator here: {error.message.partition(' (')[0]}",
            code="no-simulator",
            operation=error.operation,
            hint="only AWS has one; leave --aws out, and the tests are decided offline",
        ) from error
