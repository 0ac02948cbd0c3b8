"""Rules about roles that identity providers lead to: which audience, which subject, how wide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from iamsync.policy.lint.reading import TRUST, About, Clause, Found, Rule, Statement

PROVIDER: Final = re.compile(r"arn:[a-z0-9-]+:iam::\d{12}:(oidc|saml)-provider/(.+)", re.ASCII)
_LOOSE: Final = re.compile(r"[*?]")

# Providers built in to STS, and what they call the audience and the subject.
BUILT_IN: Final = {
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
_CLAIMS: Final = tuple(
    f"{_GITHUB}:{name}" for name in ("repository", "repository_id", "repository_owner_id", "job_workflow_ref")
)
_GITHUB_SUBJECTS: Final = ("sub", "repository", "repository_id", "repository_owner_id", "job_workflow_ref")


def oidc_without_audience(statement: Statement, about: About) -> Iterator[Found]:
    for host, path, audience, _ in _issuers(statement):
        if not statement.narrowed(f"{host}:{audience}"):
            yield Found(
                path, f"tokens of {host} for any audience are accepted", f"add a condition on {host}:{audience}"
            )


def oidc_without_subject(statement: Statement, about: About) -> Iterator[Found]:
    for host, path, _, subjects in _issuers(statement):
        if host in _SHARED and not _named(statement, host, subjects):
            message = f"any customer of {host} may assume this role"
            yield Found(path, message, f"add a condition on {host}:{subjects[0]}")


def own_oidc_without_subject(statement: Statement, about: About) -> Iterator[Found]:
    for host, path, _, subjects in _issuers(statement):
        if host not in _SHARED and not _named(statement, host, subjects):
            message = f"whoever gets a token of {host} may assume this role"
            yield Found(path, message, f"add a condition on {host}:{subjects[0]}")


def wide_subject(statement: Statement, about: About) -> Iterator[Found]:
    for host, _, _, subjects in _issuers(statement):
        for clause in statement.clauses:
            if clause.operator.name != "StringLike":
                continue
            if clause.name == f"{host}:{subjects[0]}":
                yield from _wide(clause, host)
            elif host == _GITHUB and clause.name in _CLAIMS and not _held(statement, clause):
                yield from _wide_claim(clause)


def _named(statement: Statement, host: str, subjects: tuple[str, ...]) -> bool:
    """Whether the subject, or a claim like it, must have a value; one of the subject that is too wide is told apart."""
    first = f"{host}:{subjects[0]}"
    wide = any(one.name == first and one.demands and one.operator.name == "StringLike" for one in statement.clauses)
    return wide or statement.narrowed(*(f"{host}:{name}" for name in subjects))


def _held(statement: Statement, beside: Clause) -> bool:
    """Whether another clause names the owner in full, so that this one only narrows further."""
    return any(
        clause is not beside and clause.name in (f"{_GITHUB}:sub", *_CLAIMS) and clause.narrows and not _loose(clause)
        for clause in statement.clauses
    )


def _loose(clause: Clause) -> bool:
    """Whether a clause on GitHub's claims leaves the owner open."""
    if clause.operator.name != "StringLike":
        return False
    return any(_wide(clause, _GITHUB)) if clause.name == f"{_GITHUB}:sub" else any(_wide_claim(clause))


def _wide_claim(clause: Clause) -> Iterator[Found]:
    """Values of a claim beside the subject in which the owner, or an id, has a wildcard."""
    for position, text in enumerate(clause.values):
        if text.strip("*?") and _LOOSE.search(text.partition("/")[0]):
            message = f"{text!r} lets in repositories of other owners: the owner has a wildcard"
            yield Found(clause.at(position), message, "write the owner, or the id, in full")


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
    if not statement.allows or statement.narrowed("saml:aud"):
        return
    for kind, name, path in statement.principals():
        match = PROVIDER.fullmatch(name) if kind == "Federated" else None
        if match is not None and match[1] == "saml":
            yield Found(path, "assertions for any audience are accepted", "add a condition on SAML:aud")


def _issuers(statement: Statement) -> Iterator[tuple[str, tuple[str | int, ...], str, tuple[str, ...]]]:
    """Host, path, word for the audience and words for the subject of each OIDC provider that is trusted."""
    if not statement.allows:
        return
    for kind, name, path in statement.principals():
        if kind != "Federated":
            continue
        match = PROVIDER.fullmatch(name)
        if match is not None and match[1] == "oidc":
            host = match[2].lower()
            yield host, path, "aud", _GITHUB_SUBJECTS if host == _GITHUB else ("sub",)
        elif name in BUILT_IN:
            audience, subject = BUILT_IN[name]
            yield name, path, audience, (subject, "sub")


RULES: Final = (
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
)
