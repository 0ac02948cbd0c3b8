"""The JSON Schema (draft-07) of an account in the project file: the way into it, and its place in the order."""

from __future__ import annotations

from typing import Final

from iamsync.manifest.discover import RULE, WAYS
from iamsync.manifest.schemaparts import SCALAR, TEXT, Schema, closed

_CHAIN: Final[Schema] = {"$ref": "#/definitions/chain"}
_MAYBE: Final[Schema] = {"type": ["string", "null"]}


def account_schema(manifests: Schema, variables: Schema) -> dict[str, Schema]:
    """The properties of an account, its settings left out."""
    return {
        "id": {
            "description": "Twelve digits; checked against the credentials before anything else.",
            "type": ["string", "integer"],
            "pattern": "^[0-9]{12}$",
            "examples": ["111122223333"],
        },
        "manifests": manifests,
        "variables": variables,
        "labels": {"description": "For label:KEY=VALUE.", "type": "object", "additionalProperties": SCALAR},
        "profile": {"description": "Profile of the AWS configuration.", **_MAYBE},
        "region": {"description": "Region of STS calls.", **_MAYBE},
        "partition": {"description": "aws, aws-cn, aws-us-gov.", **_MAYBE},
        "backend": {"description": "AWS, or the embedded IAM.", "enum": ["aws", "sandbox"], "default": "aws"},
        "wave": {
            "description": "Applies start wave by wave; a failure stops the later ones.",
            "type": "integer",
            "minimum": 1,
            "default": 1,
        },
        "assume_role": {
            "description": "Role to assume, a chain of them, or apart for reading and writing.",
            "oneOf": [
                {"$ref": "#/definitions/chain"},
                closed(
                    {"read": {"$ref": "#/definitions/chain"}, "write": {"$ref": "#/definitions/chain"}},
                    minProperties=1,
                ),
            ],
        },
    }


def discover_schema(account: dict[str, Schema]) -> Schema:
    """The section `discover`; `account` are the properties of an account."""
    ways = {name: account[name] for name in WAYS}
    patterns: Schema = {"type": "array", "items": TEXT}
    match = {"description": "Which accounts: account/NAME, ou:PATH/**, tag:KEY=VALUE.", **patterns, "minItems": 1}
    rule = closed({"match": match, **{name: account[name] for name in RULE if name != "match"}})
    return {
        "description": "Accounts of the organization that the run is about beside those that are named.",
        **closed(
            {
                **ways,
                "through": {"description": "Roles to assume before Organizations is asked.", **_CHAIN},
                "include": {"description": "account/NAME, ou:PATH/**, tag:KEY=VALUE; all where left out.", **patterns},
                "exclude": {"description": "The same, left out.", **patterns},
                "rules": {
                    "description": "What holds for which accounts, the last over the first.",
                    "type": "array",
                    "items": {**rule, "required": ["match"]},
                },
            }
        ),
    }


def chain_definitions() -> dict[str, Schema]:
    """The definitions of a role to assume and of a chain of them."""
    hop = closed(
        {
            "arn": {"description": "The role's ARN.", **TEXT},
            "external_id": {"description": "What the role's trust policy asks for.", **_MAYBE},
            "session_name": {"description": "Name of the session.", **_MAYBE},
            "duration": {"description": "15m to 12h, or seconds.", "type": ["string", "integer"]},
            "session_tags": {
                "description": "Tags of the session, for conditions on aws:PrincipalTag.",
                "type": ["object", "null"],
                "additionalProperties": SCALAR,
            },
            "transitive_tags": {
                "description": "Which of the session's tags go along to the roles after it.",
                "type": "array",
                "items": TEXT,
            },
            "source_identity": {"description": "Who is behind it all; it stays through the chain.", **_MAYBE},
            "mfa_serial": {"description": "The MFA device of the user who starts the chain.", **_MAYBE},
        },
        required=["arn"],
    )
    return {
        "hop": {"description": "A role to assume: its ARN, or a table that says more.", "oneOf": [TEXT, hop]},
        "chain": {
            "description": "A role to assume, or several, one after another.",
            "oneOf": [
                {"$ref": "#/definitions/hop"},
                {"type": "array", "items": {"$ref": "#/definitions/hop"}},
                {"type": "null"},
            ],
        },
    }
