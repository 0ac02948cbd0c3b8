"""The long form of findings, guards and errors, by the id they are shown with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from iamsync.aws.failures import FAILURES
from iamsync.controls import RULES as AUDIT
from iamsync.controls import RULES_BY_ID, references
from iamsync.engine import analyzing
from iamsync.engine.refusals import REFUSALS
from iamsync.errors import InputError
from iamsync.manifest.mistakes import MISTAKES
from iamsync.nearness import closest
from iamsync.planner.meanings import MEANINGS, RESIDUAL
from iamsync.planner.notes import NOTES
from iamsync.policy.escalation import EFFECTS, ON
from iamsync.policy.escalation import RULES as ESCALATION
from iamsync.policy.escalation import Rule as Way
from iamsync.policy.lint import RULES

# Every error by its code. One code is one thing, wherever it is noticed.
ERRORS: Final = {**FAILURES, **MISTAKES, **REFUSALS}
# What reports call changes of permissions and failing tests.
_REPORTED: Final = {
    "permission-gain": (
        "a principal gains permissions",
        "After this plan a principal may do what it may not do now: through its own policies, its groups or its "
        "boundary. See whether that is what the change is for.",
    ),
    "permission-undecided": (
        "a change of permissions that cannot be told",
        "What a principal gains or loses here hangs on something that is not known, such as the document of a policy "
        "that was never read. The reason stands with it.",
    ),
    "permission-test": (
        "a permission test fails",
        "A test of the manifests expects a principal to be able to do something, or not to be, and it is otherwise. "
        "The statements that decide stand with it.",
    ),
    "permission-test-uncertain": (
        "a permission test cannot be decided",
        "The answer hangs on something that is not known, and an answer that may be wrong is no pass. Give the test "
        "the context it lacks, read the policies that are not known (`iamsync refresh`), or write "
        "allow_uncertain: true.",
    ),
    "permission-test-contradiction": (
        "AWS's simulator contradicts iamsync",
        "For the same policies and the same request AWS's policy simulator and iamsync's own evaluator say opposite "
        "things. Neither is believed: look at both before anything is applied, and please report it.",
    ),
}


_SHOWN: Final = 6  # ids that begin as what was asked for

# What `drift` finds, by the field it is in; how grave each is depends on what it gives.
_DRIFT: Final = {
    "drift-permissions": (
        "permissions differ from what is declared",
        "A policy was attached or detached, a group joined or left, an inline policy or a document changed, and no "
        "manifest says so. It is as grave as what it grants beyond the manifests: what makes an administrator, or lets "
        "somebody make themselves one, is critical; management of permissions is high, writing medium, reading low. "
        "What is missing is medium. `iamsync apply` takes it back.",
    ),
    "drift-trust": (
        "a role's trust policy differs from what is declared",
        "Who may assume a role was changed, and no manifest says so. Somebody from outside the account, or anyone at "
        "all, is critical; somebody of the account high, whatever the role may do; a narrower trust policy medium.",
    ),
    "drift-boundary": (
        "a permissions boundary differs from what is declared",
        "A boundary was taken off, put on or put over by hand. Without it all that the policies say counts at once. It "
        "is as grave as what it lets through that the declared one does not, and never less than medium where it is "
        "gone.",
    ),
    "drift-resource": (
        "a resource is there or is missing, otherwise than declared",
        "What is declared was deleted or never applied, or what is listed under removed: was created again; with "
        "unmanaged: delete also what nobody declares. What is missing is medium, what is too much as grave as what it "
        "grants.",
    ),
    "drift-tag": (
        "a tag differs from what is declared",
        "Somebody set, changed or took away a tag. Info, unless a policy asks for it: then it is as grave as what it "
        "gives.",
    ),
    "drift-field": (
        "a field differs from what is declared",
        "A description, a session's length, a provider's metadata or clients, a rule for passwords: something else "
        "than a permission of a principal. The metadata of an identity provider is critical, since whoever sets it "
        "signs in as whoever it likes.",
    ),
    "aws-policy-changed": (
        "AWS changed one of its policies since it was reviewed",
        "A policy of AWS that declared principals hold says something else than iamsync.lock.json, which is what the "
        "project reviewed. See who gains and loses what by it; accept it with `iamsync refresh`, and commit the lock "
        "file, or declare a policy of your own instead.",
    ),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """An id, how grave it is (or that it is a guard, an error, a row of a report), what it is called, and why."""

    id: str
    severity: str
    title: str
    text: str


def explanations() -> tuple[Explanation, ...]:
    """Everything that can be explained, by id."""
    rules = (Explanation(rule.id, rule.severity, rule.title, rule.text) for rule in RULES)
    guards = (Explanation(name, "guard", *MEANINGS[name]) for name in sorted(MEANINGS))
    residual = (Explanation(name, "medium", *RESIDUAL[name]) for name in sorted(RESIDUAL))
    notes = (Explanation(name, "finding", *NOTES[name]) for name in sorted(NOTES))
    reported = (Explanation(name, "report", *_REPORTED[name]) for name in sorted(_REPORTED))
    drift = (Explanation(name, "drift", *_DRIFT[name]) for name in sorted(_DRIFT))
    audits = (Explanation(rule.id, rule.severity, rule.title, audit_text(rule.id)) for rule in AUDIT)
    ways = (_way_up(rule) for rule in ESCALATION)
    told = {item.id: item for item in (*rules, *guards, *residual, *notes, *reported, *drift, *ways, *audits)}
    for name, (title, text) in ERRORS.items():
        same = told.get(name)
        # A guard and an error may bear one id: they are about one thing, seen before and after it was asked for.
        also = same and replace(same, text=f"{same.text} As an error ({title}): {text}")
        told[name] = also or Explanation(name, "error", title, text)
    return tuple(told[name] for name in sorted(told))


def audit_text(rule: str) -> str:
    """What an audit's rule is about, and the published controls that it answers."""
    told = "; ".join(references(rule))
    return RULES_BY_ID[rule].text + (f" Answers {told}." if told else "")


def _way_up(rule: Way) -> Explanation:
    needs = ", ".join(f"{need.action} on {ON[need.on]}" for need in rule.needs)
    text = f"Whoever has {needs} {EFFECTS[rule.effect]}."
    if rule.service:
        text += f" The role must trust {rule.service}."
    if rule.doubt:
        text += f" IAM does not tell whether that is so: {rule.doubt}."
    if rule.references:
        text += f" See {', '.join(rule.references)}."
    return Explanation(rule.id, "path", rule.title, text)


def explain(code: str) -> Explanation:
    """The explanation of an id in any letter case; InputError for one that nothing has."""
    known = {item.id.casefold(): item for item in explanations()}
    found = known.get(code.casefold())
    if found is None and code.upper().startswith(analyzing.PREFIX):
        return Explanation(code.upper(), "AWS", analyzing.title(code.upper()), analyzing.EXPLANATION)
    if found is None:
        begin = [one.id for key, one in known.items() if key.startswith(code.casefold())] if code else []
        near = closest(code.casefold(), known)
        hint = f"did you mean {known[near].id}?" if near else "iamsync explain, without an id, lists them"
        if begin:
            more = f" and {len(begin) - _SHOWN} more" if len(begin) > _SHOWN else ""
            hint = f"these begin so: {', '.join(begin[:_SHOWN])}{more}"
        raise InputError(f"there is no finding {code!r}", code="unknown-finding", hint=hint)
    return found
