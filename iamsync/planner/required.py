"""The least that an IAM policy must allow: for reading an account, and for exactly the steps of one plan.

Each step is one action on one resource, and where AWS has a condition key for what is attached
(`iam:PolicyARN`, `iam:PermissionsBoundary`) only with that value. It bounds actions and resources, not the
documents that are written. Source: Actions, resources, and condition keys for AWS Identity and Access Management.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from iamsync.delivery import DELIVER, Target, parse
from iamsync.kinds import KINDS
from iamsync.kinds.kind import Context
from iamsync.kinds.operations import WAIT
from iamsync.model import Address, Step

# What an inline session policy may have, in characters of JSON (STS AssumeRole, Policy).
SESSION: Final = 2048
# What a customer managed policy may have, white space not counted.
MANAGED: Final = 6144

# What is done where an answer was lost: a key that nobody has goes, one that may be somebody's is noted, a password is
# set again.
_AFTER_DOUBT: Final = {
    "CreateAccessKey": ("DeleteAccessKey", "TagUser"),
    "CreateLoginProfile": ("UpdateLoginProfile",),
}
_OWNERS: Final = {
    "UserName": "user",
    "GroupName": "group",
    "RoleName": "role",
    "InstanceProfileName": "instance_profile",
}
# Operations that name two entities: the one whose ARN the action is about.
_ABOUT: Final = {
    "AddUserToGroup": "GroupName",
    "RemoveUserFromGroup": "GroupName",
    "AddRoleToInstanceProfile": "InstanceProfileName",
    "RemoveRoleFromInstanceProfile": "InstanceProfileName",
}
_ARNS: Final = ("OpenIDConnectProviderArn", "SAMLProviderArn", "SerialNumber")
# A name stands once in an account, whatever its path.
_ANYWHERE: Final = ("/", "/*/")
_CREATIONS: Final = frozenset(f"Create{kind.noun}" for kind in KINDS.values())
# What a creation names its resource by, where that is not NounName.
_CREATED: Final = {"CreatePolicy": ("policy", "PolicyName"), "CreateSAMLProvider": ("saml_provider", "Name")}

_READS: Final = (
    *("GetAccountAuthorizationDetails", "GetAccountSummary", "GetAccountPasswordPolicy", "ListAccountAliases"),
    *("GetAccessKeyLastUsed", "GetGroup", "GetGroupPolicy", "GetInstanceProfile", "GetLoginProfile"),
    *("GetOpenIDConnectProvider", "GetPolicy", "GetPolicyVersion", "GetRole", "GetRolePolicy", "GetSAMLProvider"),
    *("GetUser", "GetUserPolicy", "ListAccessKeys", "ListAttachedGroupPolicies", "ListAttachedRolePolicies"),
    *("ListAttachedUserPolicies", "ListGroupPolicies", "ListGroupsForUser", "ListInstanceProfileTags"),
    *("ListInstanceProfiles", "ListInstanceProfilesForRole", "ListMFADevices", "ListOpenIDConnectProviders"),
    *("ListPolicyTags", "ListPolicyVersions", "ListRolePolicies", "ListRoles", "ListSAMLProviders"),
    *("ListSAMLProviderTags", "ListSSHPublicKeys", "ListServiceSpecificCredentials", "ListSigningCertificates"),
    *("ListServerCertificates", "ListUserPolicies", "ListVirtualMFADevices"),
    # Reports of AWS's about the account, which are made when asked for.
    *("GenerateCredentialReport", "GetCredentialReport"),
    *("GenerateServiceLastAccessedDetails", "GetServiceLastAccessedDetails"),
    *("GetContextKeysForCustomPolicy", "GetContextKeysForPrincipalPolicy"),
    *("SimulateCustomPolicy", "SimulatePrincipalPolicy"),
)
# Asked where the scope, or the deletion of what nobody declares, hangs on what CloudFormation owns.
_STACKS: Final = ("cloudformation:ListStackResources", "cloudformation:ListStacks", "ec2:DescribeRegions")


@dataclass(frozen=True, slots=True, order=True)
class Need:
    """One permission: an action on one resource, with `key` only where that condition key has `value`."""

    resource: str
    key: str
    value: str
    action: str


@dataclass(frozen=True, slots=True)
class Part:
    """A policy that allows some steps of a plan and nothing else; `steps` are their ids."""

    document: Mapping[str, Any]
    steps: frozenset[str]

    @property
    def text(self) -> str:
        """The policy as compact JSON, the form in which its size counts."""
        return compact(self.document)


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Every path at which a plan's resources are found, before, between and after its steps."""

    cx: Context
    paths: Mapping[Address, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, cx: Context, steps: Iterable[Step], prior: Mapping[Address, Any]) -> Whereabouts:
        """The paths in what was read (`Plan.prior`), and those that creations and moves give."""
        found: dict[Address, dict[str, None]] = defaultdict(dict)
        for address, spec in prior.items():
            if spec is not None:
                found[address][str(spec.get("path") or "/")] = None
        for step in steps:
            if step.address is None:
                continue
            if step.operation in _CREATIONS:
                found[step.address][str(step.params.get("Path") or "/")] = None
            elif "NewPath" in step.params:
                found[step.address][str(step.params["NewPath"])] = None
        return cls(cx, {address: tuple(paths) for address, paths in found.items()})

    def arns(self, address: Address) -> tuple[str, ...]:
        """The ARNs of a resource, one for each of its paths; one whose path is not known may have any."""
        return tuple(self.cx.arn(address, path) for path in self.paths.get(address, _ANYWHERE))


def reading() -> dict[str, Any]:
    """The policy that planning needs, and looking back at a call whose answer was lost."""
    actions = [*_STACKS, *(f"iam:{name}" for name in sorted(_READS)), "tag:GetResources"]
    return _policy([{"Sid": "Read", "Effect": "Allow", "Action": actions, "Resource": "*"}])


def needs(step: Step, where: Whereabouts) -> Iterator[Need]:
    """What a step's call needs; nothing for a pause."""
    if step.operation == WAIT:
        return
    if step.operation == DELIVER:
        yield from _delivery(step, where)
        return
    params = step.params
    key, value = _condition(step)
    resources = tuple(_resources(step, where))
    actions = [step.operation]
    if step.operation == "CreatePolicyVersion":
        actions.append("SetDefaultPolicyVersion")  # a version whose answer was lost may be stored and idle
    actions += _AFTER_DOUBT.get(step.operation, ())
    for resource in resources:
        yield from (Need(resource, key, value, f"iam:{action}") for action in actions)
        if step.operation.startswith("Create") and params.get("Tags"):
            yield Need(resource, "", "", f"iam:Tag{step.operation.removeprefix('Create')}")
    if step.operation == "AddRoleToInstanceProfile":
        role = Address("role", str(params["RoleName"]))
        yield from (Need(held, "", "", "iam:PassRole") for held in where.arns(role))


def _delivery(step: Step, where: Whereabouts) -> Iterator[Need]:
    """What it takes to deliver a secret; a key that could not be delivered is deleted again."""
    params = step.params
    if "AccessKeyId" in params:
        for user in where.arns(Address("user", str(params["UserName"]))):
            yield Need(user, "", "", "iam:DeleteAccessKey")
    for action, resource in places([parse(str(params["To"]), operator=True)], where.cx, write=True):
        yield Need(resource, "", "", action)


def places(targets: Iterable[Target], cx: Context, *, write: bool) -> Iterator[tuple[str, str]]:
    """The actions that stores of AWS take to tell what they hold (with `write` also to keep it), each on its resource.

    In any region: a plan does not say which.
    """
    for target in targets:
        if target.scheme == "secretsmanager":
            # AWS adds six characters to the name of a secret once there is one.
            for suffix in ("", "-??????"):
                secret = f"arn:{cx.partition}:secretsmanager:*:{cx.account_id}:secret:{target.name}{suffix}"
                yield "secretsmanager:DescribeSecret", secret
                if write:
                    yield "secretsmanager:CreateSecret", secret
                    yield "secretsmanager:PutSecretValue", secret
        elif target.scheme == "ssm":
            yield "ssm:DescribeParameters", "*"  # it takes no other resource
            if write:
                name = target.name.removeprefix("/")
                yield "ssm:PutParameter", f"arn:{cx.partition}:ssm:*:{cx.account_id}:parameter/{name}"


def looking(targets: Iterable[Target], cx: Context) -> dict[str, Any]:
    """The policy that looking at these places needs."""
    return _policy(_statements(Need(on, "", "", action) for action, on in places(targets, cx, write=False)))


def applying(steps: Sequence[Step], where: Whereabouts) -> dict[str, Any]:
    """The policy that allows exactly these steps."""
    return _policy(_statements(need for step in steps for need in needs(step, where)))


def parts(steps: Sequence[Step], where: Whereabouts, limit: int = SESSION) -> tuple[Part, ...]:
    """The same in as many policies as it takes for each to have at most `limit` characters.

    What belongs to one resource stays together as far as it fits. ValueError where one call alone does not fit.
    """
    calls = [step for step in steps if step.operation != WAIT]
    calls.sort(key=lambda step: str(step.address))  # stable: a resource's own steps keep their order
    out: list[Part] = []
    held: list[Step] = []
    made: dict[str, Any] = {}
    size = 0
    for step in calls:
        # Adding a step adds at most what it would take alone: only near the limit is the whole made to be measured.
        alone = len(compact(applying([step], where)))
        if size + alone > limit:
            made = applying([*held, step], where)
            size = len(compact(made))
            if size > limit:
                if not held:
                    raise ValueError(f"step {step.id} alone needs a policy of {size} characters; {limit} is the most")
                out.append(_part(held, where))
                held, size = [step], alone
                if alone > limit:
                    raise ValueError(f"step {step.id} alone needs a policy of {alone} characters; {limit} is the most")
                continue
        else:
            size += alone
        held.append(step)
    return (*out, _part(held, where)) if held else tuple(out)


def halves(part: Part, steps: Sequence[Step], where: Whereabouts) -> tuple[Part, ...]:
    """A part in two, for a limit that only AWS can measure (PackedPolicyTooLarge); itself where it is one step."""
    mine = [step for step in steps if step.id in part.steps]
    middle = len(mine) // 2
    return tuple(_part(some, where) for some in (mine[:middle], mine[middle:]) if some)


def joined(*documents: Mapping[str, Any]) -> dict[str, Any]:
    """Several of these policies as one."""
    return _policy([statement for document in documents for statement in document["Statement"]])


def compact(document: Mapping[str, Any]) -> str:
    """A policy as JSON without white space."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def _policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


def _part(steps: Sequence[Step], where: Whereabouts) -> Part:
    return Part(applying(steps, where), frozenset(step.id for step in steps))


def _condition(step: Step) -> tuple[str, str]:
    params = step.params
    if step.operation.startswith(("Attach", "Detach")) and "PolicyArn" in params:
        return "iam:PolicyARN", str(params["PolicyArn"])
    if "PermissionsBoundary" in params:
        return "iam:PermissionsBoundary", str(params["PermissionsBoundary"])
    return "", ""


def _resources(step: Step, where: Whereabouts) -> Iterator[str]:
    """The ARNs that AWS checks a call against."""
    params, operation = step.params, step.operation
    if operation in _ABOUT:
        name = _ABOUT[operation]
        yield from where.arns(Address(_OWNERS[name], str(params[name])))
        return
    for name in _ARNS:
        if name in params and operation != "DeactivateMFADevice":
            yield str(params[name])
            return
    if operation in _CREATED:
        kind, name = _CREATED[operation]
        yield where.cx.arn(Address(kind, str(params[name])), str(params.get("Path") or "/"))
        return
    if operation == "CreateOpenIDConnectProvider":
        yield where.cx.arn(Address("oidc_provider", str(params["Url"]).partition("://")[2]), "/")
        return
    for name, kind in _OWNERS.items():
        if name not in params:
            continue
        held = Address(kind, str(params[name]))
        renamed = params.get(f"New{name}")
        if operation in _CREATIONS and step.address == held:
            yield where.cx.arn(held, str(params.get("Path") or "/"))
        elif renamed is not None:
            # AWS checks the old name and the new one; the paths are those under the new.
            paths = where.paths.get(Address(kind, str(renamed)), where.paths.get(held, _ANYWHERE))
            yield from (where.cx.arn(one, path) for one in (held, Address(kind, str(renamed))) for path in paths)
        else:
            yield from where.arns(held)
        return
    yield str(params["PolicyArn"]) if "PolicyArn" in params else "*"


def _statements(found: Iterable[Need]) -> list[dict[str, Any]]:
    """Statements that allow these needs and nothing beyond: no action meets a resource it was not needed on."""
    values: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    actions: dict[tuple[str, str, tuple[str, ...]], set[str]] = defaultdict(set)
    resources: dict[tuple[tuple[str, ...], str, tuple[str, ...]], set[str]] = defaultdict(set)
    for need in found:
        values[need.resource, need.key, need.action].add(need.value)
    for (resource, key, action), held in values.items():
        actions[resource, key, tuple(sorted(held))].add(action)
    for (resource, key, condition), together in actions.items():
        resources[tuple(sorted(together)), key, condition].add(resource)
    out = []
    for (names, key, condition), places in sorted(resources.items()):
        statement: dict[str, Any] = {"Effect": "Allow", "Action": _one(names), "Resource": _one(sorted(places))}
        if key:
            operator = "ArnEquals" if key == "iam:PolicyARN" else "StringEquals"
            statement["Condition"] = {operator: {key: _one(condition)}}
        out.append(statement)
    return out


def _one(values: Sequence[str]) -> Any:
    return values[0] if len(values) == 1 else list(values)
