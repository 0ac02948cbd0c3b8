"""The JSON Schema of the project file, iamsync.yaml."""

from __future__ import annotations

from typing import Final

from iamsync.kinds import SECTIONS
from iamsync.manifest import config, configsettings
from iamsync.manifest.accountschema import account_schema, chain_definitions, discover_schema
from iamsync.manifest.discover import KEY as DISCOVER
from iamsync.manifest.notify import NOTIFY, notify_schema
from iamsync.manifest.schemaexamples import examples
from iamsync.manifest.schemaparts import DRAFT, SCALAR, TEXT, Schema, closed, one_or_list
from iamsync.settings import GUARDS

_BUCKET: Final[Schema] = {"type": ["string", "null"], "pattern": "^s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/.*)?$"}


def config_schema() -> Schema:
    """The schema of the project file."""
    settings = _settings()
    variables: Schema = {
        "description": "Values of $(var.NAME).",
        "type": ["object", "null"],
        "additionalProperties": one_or_list(SCALAR),
    }
    manifests: Schema = {
        "description": "Files and directories to read.",
        "type": "array",
        "items": TEXT,
        "examples": [["iam"], ["iam/common", "iam/prod"]],
    }
    account = {**account_schema(manifests, variables), **settings}
    return {
        "$schema": DRAFT,
        "title": "iamsync project file",
        "type": "object",
        "properties": {
            "version": {"description": "Version of this format.", "const": 1},
            "manifests": {**manifests, "default": list(config.DEFAULT_MANIFESTS)},
            "variables": variables,
            "accounts": {
                "description": "Accounts by name.",
                "type": ["object", "null"],
                "additionalProperties": {**closed(account), "type": ["object", "null"]},
            },
            DISCOVER: discover_schema(account),
            **settings,
            "acknowledge": {
                "description": "Consent to guards, in advance.",
                "type": "array",
                "items": _acknowledgement(),
            },
            "lock": {"description": "Where the team lock is kept: s3://BUCKET/PREFIX/.", **_BUCKET},
            "journal": {"description": "Where runs are recorded as well: s3://BUCKET/PREFIX/.", **_BUCKET},
            NOTIFY: notify_schema(),
        },
        "additionalProperties": False,
        "definitions": chain_definitions(),
    }


def _settings() -> dict[str, Schema]:
    fields = {
        kind.section: {
            "description": f"Fields of every one of them that does not say otherwise. {kind.about}",
            **closed({field.name: {"description": field.about, **examples(field.name)} for field in kind.fields}),
        }
        for kind in SECTIONS.values()
        if not kind.setting
    }
    selector = {"type": "array", "items": TEXT}
    levels = {**selector, "minItems": 1}
    return {
        "scope": {
            "description": "Which undeclared live resources are watched.",
            **closed(
                {
                    "include": {
                        "description": "Selectors of what is watched: role/app-*, role:/ci/**, tag:Team=web.",
                        **selector,
                        "default": ["*"],
                        "examples": [["role:/ci/**", "policy/*"]],
                    },
                    "exclude": {"description": "Selectors, and owners, of what is not.", **_exclude()},
                }
            ),
        },
        "unmanaged": {
            "description": "What becomes of undeclared live resources in scope.",
            "enum": list(configsettings.UNMANAGED),
            "default": "report",
        },
        "ignore_changes": {
            "description": "Fields, or members of fields, that are left to others everywhere.",
            "type": "array",
            "items": TEXT,
        },
        "safety": {
            "description": "Limits past which a plan is refused.",
            **closed(
                {
                    "max_deletes": {
                        "description": "How many resources one plan may delete.",
                        "type": "integer",
                        "minimum": 0,
                        "default": 10,
                    },
                    "max_change_percent": {
                        "description": "How many percent of what is managed one plan may change; tags do not count.",
                        "type": "integer",
                        "minimum": 0,
                        "maximum": 100,
                        "default": 30,
                    },
                    "settle": {
                        "description": "Pause between grants and revocations.",
                        "type": ["string", "integer"],
                        "pattern": "^[0-9]+[smhd]?$",
                        "default": "10s",
                    },
                    "recently_used": {
                        "description": "How long after its last use a user or role is not deleted; 0 for no limit.",
                        "type": ["string", "integer"],
                        "pattern": "^[0-9]+[smhd]?$",
                        "default": "90d",
                    },
                    "max_principals_losing_access": {
                        "description": "How many users and roles one plan may take permissions from.",
                        "type": "integer",
                        "minimum": 0,
                        "default": 20,
                    },
                    "protected": {**selector, "default": [], "description": "Never changed without acknowledgement."},
                    "break_glass": {
                        **selector,
                        "default": [],
                        "description": "Users and roles that must stay administrators whatever else changes.",
                    },
                }
            ),
        },
        "organization_policies": {
            "description": "Policies of the organization that limit the account, in files of the project.",
            **closed(
                {
                    "scps": {
                        "description": "Levels of service control policies, the root's first; or FullAWSAccess.",
                        "type": "array",
                        "items": levels,
                    },
                    "rcps": {
                        "description": "Levels of resource control policies, the root's first.",
                        "type": "array",
                        "items": levels,
                    },
                }
            ),
        },
        "default_tags": {
            "description": "Tags of every declared resource that can have tags.",
            "type": ["object", "null"],
            "additionalProperties": SCALAR,
        },
        "defaults": {"description": "Fields of every declared resource of a section.", **closed(fields)},
    }


def _exclude() -> Schema:
    """What is left out of the scope: selectors, and owners that are asked what is theirs."""
    regions = {"oneOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    stacks = {"description": "What stacks own: in every enabled region, or in these.", **regions}
    state = {"description": "A Terraform state in this project; what it lists is Terraform's.", "type": "string"}
    owners = closed({"cloudformation": stacks, "terraform_state": state})
    return {"type": "array", "items": {"oneOf": [TEXT, owners]}, "default": []}


def _acknowledgement() -> Schema:
    return closed(
        {
            "guard": {"description": "Name of the guard.", "enum": list(GUARDS)},
            "address": {"description": "Address or glob; all where left out.", "type": "string", "default": "*"},
            "reason": {"description": "Why; shown in the plan.", "type": "string"},
            "until": {"description": "Date or time it ends, RFC 3339.", "type": "string"},
        },
        required=["guard", "reason", "until"],
    )
