"""Generated policies of one principal, that overlap and contradict each other, and requests about them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from iamsync.policy.document import Document
from iamsync.policy.evaluate import Source
from iamsync.policy.holdings import Holdings
from iamsync.policy.request import ABSENT, Principal, Request, Values

ACCOUNT = "111122223333"
ALICE = Principal.of(f"arn:aws:iam::{ACCOUNT}:user/alice")
ROLE = Principal.of(f"arn:aws:iam::{ACCOUNT}:role/deploy")

_ACTIONS = (
    *("*", "s3:*", "s3:Get*", "s3:GetObject", "S3:getobject", "s3:*Object", "s3:PutObject", "s3:ListBucket"),
    *("s3:ListAllMyBuckets", "s3:GetObjec?", "s3:Unheard", "s3:Unheard*", "iam:PassRole", "iam:*", "sqs:*"),
)
_RESOURCES = (
    *("*", "arn:aws:s3:::*", "arn:aws:s3:::logs", "arn:aws:s3:::logs/*", "arn:aws:s3:::logs/2024/*"),
    *("arn:aws:s3:::*/2024/*", "arn:aws:s3:::log?/*", "arn:aws:s3:::site/*", "arn:aws:s3:::home/${aws:username}/*"),
    *("arn:aws:s3:::home/alice/*", "arn:aws:s3:::home/${aws:PrincipalTag/team}/*", f"arn:aws:iam::{ACCOUNT}:role/*"),
    *(f"arn:aws:iam::{ACCOUNT}:role/app-*", "arn:aws:sqs:*:*:*", f"arn:aws:sqs:us-east-1:{ACCOUNT}:jobs"),
)
_CONDITIONS: tuple[dict[str, Any], ...] = (
    {"Bool": {"aws:MultiFactorAuthPresent": "true"}},
    {"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}},
    {"Null": {"aws:MultiFactorAuthPresent": "true"}},
    {"StringEquals": {"aws:PrincipalTag/team": ["red", "blue"]}},
    {"StringEquals": {"aws:PrincipalTag/team": "red"}},
    {"StringNotEquals": {"aws:PrincipalTag/team": "red"}},
    {"StringLike": {"aws:PrincipalTag/team": "r*"}},
    {"StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}},
    {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}},
    {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}},
    {"IpAddress": {"aws:SourceIp": ["10.1.0.0/16", "192.0.2.1"]}},
    {"NotIpAddress": {"aws:SourceIp": "10.1.0.0/16"}},
    {"NumericLessThan": {"s3:max-keys": "10"}},
    {"NumericLessThanEquals": {"s3:max-keys": "10"}},
    {"DateLessThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}},
    {"DateGreaterThan": {"aws:CurrentTime": "2025-01-01T00:00:00Z"}},
    {"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b"]}},
    {"ForAnyValue:StringLike": {"aws:TagKeys": "a*"}},
    {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:user/ali*"}},
    {"StringEquals": {"aws:PrincipalTag/team": "red"}, "Bool": {"aws:MultiFactorAuthPresent": "true"}},
)
_VALUES: dict[str, tuple[Values, ...]] = {
    "aws:MultiFactorAuthPresent": ("true", "false", ABSENT),
    "aws:PrincipalTag/team": ("red", "blue", "rose", "alice", ABSENT),
    "aws:ResourceTag/owner": ("alice", "bob", ABSENT),
    "aws:ResourceTag/team": ("red", "blue", ABSENT),
    "aws:SourceIp": ("10.1.2.3", "10.2.0.1", "192.0.2.1", "198.51.100.7", ABSENT),
    "s3:max-keys": ("9", "10", "11", ABSENT),
    "aws:CurrentTime": ("2024-06-01T00:00:00Z", "2025-06-01T00:00:00Z", "2026-06-01T00:00:00Z"),
    "aws:TagKeys": ("a", "c", ("a", "b"), ("a", "c"), ABSENT),
}
_OBJECTS = (
    *("logs/x", "logs/2024/x", "logs/2024/", "logz/2024/x", "site/x", "site/2024/x", "home/alice/x", "home/red/x"),
    *("home/bob/2024/x", "other/x"),
)
# Actions with ARNs they can be asked about.
ASKED: tuple[tuple[str, str], ...] = (
    *(("s3:GetObject", f"arn:aws:s3:::{name}") for name in _OBJECTS),
    *(("s3:PutObject", f"arn:aws:s3:::{name}") for name in _OBJECTS[:7]),
    *(("s3:GetObjectAcl", f"arn:aws:s3:::{name}") for name in _OBJECTS[:3]),
    *(("s3:Unheard", f"arn:aws:s3:::{name}") for name in _OBJECTS[:3]),
    *(("s3:UnheardOfToo", f"arn:aws:s3:::{name}") for name in _OBJECTS[:3]),
    *(("s3:ListBucket", f"arn:aws:s3:::{name}") for name in ("logs", "logz", "other")),
    *(("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{name}") for name in ("app-web", "admin")),
    *(("sqs:SendMessage", f"arn:aws:sqs:{region}:{ACCOUNT}:jobs") for region in ("us-east-1", "eu-west-1")),
    *(("s3:ListAllMyBuckets", "*"), ("iam:GetAccountSummary", "*")),
)


def _some(members: tuple[str, ...], most: int = 3) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(members), min_size=1, max_size=most, unique=True)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    effect = draw(st.sampled_from(("Allow", "Allow", "Allow", "Deny")))
    action = draw(st.sampled_from(("Action",) * 9 + ("NotAction",)))
    resource = draw(st.sampled_from(("Resource",) * 7 + ("NotResource",)))
    held = {"Effect": effect, action: draw(_some(_ACTIONS)), resource: draw(_some(_RESOURCES))}
    condition = draw(st.none() | st.sampled_from(_CONDITIONS))
    return held if condition is None else {**held, "Condition": condition}


def source(label: str, held: list[dict[str, Any]]) -> Source:
    return Source(label, Document.of({"Version": "2012-10-17", "Statement": held}))


@st.composite
def holdings(draw: st.DrawFn) -> Holdings:
    own = draw(st.lists(statements(), max_size=4))
    group = draw(st.lists(statements(), max_size=2))
    boundary = draw(st.none() | st.lists(statements(), min_size=1, max_size=2))
    level = draw(st.none() | st.lists(statements(), min_size=1, max_size=2))
    return Holdings(
        tuple(source(label, held) for label, held in (("own", own), ("group", group)) if held),
        None if boundary is None else source("boundary", boundary),
        () if level is None else ((source("scp", level),),),
    )


@st.composite
def changes(draw: st.DrawFn) -> tuple[Holdings, Holdings]:
    """Two holdings, mostly ones that have much in common."""
    before, after = draw(holdings()), draw(holdings())
    if draw(st.booleans()):
        kept = draw(st.sampled_from(("identity", "boundary", "both")))
        after = Holdings(
            (*before.identity, *after.identity[:1]) if kept != "boundary" else after.identity,
            before.boundary if kept != "identity" else after.boundary,
            before.scps,
        )
    return (before, after) if draw(st.booleans()) else (after, before)


@st.composite
def requests(draw: st.DrawFn, principal: Principal = ALICE) -> Request:
    action, resource = draw(st.sampled_from(ASKED))
    context = {key: draw(st.sampled_from(values)) for key, values in _VALUES.items()}
    return Request(principal, action, resource, ACCOUNT, context)
