"""Rules about trust policies: who may become a role, and what must be asked of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from iamsync.policy.lint.reading import TRUST, About, Clause, Found, Rule, Statement

_ACCOUNT_OF: Final = re.compile(r"arn:([a-z0-9-]+):(?:iam|sts)::(\d{12}):(.+)|(\d{12})", re.ASCII | re.DOTALL)
_UNIQUE_ID: Final = re.compile(r"A[A-Z0-9]{3}[A-Z0-9]{12,}", re.ASCII)
_SERVICE: Final = re.compile(r"[a-z0-9.-]+\.(?:amazonaws\.com(?:\.cn)?|amazon\.com|aws\.internal|api\.aws)", re.ASCII)
_PROVIDER: Final = re.compile(r"arn:[a-z0-9-]+:iam::\d{12}:(oidc|saml)-provider/(.+)", re.ASCII)
_LOOSE: Final = re.compile(r"[*?]")

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
# Providers built in to STS, and what they call the audience and the subject.
_BUILT_IN: Final = {
    "accounts.google.com": ("aud", "sub"),
    "cognito-identity.amazonaws.com": ("aud", "amr"),
    "www.amazon.com": ("app_id", "user_id"),
    "graph.facebook.com": ("app_id", "id"),
}
# Issuers that every customer of theirs shares: only the subject (or a claim like it) tells customers apart.
_SHARED: Final = (
    *("token.actions.githubusercontent.com", "gitlab.com", "app.terraform.io", "agent.buildkite.com"),
    *("accounts.google.com", "api.bitbucket.org", "vstoken.dev.azure.com", "oidc.vercel.com", "api.pulumi.com"),
)
_GITHUB: Final = "token.actions.githubusercontent.com"
_GITHUB_SUBJECTS: Final = ("sub", "repository", "repository_id", "repository_owner_id", "job_workflow_ref")
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


def trusts_everyone(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows:
        return
    for kind, name, path in statement.principals():
        if kind == "AWS" and name == "*" and not statement.clauses:
            message = "every AWS account in the world may assume this role"
            yield Found(path, message, "name the accounts or roles that are meant")


def trusts_everyone_loosely(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows or not statement.clauses or statement.demands(*_WHO):
        return
    for kind, name, path in statement.principals():
        if kind == "AWS" and name == "*":
            message = "this trusts everyone, and no condition says whose account or organization they are of"
            yield Found(path, message, "name the accounts, or add a condition on aws:PrincipalOrgID")


def oidc_without_audience(statement: Statement, about: About) -> Iterator[Found]:
    for host, path, audience, _ in _issuers(statement):
        if not statement.demands(f"{host}:{audience}"):
            yield Found(
                path, f"tokens of {host} for any audience are accepted", f"add a condition on {host}:{audience}"
            )


def oidc_without_subject(statement: Statement, about: About) -> Iterator[Found]:
    for host, path, _, subjects in _issuers(statement):
        if host in _SHARED and not statement.demands(*(f"{host}:{name}" for name in subjects)):
            message = f"any customer of {host} may assume this role"
            yield Found(path, message, f"add a condition on {host}:{subjects[0]}")


def own_oidc_without_subject(statement: Statement, about: About) -> Iterator[Found]:
    for host, path, _, subjects in _issuers(statement):
        if host not in _SHARED and not statement.demands(*(f"{host}:{name}" for name in subjects)):
            message = f"whoever gets a token of {host} may assume this role"
            yield Found(path, message, f"add a condition on {host}:{subjects[0]}")


def wide_subject(statement: Statement, about: About) -> Iterator[Found]:
    for host, _, _, subjects in _issuers(statement):
        for clause in statement.clauses:
            if clause.name == f"{host}:{subjects[0]}" and clause.operator.name == "StringLike":
                yield from _wide(clause, host)


def _wide(clause: Clause, host: str) -> Iterator[Found]:
    for position, text in enumerate(clause.values):
        if not text.strip("*?"):
            yield Found(clause.at(position), f"{text!r} lets in every subject of {host}", "name the one that is meant")
        elif host == _GITHUB and (owner := _github_owner(text)) is not None and _LOOSE.search(owner):
            message = f"{text!r} lets in repositories of other owners: the owner has a wildcard"
            yield Found(clause.at(position), message, "write repo:OWNER/REPOSITORY:... with the owner in full")
        elif host != _GITHUB and host in _SHARED and _LOOSE.search(re.split(r"[:/]", text)[1] if ":" in text else text):
            message = f"{text!r} lets in other customers of {host}: the first name has a wildcard"
            yield Found(clause.at(position), message, "write the organization or project in full")


def wide_repository(statement: Statement, about: About) -> Iterator[Found]:
    for host, _, _, _ in _issuers(statement):
        for clause in statement.clauses if host == _GITHUB else ():
            if clause.name == f"{_GITHUB}:sub" and clause.operator.name == "StringLike":
                for position, text in enumerate(clause.values):
                    owner = _github_owner(text)
                    if owner is None or _LOOSE.search(owner):
                        continue
                    _, _, rest = text.removeprefix("repo:").partition("/")
                    repository, colon, ref = rest.partition(":")
                    if _LOOSE.search(repository):
                        message = f"{text!r} lets in several repositories of {owner}, also those made later"
                        yield Found(clause.at(position), message, "name the repository")
                    elif colon and not ref.strip("*"):
                        message = f"{text!r} lets in every branch, tag and pull request of the repository"
                        remedy = "name the branch or environment: repo:OWNER/REPOSITORY:ref:refs/heads/main"
                        yield Found(clause.at(position), message, remedy)


def _github_owner(text: str) -> str | None:
    """The owner of a subject of GitHub's, with the wildcard that ends it early."""
    if not text.startswith("repo:"):
        return text if _LOOSE.search(text.split(":", 1)[0]) else None
    owner, slash, _ = text.removeprefix("repo:").partition("/")
    return owner if slash or _LOOSE.search(owner) else None


def saml_without_audience(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows or statement.demands("saml:aud"):
        return
    for kind, name, path in statement.principals():
        match = _PROVIDER.fullmatch(name) if kind == "Federated" else None
        if match is not None and match[1] == "saml":
            yield Found(path, "assertions for any audience are accepted", "add a condition on SAML:aud")


def third_party_without_external_id(statement: Statement, about: About) -> Iterator[Found]:
    if not statement.allows or statement.demands(*_THIRD_PARTY):
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
            yield Found(statement.action_at(position), message, "what the role may do stands in its permissions")


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


def _issuers(statement: Statement) -> Iterator[tuple[str, tuple[str | int, ...], str, tuple[str, ...]]]:
    """Host, path, word for the audience and words for the subject of each OIDC provider that is trusted."""
    if not statement.allows:
        return
    for kind, name, path in statement.principals():
        if kind != "Federated":
            continue
        match = _PROVIDER.fullmatch(name)
        if match is not None and match[1] == "oidc":
            host = match[2].lower()
            yield host, path, "aud", _GITHUB_SUBJECTS if host == _GITHUB else ("sub",)
        elif name in _BUILT_IN:
            audience, subject = _BUILT_IN[name]
            yield name, path, audience, (subject, "sub")


def _wanted(kind: str, name: str) -> str | None:
    """The action by which a principal assumes roles, or None where that is not known."""
    if kind in ("AWS", "Service"):
        return None if name == "*" else "sts:AssumeRole"
    match = _PROVIDER.fullmatch(name) if kind == "Federated" else None
    if match is not None:
        return "sts:AssumeRoleWithSAML" if match[1] == "saml" else "sts:AssumeRoleWithWebIdentity"
    return "sts:AssumeRoleWithWebIdentity" if name in _BUILT_IN else None


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
        "IAM-P062",
        "medium",
        "an OIDC provider without a condition on the audience",
        "A token names the party it was made for. Without a condition on the audience (HOST:aud), a token that its "
        "owner gave to some other service can be used here.",
        oidc_without_audience,
        uses=TRUST,
    ),
    Rule(
        "IAM-P063",
        "high",
        "a shared OIDC issuer without a condition on the subject",
        "GitHub, GitLab, Terraform Cloud and others sign the tokens of all their customers with one issuer. Without a "
        "condition on the subject, anybody with an account there may assume the role. ForAllValues and IfExists do not "
        "count: they hold for tokens without the claim.",
        oidc_without_subject,
        uses=TRUST,
    ),
    Rule(
        "IAM-P064",
        "medium",
        "an OIDC provider without a condition on the subject",
        "Every workload that the issuer signs tokens for (every service account of an EKS cluster, say) may assume the "
        "role. A condition on HOST:sub names the one that is meant.",
        own_oidc_without_subject,
        uses=TRUST,
    ),
    Rule(
        "IAM-P065",
        "high",
        "a condition on the subject that lets strangers in",
        "The wildcard stands where the owner is named: repo:acme*/site also matches repo:acme-evil/site, and repo:* "
        "every repository on GitHub.",
        wide_subject,
        uses=TRUST,
        conditions=True,
    ),
    Rule(
        "IAM-P066",
        "low",
        "a condition on the subject wider than one branch",
        "repo:acme/* is every repository of the owner, repo:acme/site:* every branch, tag and pull request of one. "
        "Whoever can push a branch there can assume the role. A branch or a protected environment is narrower.",
        wide_repository,
        uses=TRUST,
        conditions=True,
    ),
    Rule(
        "IAM-P067",
        "medium",
        "a SAML provider without a condition on the audience",
        "SAML:aud says which sign-in page the assertion was made for, usually https://signin.aws.amazon.com/saml. "
        "Without a condition on it, assertions made for other parties can be used here.",
        saml_without_audience,
        uses=TRUST,
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
