"""What a person gets to read when something is wrong: exactly `bad/NAME.txt`; UPDATE_GOLDENS=1 writes it anew.

Whatever it is: exit code 1, a stable word, a hint, no traceback, nothing changed and nothing written.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.behaviour.account import ids
from tests.behaviour.conftest import Answer, Site, refusal
from tests.world import ACCOUNT

BAD = Path(__file__).parent / "bad"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
REAL = f'version: 1\naccounts:\n  site: {{id: "{ACCOUNT}"}}\n'


def nothing(site: Site) -> None:
    """The command is wrong by itself."""


@dataclass(frozen=True)
class Case:
    """A command, what is wrong before it runs, and the variables of its environment."""

    name: str
    arguments: tuple[str, ...]
    prepare: Callable[[Site], object] = nothing
    environment: dict[str, str] = field(default_factory=dict)


def denied(operation: str) -> Callable[[Site], None]:
    message = f"User: arn:aws:iam::{ACCOUNT}:user/ci is not authorized to perform: iam:{operation} on resource: *"

    def prepare(site: Site) -> None:
        site.between = lambda name, body: refusal("AccessDenied", 403, message) if name == operation else None

    return prepare


def twisted(operation: str, old: str, new: str) -> Callable[[Site], None]:
    """Let the answers of one operation have another text in a place."""

    def twist(name: str, answer: Answer) -> Answer:
        status, headers, body = answer
        if name != operation:
            return answer
        text = body.decode()
        changed = re.sub(old, new, text, flags=re.DOTALL)
        assert changed != text
        return status, headers, changed.encode()

    def prepare(site: Site) -> None:
        site.twist = twist

    return prepare


def proxied(site: Site) -> None:
    site.between = lambda name, body: (200, {}, b"<html><body>Please sign in</body></html>")


def config(text: str) -> Callable[[Site], object]:
    return lambda site: site.write(text, "iamsync.yaml")


def file(name: str, text: str) -> Callable[[Site], object]:
    return lambda site: site.write(text, name)


def unreadable(site: Site) -> None:
    (site.root / "iam" / "other.yaml").symlink_to(site.root / "nowhere.yaml")


def not_utf8(site: Site) -> None:
    (site.root / "iam" / "other.yaml").write_bytes(b"users:\n  caf\xe9: {}\n")


def emptied(site: Site) -> None:
    (site.root / "iam" / "site.yaml").unlink()
    site.write("nothing here\n", "iam/README.txt")


def damaged_plan(site: Site) -> None:
    site.edit("Deploys the site", "Deploys")
    site.fine("plan", "--out", "plan.json")
    text = (site.root / "plan.json").read_text()
    site.write(text[: text.index("iamsync_version")], "plan.json")


def damaged_snapshot(change: Callable[[str], str]) -> Callable[[Site], None]:
    def prepare(site: Site) -> None:
        site.fine("snapshot", "--out", "snapshot.json")
        site.write(change((site.root / "snapshot.json").read_text()), "snapshot.json")

    return prepare


def newer(text: str) -> str:
    return text.replace('"format_version": "1.1"', '"format_version": "2.0"')


def unknown_kind(text: str) -> str:
    held = json.loads(text)
    held["resources"]["robot/alice"] = {}
    return json.dumps(held, indent=1)


CASES = (
    Case("missing credentials", ("plan",), config(REAL)),
    Case("unknown profile", ("plan", "--profile", "nobody"), config(REAL)),
    Case("no endpoint", ("plan", "--endpoint-url", "http://127.0.0.1:9"), config(REAL), KEYS),
    Case("access denied on read", ("plan",), denied("GetAccountAuthorizationDetails")),
    Case("access denied on counts", ("apply", "--auto-approve"), denied("GetAccountSummary")),
    Case("access denied on roles", ("snapshot", "--out", "s.json"), denied("ListRoles")),
    Case("wrong account", ("plan",), twisted("GetCallerIdentity", ACCOUNT, "444455556666")),
    Case("wrong account id", ("plan", "--account-id", "444455556666")),
    Case(
        "truncated read",
        ("apply", "--auto-approve"),
        twisted(
            "GetAccountAuthorizationDetails", "<IsTruncated>false</IsTruncated>", "<IsTruncated>true</IsTruncated>"
        ),
    ),
    Case(
        "counts disagree",
        ("apply", "--auto-approve"),
        twisted("GetAccountSummary", "(<key>Users</key>.*?)2", r"\g<1>3"),
    ),
    Case(
        "roles disagree",
        ("plan",),
        twisted("ListRoles", "<RoleName>reader</RoleName>", "<RoleName>writer</RoleName>"),
    ),
    Case(
        "undecodable document",
        ("plan",),
        twisted("GetAccountAuthorizationDetails", "<PolicyDocument>[^<]*", "<PolicyDocument>%7B%22Version%22"),
    ),
    Case("answer of a proxy", ("plan",), proxied),
    Case("unreadable file", ("plan",), unreadable),
    Case("file that is no text", ("plan",), not_utf8),
    Case("empty directory", ("plan",), emptied),
    Case("no such directory", ("plan", "nowhere")),
    Case("unknown account", ("plan", "--account", "prod")),
    Case("bad account selector", ("plan", "--account", "label:")),
    Case("bad account id", ("plan", "--account-id", "12345")),
    Case("bad variable", ("plan", "--var", "env")),
    Case("bad variables file", ("plan", "--variables-from", "vars.json"), file("vars.json", '{"a": {"b": 1}}')),
    Case("bad time", ("plan", "--now", "yesterday")),
    Case("bad acknowledgement", ("plan", "--acknowledge", ":role/site")),
    Case("unknown format", ("plan", "--format", "yaml")),
    Case("bad report", ("plan", "--report", "plan.md")),
    Case("bad target", ("plan", "--target", "robot/*")),
    Case("unknown target", ("plan", "--target", "role/site", "--target", "role/siet")),
    Case("unknown target of a writer", ("apply", "--auto-approve", "--target", "!user/zzz")),
    Case("unknown target of an import", ("import", "--target", "role/siet")),
    Case("unknown target of an adoption", ("adopt", "--diff", "--target", "role/siet", "--target", "user/alice")),
    Case("unknown target of a way out", ("show", "--format", "terraform", "--target", "role/siet")),
    Case("misspelt kind", ("plan", "--target", "rol/site")),
    Case("misspelt account", ("plan", "--account", "siet")),
    Case("misspelt account beside another", ("plan", "--account", "site", "--account", "!siet")),
    Case("misspelt guard", ("plan", "--acknowledge", "last-admim")),
    Case("bad base", ("plan", "--base", "main")),
    Case("no git", ("plan", "--base", "git:main")),
    Case("bad parallelism", ("apply", "--auto-approve", "--parallelism", "0")),
    Case("bad cause", ("apply", "--auto-approve", "--only", "everything")),
    Case("drift without a base", ("apply", "--auto-approve", "--only", "drift")),
    Case("bad approval", ("apply", "--approved", "sha256:12")),
    Case("unknown option", ("plan", "--force")),
    Case("unknown command", ("destroy",)),
    Case("unwritable plan", ("plan", "--out", "nowhere/plan.json")),
    Case("no plan file", ("apply", "nowhere.json")),
    Case("damaged plan file", ("apply", "plan.json"), damaged_plan),
    Case("damaged plan file shown", ("show", "plan.json"), damaged_plan),
    Case("empty plan file", ("apply", "plan.json"), file("plan.json", "")),
    Case("newer plan file", ("apply", "plan.json"), file("plan.json", '{"format_version": "2.0"}')),
    Case("damaged snapshot", ("plan", "--live", "snapshot.json"), damaged_snapshot(lambda text: text[:-40])),
    Case("newer snapshot", ("plan", "--live", "snapshot.json"), damaged_snapshot(newer)),
    Case("unknown kind in a snapshot", ("diff", "snapshot:snapshot.json", "iam"), damaged_snapshot(unknown_kind)),
    Case("no snapshot", ("diff", "snapshot:nowhere.json", "live")),
    Case("empty dump", ("plan", "--live", "dump.json"), file("dump.json", '{"UserDetailList": {}}')),
    Case("damaged sandbox", ("plan",), file(".iamsync/sandbox.json", '{"format": 1, "accounts": {"')),
    Case("sandbox of another shape", ("plan",), file(".iamsync/sandbox.json", "[]")),
    Case("sandbox and real", ("plan", "--profile", "prod")),
    Case("unknown run", ("runs", "show", "2026")),
    Case("bad layout", ("import", "--layout", "file-per-moon")),
)


def tree(root: Path) -> dict[str, bytes]:
    """Every file of a project but the sandbox's lock."""
    found = (path for path in root.rglob("*") if path.is_file() and not path.name.endswith(".lock"))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_what_is_wrong_is_told_in_words_and_nothing_is_done(
    applied: Site, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    case.prepare(applied)
    for name, value in {**case.environment, "COLUMNS": "100", "AWS_MAX_ATTEMPTS": "1"}.items():
        monkeypatch.setenv(name, value)
    before = tree(applied.root)
    told = applied.run(*case.arguments)
    said = told.err.replace(str(applied.root), "ROOT")
    golden = BAD / f"{case.name.replace(' ', '-')}.txt"
    if os.environ.get("UPDATE_GOLDENS"):
        golden.write_text(said, encoding="utf-8")
    assert told.code == 1, told
    assert said == golden.read_text(encoding="utf-8")
    assert "Traceback" not in said
    assert "error[defect]" not in said
    assert applied.writes == []
    assert tree(applied.root) == before


def test_every_error_has_a_word_and_a_hint() -> None:
    parsers = {"unknown-option", "unknown-command", "bad-parallelism"}  # the parser's own words
    assert {path.stem for path in BAD.iterdir()} == {case.name.replace(" ", "-") for case in CASES}
    for path in BAD.iterdir():
        text = path.read_text(encoding="utf-8")
        if path.stem not in parsers:
            assert re.search(r"^error\[[a-z0-9-]+\]", text, re.MULTILINE), path
            assert "= help: " in text, path
