"""The JSON Schemas agree with what is loaded: they take every good project and refuse unknown fields."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from iamsync.engine import schemas
from iamsync.kinds import KINDS, SECTIONS
from iamsync.kinds.keyrules import BESIDE
from iamsync.manifest import config, configsettings, hops, sections
from iamsync.manifest.configschema import config_schema
from iamsync.manifest.schema import manifest_schema, schema_errors
from iamsync.manifest.schemaexamples import SNIPPETS
from iamsync.manifest.schemaparts import Schema
from iamsync.manifest.source import plain, read

HERE = Path(__file__).parent
MANIFESTS = sorted(path for path in (HERE / "good").rglob("*.yaml") if path.name != config.FILE)
CONFIGS = sorted((HERE / "good").rglob(config.FILE))
UNKNOWN = ("unknown-field", "unknown-section", "bad-template", "bad-config")


@pytest.mark.parametrize("schema", [manifest_schema(), config_schema()], ids=["manifest", "config"])
def test_the_schemas_are_schemas(schema: Schema) -> None:
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.relative_to(HERE).as_posix())
def test_every_good_manifest_is_valid(path: Path) -> None:
    for document in read(path, path.name):
        assert schema_errors(plain(document), manifest_schema()) == ()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.relative_to(HERE).as_posix())
def test_every_good_project_file_is_valid(path: Path) -> None:
    (document,) = read(path, path.name)
    assert schema_errors(plain(document), config_schema()) == ()


@pytest.mark.parametrize("case", UNKNOWN)
def test_unknown_fields_are_invalid(case: str) -> None:
    project = HERE / "bad" / case
    if case == "bad-config":
        (document,) = read(project / config.FILE, case)
        assert schema_errors(plain(document), config_schema())
    else:
        (document,) = read(project / "iam" / "site.yaml", case)
        assert schema_errors(plain(document), manifest_schema())


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.relative_to(HERE).as_posix())
def test_one_more_key_anywhere_in_a_resource_is_invalid(path: Path) -> None:
    for document in read(path, path.name):
        value = plain(document)
        for section in SECTIONS:
            for name in value.get(section) or ():
                changed = copy.deepcopy(value)
                changed[section][name] = {**(changed[section][name] or {}), "extra": 1}
                assert schema_errors(changed, manifest_schema())


def test_the_schemas_know_the_same_keys_as_the_loader() -> None:
    manifest, project = manifest_schema(), config_schema()
    assert set(manifest["properties"]) == set(sections.TOP)
    settings = {field.name for field in KINDS["account"].fields} | {"only_accounts"}
    assert set(manifest["properties"]["account"]["properties"]) == settings
    for kind in (kind for kind in KINDS.values() if not kind.setting):
        known = {field.name for field in kind.fields} | set(sections.COMMON) | set(BESIDE.get(kind.name, ()))
        assert set(manifest["definitions"][kind.name]["properties"]) == known
    removal = manifest["properties"]["removed"]["items"]["oneOf"][1]
    assert set(removal["properties"]) == set(sections.REMOVAL)
    properties = project["properties"]
    assert set(properties) == set(config.TOP)
    assert set(properties["accounts"]["additionalProperties"]["properties"]) == set(config.ACCOUNT)
    assert set(project["definitions"]["hop"]["oneOf"][1]["properties"]) == set(hops.HOP)
    assert set(properties["scope"]["properties"]) == set(configsettings.SCOPE)
    assert set(properties["safety"]["properties"]) == set(configsettings.SAFETY)
    assert set(properties["acknowledge"]["items"]["properties"]) == set(configsettings.ACKNOWLEDGE)


def test_every_field_is_described_and_has_its_default() -> None:
    for kind in KINDS.values():
        schemas = manifest_schema()
        held = schemas["properties"]["account"] if kind.setting else schemas["definitions"][kind.name]
        for name, schema in held["properties"].items():
            assert schema.get("description") or "$ref" in schema, (kind.name, name)
    role = manifest_schema()["definitions"]["role"]["properties"]
    assert (role["path"]["default"], role["max_session_duration"]["default"]) == ("/", 3600)


def fields(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Schema]]:
    """Every property at any depth, by its path."""
    if isinstance(schema, dict):
        held = schema.get("properties")
        if isinstance(held, dict):
            yield from (("/".join((*path, name)), one) for name, one in held.items())
        for name, one in schema.items():
            if name not in ("examples", "default", "defaultSnippets"):
                yield from fields(one, (*path, name))
    elif isinstance(schema, list):
        for at, one in enumerate(schema):
            yield from fields(one, (*path, str(at)))


@pytest.mark.parametrize("name", schemas.NAMES)
def test_no_field_is_without_a_description(name: str) -> None:
    made = schemas.schema(name)
    bare = []
    for path, one in fields(made):
        told = made["definitions"][one["$ref"].rpartition("/")[2]] if "$ref" in one else one
        if not told.get("description"):
            bare.append(path)
    assert bare == []


def test_every_example_and_every_snippet_fits_its_field() -> None:
    made = manifest_schema()
    checked = 0
    for path, one in fields(made):
        for example in one.get("examples", ()):
            assert schema_errors(example, {**one, "definitions": made["definitions"]}) == (), (path, example)
            checked += 1
    assert checked > 60
    for kind, snippets in SNIPPETS.items():
        for snippet in snippets:
            text = json.dumps(snippet["body"]).replace("\\\\$(", "$(")
            body = json.loads(re.sub(r"\$\{\d:([^}]*)\}", r"\1", text))
            held = {**made["definitions"][kind], "definitions": made["definitions"]}
            assert schema_errors(body, held) == (), (kind, snippet["label"])


def test_actions_are_offered_only_where_they_are_asked_for() -> None:
    large = json.loads(schemas.schema_with_actions())
    known = large["definitions"]["action"]["anyOf"][0]["enum"]
    assert len(known) > 15_000
    assert "s3:GetObject" in known
    assert "action" not in manifest_schema()["definitions"]
    for action in ("s3:GetObject", "s3:Get*", ["*", "$(var.actions)"]):
        value = {"policies": {"p": {"document": {"Statement": {"Effect": "Allow", "Action": action, "Resource": "*"}}}}}
        assert schema_errors(value, large) == ()


def test_a_variable_may_stand_where_a_pattern_is_asked_for() -> None:
    value = {"users": {"$(account.name)-bot": {"path": "$(var.path)", "groups": "$(var.groups)"}}}
    assert schema_errors(value, manifest_schema()) == ()
    assert schema_errors({"users": {"a b": {"path": "people"}}}, manifest_schema())


def test_loading_never_imports_jsonschema() -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from iamsync.manifest.config import load_config\n"
        "from iamsync.manifest.load import read_manifests, resolve\n"
        "import iamsync.manifest.schema\n"
        f"held = load_config(None, Path({str(HERE / 'good' / 'accounts')!r}))\n"
        "files = read_manifests(held.root, held.manifests)\n"
        "assert len(resolve(files, held.accounts[0], account_id='111122223333', config=held))\n"
        "assert not {'jsonschema', 'boto3', 'deepdiff'} & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
