"""The JSON Schema of policy documents as manifests hold them."""

from __future__ import annotations

from typing import Any, Final

from iamsync.manifest.schemaexamples import examples
from iamsync.manifest.schemaparts import SCALAR, TEXT, VARIABLE, Schema, closed, one_or_list
from iamsync.policy.document import OPERATORS

_ABOUT: Final = {
    "Version": "The version of the policy language; without 2012-10-17, ${aws:username} and its like are mere text.",
    "Id": "A name of the document; it means nothing to IAM.",
    "Statement": "One statement or a list of them.",
    "Sid": "A name of the statement; it grants nothing.",
    "Effect": "Allow or Deny; a Deny wins over every Allow.",
    "Principal": 'Who: {AWS: ARN or account}, {Service: NAME}, {Federated: ARN}, or "*" for everybody.',
    "NotPrincipal": "Everybody but these; with Allow it lets in the whole world.",
    "Action": "service:Action, with * and ? as wildcards.",
    "NotAction": "Every action but these.",
    "Resource": 'ARNs, with * and ? as wildcards; "*" for everything.',
    "NotResource": "Every resource but these.",
    "Condition": "Operator, condition key, value or values; all operators and keys must hold.",
    "AWS": "ARNs of users, roles or accounts, account ids, or *.",
    "Service": "Services of AWS: ec2.amazonaws.com.",
    "Federated": "ARNs of OIDC and SAML providers.",
    "CanonicalUser": "Canonical ids of accounts, as S3 has them.",
}


def document() -> Schema:
    """A whole document; its statements are `#/definitions/statement`."""
    return closed(
        _told(
            {
                "Version": {"enum": ["2012-10-17", "2008-10-17"]},
                "Id": SCALAR,
                "Statement": {
                    "oneOf": [
                        {"$ref": "#/definitions/statement"},
                        {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/statement"}},
                    ]
                },
            }
        ),
        required=["Statement"],
    )


def statement() -> Schema:
    """One statement."""
    several = one_or_list(SCALAR)
    principal: Schema = {
        "oneOf": [
            TEXT,
            closed(_told(dict.fromkeys(("AWS", "Service", "Federated", "CanonicalUser"), several)), minProperties=1),
        ]
    }
    values: Schema = {"type": "object", "additionalProperties": several}
    properties: dict[str, Schema] = {
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
    }
    return closed(_told(properties), required=["Effect"])


def _operator_pattern() -> str:
    return f"^(ForAllValues:|ForAnyValue:)?({'|'.join(OPERATORS)})(IfExists)?$|{VARIABLE}"


def _told(properties: dict[str, Any]) -> dict[str, Any]:
    """The properties with what each means, and examples."""
    return {name: {"description": _ABOUT[name], **held, **examples(name)} for name, held in properties.items()}
