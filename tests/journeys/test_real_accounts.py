"""Accounts that others made, from their saved answers: imported, planned, rebuilt, imported again.

The dumps lie beside the project, never in it; what is expected of them is read from them.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from iamsync import arn
from iamsync.engine.importing import imports
from iamsync.engine.options import Options
from iamsync.engine.planning import plans
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways

from .cli import Folder

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
DUMPS = ("large", "odd")
LISTS = {"UserDetailList": "user", "GroupDetailList": "group", "RoleDetailList": "role", "Policies": "policy"}
UNTOLD = ("policy.description", "policy.tags", "role.description", "role.max_session_duration")

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real account dumps are not beside the project")


@dataclass(frozen=True)
class Dump:
    """A saved answer, and what its entities' ARNs say of it."""

    path: Path
    value: dict[str, Any]

    @property
    def entities(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Kind, the account its ARN names, the entity; AWS's own policies left out."""
        found = []
        for section, kind in LISTS.items():
            for item in self.value[section]:
                parsed = arn.parse(item["Arn"])
                assert parsed is not None
                if (parsed.account, kind) != ("aws", "policy"):
                    found.append((kind, parsed.account, item))
        return found

    @property
    def account(self) -> str:
        return Counter(account for _, account, _ in self.entities if account != "aws").most_common(1)[0][0]


@dataclass(frozen=True)
class Imported:
    """An account in the embedded IAM, and what importing it wrote."""

    dump: Dump
    folder: Folder
    seeded: bytes
    said: str


@pytest.fixture(scope="module", params=DUMPS)
def dump(request: pytest.FixtureRequest) -> Dump:
    path = DATA / f"account-dump-{request.param}.json"
    return Dump(path, json.loads(path.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def imported(dump: Dump, folders: Callable[[str], Folder]) -> Imported:
    folder = folders("imported")
    folder.write("iamsync.yaml", project(dump))
    seeded = folder("sandbox", "seed", str(dump.path))
    before = folder.sandbox
    folder("import")
    return Imported(dump, folder, before, seeded.err)


def project(dump: Dump, backend: str = "backend: sandbox") -> str:
    return f'version: 1\naccounts:\n  real: {{id: "{dump.account}", {backend}}}\n'


def declared(folder: Folder) -> dict[str, dict[str, Any]]:
    """The resources of the manifests as `validate` resolves them, by address."""
    said = folder("validate", "--expand", "--format", "json")
    return dict(json.loads(said.out)[0]["resources"])


def test_import_then_validate_then_plan_says_no_changes_and_writes_nothing(imported: Imported) -> None:
    folder = imported.folder
    assert "ok:" in folder("validate").out
    folder("fmt", "--check")
    planned = folder("plan", "--detailed-exitcode")
    assert "No changes. Live IAM matches the manifests." in planned.out
    assert "approval:" not in planned.out
    assert folder.sandbox == imported.seeded
    assert not (folder.root / ".iamsync" / "runs").exists()


def test_nothing_but_reads_reaches_the_account(imported: Imported, tmp_path: Path) -> None:
    shutil.copytree(imported.folder.root, tmp_path, dirs_exist_ok=True)
    calls: list[str] = []
    options = Options(tmp_path, now="2026-11-24T00:00:00Z", tap=calls.append)
    opened = Project.open(options)
    with Ways(opened) as ways:
        assert not plans(opened, ways)[0].plan.changes
        assert not imports(opened, ways, tmp_path / "again", "file-per-kind")[0].taken
    assert calls
    assert {name for name in calls if not name.startswith(("Get", "List"))} == set()


def test_every_entity_is_taken_or_left_to_an_owner_that_is_named(imported: Imported) -> None:
    names = {f"{kind}/{item[f'{kind.capitalize()}Name']}" for kind, _, item in imported.dump.entities}
    # A dump tells of instance profiles with the roles that are in them.
    for kind, _, item in imported.dump.entities:
        names |= {
            f"instance_profile/{held['InstanceProfileName']}"
            for held in (item.get("InstanceProfileList") or () if kind == "role" else ())
        }
    taken = set(declared(imported.folder))
    again = imported.folder("import", "--out", "again", "--verbose")
    left = names - taken
    assert taken <= names
    assert all(name in again.out for name in left)
    reserved = {
        f"role/{item['RoleName']}"
        for kind, _, item in imported.dump.entities
        if kind == "role" and (item["Path"] or "/").startswith(("/aws-service-role/", "/aws-reserved/"))
    }
    assert reserved <= left
    assert not (imported.folder.root / "again").exists()


def test_entities_of_another_account_are_reported_where_the_dump_is_read(imported: Imported) -> None:
    strays = {
        f"{kind}/{item[f'{kind.capitalize()}Name']}"
        for kind, account, item in imported.dump.entities
        if account != imported.dump.account
    }
    assert strays
    assert all(stray in imported.said for stray in strays)
    assert f"taken as {imported.dump.account}" in imported.said


def test_no_manifest_names_its_own_account(imported: Imported) -> None:
    assert all(imported.dump.account not in text for text in imported.folder.files().values())


def test_the_other_layout_says_the_same(imported: Imported, folder: Folder) -> None:
    shutil.copytree(imported.folder.root / ".iamsync", folder.root / ".iamsync")
    folder.write("iamsync.yaml", project(imported.dump))
    folder("import", "--layout", "file-per-resource")
    here, there = declared(folder), declared(imported.folder)
    assert here == there
    assert len(folder.files()) == len(here)
    assert "No changes." in folder("plan", "--detailed-exitcode").out


def test_the_manifests_rebuild_the_account_and_come_back_byte_for_byte(imported: Imported, folder: Folder) -> None:
    folder.write("iamsync.yaml", project(imported.dump))
    shutil.copytree(imported.folder.root / "iam", folder.root / "iam")
    folder("sandbox", "seed", str(imported.dump.path), "--foreign-only")
    # One of its roles trusts the whole world.
    applied = folder("apply", "--auto-approve", "--quiet", "--acknowledge", "trust-anyone")
    assert "failed" not in applied.out
    built = folder.sandbox
    assert "No changes." in folder("apply", "--auto-approve").out
    assert folder.sandbox == built
    assert len(list((folder.root / ".iamsync" / "runs").glob("*.jsonl"))) == 1
    wanted = folder.files()
    shutil.rmtree(folder.root / "iam")
    folder("import")
    assert folder.files() == wanted


def test_a_plan_against_the_file_needs_no_account_and_guesses_nothing(imported: Imported, folder: Folder) -> None:
    folder.write("iamsync.yaml", project(imported.dump, "region: eu-west-1"))
    shutil.copytree(imported.folder.root / "iam", folder.root / "iam")
    planned = folder("plan", "--live", str(imported.dump.path), "--detailed-exitcode")
    assert "No changes." in planned.out
    told = " ".join(planned.out.split())
    assert f"not told by this source, so not compared: {', '.join(UNTOLD)}" in told
    assert "error[no-credentials]" in folder("plan", code=1).err  # so the file it was, and nothing else


def test_an_import_of_the_file_leaves_alone_what_the_file_does_not_tell(imported: Imported, folder: Folder) -> None:
    """Whoever applies manifests made from a dump must not reset what the dump was silent about."""
    folder.write("iamsync.yaml", project(imported.dump))
    folder("import", "--live", str(imported.dump.path))
    for section, fields in _written(folder):
        if section == "roles":
            assert fields["ignore_changes"] == ["description", "max_session_duration"]
            assert "description" not in fields
            assert "max_session_duration" not in fields
        if section == "policies":
            assert "tags" not in fields
            assert fields["ignore_changes"] == ["tags"]
    told = json.loads(json.dumps(imported.dump.value))
    for role in told["RoleDetailList"]:
        role |= {"Description": "written by a person", "MaxSessionDuration": 7200}
    for policy in told["Policies"]:
        policy["Tags"] = [{"Key": "team", "Value": "data"}]
    richer = folder.write("richer.json", json.dumps(told))
    folder("sandbox", "seed", str(richer))
    assert "No changes." in folder("plan", "--detailed-exitcode").out


def _written(folder: Folder) -> Iterator[tuple[str, dict[str, Any]]]:
    """Section and fields of each resource in the manifests, as they are written."""
    for text in folder.files().values():
        for section, entries in yaml.load(text, Loader=yaml.CSafeLoader).items():
            for fields in entries.values():
                yield section, fields
