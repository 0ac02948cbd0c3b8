"""The root user, passwords and access keys: what the credential report and a few figures of the account tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from iamsync.audit.evidence import Evidence, Observed, day, observed
from iamsync.kinds.reports import Row
from iamsync.model import Address

ROOT: Final = Address("account", "root")
PASSWORDS: Final = Address("account", "password_policy")
CERTIFICATES: Final = Address("account", "certificates")
# Where there is no password policy AWS asks for so many characters, and forgets old passwords.
_NO_POLICY: Final = 8
# A key that was made by the same wizard as its user.
_TOGETHER: Final = 60


def credentials(evidence: Evidence) -> Iterator[Observed]:
    """Findings about the root user, the password policy, certificates, and every user's credentials."""
    yield from _root(evidence)
    yield from _passwords(evidence)
    for name, end in evidence.certificates or ():
        if end and end < evidence.now:
            yield observed(
                *("IAM-A018", CERTIFICATES, f"server certificate {name} expired on {day(end)}"),
                remedy=f"aws iam delete-server-certificate --server-certificate-name {name}, once nothing uses it",
                mark=name,
            )
    for row in evidence.report.rows.values() if evidence.report is not None else ():
        if not row.is_root:
            yield from _user(row, evidence)


def has_no_root(evidence: Evidence) -> bool:
    """Whether the root user has nothing to sign in with, as central management of root access leaves it."""
    root = evidence.report.root if evidence.report is not None else None
    return root is not None and root.password is False and not any(key.active for key in root.keys)


def _root(evidence: Evidence) -> Iterator[Observed]:
    root = evidence.report.root if evidence.report is not None else None
    figures = evidence.state.quotas
    keys = [key for key in root.keys if key.active] if root is not None else []
    if keys or figures.get("AccountAccessKeysPresent"):
        used = max((key.used for key in keys), default="")
        yield observed(
            *("IAM-A001", ROOT, "the root user has an access key"),
            f"last used on {day(used)}" if used else "",
            "sign in as root and delete it; give what uses it a role",
        )
    without = root is not None and not root.mfa if root is not None else figures.get("AccountMFAEnabled") == 0
    if without and not has_no_root(evidence):
        yield observed(
            *("IAM-A002", ROOT, "the root user has no second factor"),
            remedy="sign in as root and register a FIDO key or a hardware token",
        )
    elif evidence.root_devices:
        yield observed(
            *("IAM-A003", ROOT, "the second factor of the root user is a virtual one"),
            ", ".join(evidence.root_devices),
            "register a FIDO key or a hardware token in its place",
        )
    if root is not None and root.last_used and evidence.days_since(root.last_used) < evidence.limits.root_use:
        yield observed(
            *("IAM-A004", ROOT, f"the root user was used on {day(root.last_used)}"),
            "by its password" if root.last_used == root.password_used else "by an access key",
            "see in CloudTrail what for (userIdentity.type Root), and give that to a role",
        )


def _passwords(evidence: Evidence) -> Iterator[Observed]:
    policy = password_policy(evidence)
    if policy is None:
        return
    rules, evidence_of = policy
    length = rules.minimum_password_length if rules is not None else _NO_POLICY
    remembered = (rules.password_reuse_prevention or 0) if rules is not None else 0
    limits = evidence.limits
    if length < limits.password_length:
        yield observed(
            *("IAM-A005", PASSWORDS, f"passwords may be {length} characters short"),
            evidence_of,
            f"account: {{password_policy: {{minimum_password_length: {limits.password_length}}}}}",
        )
    if remembered < limits.password_reuse:
        kept = f"the last {remembered} passwords are remembered" if remembered else "old passwords may be used again"
        yield observed(
            *("IAM-A006", PASSWORDS, kept),
            evidence_of,
            f"account: {{password_policy: {{password_reuse_prevention: {limits.password_reuse}}}}}",
        )


def password_policy(evidence: Evidence) -> tuple[Any, str] | None:
    """The account's password policy (None for none) and a word on it; None where it is not known."""
    held = evidence.state.get(PASSWORDS)
    if held is not None:
        return held.spec.password_policy, ""
    if evidence.subject != "manifests" and "account" in evidence.state.complete:
        return None, "the account has no password policy; AWS's own asks for 8 characters"
    return None


def knows_passwords(evidence: Evidence) -> bool:
    """Whether it is known what passwords must be."""
    return password_policy(evidence) is not None


def _user(row: Row, evidence: Evidence) -> Iterator[Observed]:
    who, limits = Address("user", row.user), evidence.limits
    active = [key for key in row.keys if key.active]
    if row.password and not row.mfa:
        grave = evidence.reach.surely(who)
        yield observed(
            *("IAM-A010", who, f"{who} has a password and no second factor"),
            (f"last signed in on {day(row.password_used)}" if row.password_used else "never signed in")
            + ("; it is administrator, or can make itself one" if grave else ""),
            "let its owner register a device; a user who never signs in needs no password (console_access: false)",
            severity="critical" if grave else None,
        )
    if row.password:
        for key in active:
            if not key.used and _apart(key.rotated, row.created) <= _TOGETHER:
                yield observed(
                    *("IAM-A011", who, f"access key {key.number} of {who} was made along with it, and never used"),
                    remedy=f"delete it: iamsync keys delete --user {row.user}",
                    mark=str(key.number),
                )
    yield from _unused(row, who, evidence)
    if len(active) == 2:
        yield observed(
            *("IAM-A013", who, f"{who} has two active access keys"),
            "; ".join(f"key {key.number}: {_used(key.used)}" for key in active),
            "deactivate the one that is not used",
        )
    for key in active:
        if key.rotated and (age := evidence.days_since(key.rotated)) > limits.key_age:
            yield observed(
                *("IAM-A014", who, f"access key {key.number} of {who} is from {day(key.rotated)}"),
                f"{age} days old; {_used(key.used)}"
                + (f", for {key.service} in {key.region}" if key.used and key.service else ""),
                f"declare access_keys: {{rotate_after: {limits.key_age}d}} for it, or let it use a role",
                mark=str(key.number),
            )


def _unused(row: Row, who: Address, evidence: Evidence) -> Iterator[Observed]:
    """Credentials that nobody missed, told together."""
    limit, idle = evidence.limits.credential_unused, []
    since = row.password_used or row.password_changed or row.created
    if row.password and since and evidence.days_since(since) >= limit:
        idle.append(("password", f"its password ({_used(row.password_used)})"))
    for key in row.keys:
        since = key.used or key.rotated
        if key.active and since and evidence.days_since(since) >= limit:
            idle.append((f"key {key.number}", f"access key {key.number} ({_used(key.used)})"))
    if idle:
        yield observed(
            *("IAM-A012", who, f"{who} has credentials that were not used for {limit} days"),
            "; ".join(text for _, text in idle),
            "take them away: console_access: false for a password, iamsync keys deactivate for a key",
            mark=" ".join(name for name, _ in idle),
        )


def _used(moment: str) -> str:
    return f"last used on {day(moment)}" if moment else "never used"


def _apart(one: str, other: str) -> float:
    """Seconds between two times; endless where one is not known."""
    if not one or not other:
        return float("inf")
    return abs((datetime.fromisoformat(one) - datetime.fromisoformat(other)).total_seconds())
