"""The JSON Schema of `access_keys` and `console_access`, for editors; what is read is checked by its nodes."""

from __future__ import annotations

from typing import Final

from iamsync.kinds.keyrules import BESIDE, CONSOLE, KEYS, SPANS, span
from iamsync.manifest.schemaexamples import examples
from iamsync.manifest.schemaparts import VARIABLE, Schema

_ABOUT: Final = {
    "rotate_after": "The age at which a key is replaced.",
    "overlap": "How long the old key works beside the new one at least.",
    "quiet": "How long the old key must not have been used before it is switched off.",
    "deadline": "When the old key is switched off although it is still used, counted from the new key.",
    "delete_after": "How long an old key stays, switched off, before it is deleted.",
}


def beside(kind: str) -> dict[str, Schema]:
    """The properties of a kind that are no fields of its spec."""
    return {name: _SCHEMAS[name] for name in BESIDE.get(kind, ())}


def _span(name: str) -> Schema:
    usual = SPANS[name][2]
    schema: Schema = {"description": _ABOUT[name], "type": ["string", "integer", "null"]}
    return {**schema, "pattern": rf"^[0-9]+[smhd]?$|{VARIABLE}", **({"default": span(usual)} if usual else {})}


_TARGET: Final[Schema] = {
    "description": "Where the secret goes: secretsmanager:NAME, ssm:NAME or age:RECIPIENT:FILE.",
    "type": "string",
    "pattern": rf"^(secretsmanager|ssm|file):.+$|^age:age1[a-z0-9]+:.+$|{VARIABLE}",
    "examples": ["secretsmanager:iam/$(name)", "ssm:/iam/$(name)"],
}
_SCHEMAS: Final[dict[str, Schema]] = {
    KEYS: {
        "description": "When access keys are replaced, by `iamsync keys rotate`; plan and apply never touch keys.",
        **examples(KEYS),
        "type": ["object", "null"],
        "properties": {**{name: _span(name) for name in SPANS}, "deliver_to": _TARGET},
        "required": ["rotate_after", "deliver_to"],
        "additionalProperties": False,
    },
    CONSOLE: {
        "description": "A password for the console, by `iamsync keys rotate`; false takes it away.",
        **examples(CONSOLE),
        "oneOf": [
            {"enum": [False, None]},
            {
                "type": "object",
                "properties": {
                    "deliver_to": _TARGET,
                    "password_reset_required": {
                        "description": "Whether the first sign-in asks for another password.",
                        "type": ["boolean", "null"],
                        "default": True,
                    },
                },
                "required": ["deliver_to"],
                "additionalProperties": False,
            },
        ],
    },
}
