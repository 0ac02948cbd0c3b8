"""Each hop of the way into an account tried by itself, and what stands in the way named as exactly as AWS lets one.

AWS answers a refused AssumeRole without saying which side refused. So the same call is made without what needs a
permission of its own (sts:TagSession, sts:SetSourceIdentity) or a setting of the role (its longest session), and the
policy simulator is asked about the caller's side; what is left is the role's trust policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from iamsync.aws.calls import call
from iamsync.aws.roles import Hop
from iamsync.aws.session import Access, Connection, Sessions, Tap, connect
from iamsync.errors import AccessDenied, AwsError, Unsupported


@dataclass(frozen=True, slots=True)
class Tried:
    """One hop: the role that was assumed (empty for the credentials at the start), and who one is there.

    `error` says that it was refused, `missing` what has to be allowed, and where.
    """

    arn: str
    caller: str
    error: AwsError | None = None
    missing: tuple[str, ...] = ()


def tried(access: Access, sessions: Sessions, tap: Tap | None = None) -> tuple[Tried, ...]:
    """The hops of a way in their order, up to the first that is refused."""
    found: list[Tried] = []
    before: Connection | None = None
    for count in range(len(access.hops) + 1):
        hops = access.hops[:count]
        last = count == len(access.hops)
        part = replace(access, hops=hops, account_id=access.account_id if last else None)
        arn = hops[-1].arn if hops else ""
        try:
            reached = connect(part, tap=tap, sessions=sessions)
        except AwsError as error:
            missing = tuple(_missing(access, sessions, before, count)) if before is not None and hops else ()
            found.append(Tried(arn, "", error, missing))
            break
        before = reached
        found.append(Tried(arn, reached.caller))
    return tuple(found)


def _missing(access: Access, sessions: Sessions, before: Connection, count: int) -> Iterator[str]:
    """What keeps the role of this hop from being assumed by whoever one is before it."""
    hop, caller = access.hops[count - 1], before.caller
    if hop.tags and _goes(access, sessions, count, replace(hop, tags=(), transitive=())):
        yield f"sts:TagSession: in the trust policy of {hop.arn} and in the policies of {caller}"
        return
    if hop.source_identity and _goes(access, sessions, count, replace(hop, source_identity=None)):
        yield f"sts:SetSourceIdentity: in the trust policy of {hop.arn} and in the policies of {caller}"
        return
    if hop.duration and _goes(access, sessions, count, replace(hop, duration=None)):
        yield f"a session of {hop.duration} s: max_session_duration of {hop.arn} is shorter"
        return
    own = _own_side(before, access.hops[count - 2].arn if count > 1 else _principal(caller), hop)
    asked = f" with the external id {hop.external_id}" if hop.external_id else ""
    trust = f"sts:AssumeRole for {caller}{asked} in the trust policy of {hop.arn}; or there is no such role"
    policy = f"sts:AssumeRole on {hop.arn} in the policies of {caller}"
    if own is False:
        yield policy
    elif own:
        yield trust
    else:
        yield policy
        yield f"or {trust} (iam:SimulatePrincipalPolicy would tell which)"


def _goes(access: Access, sessions: Sessions, count: int, hop: Hop) -> bool:
    """Whether the way goes as far as this hop when that one asks for less."""
    try:
        connect(replace(access, hops=(*access.hops[: count - 1], hop), account_id=None), sessions=sessions)
    except AwsError:
        return False
    return True


def _own_side(before: Connection, principal: str, hop: Hop) -> bool | None:
    """Whether the caller's own policies let it assume the role; None where that cannot be asked."""
    params = {"PolicySourceArn": principal, "ActionNames": ["sts:AssumeRole"], "ResourceArns": [hop.arn]}
    try:
        answer = call(before.iam, "SimulatePrincipalPolicy", params)
    except (AccessDenied, Unsupported):
        return None
    except AwsError as error:
        if error.aws_code in ("NoSuchEntity", "InvalidInput"):  # the root user, a role below a path
            return None
        raise
    found = answer.get("EvaluationResults") or ()
    return all(item.get("EvalDecision") == "allowed" for item in found) if found else None


def _principal(caller: str) -> str:
    """The ARN by which IAM knows a caller: a role's session is told without the role's path."""
    head, _, name = caller.partition(":assumed-role/")
    return f"{head.replace(':sts:', ':iam:')}:role/{name}" if name else caller
