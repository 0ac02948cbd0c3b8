"""The JSON Schema (draft-07) of an account in the project file: the way into it, and its place in the order."""

from __future__ import annotations

from typing import Final

from iamsync.manifest.schemaparts import SCALAR, TEXT, Schema, closed

_MAYBE: Final[Schema] = {"type": ["string", "null"]}


def account_schema(manifests: Schema, variables: Schema) -> dict[str, Schema]:
    """The properties of an account, its settings left out."""
    return {
        "id": {
            "description": "Twelve digits; checked against the credentials before anything else.",
            "type": ["string", "integer"],
            "pattern": "^[0-9]{12}$",
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
        "hop": {"oneOf": [TEXT, hop]},
        "chain": {
            "oneOf": [
                {"$ref": "#/definitions/hop"},
                {"type": "array", "items": {"$ref": "#/definitions/hop"}},
                {"type": "null"},
            ]
        },
    }
