"""AWS's answers as resources: GetAccountAuthorizationDetails (live, or as the AWS CLI saved it).

botocore decodes documents to dicts; a saved answer may hold them URL-encoded. A document that
cannot be decoded is an incomplete read, never an empty policy.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, cast
from urllib.parse import unquote

from iamsync import arn
from iamsync.errors import IncompleteRead
from iamsync.kinds.fields import version_number
from iamsync.kinds.group import Group
from iamsync.kinds.kind import Context
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.model import Address, Resource, State
from iamsync.policy.document import Document, with_principals
from iamsync.strictjson import loads, misfit

# A path as IAM takes it (`pathType` of IAM's service model).
_PATH: Final = re.compile(r"/(?:[\x21-\x7e]*/)?", re.ASCII)
LISTS: Final = ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
# What GetAccountAuthorizationDetails does not tell; other calls may.
UNTOLD: Final = frozenset(
    {("role", "description"), ("role", "max_session_duration"), ("policy", "tags"), ("policy", "description")}
)


@dataclass(frozen=True, slots=True)
class Details:
    """What authorization details hold: the account's own resources, and AWS's policies they came with."""

    resources: tuple[Resource, ...]
    aws_policies: Mapping[str, tuple[str, Document]] = field(default_factory=dict)


def details(
    pages: Iterable[Mapping[str, Any]],
    cx: Context,
    roles: Mapping[str, Mapping[str, Any]] | None = None,
) -> Details:
    """The resources of one or more pages; `roles` are ListRoles' items by name, for what details lack.

    Pages are no transaction: an entity that stands on two of them is taken once, by its unique id.
    """
    resources: dict[Address, Resource] = {}
    aws: dict[str, tuple[str, Document]] = {}
    for page in pages:
        for item in page.get("UserDetailList", ()):
            _add(resources, _user(item, cx))
        for item in page.get("GroupDetailList", ()):
            _add(resources, _group(item, cx))
        for item in page.get("RoleDetailList", ()):
            _add(resources, _role(item, (roles or {}).get(item["RoleName"]), cx))
        for item in page.get("Policies", ()):
            if arn.is_aws_managed(item["Arn"]):
                aws[item["Arn"]] = (item["DefaultVersionId"], _version(item, _default(item), cx))
            else:
                _add(resources, _policy(item, cx))
    return Details(tuple(_by_arn(resources.values(), cx)), aws)


def dump_state(dump: Mapping[str, Any]) -> tuple[State, tuple[str, ...]]:
    """The state in a saved answer, and notes on what had to be read with good will.

    The account is the one that most entities' ARNs name; entities of another one are taken as its
    own and noted. ValueError where this is no such answer.
    """
    if not any(name in dump for name in LISTS):
        raise ValueError("this is no answer of get-account-authorization-details")
    try:
        return _dump_state(dump)
    except (AttributeError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(f"an entity in this answer is not shaped as AWS shapes it: {misfit(error)}") from error


def _dump_state(dump: Mapping[str, Any]) -> tuple[State, tuple[str, ...]]:
    account, partition, others = _account(dump)
    notes = [f"{names} name account {other}; taken as {account}" for other, names in sorted(others.items())]
    # "aws" in the place of an account is a fault in an entity's own ARN; in references it means AWS's policies.
    if elsewhere := set(others) - {"aws"}:
        dump = _rewritten(dump, elsewhere, account)
    for section in LISTS:
        for item in dump.get(section, ()):
            if (path := item.get("Path")) and not (isinstance(path, str) and _PATH.fullmatch(path)):
                raise ValueError(f"{path!r} is no path of {item.get('Arn')}")
    for item in dump.get("RoleDetailList", ()):
        if not item.get("Path"):
            notes.append(f"role/{item['RoleName']} has no path; taken from its ARN")
    if dump.get("IsTruncated"):
        raise IncompleteRead(
            "the dump was cut short (IsTruncated is true)",
            code="incomplete-read",
            hint="save it again without --max-items",
        )
    cx = Context(account, partition)
    known = details([dump], cx)
    unread = set(UNTOLD)
    kinds = {"UserDetailList": "user", "GroupDetailList": "group", "RoleDetailList": "role", "Policies": "policy"}
    complete = frozenset(kind for name, kind in kinds.items() if name in dump)
    rest = {"partition": partition, "unread": frozenset(unread), "complete": complete}
    state = State.of(account, known.resources, aws_policies=known.aws_policies, **rest)
    return state, tuple(notes)


def tags_of(items: Iterable[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    """AWS's list of Key and Value as sorted pairs."""
    return tuple(sorted((item["Key"], item["Value"]) for item in items))


def moment(value: Any) -> str:
    """A date of AWS's answer, or of a saved one, as RFC 3339 in UTC; empty where there is none."""
    if not value or value == "N/A":
        return ""
    then = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    then = then.astimezone(UTC) if then.tzinfo is not None else then
    return then.replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def _add(table: dict[Address, Resource], resource: Resource) -> None:
    held = table.get(resource.address)
    if held is not None and held.facts.get("id") != resource.facts.get("id"):
        raise IncompleteRead(
            f"{resource.address} appears twice with different ids: it was replaced while it was read",
            code="incomplete-read",
            hint="run the command again",
        )
    table[resource.address] = resource


def _user(item: Mapping[str, Any], cx: Context) -> Resource:
    spec = User(
        path=_path(item),
        groups=tuple(sorted({_text(name) for name in item.get("GroupList", ())})),
        managed_policies=_attached(item),
        inline_policies=_inline(item, "UserPolicyList", f"user/{item['UserName']}", cx),
        permissions_boundary=_boundary(item),
        tags=tags_of(item.get("Tags", ())),
    )
    return Resource(Address("user", _text(item["UserName"])), spec, facts={"id": _id(item, "UserId"), **_created(item)})


def _group(item: Mapping[str, Any], cx: Context) -> Resource:
    spec = Group(
        path=_path(item),
        managed_policies=_attached(item),
        inline_policies=_inline(item, "GroupPolicyList", f"group/{item['GroupName']}", cx),
    )
    return Resource(
        Address("group", _text(item["GroupName"])), spec, facts={"id": _id(item, "GroupId"), **_created(item)}
    )


def _role(item: Mapping[str, Any], listed: Mapping[str, Any] | None, cx: Context) -> Resource:
    name = _text(item["RoleName"])
    more = listed or {}
    spec = Role(
        trust_policy=_document(item["AssumeRolePolicyDocument"], f"role/{name}: trust policy", cx),
        path=_path(item),
        description=more.get("Description") or "",  # AWS leaves an empty one out
        max_session_duration=more.get("MaxSessionDuration") or 3600,
        managed_policies=_attached(item),
        inline_policies=_inline(item, "RolePolicyList", f"role/{name}", cx),
        permissions_boundary=_boundary(item),
        tags=tags_of(item.get("Tags", ())),
    )
    profiles = tuple(sorted(held["InstanceProfileName"] for held in item.get("InstanceProfileList", ())))
    facts = {"id": _id(item, "RoleId"), "instance_profiles": profiles, **_created(item)}
    if "RoleLastUsed" in item:  # an emulator may leave it out; empty means not in the last 400 days
        facts["last_used"] = moment((item["RoleLastUsed"] or {}).get("LastUsedDate"))
    return Resource(Address("role", name), spec, facts=facts)


def _policy(item: Mapping[str, Any], cx: Context) -> Resource:
    # moto leaves PolicyName out; the ARN always ends in it.
    name = _text(item.get("PolicyName") or item["Arn"].rpartition("/")[2])
    where = f"policy/{name}"
    default = _default(item)
    held = [
        (version["VersionId"], _document(version["Document"], f"{where} {version['VersionId']}", cx))
        for version in item.get("PolicyVersionList", ())
    ]
    held.sort(key=lambda version: version_number(version[0]))
    versions = tuple((version, document, version == default["VersionId"]) for version, document in held)
    spec = Policy(
        _version(item, default, cx),
        path=_path(item),
        description=item.get("Description"),
    )
    facts = {"id": _id(item, "PolicyId"), "versions": versions, **_created(item)}
    return Resource(Address("policy", name), spec, facts=facts)


def _created(item: Mapping[str, Any]) -> dict[str, str]:
    """When an entity was made, where the answer says so."""
    return {"created": held} if (held := moment(item.get("CreateDate"))) else {}


def _version(item: Mapping[str, Any], version: Mapping[str, Any], cx: Context) -> Document:
    return _document(version["Document"], f"policy {item['Arn']}", cx)


def _default(item: Mapping[str, Any]) -> Mapping[str, Any]:
    """The version of a policy that is in force."""
    for version in item.get("PolicyVersionList", ()):
        if version.get("IsDefaultVersion") or version["VersionId"] == item.get("DefaultVersionId"):
            return cast("Mapping[str, Any]", version)
    raise IncompleteRead(
        f"policy {item['Arn']} came without the document of its default version",
        code="incomplete-read",
        hint="run the command again; if it stays so, report it to the owner of the endpoint",
    )


def _document(value: Any, where: str, cx: Context) -> Document:
    if isinstance(value, str):
        try:
            # Encoded text starts with %7B; a plain one may hold a "%" that means itself.
            value = loads(value if value.lstrip().startswith("{") else unquote(value))
        except ValueError as error:
            raise IncompleteRead(
                f"{where}: the document cannot be decoded ({error})",
                code="undecodable-document",
                hint="nothing is planned from a document that was not read; look at it in the AWS console",
            ) from error
    return Document.of(value, cx.partition)


def _inline(item: Mapping[str, Any], name: str, where: str, cx: Context) -> tuple[tuple[str, Document], ...]:
    held = {}
    for policy in item.get(name, ()):
        label = f"{where}: inline policy {policy['PolicyName']}"
        held[policy["PolicyName"]] = _document(policy["PolicyDocument"], label, cx)
    return tuple(sorted(held.items()))


def _attached(item: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(sorted({_text(held["PolicyArn"]) for held in item.get("AttachedManagedPolicies", ())}))


def _boundary(item: Mapping[str, Any]) -> str | None:
    boundary = (item.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return None if boundary is None else _text(boundary)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is no name")
    return value


def _id(item: Mapping[str, Any], name: str) -> str:
    """The unique id of an entity; empty where an answer has none."""
    value = item.get(name, "")
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no id")
    return value


def _path(item: Mapping[str, Any]) -> str:
    if path := item.get("Path"):
        return str(path)
    parsed = arn.parse(item.get("Arn", ""))
    return parsed.path if parsed else "/"


def _by_arn(resources: Iterable[Resource], cx: Context) -> Iterable[Resource]:
    """Trust policies with principals by ARN: AWS shows an id for a moment after a creation."""
    found = list(resources)
    ids = {r.facts["id"]: cx.arn(r.address, r.spec.path) for r in found if r.facts.get("id")}
    for resource in found:
        if isinstance(resource.spec, Role):
            trust = with_principals(resource.spec.trust_policy, ids, cx.partition)
            if trust is not resource.spec.trust_policy:
                resource = replace(resource, spec=replace(resource.spec, trust_policy=trust))
        yield resource


def _account(dump: Mapping[str, Any]) -> tuple[str, str, dict[str, str]]:
    counts: Counter[str] = Counter()
    partitions: Counter[str] = Counter()
    names: dict[str, list[str]] = {}
    for section in LISTS:
        for item in dump.get(section, ()):
            parsed = arn.parse(item.get("Arn", ""))
            if parsed is None or (parsed.account == "aws" and section == "Policies"):
                continue
            names.setdefault(parsed.account, []).append(str(parsed.address))
            if parsed.account != "aws":
                counts[parsed.account] += 1
                partitions[parsed.partition] += 1
    if not counts:
        raise ValueError("no entity in this dump has an ARN that names an account")
    account = min(counts, key=lambda held: (-counts[held], held))
    others = {other: ", ".join(sorted(held)) for other, held in names.items() if other != account}
    return account, partitions.most_common(1)[0][0], others


def _rewritten(dump: Mapping[str, Any], others: set[str], account: str) -> Mapping[str, Any]:
    """The dump with its entities' own ARNs, and references among them, in one account.

    Documents are left alone: an ARN inside one may well mean the other account.
    """
    out = dict(dump)
    for section in LISTS:
        if section in dump:
            out[section] = [_in_account(item, others, account) for item in dump[section]]
    return out


def _in_account(value: Any, others: set[str], account: str) -> Any:
    if isinstance(value, dict):
        return {
            key: held if key.endswith("Document") else _in_account(held, others, account) for key, held in value.items()
        }
    if isinstance(value, list):
        return [_in_account(held, others, account) for held in value]
    if (
        isinstance(value, str)
        and value.startswith("arn:")
        and (parsed := arn.parse(value))
        and parsed.account in others
    ):
        return str(replace(parsed, account=account))
    return value
