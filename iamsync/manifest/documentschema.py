"""The JSON Schema of policy documents as manifests hold them."""

from __future__ import annotations

from iamsync.manifest.schemaparts import SCALAR, TEXT, VARIABLE, Schema, closed, one_or_list
from iamsync.policy.document import OPERATORS


def document() -> Schema:
    """A whole document; its statements are `#/definitions/statement`."""
    return closed(
        {
            "Version": {"enum": ["2012-10-17", "2008-10-17"]},
            "Id": SCALAR,
            "Statement": {
                "oneOf": [
                    {"$ref": "#/definitions/statement"},
                    {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/statement"}},
                ]
            },
        },
        required=["Statement"],
    )


def statement() -> Schema:
    """One statement."""
    several = one_or_list(SCALAR)
    principal: Schema = {
        "oneOf": [
            TEXT,
            closed(dict.fromkeys(("AWS", "Service", "Federated", "CanonicalUser"), several), minProperties=1),
        ]
    }
    values: Schema = {"type": "object", "additionalProperties": several}
    return closed(
        {
            "Sid": SCALAR,
            "Effect": {"anyOf": [{"enum": ["Allow", "Deny"]}, {"type": "string", "pattern": VARIABLE}]},
            "Principal": principal,
            "NotPrincipal": principal,
            "Action": several,
            "NotAction": several,
            "Resource": several,
            "NotResource": several,
            "Condition": {
                "type": "object",
                "propertyNames": {"pattern": _operator_pattern()},
                "additionalProperties": values,
            },
        },
        required=["Effect"],
    )


def _operator_pattern() -> str:
    return f"^(ForAllValues:|ForAnyValue:)?({'|'.join(OPERATORS)})(IfExists)?$|{VARIABLE}"
