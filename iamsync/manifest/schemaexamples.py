"""What editors offer beside a field's description: examples of its values, and whole resources to begin with.

`defaultSnippets` is the YAML language server's keyword; other readers of a schema pass over it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_READ: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "arn:aws:s3:::site/*"}],
}
_EC2: Final = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

# By the name of the field; every kind's field of that name takes the same.
FIELDS: Final[Mapping[str, tuple[Any, ...]]] = {
    "path": ("/ci/", "/people/"),
    "description": ("Publishes the site",),
    "max_session_duration": ("1h", "12h", 7200),
    "trust_policy": (_EC2, {"$file": "documents/trust.json"}),
    "document": (_READ, {"$file": "documents/deploy.json"}),
    "inline_policies": ({"read": _READ},),
    "groups": (["developers", {"group": "admins", "expires": "2027-01-31T18:00:00Z"}],),
    "managed_policies": (["deploy", "aws/ReadOnlyAccess", "live/audit"],),
    "permissions_boundary": ("ci-boundary",),
    "tags": ({"team": "data"},),
    "role": ("web",),
    "client_ids": (["sts.amazonaws.com"],),
    "thumbprints": (["6938fd4d98bab03faadb97b34396831e3780aea1"],),
    "metadata": ({"$file": "okta.xml"},),
    "alias": ("acme-prod",),
    "password_policy": ({"minimum_password_length": 14, "max_password_age": 90},),
    "use": ("github-deploy",),
    "with": ({"repo": "site"},),
    "renamed_from": ("old-name",),
    "only_accounts": ("prod", ["*-prod", "!legacy-*", "label:tier=prod"]),
    "ignore_changes": (["tags", "tags/eks:*", "managed_policies/aws/AmazonSSM*", "inline_policies/legacy"],),
    "expires": ("2027-01-31", "2027-01-31T18:00:00Z"),
    "access_keys": ({"rotate_after": "90d", "deliver_to": "secretsmanager:iam/$(name)"},),
    "console_access": (False, {"deliver_to": "ssm:/iam/$(name)"}),
    "Version": ("2012-10-17",),
    "Sid": ("ReadSite",),
    "Principal": ({"Service": "ec2.amazonaws.com"}, {"AWS": "$(arn.user/alice)"}, "*"),
    "Action": (["s3:GetObject", "s3:PutObject"], "s3:Get*"),
    "NotAction": (["iam:*"],),
    "Resource": ("arn:aws:s3:::site/*", "*"),
    "NotResource": ("arn:aws:s3:::secret/*",),
    "Condition": ({"StringEquals": {"aws:PrincipalTag/team": "data"}}, {"Bool": {"aws:SecureTransport": "true"}}),
}

_STATEMENT: Final = {"Effect": "Allow", "Action": ["${1:s3:GetObject}"], "Resource": "${2:arn:aws:s3:::bucket/*}"}
# A "$" of iamsync's own is written "\\$": the editor's placeholders begin with it too.
SNIPPETS: Final[Mapping[str, tuple[Mapping[str, Any], ...]]] = {
    "role": (
        {
            "label": "role for a service",
            "description": "A role that an AWS service assumes",
            "body": {
                "trust_policy": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "${1:ec2.amazonaws.com}"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                },
                "managed_policies": ["${2:aws/ReadOnlyAccess}"],
            },
        },
        {
            "label": "role for GitHub Actions",
            "description": "A role that workflows of one repository and branch assume",
            "body": {
                "trust_policy": {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {
                                "Federated": "\\$(arn.oidc_provider/token.actions.githubusercontent.com)",
                            },
                            "Action": "sts:AssumeRoleWithWebIdentity",
                            "Condition": {
                                "StringEquals": {
                                    "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                                    "token.actions.githubusercontent.com:sub": (
                                        "repo:${1:OWNER}/${2:REPOSITORY}:ref:refs/heads/${3:main}"
                                    ),
                                }
                            },
                        }
                    ],
                },
                "managed_policies": ["${4:deploy}"],
            },
        },
    ),
    "policy": (
        {
            "label": "policy",
            "description": "A managed policy with one statement",
            "body": {"document": {"Version": "2012-10-17", "Statement": [_STATEMENT]}},
        },
    ),
    "user": (
        {
            "label": "person",
            "description": "A person in a group",
            "body": {"path": "/people/", "groups": ["${1:developers}"], "tags": {"team": "${2:data}"}},
        },
    ),
    "group": (
        {
            "label": "group",
            "description": "A group with a managed policy",
            "body": {"managed_policies": ["${1:aws/ReadOnlyAccess}"]},
        },
    ),
}


def examples(name: str) -> dict[str, Any]:
    """The keyword `examples` of a field of this name, where there are any."""
    return {"examples": list(FIELDS[name])} if name in FIELDS else {}


def snippets(kind: str) -> dict[str, Any]:
    """The keyword `defaultSnippets` of a kind, where there are any."""
    return {"defaultSnippets": list(SNIPPETS[kind])} if kind in SNIPPETS else {}
