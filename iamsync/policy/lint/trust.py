"""Rules about trust policies: who may become a role, and what must be asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from iamsync.nearness import closest
from iamsync.policy.lint.providers import BUILT_IN, PROVIDER
from iamsync.policy.lint.reading import TRUST, About, Clause, Found, Rule, Statement

_ACCOUNT_OF: Final = re.compile(r"arn:([a-z0-9-]+):(?:iam|sts)::(\d{12}):(.+)|(\d{12})", re.ASCII | re.DOTALL)
_UNIQUE_ID: Final = re.compile(r"A[A-Z0-9]{3}[A-Z0-9]{12,}", re.ASCII)
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.(?:amazonaws\.com(?:\.cn)?|amazon\.com|aws\.internal|api\.aws)", re.ASCII)

# Keys that tell callers apart, so that a trust in "*" with one of them is not a trust in everyone.
_WHO: Final = (
    *("aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths", "aws:userid"),
    *("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:principalservicename"),
)
_THIRD_PARTY: Final = (
    *("sts:externalid", "aws:principalorgid", "aws:principalorgpaths", "aws:multifactorauthpresent"),
    *("aws:sourceorgid", "aws:sourceidentity", "sts:sourceidentity"),
)
_SOURCE: Final = ("aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths")
# Services whose documentation of the cross-service confused deputy has role trust policies with the source's
# account or ARN. Others (EC2, for one) do not send these keys, and a condition on them would lock the service out.
_SENDS_SOURCE: Final = frozenset(
    {
        *("appflow", "application-autoscaling", "backup", "batchoperations.s3", "bedrock", "cloudformation"),
        *("codebuild", "codepipeline", "comprehend", "config", "datasync", "delivery.logs", "dlm", "ecs-tasks"),
        *("events", "fis", "glue", "imagebuilder", "kendra", "lex", "lexv2", "logs", "omics", "pipes", "rekognition"),
        *("sagemaker", "scheduler", "ssm", "states", "textract", "transcribe", "transfer", "vpc-flow-logs"),
    }
)
_ASSUME: Final = ("sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity")
_BESIDE: Final = ("sts:tagsession", "sts:setsourceidentity", "sts:setcontext")
# Both as they are written.
_SPELLED: Final = (
    *("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"),
    *("sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext"),
)


def trusts_everyone(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows:
        return
    for kind, name, path in statement.principals():
        if kind == "AWS" and name == "*" and not statement.clauses:
            message = "every AWS account in the world may assume this role"
            yield Found(path, message, "name the accounts or roles that are meant")


def trusts_everyone_loosely(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows or not statement.clauses or any(_tells_who(clause) for clause in statement.clauses):
        return
    for kind, name, path in statement.principals():
        if kind == "AWS" and name == "*":
            message = "this trusts everyone, and no condition says whose account or organization they are of"
            yield Found(path, message, "name the accounts, or add a condition on aws:PrincipalOrgID")


def _tells_who(clause: Clause) -> bool:
    """Whether a condition holds for some callers only: not for a name that anybody may give a role of theirs."""
    if clause.name not in _WHO or not clause.demands or clause.operator.name == "Null":
        return False
    return not any(_anybody(text) for text in clause.values)


def _anybody(text: str) -> bool:
    account = (text.split(":") + [""] * 5)[4] if text.startswith("arn:") else ""
    return not text.strip("*?") or "*" in account or "?" in account


def third_party_without_external_id(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows or statement.narrowed(*_THIRD_PARTY):
        return
    for kind, name, path in statement.principals():
        account = _account(name) if kind == "AWS" else None
        if account is not None and account != about.account_id and account not in about.ours:
            message = f"account {account} is none of this project's, and no sts:ExternalId is asked of it"
            remedy = "a third party gives you an external id to ask for; list accounts of your own under accounts:"
            yield Found(path, message, remedy)


def service_without_source(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows or statement.names(*_SOURCE):
        return
    for kind, name, path in statement.principals():
        if kind == "Service" and name.partition(".amazonaws.com")[0] in _SENDS_SOURCE:
            message = f"{name} may use this role on behalf of other accounts"
            remedy = f'add "StringEquals": {{"aws:SourceAccount": "{about.account_id}"}}, or aws:SourceArn'
            yield Found(path, message, remedy)


def mismatched_action(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows or statement.not_action:
        return
    granted = [name for name in _ASSUME if any(_matches(text, name) for text in statement.actions)]
    if not granted:
        return  # told by `not_an_assumption`, or there to tag sessions only
    for kind, name, path in statement.principals():
        wanted = _wanted(kind, name)
        if wanted is not None and wanted.lower() not in granted:
            message = f"{name} comes by {wanted}, which this statement does not allow"
            yield Found(path, message, f"write Action: {wanted}")


def not_an_assumption(statement: Statement, about: About) -> Iterator[Found]:
    if statement.not_action:
        return
    for position, text in enumerate(statement.actions):
        if not any(_matches(text, name) for name in (*_ASSUME, *_BESIDE)):
            message = f"{text} is not asked of a trust policy: only sts:AssumeRole and its kin are"
            near = closest(text, _SPELLED)
            remedy = f"did you mean {near}?" if near else "what the role may do stands in its permissions"
            yield Found(statement.action_at(position), message, remedy)


def not_principal(statement: Statement, about: About) -> Iterator[Found]:
    if "NotPrincipal" in statement.value:
        word = "trusts everyone but those listed" if statement.allows else "denies everyone but those listed"
        message = f"NotPrincipal {word}; AWS's own check calls it an error in a trust policy"
        remedy = "list who is meant under Principal; to except some from a Deny, use ArnNotEquals on aws:PrincipalArn"
        yield Found((*statement.path, "NotPrincipal"), message, remedy, True)


def deleted_principal(statement: Statement, about: About) -> Iterator[Found]:
    for kind, name, path in statement.principals():
        if kind == "AWS" and _UNIQUE_ID.fullmatch(name):
            message = f"{name} is the id of a principal: AWS shows it where the user or role was deleted"
            yield Found(path, message, "write the ARN of the one that is meant, or remove it")


def no_such_principal(statement: Statement, about: About) -> Iterator[Found]:
    for kind, name, path in statement.principals():
        if kind == "CanonicalUser":
            yield Found(path, "canonical users are principals of S3 alone", "write AWS: ARN")
        elif kind == "Service" and not _SERVICE.fullmatch(name):
            yield Found(path, f"{name!r} is no service principal", "write for example ec2.amazonaws.com")
        elif kind == "AWS" and name != "*" and not _UNIQUE_ID.fullmatch(name):
            match = _ACCOUNT_OF.fullmatch(name)
            held = match[3] or "root" if match else ""
            if match is None:
                yield Found(path, f"{name!r} is no principal", "write an account id or the ARN of a user or role")
            elif not held.startswith(("root", "user/", "role/", "assumed-role/", "federated-user/")):
                yield Found(
                    path, f"{held.partition('/')[0]} is no kind of principal", "name a user, a role or an account"
                )
            elif match[1] and match[1] != about.partition:
                message = f"{match[1]!r} is another partition than the account's, {about.partition!r}"
                yield Found(path, message, "principals of other partitions cannot assume roles")


def _wanted(kind: str, name: str) -> str | None:
    """The action by which a principal assumes roles, or None where that is not known."""
    if kind in ("AWS", "Service"):
        return None if name == "*" else "sts:AssumeRole"
    match = PROVIDER.fullmatch(name) if kind == "Federated" else None
    if match is not None:
        return "sts:AssumeRoleWithSAML" if match[1] == "saml" else "sts:AssumeRoleWithWebIdentity"
    return "sts:AssumeRoleWithWebIdentity" if name in BUILT_IN else None


def _matches(pattern: str, action: str) -> bool:
    pattern = pattern.lower()
    if pattern == action:
        return True
    parts = re.split(r"([*?])", pattern)
    marks = {"*": ".*", "?": "."}
    return len(parts) > 1 and re.fullmatch("".join(marks.get(p) or re.escape(p) for p in parts), action) is not None


def _account(name: str) -> str | None:
    match = _ACCOUNT_OF.fullmatch(name)
    return (match[2] or match[4]) if match is not None else None


RULES: Final = (
    Rule(
        "IAM-P060",
        "high",
        "a role that everyone may assume",
        'Principal "*" in the trust policy of a role, with no condition, lets any principal of any AWS account take '
        "the role and all its permissions.",
        trusts_everyone,
        uses=TRUST,
    ),
    Rule(
        "IAM-P061",
        "high",
        "a role that everyone may assume who meets a loose condition",
        'Principal "*" needs a condition that says who is meant: aws:PrincipalOrgID, aws:PrincipalAccount, '
        "aws:PrincipalArn. An external id, an address or a time is no identity; IfExists and negated operators let "
        "requests through that lack the key.",
        trusts_everyone_loosely,
        uses=TRUST,
        conditions=True,
    ),
    Rule(
        "IAM-P068",
        "medium",
        "a third party's account without an external id",
        "A party that acts for many customers from one account can be talked into using one customer's role for "
        "another. sts:ExternalId, different for each customer, prevents it. Accounts of the project, conditions on "
        "the organization, on MFA or on a source identity are taken as not being of that kind.",
        third_party_without_external_id,
        uses=TRUST,
    ),
    Rule(
        "IAM-P069",
        "low",
        "a service without a condition on its source",
        "Some services act for whoever names the role's ARN. aws:SourceAccount, or aws:SourceArn, limits that to "
        "resources of one's own account. Only told for services that send these keys when they assume a role.",
        service_without_source,
        uses=TRUST,
    ),
    Rule(
        "IAM-P070",
        "high",
        "a principal that comes by another action",
        "SAML providers come by sts:AssumeRoleWithSAML, OIDC providers by sts:AssumeRoleWithWebIdentity, users, roles "
        "and services by sts:AssumeRole. A statement with another action trusts nobody.",
        mismatched_action,
        uses=TRUST,
    ),
    Rule(
        "IAM-P071",
        "medium",
        "an action that no trust policy is asked about",
        "A trust policy is asked about sts:AssumeRole, AssumeRoleWithSAML, AssumeRoleWithWebIdentity, TagSession, "
        "SetSourceIdentity and SetContext. Other actions in it have no effect.",
        not_an_assumption,
        uses=TRUST,
    ),
    Rule(
        "IAM-P072",
        "high",
        "NotPrincipal in a trust policy",
        "NotPrincipal with Allow trusts everyone in the world but those listed, anonymous callers included; with Deny "
        "it also denies the sessions of the very roles it lists. AWS advises against it, and its check refuses it "
        "here.",
        not_principal,
        uses=TRUST,
    ),
    Rule(
        "IAM-P073",
        "medium",
        "a principal that was deleted",
        "IAM stores users and roles of a trust policy by their unique id, and shows the id where there is no longer an "
        "entity of that id. A new one of the same name is not trusted until the policy is written again.",
        deleted_principal,
        uses=TRUST,
    ),
    Rule(
        "IAM-P074",
        "high",
        "a principal that cannot be one",
        "Principals of a role are accounts, users, roles, their sessions, services and identity providers, of the same "
        "partition. Groups, instance profiles and canonical users are none, and IAM refuses them.",
        no_such_principal,
        uses=TRUST,
    ),
)
