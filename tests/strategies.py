"""Generated States: small, odd, valid; every reference in one leads somewhere."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from hypothesis import strategies as st

from iamsync import arn
from iamsync.kinds import KINDS
from iamsync.kinds.account import Account, PasswordPolicy
from iamsync.kinds.group import Group
from iamsync.kinds.instance_profile import InstanceProfile
from iamsync.kinds.metadata import Metadata
from iamsync.kinds.oidc_provider import OidcProvider
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.saml_provider import SamlProvider
from iamsync.kinds.user import User
from iamsync.model import Address, Resource, State
from iamsync.policy.document import Document

ACCOUNT = "111122223333"
OTHER = "444455556666"

# Unique ignoring case, and full of words that YAML or a file system reads as something else.
USERS = ("alice", "a+b=c,d.e@f_g-h", "123456789012", "con", "-dash", "no", "Bob", f"ci-{ACCOUNT}")
GROUPS = ("developers", "true", "=admins", "0x1F", ".hidden")
ROLES = ("deploy", "1e3", "web@prod", "Break-Glass", "null", "x" * 64, f"cdk-hnb-{ACCOUNT}-eu")
POLICIES = ("deploy", "2024-01-31", "boundary", "Audit", "_", "y" * 128, f"logs-{ACCOUNT}")
PROFILES = ("web", "a+b=c,d.e@f_g-h", "null", "-x", f"node-{ACCOUNT}")
# URLs tell apart what differs in case alone; "~" and "/" are no part of other names.
ISSUERS = (
    "token.actions.githubusercontent.com",
    "id.example.com/a~1/b",
    "id.example.com/A~1/b",
    f"x.example/{ACCOUNT}",
)
PROVIDERS = ("okta", "Idp", "123", "no", "con")
AWS_POLICIES = tuple(
    f"arn:aws:iam::aws:policy{name}"
    for name in (
        "/ReadOnlyAccess",
        "/AdministratorAccess",
        "/job-function/ViewOnlyAccess",
        "/service-role/AWSLambdaBasicExecutionRole",
        "/SecurityAudit",
    )
)
TEXTS = (
    "plain",
    "two: words # no comment",
    "  blank ends ",
    "caf\xe9 \xa1\xff",
    "$(account.id) $$(x)",
    "yes",
    "- a\nb\n",
)

_ACTIONS = (
    "s3:GetObject",
    "s3:PutObject",
    "S3:getobject",
    "ec2:Describe*",
    "iam:PassRole",
    "*",
    "sqs:*",
    "dynamodb:Get?tem",
)
_RESOURCES = (
    "*",
    "arn:aws:s3:::site/*",
    "arn:aws:s3:::b\xfccher/${aws:username}/*",
    "arn:aws:s3:::odd/$(x)/$$(y)",
    f"arn:aws:iam::{ACCOUNT}:role/*",
    f"arn:aws:sqs:eu-west-1:{OTHER}:queue-{ACCOUNT}",
)
_CONDITIONS: tuple[dict[str, Any], ...] = (
    {"Bool": {"aws:MultiFactorAuthPresent": True}},
    {"Bool": {"aws:SecureTransport": "false"}},
    {"StringLike": {"s3:prefix": ["${aws:username}/*", "$(home)/*", "caf\xe9"]}},
    {"StringEquals": {"aws:PrincipalTag/team": "data", "aws:RequestedRegion": ["eu-west-1", "us-east-1"]}},
    {"IpAddress": {"aws:SourceIp": ["203.0.113.7", "198.51.100.0/24"]}},
    {"NumericLessThan": {"aws:MultiFactorAuthAge": 3600}},
    {"ForAnyValue:StringEquals": {"aws:TagKeys": ["team", "env"]}, "Null": {"aws:TagKeys": "false"}},
    {"DateLessThan": {"aws:CurrentTime": "2027-01-31T18:00:00Z"}},
    {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/ci/*"}},
)
# "@KIND/NAME" stands for the ARN of a resource of the same state.
_PRINCIPALS: tuple[dict[str, Any], ...] = (
    {"Service": "ec2.amazonaws.com"},
    {"Service": ["lambda.amazonaws.com", "ecs-tasks.amazonaws.com"]},
    {"AWS": OTHER},
    {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
    {"AWS": [f"arn:aws:iam::{OTHER}:root", "@user/alice"]},
    {"Federated": f"@oidc_provider/{ISSUERS[0]}"},
    {"Federated": [f"@oidc_provider/{ISSUERS[1]}", "@saml_provider/okta"]},
    {"Federated": "cognito-identity.amazonaws.com"},
)


def _statement(number: int) -> dict[str, Any]:
    """One of endlessly many statements: the parts of different cycles, so that they meet in every way."""
    actions = (*_ACTIONS, list(_ACTIONS[:2]), list(_ACTIONS[2:5]), ["sqs:*"])[number % 11]
    resources = (*_RESOURCES, list(_RESOURCES[1:3]))[number % 7]
    condition = (None, *_CONDITIONS)[number % 10]
    statement: dict[str, Any] = {"Sid": f"S{number}"} if number % 3 == 0 else {}
    statement["Effect"] = "Deny" if number % 4 == 3 else "Allow"
    statement["NotAction" if number % 8 == 5 else "Action"] = actions
    statement["NotResource" if number % 9 == 4 else "Resource"] = resources
    if condition:
        statement["Condition"] = condition
    return dict(reversed(statement.items())) if number % 5 == 2 else statement


def documents() -> st.SearchStrategy[dict[str, Any]]:
    """Identity policies of one statement, bare or in a list, or of two."""
    one = st.integers(0, 400).map(_statement)
    several = st.lists(st.integers(0, 400), min_size=1, max_size=2, unique=True).map(
        lambda numbers: [_statement(number) for number in numbers]
    )
    return st.builds(lambda held: {"Version": "2012-10-17", "Statement": held}, several | one)


def _trusts() -> st.SearchStrategy[dict[str, Any]]:
    named = st.sampled_from([f"@user/{name}" for name in USERS] + [f"@role/{name}" for name in ROLES])
    principals = st.sampled_from(_PRINCIPALS) | st.lists(named, min_size=1, max_size=3, unique=True).map(
        lambda names: {"AWS": names}
    )
    conditions = st.none() | st.sampled_from(_CONDITIONS[:2])

    def document(principal: dict[str, Any], condition: dict[str, Any] | None, listed: bool) -> dict[str, Any]:
        action = "sts:AssumeRoleWithWebIdentity" if "Federated" in principal else "sts:AssumeRole"
        statement = {"Effect": "Allow", "Principal": principal, "Action": action}
        if condition:
            statement["Condition"] = condition
        return {"Version": "2012-10-17", "Statement": [statement] if listed else statement}

    return st.builds(document, principals, conditions, st.booleans())


_PATHS = st.sampled_from(("/", "/", "/ci/", "/people/eu/", "/odd!$(x)~/"))
_POLICY_PATHS = st.sampled_from(("/", "/", "/ci/", "/a.b,c+d=e@f_g-h/"))
_ATTACHED = st.lists(st.sampled_from(POLICIES[:5] + AWS_POLICIES), max_size=4, unique=True)
_INLINE = st.dictionaries(st.sampled_from(("inline", "a+b=c,d.e@f", "007")), documents(), max_size=2)
_BOUNDARY = st.none() | st.sampled_from((*POLICIES[:3], AWS_POLICIES[0]))
_TAGS = st.dictionaries(
    st.sampled_from(("team", "Cost Center", "k8s.io/role", "\u540d\u524d", "no")),
    st.sampled_from(("", "data", "no", "0123", "a=b @c", "\u00fcber/\u540d")),
    max_size=3,
)


def metadata(issuer: str, spaced: bool = False, certificate: str = "A") -> str:
    """A SAML metadata document; the same in meaning whether `spaced` or not."""
    gap = "\n    " if spaced else ""
    key = f"<X509Certificate>{gap}{certificate * 1100}{gap}</X509Certificate>"
    names = 'xmlns="urn:oasis:names:tc:SAML:2.0:metadata"'
    return f'<EntityDescriptor entityID="{issuer}" {names}>{gap}{key}</EntityDescriptor>'


_METADATA = (
    metadata("https://id/$(x)"),
    metadata("https://id/$(x)", spaced=True),
    metadata("urn:b\xfccher", True, "B="),
)
_POLICY_RULES = st.fixed_dictionaries(
    {},
    optional={
        "minimum_password_length": st.sampled_from((6, 14, 128)),
        "require_symbols": st.booleans(),
        "require_lowercase_characters": st.booleans(),
        "allow_users_to_change_password": st.booleans(),
        "max_password_age": st.sampled_from((1, 90, 1095)),
        "password_reuse_prevention": st.sampled_from((1, 24)),
        "hard_expiry": st.booleans(),
    },
)

FIELDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "user": {
        "path": _PATHS,
        "groups": st.lists(st.sampled_from(GROUPS), max_size=3, unique=True),
        "managed_policies": _ATTACHED,
        "inline_policies": _INLINE,
        "permissions_boundary": _BOUNDARY,
        "tags": _TAGS,
    },
    "group": {"path": _PATHS, "managed_policies": _ATTACHED, "inline_policies": _INLINE},
    "role": {
        "trust_policy": _trusts(),
        "path": _PATHS,
        "description": st.sampled_from(("", "", *TEXTS)),
        "max_session_duration": st.sampled_from((3600, 3600, 3601, 5400, 7200, 43200)),
        "managed_policies": _ATTACHED,
        "inline_policies": _INLINE,
        "permissions_boundary": _BOUNDARY,
        "tags": _TAGS,
    },
    "policy": {
        "document": documents(),
        "path": _POLICY_PATHS,
        "description": st.none() | st.sampled_from(TEXTS),
        "tags": _TAGS,
    },
    "instance_profile": {"path": _PATHS, "role": st.none() | st.sampled_from(ROLES), "tags": _TAGS},
    "oidc_provider": {
        "client_ids": st.lists(st.sampled_from(("sts.amazonaws.com", "no", ACCOUNT, "urn:x")), max_size=3, unique=True),
        "thumbprints": st.none() | st.lists(st.sampled_from(("a" * 40, "0" * 40)), min_size=1, max_size=2, unique=True),
        "tags": _TAGS,
    },
    "saml_provider": {"metadata": st.sampled_from(_METADATA), "tags": _TAGS},
    # Each setting has the field of its name; the other one is left out of it.
    "account": {"alias": st.sampled_from(("acme", "yes", "x1-y")), "password_policy": _POLICY_RULES},
}
_NAMES = {
    "user": USERS,
    "group": GROUPS,
    "role": ROLES,
    "policy": POLICIES,
    "instance_profile": PROFILES,
    "oidc_provider": ISSUERS,
    "saml_provider": PROVIDERS,
    "account": ("alias", "password_policy"),
}
_SPECS: dict[str, Callable[..., Any]] = {
    "user": User,
    "group": Group,
    "role": Role,
    "policy": Policy,
    "instance_profile": InstanceProfile,
    "oidc_provider": OidcProvider,
    "saml_provider": SamlProvider,
    "account": Account,
}
# The kinds that reading takes calls of their own for come in smaller numbers.
_MOST = {"policy": 4, "user": 3, "group": 3, "role": 3}

# What a state is before its references are ARNs: kind -> name -> field -> value.
Sketch = Mapping[str, Mapping[str, Mapping[str, Any]]]


def sketches() -> st.SearchStrategy[Sketch]:
    """What `drawn` makes states of."""
    return st.fixed_dictionaries(
        {
            kind: st.dictionaries(
                st.sampled_from(_NAMES[kind]),
                st.fixed_dictionaries(FIELDS[kind]),
                max_size=_MOST.get(kind, 2),
            )
            for kind in FIELDS
        }
    )


def states(account_id: str = ACCOUNT) -> st.SearchStrategy[State]:
    """States over all kinds, all of them complete."""
    return sketches().map(lambda sketch: drawn(sketch, account_id))


@st.composite
def two_states(draw: st.DrawFn, account_id: str = ACCOUNT) -> tuple[State, State]:
    """A state and what it became: resources edited, moved to another path, gone, new."""
    before = draw(sketches())
    after: dict[str, dict[str, Any]] = {}
    for kind, table in before.items():
        made: dict[str, Any] = {}
        for name, fields in table.items():
            fate = draw(st.sampled_from(("same", "edit", "edit", "move", "gone")))
            if fate == "gone":
                continue
            edited = ["path"] if fate == "move" and "path" in FIELDS[kind] else []
            if fate == "edit":
                edited = draw(st.lists(st.sampled_from(tuple(FIELDS[kind])), min_size=1, max_size=2, unique=True))
            made[name] = {**fields, **{field: draw(FIELDS[kind][field]) for field in edited}}
        if draw(st.booleans()):
            name = draw(st.sampled_from(_NAMES[kind]))
            if name not in table:
                made[name] = draw(st.fixed_dictionaries(FIELDS[kind]))
        after[kind] = made
    return drawn(before, account_id), drawn(after, account_id)


def drawn(sketch: Sketch, account_id: str = ACCOUNT) -> State:
    """The state of a sketch: names become ARNs, and those that lead nowhere are left out."""

    def own(text: str) -> str:
        return text.replace(ACCOUNT, account_id)

    arns = {
        (kind, name): arn.build("aws", account_id, Address(kind, own(name)), fields.get("path", "/"))
        for kind, table in sketch.items()
        if kind in arn.WORDS
        for name, fields in table.items()
    }

    def policy(name: str | None) -> str | None:
        return name if name is None or name.startswith("arn:") else arns.get(("policy", name))

    def principal(name: str) -> str | None:
        kind, _, named = name.removeprefix("@").partition("/")
        return arns.get((kind, named)) if name.startswith("@") else name

    def document(value: Any) -> Document:
        return Document.of(json.loads(own(json.dumps(value))))

    def trust(value: dict[str, Any]) -> Document:
        statement = value["Statement"]
        one = dict(statement[0] if isinstance(statement, list) else statement)
        for element in ("AWS", "Federated"):
            held = one["Principal"].get(element)
            if held is not None:
                names = held if isinstance(held, list) else [held]
                known = [found for name in names if (found := principal(name))]
                one["Principal"] = {element: known} if known else {"Service": "ec2.amazonaws.com"}
                one["Action"] = one["Action"] if known else "sts:AssumeRole"
        return document({**value, "Statement": [one] if isinstance(statement, list) else one})

    def value(kind: str, field: str, held: Any) -> Any:
        if field == "managed_policies":
            return tuple(sorted(found for name in held if (found := policy(name))))
        if field == "permissions_boundary":
            return policy(held)
        if field == "role":
            return arns.get(("role", held))
        if field in ("client_ids", "thumbprints"):
            return None if held is None else tuple(sorted(own(item) for item in held))
        if field == "metadata":
            return Metadata.of(held)
        if field == "password_policy":
            return PasswordPolicy(**held)
        if field == "groups":
            return tuple(sorted(name for name in held if name in sketch["group"]))
        if field == "inline_policies":
            return tuple(sorted((name, document(one)) for name, one in held.items()))
        if field == "document":
            return document(held)
        if field == "trust_policy":
            return trust(held)
        return tuple(sorted(held.items())) if field == "tags" else held

    resources = [
        Resource(
            Address(kind, own(name)),
            _SPECS[kind](
                **{
                    field: value(kind, field, held)
                    for field, held in fields.items()
                    if kind != "account" or field == name
                }
            ),
        )
        for kind, table in sketch.items()
        for name, fields in table.items()
    ]
    return State.of(account_id, resources, complete=frozenset(KINDS))
