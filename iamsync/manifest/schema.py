"""JSON Schemas (draft-07, what editors speak) of manifests and of the project file, from the kinds.

iamsync itself checks files by their nodes, with better messages; these are for editors and other
tools. Only `schema_errors` imports jsonschema.
"""

from __future__ import annotations

from typing import Any, Final

from iamsync.kinds import KINDS, SECTIONS
from iamsync.kinds.account import BOUNDS, DEFAULTS, RULES
from iamsync.kinds.kind import Field, Kind
from iamsync.manifest import config, configsettings, limits
from iamsync.manifest.documents import FILE_KEY
from iamsync.manifest.notify import NOTIFY, notify_schema
from iamsync.manifest.templates import TEMPLATED
from iamsync.policy.document import OPERATORS
from iamsync.settings import GUARDS

Schema = dict[str, Any]

DRAFT: Final = "http://json-schema.org/draft-07/schema#"
_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
_VARIABLE: Final = r"\$\("  # a text with a variable in it may be anything until it is filled in
_SCALAR: Final[Schema] = {"type": ["string", "integer", "boolean"]}
_TEXT: Final[Schema] = {"type": "string"}
_BUCKET: Final[Schema] = {"type": ["string", "null"], "pattern": "^s3://[a-z0-9][a-z0-9.-]+[a-z0-9](/.*)?$"}
_COMMON: Final[dict[str, Schema]] = {
    "use": {"type": "string", "description": "Template to take the fields from."},
    "with": {
        "type": "object",
        "description": "Values of the template's parameters.",
        "additionalProperties": _SCALAR,
    },
    "only_accounts": {"$ref": "#/definitions/accounts"},
    "ignore_changes": {"$ref": "#/definitions/ignore_changes"},
    "renamed_from": {"type": "string", "description": "The name it had before; it is renamed, not made anew."},
    "expires": {"$ref": "#/definitions/expires"},
}

_ITEM: Final[dict[str, Schema]] = {name: _COMMON[name] for name in ("expires", "only_accounts")}


def manifest_schema() -> Schema:
    """The schema of one YAML document of a manifest file."""
    definitions: dict[str, Schema] = {
        "accounts": {
            "description": 'Accounts it holds for: names, globs, label:KEY=VALUE; "!" excludes.',
            **_one_or_list(_TEXT),
        },
        "ignore_changes": {
            "description": "Fields, or members of fields, that are left to others: tags, tags/eks:*.",
            "type": "array",
            "items": _TEXT,
        },
        "expires": {
            "description": "From then on it is removed: an RFC 3339 time, or a date as 00:00 UTC of that day.",
            "type": ["string", "null"],
            "pattern": rf"^{_DAY}([Tt ]{_CLOCK})?$|{_VARIABLE}",
        },
        "file": {
            "type": "object",
            "description": "A document in a file of its own, relative to this one.",
            "properties": {FILE_KEY: {"type": "string", "pattern": rf"\.(json|ya?ml)$|{_VARIABLE}"}},
            "required": [FILE_KEY],
            "additionalProperties": False,
        },
        "statement": _statement(),
        "document": {"oneOf": [_document(), {"$ref": "#/definitions/file"}]},
        "template": _template(),
    }
    properties: dict[str, Schema] = {
        "templates": {
            "description": "Fields written once, used by several resources.",
            "type": ["object", "null"],
            "additionalProperties": {"$ref": "#/definitions/template"},
        }
    }
    for kind in SECTIONS.values():
        if kind.setting:
            settings = {field.name: _field(field) for field in kind.fields}
            held = _closed({**settings, "only_accounts": _COMMON["only_accounts"]}, typed=False)
            properties[kind.section] = {"description": kind.about, "type": ["object", "null"], **held}
            continue
        definitions[kind.name] = _resource(kind)
        properties[kind.section] = {
            "description": kind.about,
            "type": ["object", "null"],
            "propertyNames": {"pattern": _or_variable(kind.name_pattern.pattern)},
            "additionalProperties": {"$ref": f"#/definitions/{kind.name}"},
        }
    properties["removed"] = {
        "description": "Resources to delete wherever they still exist.",
        "type": ["array", "null"],
        "items": {"oneOf": [_removed_address(), _removal()]},
    }
    properties["tests"] = {
        "description": "What must be allowed and what must not, by the name of the test.",
        "type": ["object", "null"],
        "additionalProperties": _test(),
    }
    properties["suppress"] = {
        "description": "Findings of validate that are known and right here.",
        "type": ["array", "null"],
        "items": _suppression(),
    }
    properties["only_accounts"] = {"$ref": "#/definitions/accounts"}
    return {
        "$schema": DRAFT,
        "title": "iamsync manifest",
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        "definitions": definitions,
    }


def config_schema() -> Schema:
    """The schema of the project file."""
    settings = _settings()
    variables: Schema = {
        "description": "Values of $(var.NAME).",
        "type": ["object", "null"],
        "additionalProperties": _one_or_list(_SCALAR),
    }
    manifests: Schema = {"description": "Files and directories to read.", "type": "array", "items": _TEXT}
    account: dict[str, Schema] = {
        "id": {
            "description": "Twelve digits; checked against the credentials before anything else.",
            "type": ["string", "integer"],
            "pattern": "^[0-9]{12}$",
        },
        "manifests": manifests,
        "variables": variables,
        "labels": {"description": "For label:KEY=VALUE.", "type": "object", "additionalProperties": _SCALAR},
        "profile": {"description": "Profile of the AWS configuration.", "type": ["string", "null"]},
        "region": {"description": "Region of STS calls.", "type": ["string", "null"]},
        "partition": {"description": "aws, aws-cn, aws-us-gov.", "type": ["string", "null"]},
        "backend": {"description": "AWS, or the embedded IAM.", "enum": ["aws", "sandbox"], "default": "aws"},
        "assume_role": {
            "description": "Role to assume, a chain of them, or apart for reading and writing.",
            "oneOf": [
                {"$ref": "#/definitions/chain"},
                _closed(
                    {"read": {"$ref": "#/definitions/chain"}, "write": {"$ref": "#/definitions/chain"}},
                    minProperties=1,
                ),
            ],
        },
        **settings,
    }
    hop = _closed(
        {
            "arn": {"description": "The role's ARN.", "type": "string"},
            "external_id": {"description": "What the role's trust policy asks for.", "type": ["string", "null"]},
            "session_name": {"description": "Name of the session.", "type": ["string", "null"]},
            "duration": {"description": "15m to 12h, or seconds.", "type": ["string", "integer"]},
        },
        required=["arn"],
    )
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
                "additionalProperties": {**_closed(account), "type": ["object", "null"]},
            },
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
        "definitions": {
            "hop": {"oneOf": [_TEXT, hop]},
            "chain": {
                "oneOf": [
                    {"$ref": "#/definitions/hop"},
                    {"type": "array", "items": {"$ref": "#/definitions/hop"}},
                    {"type": "null"},
                ]
            },
        },
    }


def schema_errors(value: Any, schema: Schema) -> tuple[tuple[tuple[str | int, ...], str], ...]:
    """Where a plain value breaks a schema: path and message, in the order of paths."""
    from jsonschema import Draft7Validator

    found = [(tuple(error.absolute_path), error.message) for error in Draft7Validator(schema).iter_errors(value)]
    return tuple(sorted(found, key=lambda error: (tuple(str(step) for step in error[0]), error[1])))


def _resource(kind: Kind) -> Schema:
    properties = {field.name: _field(field) for field in kind.fields} | _COMMON
    schema = {"description": kind.about, "type": ["object", "null"], **_closed(properties, typed=False)}
    if kind.required:
        schema["type"] = "object"
        # A template may bring what is required.
        schema["anyOf"] = [{"required": list(kind.required)}, {"required": ["use"]}]
    return schema


def _template() -> Schema:
    variants = []
    for kind in (KINDS[name] for name in TEMPLATED):
        fields = {field.name: _field(field) for field in kind.fields}
        fields |= {name: _COMMON[name] for name in ("ignore_changes", "expires")}
        held: Schema = {**_closed(fields), "type": ["object", "null"]}
        parameters: Schema = {"type": ["object", "null"], "additionalProperties": {"type": [*_SCALAR["type"], "null"]}}
        parts: dict[str, Schema] = {
            "kind": {"const": kind.name},
            "params": {"description": "Parameters; null makes one required.", **parameters},
            "fields": held,
        }
        variants.append(_closed(parts, required=["kind"]))
    return {"oneOf": variants}


def _field(field: Field) -> Schema:
    schema: Schema = {"description": field.about}
    default = limits.kind_default(field)
    if field.form == "text":
        schema |= {"type": ["string", "null"], "maxLength": getattr(field, "max_length", limits.MAX_PATH)}
        pattern = getattr(field, "pattern", None)
        if pattern is not None:
            schema["pattern"] = _or_variable(pattern.pattern)
        if default is not None:
            schema["default"] = default
    elif field.form == "seconds":
        schema |= {"type": ["string", "integer", "null"], "pattern": rf"^[0-9]+[smhd]?$|{_VARIABLE}"}
        schema |= {"default": default, "minimum": limits.SESSION[0], "maximum": limits.SESSION[1]}
    elif field.form == "document":
        schema["oneOf"] = [{"$ref": "#/definitions/document"}]
    elif field.form == "documents":
        long = _closed(
            {"document": {"$ref": "#/definitions/document"}, **_ITEM},
            required=["document"],
        )
        schema |= {"type": ["object", "null"], "default": {}}
        schema["additionalProperties"] = {"oneOf": [{"$ref": "#/definitions/document"}, long]}
    elif field.form == "reference":
        schema["type"] = ["string", "null"]
    elif field.form == "metadata":
        file = {"type": "string", "pattern": rf"\.xml$|{_VARIABLE}"}
        schema["oneOf"] = [_TEXT, _closed({FILE_KEY: file}, required=[FILE_KEY])]
    elif field.form == "settings":
        rules = {rule: _rule(rule) for rule in RULES}
        schema |= {"type": ["object", "null"], **_closed(rules, typed=False)}
    elif field.form == "tags":
        schema |= {"type": ["object", "null"], "default": {}, "additionalProperties": _SCALAR}
        schema["maxProperties"] = limits.MAX_TAGS
    else:
        word: str = getattr(field, "target", getattr(field, "item", "policy"))
        long = _closed({word: _TEXT, **_ITEM}, required=[word])
        # A whole list may come from a variable.
        schema["oneOf"] = [
            {"type": "array", "items": {"oneOf": [_TEXT, long]}},
            {"type": "null"},
            {"type": "string", "pattern": _VARIABLE},
        ]
        if default is not None:
            schema["default"] = []
    return schema


def _rule(rule: str) -> Schema:
    default = DEFAULTS[rule]
    known: Schema = {} if default is None else {"default": default}
    if rule not in BOUNDS:
        return {"type": ["boolean", "null"], **known}
    low, high = BOUNDS[rule]
    return {"type": ["integer", "null"], "minimum": low, "maximum": high, **known}


def _document() -> Schema:
    return _closed(
        {
            "Version": {"enum": ["2012-10-17", "2008-10-17"]},
            "Id": _SCALAR,
            "Statement": {
                "oneOf": [
                    {"$ref": "#/definitions/statement"},
                    {"type": "array", "minItems": 1, "items": {"$ref": "#/definitions/statement"}},
                ]
            },
        },
        required=["Statement"],
    )


def _statement() -> Schema:
    several = _one_or_list(_SCALAR)
    principal: Schema = {
        "oneOf": [
            _TEXT,
            _closed(dict.fromkeys(("AWS", "Service", "Federated", "CanonicalUser"), several), minProperties=1),
        ]
    }
    values: Schema = {"type": "object", "additionalProperties": several}
    return _closed(
        {
            "Sid": _SCALAR,
            "Effect": {"anyOf": [{"enum": ["Allow", "Deny"]}, {"type": "string", "pattern": _VARIABLE}]},
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
    return f"^(ForAllValues:|ForAnyValue:)?({'|'.join(OPERATORS)})(IfExists)?$|{_VARIABLE}"


def _removed_address() -> Schema:
    return {"type": "string", "pattern": f"^({'|'.join(KINDS)})/.+|{_VARIABLE}"}


def _removal() -> Schema:
    properties: dict[str, Schema] = {
        "address": _removed_address(),
        "reason": {"type": "string", "description": "Why; shown in the plan."},
        "only_accounts": {"$ref": "#/definitions/accounts"},
    }
    return _closed(properties, required=["address"])


def _suppression() -> Schema:
    properties: dict[str, Schema] = {
        "finding": {"description": "Its id; iamsync explain ID tells of it.", "type": "string"},
        "address": {"description": "Of which resources: role/NAME, policy/*, role:/ci/**.", "type": "string"},
        "reason": {"description": "Why it is right here.", "type": "string"},
        "until": {"description": "Date or time it ends, RFC 3339.", "type": "string"},
    }
    return _closed(properties, required=["finding", "address", "reason"])


def _test() -> Schema:
    actions = _one_or_list({"type": "string", "pattern": rf"^(\*|[^:]+:[^:]+)$|{_VARIABLE}"})
    resources = _one_or_list({"type": "string", "pattern": rf"^(\*|arn:.+)$|{_VARIABLE}"})
    entry: Schema = {
        "oneOf": [
            *actions["oneOf"],
            _closed(
                {
                    "action": {"description": "Actions or patterns, s3:Get*.", **actions},
                    "resource": {"description": "ARNs; without any: on any resource.", **resources},
                },
                required=["action"],
            ),
        ]
    }
    several: Schema = {"oneOf": [*entry["oneOf"][::2], {"type": "array", "items": entry}]}
    principals = _one_or_list(_TEXT)
    exception = _closed(
        {
            "principal": {"description": "Who is left out: role/NAME, user/*.", **principals},
            "reason": {"description": "Why.", "type": "string"},
            "until": {"description": "Date or time it ends, RFC 3339.", "type": "string"},
        },
        required=["principal", "reason"],
    )
    properties: dict[str, Schema] = {
        "principals": {"description": "Who: role/NAME, user/*, role:/ci/**, tag:KEY=VALUE; ! excludes.", **principals},
        "allow": {"description": "What each of them must be able to do.", **several},
        "deny": {"description": "What none of them may do, on any resource unless one is given.", **several},
        "context": {
            "description": "Condition keys and their values; an empty list: known to be absent.",
            "type": ["object", "null"],
            "additionalProperties": {"oneOf": [_SCALAR, {"type": "null"}, {"type": "array", "items": _SCALAR}]},
        },
        "except": {"description": "Who is left out for now.", "type": ["array", "null"], "items": exception},
        "allow_uncertain": {
            "description": "Pass also where the answer hangs on what is not known.",
            "type": "boolean",
            "default": False,
        },
        "only_accounts": {"$ref": "#/definitions/accounts"},
    }
    schema = _closed(properties, required=["principals"])
    schema["anyOf"] = [{"required": ["allow"]}, {"required": ["deny"]}]
    return schema


def _exclude() -> Schema:
    """What is left out of the scope: selectors, and owners that are asked what is theirs."""
    regions = {"oneOf": [{"type": "boolean"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    stacks = {"description": "What stacks own: in every enabled region, or in these.", **regions}
    state = {"description": "A Terraform state in this project; what it lists is Terraform's.", "type": "string"}
    owners = _closed({"cloudformation": stacks, "terraform_state": state})
    return {"type": "array", "items": {"oneOf": [_TEXT, owners]}, "default": []}


def _settings() -> dict[str, Schema]:
    fields = {
        kind.section: {**_closed({field.name: {"description": field.about} for field in kind.fields})}
        for kind in SECTIONS.values()
        if not kind.setting
    }
    selector = {"type": "array", "items": _TEXT}
    levels = {**selector, "minItems": 1}
    return {
        "scope": {
            "description": "Which undeclared live resources are watched.",
            **_closed({"include": {**selector, "default": ["*"]}, "exclude": _exclude()}),
        },
        "unmanaged": {
            "description": "What becomes of undeclared live resources in scope.",
            "enum": list(configsettings.UNMANAGED),
            "default": "report",
        },
        "ignore_changes": {
            "description": "Fields, or members of fields, that are left to others everywhere.",
            "type": "array",
            "items": _TEXT,
        },
        "safety": {
            "description": "Limits past which a plan is refused.",
            **_closed(
                {
                    "max_deletes": {"type": "integer", "minimum": 0, "default": 10},
                    "max_change_percent": {"type": "integer", "minimum": 0, "maximum": 100, "default": 30},
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
            **_closed(
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
            "additionalProperties": _SCALAR,
        },
        "defaults": {"description": "Fields of every declared resource of a section.", **_closed(fields)},
    }


def _acknowledgement() -> Schema:
    return _closed(
        {
            "guard": {"description": "Name of the guard.", "enum": list(GUARDS)},
            "address": {"description": "Address or glob; all where left out.", "type": "string", "default": "*"},
            "reason": {"description": "Why; shown in the plan.", "type": "string"},
            "until": {"description": "Date or time it ends, RFC 3339.", "type": "string"},
        },
        required=["guard", "reason", "until"],
    )


def _closed(properties: dict[str, Schema], *, typed: bool = True, **rest: Any) -> Schema:
    base: Schema = {"type": "object"} if typed else {}
    return {**base, "properties": properties, "additionalProperties": False, **rest}


def _one_or_list(item: Schema) -> Schema:
    return {"oneOf": [item, {"type": "array", "items": item}]}


def _or_variable(pattern: str) -> str:
    return f"^({pattern})$|{_VARIABLE}"
