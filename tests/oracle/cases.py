"""Random requests and the policies they are put before: JSON values, one seed, always the same cases.

Everything is drawn from small pools and most patterns are made from the request itself, so that
statements match about as often as they do not. Left out is what the independent evaluator does not
have (service-linked roles, the root user) and what no two readers of AWS's text agree on
(wildcards in the type of a resource, ARNs of fewer than six parts).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

Json: TypeAlias = dict[str, Any]

HERE = "111122223333"
THERE = "444455556666"
USER = f"arn:aws:iam::{HERE}:user/eng/ann"
OTHER_USER = f"arn:aws:iam::{HERE}:user/bob"
ROLE = f"arn:aws:iam::{HERE}:role/ci/deploy"
SESSION = f"arn:aws:sts::{HERE}:assumed-role/deploy/run-1"
OTHER_SESSION = f"arn:aws:sts::{HERE}:assumed-role/deploy/run-2"
FOREIGN_USER = f"arn:aws:iam::{THERE}:user/eve"
PROVIDER = f"arn:aws:iam::{HERE}:oidc-provider/token.example.com"
SERVICE = "lambda.amazonaws.com"

# Action, resource ({account} is filled in), whether the resource can bear a policy.
TARGETS = (
    ("s3:GetObject", "arn:aws:s3:::logs/app/a.txt", True),
    ("s3:GetObject", "arn:aws:s3:::logs/ann/a.txt", True),
    ("s3:PutObject", "arn:aws:s3:::data/b", True),
    ("s3:ListBucket", "arn:aws:s3:::logs", True),
    ("s3:ListAllMyBuckets", "*", False),
    ("ec2:StartInstances", "arn:aws:ec2:eu-west-1:{account}:instance/i-0a1", False),
    ("ec2:DescribeInstances", "*", False),
    ("iam:GetUser", "arn:aws:iam::{account}:user/eng/ann", False),
    ("iam:PassRole", "arn:aws:iam::{account}:role/ci/deploy", False),
    ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:{account}:jobs", True),
    ("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:{account}:table/orders", False),
    ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:{account}:function:resize:3", True),
    ("kms:Decrypt", "arn:aws:kms:eu-west-1:{account}:key/0f1e", True),
    ("sts:GetCallerIdentity", "*", False),
    ("sts:AssumeRole", "arn:aws:iam::{account}:role/target", True),
    ("sts:AssumeRole", "arn:aws:iam::{account}:role/target", True),
    ("sts:AssumeRoleWithWebIdentity", "arn:aws:iam::{account}:role/target", True),
)
TEXTS = {
    "aws:PrincipalTag/team": ("red", "Red", "blue", "a*c", "abc", ""),
    "aws:RequestedRegion": ("eu-west-1", "eu-west-2", "us-east-1"),
    "s3:prefix": ("ann", "app/", "app/x", "*"),
    "aws:username": ("ann", "bob"),
    "aws:PrincipalAccount": (HERE, THERE),
}
NUMBERS = {"s3:max-keys": ("1", "2", "10", "10.0", "2.5", "x")}
DATES = {
    "aws:CurrentTime": (
        *("2026-01-01T00:00:00Z", "2026-06-01T12:00:00Z", "2026-01-01T01:00:00+01:00", "2026-12-31", "soon"),
        *("1767225600", "1780315200"),
    )
}
TRUTHS = {"aws:SecureTransport": ("true", "false"), "aws:MultiFactorAuthPresent": ("true", "false", "True")}
ADDRESSES = {"aws:SourceIp": ("10.0.0.1", "10.1.2.3", "192.0.2.7", "2001:db8::1", "2001:db8:1::1", "here")}
NETWORKS = ("10.0.0.0/8", "10.0.0.0/24", "192.0.2.7", "192.0.2.7/32", "2001:db8::/32", "2001:db8::1", "0.0.0.0/0", "x")
ARNS = {
    "aws:SourceArn": (f"arn:aws:sns:eu-west-1:{HERE}:topic", f"arn:aws:s3:::logs/{HERE}", "no-arn"),
    "aws:PrincipalArn": (USER, ROLE),
}
ARN_PATTERNS = (
    *(f"arn:aws:sns:*:{HERE}:*", f"arn:aws:sns:eu-west-?:{HERE}:topic", "arn:aws:s3:::*", "arn:*:*:*:*:*", "no-arn"),
    *(f"arn:aws:iam::{HERE}:user/*", f"arn:aws:iam::{HERE}:role/ci/*", ROLE),
)
SEVERAL = {"aws:TagKeys": ("team", "cost", "Team", "env")}
BYTES = {"iamsync:Digest": ("QUJD", "REVG")}
FAMILIES: tuple[tuple[tuple[str, ...], Mapping[str, tuple[str, ...]], tuple[str, ...]], ...] = (
    (
        ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
        {**TEXTS, **SEVERAL},
        ("${aws:username}", "${aws:PrincipalTag/team}", "${aws:nothing}", "${aws:username, 'ann'}", "${*}"),
    ),
    (
        ("StringLike", "StringNotLike"),
        {**TEXTS, **SEVERAL},
        ("r*", "*", "?pp/*", "a?*", "t*m", "${aws:username}*", "${aws:PrincipalTag/team}", "${aws:nothing}*", "${*}"),
    ),
    (
        (
            *("NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals"),
            *("NumericGreaterThan", "NumericGreaterThanEquals"),
        ),
        NUMBERS,
        ("1.0", "3", "-1"),
    ),
    (
        (
            *("DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals"),
            *("DateGreaterThan", "DateGreaterThanEquals"),
        ),
        DATES,
        ("2026-03-01T00:00:00Z",),
    ),
    (("Bool",), TRUTHS, ()),
    (("IpAddress", "NotIpAddress"), ADDRESSES, NETWORKS),
    (
        ("ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"),
        ARNS,
        (*ARN_PATTERNS, "${aws:PrincipalArn}", "${aws:nothing}"),
    ),
    (("BinaryEquals",), BYTES, ()),
)


class Draw:
    """The cases of one seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def one(self, pool: Any) -> Any:
        return self.random.choice(tuple(pool))

    def some(self, make: Callable[[], Any], least: int, most: int) -> list[Any]:
        return [make() for _ in range(self.random.randint(least, most))]

    def case(self, number: int) -> Json:
        """One case: what judge.mjs reads."""
        action, resource, bears = self.one(TARGETS)
        web = action == "sts:AssumeRoleWithWebIdentity"
        who = PROVIDER if web else self.random.choices((USER, SESSION, SERVICE), (10, 10, 1 if bears else 0))[0]
        account = THERE if self.chance(0.2) else HERE
        resource = resource.format(account=account)
        context = self._context(who, account)
        asked: Json = {"id": number, "principal": who, "action": action, "resource": resource, "account": account}
        asked["context"] = context
        own = who in (USER, SESSION)

        def document(**rest: Any) -> Json:
            return self._document(action, resource, context, **rest)

        asked["identity"] = self.some(document, 0, 3) if own else []
        if own and self.chance(0.2):
            asked["boundary"] = document(wide=0.5)
        if who == SESSION and self.chance(0.2):
            asked["session"] = document(wide=0.5)
        if own and self.chance(0.2):
            asked["scps"] = self.some(lambda: self.some(lambda: document(wide=0.7), 1, 2), 1, 3)
        if self.chance(0.12):
            allow_all = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
            full = {"Version": "2012-10-17", "Statement": [allow_all]}
            asked["rcps"] = self.some(lambda: [full, *self.some(lambda: document(principals=("*",)), 0, 1)], 1, 2)
        trust = action.startswith("sts:AssumeRole")
        if trust or (bears and self.chance(0.5)) or not own:
            asked["resourcePolicy"] = document(principals=_principals(), trust=trust)
        return asked

    def _context(self, who: str, account: str) -> Json:
        context: Json = {"aws:ResourceAccount": account, "aws:PrincipalIsAWSService": "false"}
        if who in (USER, SESSION):
            context["aws:PrincipalArn"] = USER if who == USER else ROLE
            context["aws:PrincipalAccount"] = HERE
            context["aws:PrincipalType"] = "User" if who == USER else "AssumedRole"
        if who == USER:
            context["aws:username"] = "ann"
        if who == SERVICE:
            context["aws:PrincipalIsAWSService"] = "true"
            context["aws:PrincipalServiceName"] = SERVICE
        for pool in (TEXTS, NUMBERS, DATES, TRUTHS, ADDRESSES, ARNS, BYTES):
            for key, values in pool.items():
                if key not in ("aws:username", "aws:PrincipalArn", "aws:PrincipalAccount") and self.chance(0.7):
                    context[key] = self.one(values)
        for key, values in SEVERAL.items():
            if self.chance(0.7):
                context[key] = sorted(self.random.sample(values, self.random.randint(1, 3)))
        return context

    def _document(
        self,
        action: str,
        resource: str,
        context: Json,
        *,
        wide: float = 0.15,
        principals: tuple[Any, ...] = (),
        trust: bool = False,
    ) -> Json:
        document: Json = {"Version": "2012-10-17" if self.chance(0.93) else "2008-10-17"}
        document["Statement"] = self.some(
            lambda: self._statement(action, resource, wide, principals, trust=trust), 1, 3
        )
        if self.chance(0.03):
            del document["Version"]
        if len(document["Statement"]) == 1 and self.chance(0.3):
            document["Statement"] = document["Statement"][0]
        return document

    def _statement(self, action: str, resource: str, wide: float, principals: tuple[Any, ...], *, trust: bool) -> Json:
        statement: Json = {"Effect": "Deny" if self.chance(0.18) else "Allow"}
        if self.chance(0.2):
            statement["Sid"] = f"S{self.random.randint(0, 999)}"
        if principals:
            # A trust policy and a resource control policy cannot have NotPrincipal.
            named = "NotPrincipal" if self.chance(0.1) and not trust and len(principals) > 1 else "Principal"
            statement[named] = self._who(principals)
        if self.chance(wide):
            statement["Action"] = "*"
            statement["Resource"] = "*"
        else:
            element = "NotAction" if self.chance(0.1) else "Action"
            statement[element] = self._list(lambda: self._action(action))
            element = "NotResource" if self.chance(0.1) else "Resource"
            statement[element] = self._list(lambda: self._resource(resource))
        if trust:
            statement.pop("Resource", None)
            statement.pop("NotResource", None)
        if self.chance(0.45):
            statement["Condition"] = self._condition()
        return statement

    def _who(self, pool: tuple[Any, ...]) -> Any:
        found = self.one(pool)
        if isinstance(found, dict) and "AWS" in found and self.chance(0.25):
            more = self.one([one for one in pool if isinstance(one, dict) and "AWS" in one])
            return {"AWS": sorted({found["AWS"], more["AWS"]})}
        return found

    def _list(self, make: Callable[[], str]) -> Any:
        made = self.some(make, 1, 3)
        return made[0] if len(made) == 1 and self.chance(0.5) else made

    def _action(self, action: str) -> str:
        service, name = action.split(":")
        spot = self.random.randrange(len(name))
        other = self.one(TARGETS)[0]
        return str(
            self.one(
                (
                    *(action, action, action.lower(), action.upper(), f"{service}:*", "*", f"{service}:{name[:3]}*"),
                    *(f"{service}:*{name[spot:]}", f"{service}:{name[:spot]}?{name[spot + 1 :]}", f"{service}:{name}?"),
                    *(other, other, f"{other.split(':')[0]}:*", f"{service}:*{name[spot:]}*"),
                )
            )
        )

    def _resource(self, resource: str) -> str:
        if resource == "*":
            return str(self.one(("*", "*", "arn:aws:s3:::*", "arn:aws:ec2:*:*:instance/*")))
        parts = resource.split(":", 5)
        # The type of a resource is never touched: a wildcard in it is a mistake that nobody defines.
        kind, mark, name = _typed(parts[2], parts[5])
        spot = self.random.randrange(len(name) + 1)
        head = ":".join(parts[:5])
        wild = ":".join(part if index in (0, 2) or self.chance(0.6) else "*" for index, part in enumerate(parts[:5]))
        filled = name.replace("ann", "${aws:username}").replace("app", "${s3:prefix}")
        again = name.replace("ann", "${aws:username, 'ann'}").replace("a.txt", "${aws:nothing}")
        end = self.one(
            (
                *(name, name, "*", f"{name[:spot]}*", f"*{name[spot:]}", f"{name[:spot]}?{name[spot + 1 :]}", filled),
                *(
                    again,
                    f"{name[:spot]}*{name[spot:]}",
                    f"{name}/*",
                    "else",
                    name.upper(),
                    f"{name[:spot]}*?{name[spot:]}",
                ),
            )
        )
        return str(self.one((f"{head}:{kind}{mark}{end}", f"{wild}:{kind}{mark}{end}", f"{head}:*", "*", resource)))

    def _condition(self) -> Json:
        block: Json = {}
        for _ in range(self.random.choices((1, 2, 3), (7, 3, 1))[0]):
            operators, keys, more = self.one(FAMILIES)
            if self.chance(0.06):
                operators = ("Null",)
            key = self.one(keys)
            pool = ("true", "false") if operators == ("Null",) else (*keys[key], *more)
            values = self._list(partial(self.one, pool))
            block.setdefault(self._operator(operators, key), {})[self._key(key)] = values
        return block

    def _operator(self, operators: tuple[str, ...], key: str) -> str:
        name = str(self.one(operators))
        if name == "Null":
            return name
        if self.chance(0.85 if key in SEVERAL else 0.08):
            name = f"{self.one(('ForAnyValue', 'ForAllValues'))}:{name}"
        return f"{name}IfExists" if self.chance(0.2) else name

    def _key(self, key: str) -> str:
        return key.lower() if self.chance(0.1) else key


def _typed(service: str, rest: str) -> tuple[str, str, str]:
    """The type of a resource, what follows it, and its name; buckets and queues have no type."""
    if service in ("s3", "sqs"):
        return "", "", rest
    for index, char in enumerate(rest):
        if char in "/:":
            return rest[:index], char, rest[index + 1 :]
    return "", "", rest


def _principals() -> tuple[Any, ...]:
    names = (
        *(USER, USER, OTHER_USER, ROLE, ROLE, SESSION, OTHER_SESSION, FOREIGN_USER, HERE, THERE, "*"),
        f"arn:aws:iam::{HERE}:root",
    )
    return ("*", {"Service": SERVICE}, {"Federated": PROVIDER}, *({"AWS": name} for name in names))
