"""The published controls that an audit answers: passed, failed, or not to be decided from this source, and why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from iamsync.audit.credentials import password_policy
from iamsync.audit.evidence import Evidence, Observed
from iamsync.controls import CONTROLS, Control, Need

Outcome = Literal["passed", "failed", "not decidable"]
_KINDS: Final = {"users": "user", "groups": "group", "roles": "role", "policies": "policy"}
_WORDS: Final[dict[Need, str]] = {
    "users": "not all users are known",
    "groups": "not all groups are known",
    "roles": "not all roles are known",
    "policies": "not all policies are known",
    "report": "there is no credential report",
    "password-policy": "the password policy is not known",
    "root-mfa": "the root user's devices are not known",
    "certificates": "the server certificates are not known",
}
_OF_ROOT: Final = ("IAM-A001", "IAM-A002", "IAM-A003", "IAM-A004")
# By these figures of GetAccountSummary the root user is told of where there is no report.
_FIGURES: Final = {
    "IAM-A001": "AccountAccessKeysPresent",
    "IAM-A002": "AccountMFAEnabled",
    "IAM-A003": "AccountMFAEnabled",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an audit says of one control; `found` is how many findings speak against it, `why` says what is lacking."""

    control: Control
    outcome: Outcome
    found: int = 0
    why: str = ""


def answers(evidence: Evidence, found: Sequence[Observed], suppressed: Sequence[Observed] = ()) -> tuple[Answer, ...]:
    """Every control's answer; `found` are all findings but those `suppressed`, which leave a control to a person."""
    return tuple(_answer(control, evidence, found, suppressed) for control in CONTROLS)


def _answer(control: Control, evidence: Evidence, found: Sequence[Observed], suppressed: Sequence[Observed]) -> Answer:
    if not control.rule:
        return Answer(control, "not decidable", why=control.why)
    # A root user without any second factor has no hardware one either.
    rules = (control.rule, "IAM-A002") if control.rule == "IAM-A003" else (control.rule,)
    against, excused = (
        sum(one.id in rules and one.severity != "info" for one in those) for those in (found, suppressed)
    )
    if against:
        return Answer(control, "failed", against)
    if excused:
        # A consent in a manifest is no evidence: an auditor must not read that all is well.
        word = "1 finding" if excused == 1 else f"{excused} findings"
        return Answer(control, "not decidable", why=f"manifests suppress {word}: whether that is right is for a person")
    lacking = _lacking(control, evidence)
    return Answer(control, "not decidable", why=lacking) if lacking else Answer(control, "passed")


def _lacking(control: Control, evidence: Evidence) -> str:
    """What a control cannot be decided without, and is not there; empty where nothing is."""
    for need in control.needs:
        if not _there(need, control, evidence):
            return evidence.untold.get(need, _WORDS[need])
    if control.rule == "IAM-A016" and (unknown := _unknown(evidence)):
        names = ", ".join(unknown[:3]) + (f" and {len(unknown) - 3} more" if len(unknown) > 3 else "")
        return f"the documents of {names} are not known"
    return ""


def _there(need: Need, control: Control, evidence: Evidence) -> bool:
    if need in _KINDS:
        return evidence.whole(_KINDS[need])
    if need == "report":
        of_root = control.rule in _OF_ROOT
        if evidence.report is not None and (evidence.report.root is not None or not of_root):
            return True
        figure = _FIGURES.get(control.rule)
        return figure is not None and figure in evidence.state.quotas
    if need == "password-policy":
        return password_policy(evidence) is not None
    return (evidence.root_devices if need == "root-mfa" else evidence.certificates) is not None


def _unknown(evidence: Evidence) -> Sequence[str]:
    """The managed policies in use whose documents are not known."""
    held = {text for holder in evidence.of("user", "group", "role") for text in holder.spec.managed_policies}
    return sorted(text.partition(":policy/")[2] or text for text in held if evidence.document(text) is None)
