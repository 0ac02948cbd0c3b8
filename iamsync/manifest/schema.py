"""The JSON Schema of manifests, from the kinds.

iamsync itself checks files by their nodes, with better messages; this is for editors and other
tools. Only `schema_errors` imports jsonschema.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from iamsync.kinds import KINDS, SECTIONS
from iamsync.kinds.account import BOUNDS, DEFAULTS, RULES
from iamsync.kinds.kind import Field, Kind
from iamsync.manifest import limits
from iamsync.manifest.credentialschema import beside
from iamsync.manifest.documents import FILE_KEY
from iamsync.manifest.documentschema import document, statement
from iamsync.manifest.schemaexamples import examples, snippets
from iamsync.manifest.schemaparts import DRAFT, SCALAR, TEXT, VARIABLE, Schema, closed, one_or_list, or_variable
from iamsync.manifest.templates import TEMPLATED

_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})"
_COMMON: Final[dict[str, Schema]] = {
    "use": {"type": "string", "description": "Template to take the fields from.", **examples("use")},
    "with": {
        "type": "object",
        "description": "Values of the template's parameters.",
        "additionalProperties": SCALAR,
        **examples("with"),
    },
    "only_accounts": {"$ref": "#/definitions/accounts"},
    "ignore_changes": {"$ref": "#/definitions/ignore_changes"},
    "renamed_from": {
        "type": "string",
        "description": "The name it had before; it is renamed, not made anew.",
        **examples("renamed_from"),
    },
    "expires": {"$ref": "#/definitions/expires"},
}

_RULES: Final = {
    "minimum_password_length": "How many characters a password has at least.",
    "require_symbols": "Whether a password holds a mark that is neither letter nor digit.",
    "require_numbers": "Whether a password holds a digit.",
    "require_uppercase_characters": "Whether a password holds a capital letter.",
    "require_lowercase_characters": "Whether a password holds a small letter.",
    "allow_users_to_change_password": "Whether users may change their own password.",
    "max_password_age": "Days after which a password expires; without it, never.",
    "password_reuse_prevention": "How many former passwords may not come back.",
    "hard_expiry": "Whether an expired password shuts its user out until an administrator sets a new one.",
}
_ITEM: Final[dict[str, Schema]] = {name: _COMMON[name] for name in ("expires", "only_accounts")}


def manifest_schema() -> Schema:
    """The schema of one YAML document of a manifest file."""
    definitions: dict[str, Schema] = {
        "accounts": {
            "description": 'Accounts it holds for: names, globs, label:KEY=VALUE; "!" excludes.',
            **one_or_list(TEXT),
            **examples("only_accounts"),
        },
        "ignore_changes": {
            "description": "Fields, or members of fields, that are left to others: tags, tags/eks:*.",
            "type": "array",
            "items": TEXT,
            **examples("ignore_changes"),
        },
        "expires": {
            "description": "From then on it is removed: an RFC 3339 time, or a date as 00:00 UTC of that day.",
            "type": ["string", "null"],
            "pattern": rf"^{_DAY}([Tt ]{_CLOCK})?$|{VARIABLE}",
            **examples("expires"),
        },
        "file": {
            "type": "object",
            "description": "A document in a file of its own, relative to this one.",
            "properties": {
                FILE_KEY: {
                    "description": "The file: .json, or .yaml outside the manifests' folders.",
                    "type": "string",
                    "pattern": rf"\.(json|ya?ml)$|{VARIABLE}",
                    "examples": ["documents/deploy.json"],
                }
            },
            "required": [FILE_KEY],
            "additionalProperties": False,
        },
        "statement": statement(),
        "document": {
            "description": "A policy document, as AWS writes it, or {$file: PATH}.",
            "oneOf": [document(), {"$ref": "#/definitions/file"}],
        },
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
            held = closed({**settings, "only_accounts": _COMMON["only_accounts"]}, typed=False)
            properties[kind.section] = {"description": kind.about, "type": ["object", "null"], **held}
            continue
        definitions[kind.name] = _resource(kind)
        properties[kind.section] = {
            "description": kind.about,
            "type": ["object", "null"],
            "propertyNames": {"pattern": or_variable(kind.name_pattern.pattern)},
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


def with_actions(schema: Schema, actions: Iterable[str]) -> Schema:
    """The schema of manifests that offers these actions where one may stand; any other text is still taken."""
    known: Schema = {"anyOf": [{"enum": sorted(actions)}, SCALAR]}
    statement = schema["definitions"]["statement"]
    several = one_or_list({"$ref": "#/definitions/action"})
    told = {name: {**statement["properties"][name], **several} for name in ("Action", "NotAction")}
    made = {**statement, "properties": {**statement["properties"], **told}}
    return {**schema, "definitions": {**schema["definitions"], "statement": made, "action": known}}


def schema_errors(value: Any, schema: Schema) -> tuple[tuple[tuple[str | int, ...], str], ...]:
    """Where a plain value breaks a schema: path and message, in the order of paths."""
    from jsonschema import Draft7Validator

    found = [(tuple(error.absolute_path), error.message) for error in Draft7Validator(schema).iter_errors(value)]
    return tuple(sorted(found, key=lambda error: (tuple(str(step) for step in error[0]), error[1])))


def first_error(value: Any, schema: Schema) -> tuple[tuple[str | int, ...], str] | None:
    """The most telling place where a plain value breaks a schema and what is wrong there; None where it fits."""
    from jsonschema import Draft7Validator
    from jsonschema.exceptions import best_match

    error = best_match(Draft7Validator(schema).iter_errors(value))
    return None if error is None else (tuple(error.absolute_path), _said(error))


def _said(error: Any) -> str:
    """The error without the value, which is somebody else's and may be long."""
    rule = error.validator_value
    if error.validator == "required":
        return f'has no "{next(name for name in rule if name not in error.instance)}"'
    if error.validator == "type":
        return f"is not of type {rule if isinstance(rule, str) else ' or '.join(rule)}"
    if error.validator == "enum":
        return f"is none of {', '.join(str(one) for one in rule)}"
    if error.validator == "pattern":
        return f"does not match {rule}"
    return f"does not fit ({error.validator})"


def _resource(kind: Kind) -> Schema:
    properties = {field.name: _field(field) for field in kind.fields} | beside(kind.name) | _COMMON
    schema = {"description": kind.about, "type": ["object", "null"], **closed(properties, typed=False)}
    schema |= snippets(kind.name)
    if kind.required:
        schema["type"] = "object"
        # A template may bring what is required.
        schema["anyOf"] = [{"required": list(kind.required)}, {"required": ["use"]}]
    return schema


def _template() -> Schema:
    variants = []
    for kind in (KINDS[name] for name in TEMPLATED):
        fields = {field.name: _field(field) for field in kind.fields}
        fields |= beside(kind.name) | {name: _COMMON[name] for name in ("ignore_changes", "expires")}
        about = f"The fields; $(param.NAME) stands for a parameter. {kind.about}"
        held: Schema = {"description": about, **closed(fields), "type": ["object", "null"]}
        parameters: Schema = {"type": ["object", "null"], "additionalProperties": {"type": [*SCALAR["type"], "null"]}}
        parts: dict[str, Schema] = {
            "kind": {"description": "What the template is for.", "const": kind.name},
            "params": {"description": "Parameters; null makes one required.", **parameters},
            "fields": held,
        }
        variants.append(closed(parts, required=["kind"]))
    return {"oneOf": variants}


def _field(field: Field) -> Schema:
    schema: Schema = {"description": field.about, **examples(field.name)}
    default = limits.kind_default(field)
    if field.form == "text":
        schema |= {"type": ["string", "null"], "maxLength": getattr(field, "max_length", limits.MAX_PATH)}
        pattern = getattr(field, "pattern", None)
        if pattern is not None:
            schema["pattern"] = or_variable(pattern.pattern)
        if default is not None:
            schema["default"] = default
    elif field.form == "seconds":
        schema |= {"type": ["string", "integer", "null"], "pattern": rf"^[0-9]+[smhd]?$|{VARIABLE}"}
        schema |= {"default": default, "minimum": limits.SESSION[0], "maximum": limits.SESSION[1]}
    elif field.form == "document":
        schema["oneOf"] = [{"$ref": "#/definitions/document"}]
    elif field.form == "documents":
        long = closed(
            {"document": {"$ref": "#/definitions/document"}, **_ITEM},
            required=["document"],
        )
        schema |= {"type": ["object", "null"], "default": {}}
        schema["additionalProperties"] = {"oneOf": [{"$ref": "#/definitions/document"}, long]}
    elif field.form == "reference":
        schema["type"] = ["string", "null"]
    elif field.form == "metadata":
        about = "The file, relative to this one."
        file = {"description": about, "type": "string", "pattern": rf"\.xml$|{VARIABLE}", "examples": ["okta.xml"]}
        schema["oneOf"] = [TEXT, closed({FILE_KEY: file}, required=[FILE_KEY])]
    elif field.form == "settings":
        rules = {rule: _rule(rule) for rule in RULES}
        schema |= {"type": ["object", "null"], **closed(rules, typed=False)}
    elif field.form == "tags":
        schema |= {"type": ["object", "null"], "default": {}, "additionalProperties": SCALAR}
        schema["maxProperties"] = limits.MAX_TAGS
    else:
        word: str = getattr(field, "target", getattr(field, "item", "policy"))
        about = f"The {word.replace('_', ' ')}, as in the short form."
        long = closed({word: {"description": about, **TEXT}, **_ITEM}, required=[word])
        # A whole list may come from a variable.
        schema["oneOf"] = [
            {"type": "array", "items": {"oneOf": [TEXT, long]}},
            {"type": "null"},
            {"type": "string", "pattern": VARIABLE},
        ]
        if default is not None:
            schema["default"] = []
    return schema


def _rule(rule: str) -> Schema:
    default = DEFAULTS[rule]
    known: Schema = {"description": _RULES[rule], **({} if default is None else {"default": default})}
    if rule not in BOUNDS:
        return {"type": ["boolean", "null"], **known}
    low, high = BOUNDS[rule]
    return {"type": ["integer", "null"], "minimum": low, "maximum": high, **known}


def _removed_address() -> Schema:
    pattern = f"^({'|'.join(KINDS)})/.+|{VARIABLE}"
    return {"type": "string", "pattern": pattern, "examples": ["user/old-bot", "role/legacy"]}


def _removal() -> Schema:
    properties: dict[str, Schema] = {
        "address": {"description": "What is deleted, as KIND/NAME.", **_removed_address()},
        "reason": {"type": "string", "description": "Why; shown in the plan."},
        "only_accounts": {"$ref": "#/definitions/accounts"},
    }
    return closed(properties, required=["address"])


def _suppression() -> Schema:
    properties: dict[str, Schema] = {
        "finding": {"description": "Its id; iamsync explain ID tells of it.", "type": "string"},
        "address": {"description": "Of which resources: role/NAME, policy/*, role:/ci/**.", "type": "string"},
        "reason": {"description": "Why it is right here.", "type": "string"},
        "until": {"description": "Date or time it ends, RFC 3339.", "type": "string"},
    }
    return closed(properties, required=["finding", "address", "reason"])


def _test() -> Schema:
    actions = one_or_list({"type": "string", "pattern": rf"^(\*|[^:]+:[^:]+)$|{VARIABLE}"})
    resources = one_or_list({"type": "string", "pattern": rf"^(\*|arn:.+)$|{VARIABLE}"})
    entry: Schema = {
        "oneOf": [
            *actions["oneOf"],
            closed(
                {
                    "action": {"description": "Actions or patterns, s3:Get*.", **actions},
                    "resource": {"description": "ARNs; without any: on any resource.", **resources},
                },
                required=["action"],
            ),
        ]
    }
    several: Schema = {"oneOf": [*entry["oneOf"][::2], {"type": "array", "items": entry}]}
    principals = one_or_list(TEXT)
    exception = closed(
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
            "additionalProperties": {"oneOf": [SCALAR, {"type": "null"}, {"type": "array", "items": SCALAR}]},
        },
        "except": {"description": "Who is left out for now.", "type": ["array", "null"], "items": exception},
        "allow_uncertain": {
            "description": "Pass also where the answer hangs on what is not known.",
            "type": "boolean",
            "default": False,
        },
        "only_accounts": {"$ref": "#/definitions/accounts"},
    }
    schema = closed(properties, required=["principals"])
    schema["anyOf"] = [{"required": ["allow"]}, {"required": ["deny"]}]
    return schema
