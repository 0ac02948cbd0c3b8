"""An audit of several accounts: those that deny are told, the others are complete, in every report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from botocore.loaders import create_loader

from iamsync.aws.session import Sessions
from iamsync.engine.schemas import schema
from tests.fleet.accounts import Fleet, fleet, number, project
from tests.journeys.cli import Folder

LOADER = create_loader()


@pytest.fixture
def many() -> Iterator[Fleet]:
    with fleet() as held:
        yield held


@pytest.fixture
def folder(tmp_path: Path, many: Fleet, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for module in ("iamsync.engine.reach", "iamsync.aws.session"):
        monkeypatch.setattr(f"{module}.Sessions", lambda: Sessions(_loader=LOADER))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    monkeypatch.setattr("iamsync.aws.credentialreport._PAUSES", (0.0,))
    made = Folder(tmp_path, many.environment, inside=True)
    made.write("iam/all.yaml", "users: {alice: {}}\n")
    return made


def test_an_account_that_denies_is_told_and_the_others_are_audited(folder: Folder, many: Fleet) -> None:
    folder.write("iamsync.yaml", project(3))
    many.denied = {number(1)}
    forms = {"json": "a.json", "junit": "a.xml", "sarif": "a.sarif", "markdown": "a.md", "html": "a.html"}
    wanted = [word for form, file in forms.items() for word in ("--report", f"{form}={file}")]
    told = folder("audit", *wanted, "--metrics", "a.prom", code=1)
    assert "1 of 3 accounts failed: a01 (assume-role-denied)" in told.err
    assert told.out.count("nobody may manage support cases") == 2
    made = json.loads((folder.root / "a.json").read_text())
    jsonschema.validate(made, schema("findings"))
    assert [account["account"]["name"] for account in made["accounts"]] == ["a00", "a02"]
    assert [(row["account"]["name"], row["error"]["code"]) for row in made["failed"]] == [("a01", "assume-role-denied")]
    for file in forms.values():
        assert "a01" in (folder.root / file).read_text(), file
    figures = (folder.root / "a.prom").read_text()
    low = sum(row["severity"] == "low" for row in made["accounts"][0]["findings"])
    wanted_line = f'account="a00",account_id="{number(0)}",severity="low"}} {low}\n'
    assert f'iamsync_findings{{command="audit",{wanted_line}' in figures
    assert 'outcome="not decidable"} 3\n' in figures
