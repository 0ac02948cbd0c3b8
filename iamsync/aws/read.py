"""A live account as a `State`: a few bulk streams side by side, then single questions where it counts.

A read is believed when it agrees with the account's own counts. What AWS did not deliver is an
error, never an empty account.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from iamsync import arn
from iamsync.aws import details, further
from iamsync.aws.calls import call, pages, shaped, whole
from iamsync.aws.credentialreport import read_report
from iamsync.aws.further import Found
from iamsync.aws.policies import aws_policy
from iamsync.aws.retrying import REREADS
from iamsync.aws.session import Connection
from iamsync.errors import AccessDenied, AwsError, IncompleteRead, Unsupported
from iamsync.kinds import FURTHER, wire
from iamsync.kinds.instance_profile import InstanceProfile
from iamsync.kinds.kind import Context
from iamsync.kinds.policy import Policy
from iamsync.model import Address, Question, Resource, State

_FILTER: Final = ("User", "Group", "Role", "LocalManagedPolicy")
_PAGE: Final = 1000
_PATIENCE: Final = 30.0  # seconds for a report that makes a guard more exact, and is not needed
# Kind to its name in GetAccountSummary.
COUNTS: Final = {"user": "Users", "group": "Groups", "role": "Roles", "policy": "Policies"}
_FURTHER_COUNTS: Final = (
    (("instance_profile",), "InstanceProfiles", "instance profiles"),
    (("oidc_provider", "saml_provider"), "Providers", "identity providers"),
)


@dataclass(frozen=True, slots=True)
class _Bulk:
    """What the streams of one read delivered; `tags` None where this account does not tell them in bulk."""

    summary: Mapping[str, int]
    pages: tuple[Mapping[str, Any], ...]
    roles: Mapping[str, Mapping[str, Any]]
    tags: Mapping[str, tuple[tuple[str, str], ...]] | None
    alias: str | None
    further: Found


@dataclass(frozen=True, slots=True)
class _Way:
    """How an account is read."""

    kinds: frozenset[str]
    parallel: bool
    lenient: bool


def read(
    connection: Connection,
    *,
    kinds: frozenset[str] = frozenset(),
    parallel: bool = True,
    lenient: bool = False,
    sleep: Callable[[float], object] | None = None,
) -> State:
    """Everything iamsync manages in the account, as far as bulk calls tell it, and all of `kinds` beside.

    `kinds` are of those that the bulk calls leave out; `lenient` passes over such a kind where the endpoint offers
    none of it; `sleep` gets seconds. Policy and profile tags come from the tagging API, which may be late or denied
    (`facts["tags"]` is "bulk" or "none"); policy descriptions are usually untold (`unread`). Raises IncompleteRead
    where what was read several times disagrees with the account's own counts, AccessDenied where the caller may not
    look.
    """
    cx = Context(connection.account_id, connection.partition)
    way = _Way(kinds, parallel, lenient)
    bulk = _bulk(connection, way)
    found = _entities(bulk, cx)
    if not found and not any(name in bulk.summary for name in COUNTS.values()):
        raise IncompleteRead(
            f"account {connection.account_id}: nothing was read, and GetAccountSummary does not say that it is empty",
            code="incomplete-read",
            operation="GetAccountSummary",
            hint="AWS counts what an account holds; check --endpoint-url and the proxy",
        )
    pauses = iter(REREADS)
    while wrong := _disagreements(bulk, found):
        # Something was made or deleted between two pages, or one list is older than the other.
        if (seconds := next(pauses, None)) is None:
            raise IncompleteRead(
                f"account {connection.account_id}: {'; '.join(wrong)}",
                code="incomplete-read",
                hint="the account is being changed, or the caller may not see all of it; run the command again",
            )
        (sleep or time.sleep)(seconds)
        bulk = _bulk(connection, way)
        found = _entities(bulk, cx)
    everything = (*found, *(resource for held in bulk.further.values() for resource in held))
    resources = [_with_tags(resource, bulk.tags, cx) for resource in everything]
    told = any("Description" in item for page in bulk.pages for item in page.get("Policies") or ())
    return State.of(
        connection.account_id,
        resources,
        partition=connection.partition,
        unread=frozenset() if told else frozenset({("policy", "description")}),
        complete=frozenset(COUNTS) | bulk.further.keys(),
        alias=bulk.alias,
        quotas=MappingProxyType(dict(bulk.summary)),
    )


def confirm(connection: Connection, live: State, questions: Iterable[Question], *, workers: int = 8) -> State:
    """The state with these questions answered by one look each (two for an AWS policy), `workers` at a time.

    Answers stand in `spec.tags` (and `facts["tags"]` = "confirmed"), `spec.description`,
    `facts["credentials"]` and `facts["last_used"]` (`details.credentials`), `State.missing`, `State.aws_policies`,
    `State.passwords`, `State.sign_ins`. Raises IncompleteRead where a resource has gone since the state was read;
    ValueError for a subject the state does not hold.
    """
    asked = sorted(set(questions))
    if not asked:
        return live
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(asked)))) as pool:
        answers = list(pool.map(lambda question: _answer(connection, live, question), asked))
    resources, missing, passwords = dict(live.resources), set(live.missing), live.passwords
    sign_ins, aws_policies = dict(live.sign_ins), dict(live.aws_policies)
    for question, answer in zip(asked, answers, strict=True):
        if question.about == "aws-policy":
            if answer is None:
                missing.add(question.subject)
            else:
                aws_policies[question.subject] = answer
            continue
        if question.about == "passwords":
            passwords = answer
            continue
        address = Address.parse(question.subject)
        if question.about in ("sign-in", "password"):
            sign_ins[address.name] = answer
            continue
        resources[address] = _with_answer(resources[address], question, answer)
    held = MappingProxyType(resources)
    return replace(
        live,
        resources=held,
        missing=frozenset(missing),
        aws_policies=MappingProxyType(aws_policies),
        passwords=passwords,
        sign_ins=MappingProxyType(sign_ins),
    )


def read_one(connection: Connection, address: Address, path: str = "/") -> Resource | None:
    """One resource with all its fields, read afresh; None where it does not exist.

    `path` is needed for policies alone, which AWS finds by ARN only.
    """
    cx = Context(connection.account_id, connection.partition)
    try:
        if address.kind in FURTHER:
            return further.one(connection, address)
        page, roles = details.page(connection.iam, address, cx.arn(address, path))
    except AwsError as error:
        if error.aws_code == "NoSuchEntity":
            return None
        raise
    with shaped(f"Get{address.kind.capitalize()}"):
        resource = wire.details([page], cx, roles).resources[0]
        if address.kind == "policy":
            item = page["Policies"][0]
            spec = replace(resource.spec, tags=wire.tags_of(item["Tags"]), description=item["Description"])
            resource = replace(resource, spec=spec, facts={**resource.facts, "tags": "confirmed"})
        return resource


def _bulk(connection: Connection, way: _Way) -> _Bulk:
    iam = connection.iam
    streams: tuple[Callable[[], Any], ...] = (
        lambda: call(iam, "GetAccountSummary"),
        lambda: tuple(pages(iam, "GetAccountAuthorizationDetails", {"Filter": list(_FILTER), "MaxItems": _PAGE})),
        lambda: tuple(pages(iam, "ListRoles", {"MaxItems": _PAGE})),
        lambda: _tags(connection, way.kinds),
        connection.alias,
        lambda: further.further(connection, way.kinds, workers=8 if way.parallel else 1, lenient=way.lenient),
    )
    if way.parallel:
        with ThreadPoolExecutor(max_workers=len(streams)) as pool:
            # The first stream that failed, in this order, is the one that is told.
            told = [future.result() for future in map(pool.submit, streams)]
    else:
        told = [stream() for stream in streams]
    summary, authorization, roles, tags, alias, more = told
    with shaped("ListRoles"):
        listed = {item["RoleName"]: item for page in roles for item in page.get("Roles") or ()}
    return _Bulk(summary.get("SummaryMap") or {}, authorization, listed, tags, alias, more)


def _entities(bulk: _Bulk, cx: Context) -> tuple[Resource, ...]:
    with shaped("GetAccountAuthorizationDetails"):
        return wire.details(bulk.pages, cx, bulk.roles).resources


def _tags(connection: Connection, kinds: frozenset[str]) -> Mapping[str, tuple[tuple[str, str], ...]] | None:
    """Tags of this account's policies, and profiles if these are read, by ARN; None where denied or not offered."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    types = ["iam:policy", *(["iam:instance-profile"] if "instance_profile" in kinds else ())]
    params: dict[str, Any] = {"ResourceTypeFilters": types, "ResourcesPerPage": 100}
    seen: set[str] = set()
    while True:
        try:
            page = call(connection.tagging, "GetResources", params)
        except (AccessDenied, Unsupported):
            return None
        with shaped("GetResources", "resourcegroupstaggingapi"):
            for item in page.get("ResourceTagMappingList") or ():
                found[item["ResourceARN"]] = wire.tags_of(item.get("Tags") or ())
        token = page.get("PaginationToken")
        if not token:
            return found
        if token in seen:
            raise IncompleteRead(
                "GetResources: the same page again and again",
                code="incomplete-read",
                operation="GetResources",
                hint="run the command again",
            )
        seen.add(token)
        params["PaginationToken"] = token


def _disagreements(bulk: _Bulk, found: Iterable[Resource]) -> list[str]:
    """Where what was read differs from the account's own counts, or its two lists of roles from each other."""
    read_names: dict[str, set[str]] = {kind: set() for kind in COUNTS}
    for resource in found:
        read_names[resource.address.kind].add(resource.address.name)
    wrong = []
    for kind, name in COUNTS.items():
        count = bulk.summary.get(name)  # an emulator may leave a count out; AWS does not
        if count is not None and count != len(read_names[kind]):
            wrong.append(f"it counts {count} {name.lower()}, but {len(read_names[kind])} were read")
    for kinds, name, words in _FURTHER_COUNTS:
        count, held = bulk.summary.get(name), [bulk.further.get(kind) for kind in kinds]
        number = sum(len(one) for one in held if one is not None)
        if count is not None and None not in held and count != number:
            wrong.append(f"it counts {count} {words}, but {number} were read")
    if odd := sorted(read_names["role"] ^ bulk.roles.keys()):
        names = ", ".join(odd[:3]) + (f" and {len(odd) - 3} more" if len(odd) > 3 else "")
        wrong.append(
            f"ListRoles names {len(bulk.roles)} roles, authorization details {len(read_names['role'])} "
            f"(only one of them has {names})"
        )
    return wrong


def _with_tags(resource: Resource, tags: Mapping[str, tuple[tuple[str, str], ...]] | None, cx: Context) -> Resource:
    if not isinstance(resource.spec, (Policy, InstanceProfile)):
        return resource
    if tags is None:
        return replace(resource, facts={**resource.facts, "tags": "none"})
    held = tags.get(cx.arn(resource.address, resource.spec.path), ())
    return replace(resource, spec=replace(resource.spec, tags=held), facts={**resource.facts, "tags": "bulk"})


def _passwords(connection: Connection) -> dict[str, str] | None:
    """When each user's password was set, by the credential report; None where it may not be had or takes too long."""
    try:
        report = read_report(connection.iam, patience=_PATIENCE)
    except AwsError:
        return None  # the guard then speaks of all
    return {row.user: row.password_changed for row in report.rows.values() if row.password and not row.is_root}


def _answer(connection: Connection, live: State, question: Question) -> Any:
    if question.about == "aws-policy":
        # Its document too: whoever newly holds it is judged by that in a moment.
        return aws_policy(connection, question.subject)
    if question.about == "passwords":
        return _passwords(connection)
    address = Address.parse(question.subject)
    resource = live.get(address)
    if resource is None:
        raise ValueError(f"{question.about} is asked about {address}, which the state does not hold")
    try:
        if question.about == "user-credentials":
            return details.credentials(connection.iam, address.name)
        if question.about == "sign-in":
            return details.signs_in(connection.iam, address.name)
        if question.about == "password":
            return details.signs_in(connection.iam, address.name, keys=False)
        if question.about == "last-used":
            return {"last_used": details.role_used(connection.iam, address.name)}
        if question.about == "profile-tags":
            return further.one(connection, address).spec.tags
        policy = {"PolicyArn": arn.build(connection.partition, connection.account_id, address, resource.spec.path)}
        if question.about == "policy-tags":
            found = [tag for page in pages(connection.iam, "ListPolicyTags", policy) for tag in page.get("Tags") or ()]
            return wire.tags_of(found)
        with whole("GetPolicy"):
            return call(connection.iam, "GetPolicy", policy)["Policy"].get("Description") or ""
    except AwsError as error:
        if error.aws_code != "NoSuchEntity":
            raise
        raise IncompleteRead(
            f"{address} has gone since the account was read",
            code="incomplete-read",
            operation=error.operation,
            request_id=error.request_id,
            hint="run the command again",
        ) from error


def _with_answer(resource: Resource, question: Question, answer: Any) -> Resource:
    if question.about in ("policy-tags", "profile-tags"):
        spec = replace(resource.spec, tags=answer)
        return replace(resource, spec=spec, facts={**resource.facts, "tags": "confirmed"})
    if question.about == "policy-description":
        return replace(resource, spec=replace(resource.spec, description=answer))
    return replace(resource, facts={**resource.facts, **answer})
