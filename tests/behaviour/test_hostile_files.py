"""Files of a pull request that lead elsewhere, and settings that would have somebody reached: refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iamsync.manifest.configschema import config_schema
from tests.behaviour.conftest import CONFIG, Site
from tests.fuzz.trying import watched

SECRET = "the-operators-own-secret"
POLICY = "policies: {{p: {{document: {{$file: {0}}}}}}}\n"


@pytest.fixture
def outside(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that is none of the project's business."""
    path = tmp_path_factory.mktemp("outside") / "secret.json"
    path.write_text(SECRET)
    return path


def links(site: Site, outside: Path) -> None:
    """What git can hold: links to files, to folders and to each other."""
    folder = site.root / "docs"
    folder.mkdir()
    (folder / "link.json").symlink_to(outside)
    (folder / "folder").symlink_to(outside.parent)
    (folder / "near.json").symlink_to("link.json")
    (folder / "ring.json").symlink_to("ring.json")
    (folder / "zero.json").symlink_to("/dev/zero")
    (folder / "self.json").symlink_to("/proc/self/environ")
    os.mkfifo(folder / "pipe.json")


PATHS = (
    *("../../etc/passwd", "/etc/passwd", "/proc/self/environ", "../../../../../../etc/passwd.json", "/dev/stdin.json"),
    *(f"../docs/{name}.json" for name in ("link", "near", "folder/secret", "folder/../folder/secret", "ring", "zero")),
    *("../docs/self.json", "../docs/pipe.json", "..\\secret.json", "~/x.json", "file:///etc/x.json"),
)


@pytest.mark.parametrize("path", PATHS)
def test_a_document_of_a_manifest_lies_in_the_project(site: Site, outside: Path, path: str) -> None:
    site.write(POLICY.format(json.dumps(path)))
    links(site, outside)
    with watched(site.root) as seen:
        told = site.run("validate")
    assert told.code == 1
    assert "error[" in told.err
    assert "--> iam/site.yaml:1:" in told.err
    assert SECRET not in told.err
    assert not [one for one in seen if one[0] != "open" or not one[1].startswith(str(site.root))]


def test_a_path_of_a_hundred_thousand_folders_is_not_walked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.write(POLICY.format(json.dumps("a/" * 100_000 + "x.json")))
    asked: list[Any] = []

    def lstat(path: Any, **how: Any) -> os.stat_result:
        asked.append(path)
        return real(path, **how)

    real = os.lstat
    monkeypatch.setattr(os, "lstat", lstat)
    told = site.run("validate")
    assert told.code == 1
    assert "lies outside the project" in told.err
    assert len(asked) < 1000


def linked_folder(site: Site, outside: Path) -> None:
    (site.root / "iam" / "more").symlink_to(outside.parent)


def linked_manifest(site: Site, outside: Path) -> None:
    (site.root / "iam" / "more.yaml").symlink_to(outside)


def linked_lock(site: Site, outside: Path) -> None:
    (site.root / "iamsync.lock.json").symlink_to(outside)


def linked_project_file(site: Site, outside: Path) -> None:
    (site.root / "iamsync.yaml").unlink()
    (site.root / "iamsync.yaml").symlink_to(outside)


def endless_lock(site: Site, outside: Path) -> None:
    (site.root / "iamsync.lock.json").symlink_to("/dev/zero")


def manifests_elsewhere(site: Site, outside: Path) -> None:
    site.write(CONFIG + "manifests: [../elsewhere]\n", "iamsync.yaml")


def linked_manifests(site: Site, outside: Path) -> None:
    site.write(CONFIG + "manifests: [other]\n", "iamsync.yaml")
    (site.root / "other").symlink_to(outside.parent)


def organization(site: Site, outside: Path) -> None:
    (site.root / "scp.json").symlink_to(outside)
    site.write(CONFIG + "organization_policies: {scps: [[scp.json]]}\n", "iamsync.yaml")


def manifest_pipe(site: Site, outside: Path) -> None:
    os.mkfifo(site.root / "iam" / "more.yaml")


WAYS = (
    *(linked_folder, linked_manifest, linked_lock, linked_project_file, endless_lock),
    *(manifests_elsewhere, linked_manifests, organization, manifest_pipe),
)


@pytest.mark.parametrize("lead", WAYS, ids=lambda way: way.__name__)
def test_nothing_of_a_project_leads_out_of_it(site: Site, outside: Path, lead: Callable[[Site, Path], None]) -> None:
    site.write("users: {alice: {}}\n")
    lead(site, outside)
    told = site.run("validate")
    assert told.code == 1, told
    assert "error[" in told.err
    assert "defect" not in told.err
    assert SECRET not in told.err + told.out


@pytest.mark.parametrize("name", [".iamsync", ".iamsync/runs"])
def test_nothing_is_recorded_through_a_link_out_of_the_project(site: Site, outside: Path, name: str) -> None:
    site.write("users: {alice: {}}\n")
    (site.root / name).parent.mkdir(exist_ok=True)
    (site.root / name).symlink_to(outside.parent)
    before = sorted(outside.parent.iterdir())
    told = site.run("apply", "--auto-approve")
    assert told.code == 1
    assert f"error[bad-path]: {name} leads out of the project, through a link" in told.err
    assert sorted(outside.parent.iterdir()) == before


@pytest.mark.parametrize("name", ["sandbox.json", "sandbox.json.lock"])
def test_the_sandbox_writes_through_no_link(site: Site, outside: Path, name: str) -> None:
    site.write("users: {alice: {}}\n")
    (site.root / ".iamsync").mkdir(exist_ok=True)
    made = outside.parent / "made"
    (site.root / ".iamsync" / name).symlink_to(made)
    told = site.run("apply", "--auto-approve")
    assert "defect" not in told.err
    assert not made.exists()


@pytest.mark.parametrize("name", [".iamsync", ".iamsync/runs"])
def test_a_ring_of_links_is_told_where_the_records_should_be(site: Site, name: str) -> None:
    site.write("users: {alice: {}}\n")
    (site.root / name).parent.mkdir(exist_ok=True)
    (site.root / name).symlink_to((site.root / name).name)
    told = site.run("apply", "--auto-approve")
    assert told.code == 1
    assert f"error[bad-path]: {name} is a ring of links" in told.err


@pytest.mark.parametrize(
    "arguments", [("show",), ("plan", "--live"), ("drift", "--since-last"), ("audit", "--baseline")]
)
@pytest.mark.parametrize("what", ["/dev/zero", "."])
def test_a_device_or_a_folder_is_no_file_that_iamsync_wrote(site: Site, arguments: tuple[str, ...], what: str) -> None:
    told = site.run(*arguments, what)
    assert told.code == 1
    assert "error[" in told.err
    assert "defect" not in told.err


# What a project file may say that could name a host; each is read here with something that would.
REACHING = {
    "endpoint_url: https://evil.example": "unknown-field",
    "proxy: https://evil.example": "unknown-field",
    "credential_process: curl evil.example": "unknown-field",
    "notify: ['https://evil.example/hook']": "secret-in-file",
    "notify: [{sns: 'https://evil.example'}]": "bad-reference",
    "lock: https://evil.example/x": "bad-config",
    "journal: s3://evil.example:8080/x": "bad-config",
    "journal: s3://evil/../x y": "bad-config",
}
REACHING_ACCOUNT = {
    "endpoint_url: https://evil.example": "unknown-field",
    "credential_process: curl evil.example": "unknown-field",
    "web_identity_token_file: /x": "unknown-field",
    "region: 'evil.example/'": "bad-config",
    "partition: 'evil.example#'": "bad-config",
    "assume_role: 'https://evil.example'": "bad-reference",
    "assume_role: 'arn:aws:iam::evil.example:role/x'": "bad-reference",
}


@pytest.mark.parametrize("line", [*REACHING, *REACHING_ACCOUNT])
def test_no_setting_of_a_project_file_names_a_host(site: Site, line: str) -> None:
    head, account = ("", f", {line}") if line in REACHING_ACCOUNT else (line + "\n", "")
    site.write(f"version: 1\n{head}accounts: {{site: {{id: '111122223333'{account}}}}}\n", "iamsync.yaml")
    with watched(site.root) as seen:
        told = site.run("plan")
    assert told.code == 1
    assert f"error[{(REACHING | REACHING_ACCOUNT)[line]}]" in told.err
    assert not [one for one in seen if one[0].startswith(("socket", "subprocess"))]


def test_every_setting_is_known_to_name_no_host() -> None:
    schema = config_schema()
    names = {*schema["properties"], *schema["properties"]["accounts"]["additionalProperties"].get("properties", {})}
    for word in ("endpoint", "url", "proxy", "process", "host", "command", "env"):
        assert not [name for name in names if word in name], word


def test_a_manifest_sees_nothing_of_the_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    names = (
        "env.AWS_SECRET_ACCESS_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "var.AWS_SECRET_ACCESS_KEY",
        "$AWS_SECRET_ACCESS_KEY",
    )
    for name in (*names, "env", "secrets.X", "file./etc/passwd"):
        site.write(f'users: {{alice: {{path: "/$({name})/"}}}}\n')
        told = site.run("validate")
        assert told.code == 1, name
        assert SECRET not in told.err + told.out


def test_validate_reaches_nobody_and_starts_nothing(site: Site) -> None:
    with watched(site.root) as seen:
        site.fine("validate")
    assert not [one for one in seen if one[0].startswith(("socket", "subprocess", "os."))]


# What iamsync needs, and what Python itself needs before anything of iamsync runs.
OTHERS, EARLY = ("yaml", "boto3", "rich", "jsonschema", "pathlib"), ("functools", "types", "warnings", "iamsync")


@pytest.mark.parametrize(
    ("names", "way"),
    [(OTHERS, ("-m", "iamsync")), (OTHERS + EARLY, ("-P", "-m", "iamsync")), (OTHERS + EARLY, ())],
    ids=["python -m", "python -P -m", "command"],
)
def test_modules_beside_the_manifests_are_not_run(site: Site, names: tuple[str, ...], way: tuple[str, ...]) -> None:
    for name in names:
        site.write(f"raise SystemExit('{SECRET}')\n", f"{name}.py")
    site.write("users: {alice: {}}\n")
    root = Path(__file__).parent.parent.parent
    command = [sys.executable, *way] if way else [str(Path(sys.executable).parent / "iamsync")]
    done = subprocess.run(
        [*command, "validate"],
        cwd=site.root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert SECRET not in done.stderr


def test_a_revision_with_links_that_leave_it_is_refused(site: Site, outside: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=x", "-c", "user.email=x")
        subprocess.run(["git", *identity, *arguments], cwd=site.root, check=True, capture_output=True)

    site.write("users: {alice: {}}\n")
    (site.root / "iam" / "link.yaml").symlink_to(outside)
    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    (site.root / "iam" / "link.yaml").unlink()
    told = site.run("plan", "--base", "git:HEAD")
    assert told.code == 1
    assert "error[" in told.err
    assert "defect" not in told.err
    assert SECRET not in told.err + told.out
