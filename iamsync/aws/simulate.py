"""AWS's policy simulator: what AWS itself says of a request under given policies, or of a live principal.

It looks at identity policies, a boundary and service control policies; not at policies of resources of a
role, trust policies, session policies or resource control policies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from iamsync.aws.calls import call, pages, whole
from iamsync.aws.session import Connection
from iamsync.errors import IncompleteRead

Verdict = Literal["allowed", "explicit_deny", "implicit_deny"]

# One answer holds at most 1,000 results, a result an action on a resource.
_PAGE: Final = 1000
_ACTIONS: Final = 50
_RESOURCES: Final = 20
_LONGEST: Final = 131_072
_FIT: Final = re.compile("[\t\n\r\x20-\xff]+")
_VERDICTS: Final[dict[str, Verdict]] = {
    "allowed": "allowed",
    "explicitDeny": "explicit_deny",
    "implicitDeny": "implicit_deny",
}
_SCPS: Final = "OrderedOrganizationPolicyInputList"
# The simulator wants a policy where there is none; this one allows what AWS allows to everybody.
_NOTHING: Final = (
    '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:GetCallerIdentity","Resource":"*"}]}'
)


@dataclass(frozen=True, slots=True)
class Policies:
    """What a principal is to hold, as JSON texts: identity policies, a boundary, SCPs by level from the root down."""

    identity: tuple[str, ...]
    boundary: str | None = None
    scps: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A condition key with its values; `type` is one of the simulator's: string, numericList ..."""

    key: str
    type: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One action on one resource, in this context."""

    action: str
    resource: str
    context: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """AWS's verdict; `missing` are condition keys that it had no value of, in lower case, so that it is a guess."""

    verdict: Verdict
    missing: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()


def unaskable(connection: Connection, policies: Policies) -> str | None:
    """Why the simulator does not take these policies; None where it does."""
    for text in (
        *policies.identity,
        *filter(None, [policies.boundary]),
        *(t for level in policies.scps for t in level),
    ):
        if not _FIT.fullmatch(text):
            return "a document holds characters beyond Latin-1, which its simulator does not take"
        if len(text) > _LONGEST:
            return f"a document is longer than {_LONGEST} characters, the most its simulator takes"
    if policies.scps and _SCPS not in _members(connection, "SimulateCustomPolicy"):
        return "this version of botocore cannot give it service control policies; a newer one can"
    return None


def simulate(connection: Connection, subject: Policies | str, asked: Iterable[Request]) -> dict[Request, Answer]:
    """AWS's answer to each request, for given policies or for the live principal of an ARN.

    Raises AccessDenied where the caller may not simulate, Unsupported where there is no simulator.
    """
    found: dict[Request, Answer] = {}
    by_context: dict[tuple[Entry, ...], list[Request]] = {}
    for request in dict.fromkeys(asked):
        by_context.setdefault(request.context, []).append(request)
    operation, fixed = _subject(subject)
    for context, requests in by_context.items():
        for actions, resources in _batches(requests):
            params: dict[str, Any] = {**fixed, "ActionNames": actions, "ResourceArns": resources, "MaxItems": _PAGE}
            if context:
                params["ContextEntries"] = [
                    {"ContextKeyName": e.key, "ContextKeyValues": list(e.values), "ContextKeyType": e.type}
                    for e in context
                ]
            answers = dict(_answers(connection, operation, params))
            for action in actions:
                for resource in resources:
                    answer = answers.get((action.lower(), resource))
                    if answer is None:
                        raise IncompleteRead(
                            f"{operation}: no answer about {action} on {resource}",
                            code="incomplete-read",
                            operation=operation,
                            hint="run the command again",
                        )
                    found[Request(action, resource, context)] = answer
    return found


def context_keys(connection: Connection, subject: Policies | str) -> frozenset[str]:
    """The condition keys that the policies ask for, in lower case."""
    if isinstance(subject, str):
        answer = call(connection.iam, "GetContextKeysForPrincipalPolicy", {"PolicySourceArn": subject})
    else:
        texts = [*subject.identity, *filter(None, [subject.boundary]), *(t for level in subject.scps for t in level)]
        if not texts:
            return frozenset()
        answer = call(connection.iam, "GetContextKeysForCustomPolicy", {"PolicyInputList": texts})
    return frozenset(str(key).lower() for key in answer.get("ContextKeyNames") or ())


def _members(connection: Connection, operation: str) -> Mapping[str, Any]:
    shape = connection.iam.meta.service_model.operation_model(operation).input_shape
    members: Mapping[str, Any] = shape.members
    return members


def _subject(subject: Policies | str) -> tuple[str, dict[str, Any]]:
    if isinstance(subject, str):
        return "SimulatePrincipalPolicy", {"PolicySourceArn": subject}
    params: dict[str, Any] = {"PolicyInputList": list(subject.identity) or [_NOTHING]}
    if subject.boundary is not None:
        params["PermissionsBoundaryPolicyInputList"] = [subject.boundary]
    if subject.scps:
        params[_SCPS] = [{"ServiceControlPolicyInputList": list(level)} for level in subject.scps]
    return "SimulateCustomPolicy", params


def _batches(requests: Sequence[Request]) -> Iterator[tuple[list[str], list[str]]]:
    """Actions and resources to ask about together: each of these on each of those, and nothing that nobody asked."""
    on: dict[str, list[str]] = {}
    for request in requests:
        on.setdefault(request.action, []).append(request.resource)
    alike: dict[tuple[str, ...], list[str]] = {}
    for action, resources in on.items():
        alike.setdefault(tuple(sorted(resources)), []).append(action)
    for resources_of, actions in alike.items():
        for at in range(0, len(actions), _ACTIONS):
            for begin in range(0, len(resources_of), _RESOURCES):
                yield actions[at : at + _ACTIONS], list(resources_of[begin : begin + _RESOURCES])


def _answers(
    connection: Connection, operation: str, params: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, str], Answer]]:
    for page in pages(connection.iam, operation, params):
        with whole(operation):
            yield from _results(page)


def _results(page: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Answer]]:
    for result in page.get("EvaluationResults") or ():
        action = str(result["EvalActionName"]).lower()
        limits = tuple(_limits(result))
        specific = result.get("ResourceSpecificResults") or ()
        for one in specific:
            verdict = _VERDICTS[one["EvalResourceDecision"]]
            yield (action, one["EvalResourceName"]), Answer(verdict, _missing(one), (*limits, *_limits(one)))
        if not specific:
            verdict = _VERDICTS[result["EvalDecision"]]
            yield (action, result.get("EvalResourceName") or "*"), Answer(verdict, _missing(result), limits)


def _missing(result: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({str(key).lower() for key in result.get("MissingContextValues") or ()}))


def _limits(result: Mapping[str, Any]) -> Iterator[str]:
    """What denies beside the identity policies."""
    boundary = result.get("PermissionsBoundaryDecisionDetail") or {}
    if boundary.get("AllowedByPermissionsBoundary") is False:
        yield "the permissions boundary"
    organization = result.get("OrganizationsDecisionDetail") or {}
    if organization.get("AllowedByOrganizations") is False:
        yield "the organization's policies"
