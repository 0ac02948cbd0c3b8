"""The JSON Schema (draft-07) of the guardrails file."""

from __future__ import annotations

from iamsync.manifest.configschema import config_schema
from iamsync.manifest.configsettings import SETTINGS
from iamsync.manifest.schema import manifest_schema
from iamsync.manifest.schemaparts import DRAFT, Schema
from iamsync.settings import GUARDS

_SHARED = tuple(name for name in SETTINGS if name in ("scope", "unmanaged", "safety"))


def guardrails_schema() -> Schema:
    """What an operator's file holds: parts of the project file and of manifests, and what is its own."""
    settings, manifest = config_schema()["properties"], manifest_schema()
    return {
        "$schema": DRAFT,
        "title": "iamsync guardrails",
        "type": "object",
        "properties": {
            "version": {"description": "Version of this format.", "const": 1},
            "accounts": {
                "description": "The only account ids that may be touched.",
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "pattern": "^[0-9]{12}$"},
            },
            **{name: settings[name] for name in _SHARED},
            "refuse_acknowledgements": {
                "description": 'Guards that only the command line may acknowledge; "*" means all.',
                "type": "array",
                "items": {"enum": ["*", *GUARDS]},
            },
            "deliver_to": {
                "description": "Where manifests may deliver secrets to, and nowhere else: ssm:*, file:secrets/*.",
                "type": "array",
                "items": {"type": "string"},
            },
            "send_to": {
                "description": "Where lock, journal and notify of the project file may lead, and nowhere else: s3://acme-*.",
                "type": "array",
                "items": {"type": "string"},
            },
            "tests": manifest["properties"]["tests"],
        },
        "additionalProperties": False,
        "definitions": {"accounts": manifest["definitions"]["accounts"]},
    }
