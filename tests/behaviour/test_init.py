"""`init`: a project that plans at once, for whichever account and pipeline, and nothing written over."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from iamsync.engine.schemas import schema
from iamsync.engine.starting import PIPELINES
from iamsync.manifest.jsontext import parse_json
from iamsync.manifest.nodes import plain
from iamsync.manifest.source import read
from tests.behaviour.conftest import Site
from tests.world import ACCOUNT

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def empty(site: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Site:
    """No project at all, in a folder of its own."""
    made = Site(tmp_path / "new", site.capsys)
    made.root.mkdir()
    monkeypatch.chdir(made.root)
    return made


def texts(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".iamsync" not in path.parts
    }


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_what_it_writes_validates_is_laid_out_and_plans_at_once(empty: Site, pipeline: str) -> None:
    empty.fine("init", "--ci", pipeline, "--repository", "ours/infra")
    held = texts(empty.root)
    assert {"iamsync.yaml", ".gitignore", "iam/site.yaml", "schemas/manifest.schema.json"} <= held.keys()
    assert not any("acme/iam\n" in text or "repo:acme/iam:" in text for text in held.values())
    assert json.loads(held["schemas/manifest.schema.json"]) == schema("manifest")
    told = empty.fine("plan")
    assert "to create" in told.out
    assert empty.fine("validate").out.startswith("account main")
    assert empty.fine("fmt", "--check").code == 0


def test_a_pipeline_is_trusted_at_its_own_host_alone(empty: Site) -> None:
    empty.fine("init", "--ci", "github", "--repository", "ours/infra")
    roles = texts(empty.root)["iam/ci.yaml"]
    assert "gitlab" not in roles
    assert "variables: {repository: ours/infra}" in texts(empty.root)["iamsync.yaml"]
    assert sorted(path.name for path in (empty.root / ".github/workflows").iterdir()) == [
        "iam-apply.yml", "iam-drift.yml", "iam-plan.yml",
    ]  # fmt: skip


@pytest.mark.parametrize("pipeline", [name for name in PIPELINES if name != "none"])
def test_a_pipeline_names_the_account_of_its_project_and_finds_whom_to_tell(empty: Site, pipeline: str) -> None:
    empty.fine("init", "--ci", pipeline, "--repository", "ours/infra", "--name", "live")
    held = texts(empty.root)
    written = [text for name, text in held.items() if name.startswith((".github/", ".gitlab", "deploy/"))]
    named = {found for text in written for found in re.findall(r"(?:--account|\baccount:) (\S+)", text)}
    assert named <= {"live"}
    assert bool(named) == (pipeline in ("github", "gitlab"))
    assert any("notify" in text for text in written)
    assert plain(read(empty.root / "iamsync.yaml", "iamsync.yaml")[0])["notify"] == ["slack"]
    assert any("IAMSYNC_SLACK_WEBHOOK" in text for text in written) or pipeline == "gitlab"


def test_a_real_account_stands_in_the_project_and_in_the_workflows(empty: Site) -> None:
    empty.fine("init", "--account-id", "444455556666", "--profile", "prod", "--ci", "github", "--repository", "a/b")
    (config,) = read(empty.root / "iamsync.yaml", "iamsync.yaml")
    assert plain(config)["accounts"] == {"main": {"id": "444455556666", "profile": "prod"}}
    workflow = (empty.root / ".github/workflows/iam-plan.yml").read_text(encoding="utf-8")
    assert "arn:aws:iam::444455556666:role/ci/iamsync-plan" in workflow
    assert "111122223333" not in workflow


def test_the_same_again_changes_nothing_and_something_else_is_refused_whole(empty: Site) -> None:
    empty.fine("init", "--ci", "kubernetes")
    again = empty.fine("init", "--ci", "kubernetes")
    assert again.out == ""
    assert "note: nothing was written: all of it is there already" in again.err
    (empty.root / "deploy/cronjob.yml").unlink()
    before = texts(empty.root)
    (empty.root / "iam/people.yaml").write_text("users: {}\n", encoding="utf-8")
    told = empty.run("init", "--ci", "kubernetes")
    assert told.code == 1
    assert "error[already-there]: iam/people.yaml is there already" in told.err
    assert texts(empty.root) == {**before, "iam/people.yaml": "users: {}\n"}


def test_a_gitignore_that_is_there_gains_a_line(empty: Site) -> None:
    (empty.root / ".gitignore").write_text("*.log", encoding="utf-8")
    empty.fine("init")
    held = (empty.root / ".gitignore").read_text(encoding="utf-8")
    assert held.startswith("*.log\n")
    assert held.endswith("\n.iamsync/\n")
    empty.fine("init")
    assert (empty.root / ".gitignore").read_text(encoding="utf-8") == held


@pytest.mark.parametrize(
    ("there", "where", "code"),
    [
        ("iam", "../elsewhere", "outside-project"),
        (".gitignore", "../elsewhere/file", "outside-project"),
        ("schemas", "schemas", "outside-project"),  # a ring
        ("iam", None, "unwritable"),  # a file where a folder is to be
        (".gitignore", b"\xff\xfe", "unreadable-file"),
    ],
)
def test_a_folder_where_not_all_can_be_written_stays_as_it_was(
    empty: Site, there: str, where: str | bytes | None, code: str
) -> None:
    outside = empty.root.parent / "elsewhere"
    outside.mkdir()
    if isinstance(where, str):
        (empty.root / there).symlink_to(where)
    else:
        (empty.root / there).write_bytes(where or b"x")
    told = empty.run("init")
    assert (told.code, told.out) == (1, "")
    assert f"error[{code}]" in told.err
    assert [path.name for path in empty.root.iterdir()] == [there]
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--ci", "jenkins"), "bad-option"),
        (("--ci", "github"), "bad-option"),
        (("--ci", "github", "--repository", "no"), "bad-option"),
        (("--name", "a b"), "bad-option"),
        (("--from-account",), "needs-account-id"),
    ],
)
def test_bad_wishes_write_nothing(empty: Site, arguments: tuple[str, ...], code: str) -> None:
    told = empty.run("init", *arguments)
    assert told.code == 1
    assert f"error[{code}]" in told.err
    assert texts(empty.root) == {}


def test_it_begins_with_what_the_account_holds(applied: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    applied.fine("snapshot", "--out", "live.json")
    new = tmp_path / "new"
    new.mkdir()
    monkeypatch.chdir(new)
    told = applied.fine(
        "init", "--account-id", ACCOUNT, "--from-account", "--live", str(tmp_path / "live.json"),
        "--ci", "github", "--repository", "a/b",
    )  # fmt: skip
    assert "wrote iam/roles.yaml" in told.out
    (new / "iam/ci.yaml").unlink()
    planned = applied.fine("plan", "--live", str(tmp_path / "live.json"))
    assert "No changes." in planned.out


def test_a_person_is_asked_three_questions_until_each_is_answered(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    started = subprocess.Popen(
        [sys.executable, "-m", "iamsync", "init"],
        cwd=tmp_path, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
    )  # fmt: skip
    os.write(ours, b"12345\n\ngit\ngithub\nours\nours/infra\n")
    out, err = started.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert started.returncode == 0, err
    # What cannot be is said at once and asked again, not after the last question.
    assert err.count("]: ") == 6
    assert re.findall(r"'(\w+)' is no (\w+): ", err) == [
        ("12345", "account"),
        ("git", "pipeline"),
        ("ours", "repository"),
    ]
    assert "wrote .github/workflows/iam-plan.yml" in out
    assert parse_json((tmp_path / ".vscode/settings.json").read_text(encoding="utf-8"), "s.json")


@pytest.mark.parametrize("typed", ["", "sandbox\n"])
def test_the_end_of_the_input_is_no_answer(empty: Site, monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(typed))
    told = empty.run("init", "new")
    assert told.code == 1
    assert "error[declined]: no project was begun: the input ended before the questions did" in told.err
    assert "nothing was written" in told.err
    assert not list(empty.root.iterdir())


@pytest.mark.parametrize("command", ["plan", "validate", "drift", "fmt"])
def test_where_there_is_no_project_the_error_says_how_to_begin(
    empty: Site, command: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("nowhere"))
    told = empty.run(command)
    assert told.code == 1
    assert "error[no-such-path]: there is no project here: neither iamsync.yaml nor iam" in told.err
    assert "iamsync init" in told.err


def test_below_a_project_the_error_says_where_it_is(empty: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    empty.fine("init")
    monkeypatch.chdir(empty.root / "iam" / "documents")
    told = empty.run("validate")
    assert told.code == 1
    assert "--config ../../iamsync.yaml" in told.err
    assert empty.fine("validate", "--config", "../../iamsync.yaml").out.startswith("account main")


def test_a_project_file_with_the_other_ending_is_not_passed_over(empty: Site) -> None:
    empty.fine("init")
    (empty.root / "iamsync.yaml").rename(empty.root / "iamsync.yml")
    told = empty.run("validate")
    assert told.code == 1
    assert "error[bad-config]: iamsync.yml is not read" in told.err
    assert "iamsync.yaml" in told.err


def test_a_folder_of_manifests_that_is_not_there_is_shown_where_it_is_named(empty: Site) -> None:
    empty.fine("init")
    path = empty.root / "iamsync.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("[iam]", "[iams]"), encoding="utf-8")
    told = empty.run("validate")
    assert told.code == 1
    assert 'there is no "iams"' in told.err
    assert 'did you mean "iam"?' in told.err


ODD = {
    "UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [],
    "Policies": [{
        "PolicyName": "p", "Arn": f"arn:aws:iam::{ACCOUNT}:policy/p", "Path": "/", "DefaultVersionId": "v1",
        "PolicyVersionList": [{"VersionId": "v1", "IsDefaultVersion": True, "Document": {
            "Statement": [{"Resource": "*", "Action": "s3:ListBucket", "Effect": "Allow"}], "Version": "2012-10-17"}}],
    }],
}  # fmt: skip


def test_a_dump_becomes_a_project_step_by_step_laid_out_and_without_samples(empty: Site) -> None:
    (empty.root / "dump.json").write_text(json.dumps(ODD), encoding="utf-8")
    seeded = empty.fine("sandbox", "seed", "dump.json", "--sandbox")
    assert f"commands find it with --account-id {ACCOUNT}" in seeded.err
    empty.fine("import", "--account-id", ACCOUNT, "--sandbox")
    assert empty.fine("fmt", "--check").code == 0  # though the document came in another order
    begun = empty.fine("init", "--account-id", ACCOUNT)
    assert "iam holds manifests already: the samples are left out" in begun.err
    assert "iam/" not in begun.out
    assert "default_tags" not in texts(empty.root)["iamsync.yaml"]
    assert "No changes." in empty.fine("plan", "--sandbox").out
    assert "commands find it" not in empty.fine("sandbox", "seed", "dump.json").err


@pytest.mark.parametrize("command", [("plan",), ("sandbox", "serve"), ("accounts", "exec", "main", "--", "true")])
def test_without_the_sandbox_installed_every_command_of_it_says_what_to_install(
    empty: Site, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    empty.fine("init")
    for name in [name for name in sys.modules if name.partition(".")[0] in ("moto", "werkzeug") or "sandbox" in name]:
        if name != "iamsync.engine.sandboxing" and "tests" not in name:
            monkeypatch.delitem(sys.modules, name)
    for name in ("moto", "werkzeug"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delattr("iamsync.sandbox", raising=False)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    told = empty.run(*command)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert told.code == 1
    assert "error[no-sandbox]: the sandbox is not installed" in told.err
    assert "pip install 'iamsync[sandbox]'" in told.err


@pytest.mark.parametrize("arguments", [("--help",), ()])
def test_the_help_says_how_to_begin(empty: Site, arguments: tuple[str, ...]) -> None:
    told = empty.run(*arguments)
    assert "Begin with: iamsync init acme-iam --sandbox" in told.out + told.err
