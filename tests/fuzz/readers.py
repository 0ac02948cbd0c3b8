"""Everything that iamsync reads, each with real examples to start from and what is done with what was read."""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

from iamsync.aws import stacks
from iamsync.aws.calls import token_pages
from iamsync.aws.cloudtrail import Trail
from iamsync.aws.lock import _holder
from iamsync.aws.objects import Stored
from iamsync.aws.read import read
from iamsync.aws.session import Access, Connection, connect
from iamsync.buckets import Bucket
from iamsync.cli.app import run
from iamsync.engine import auditing, drifting, owning, recorded, records, sandboxing
from iamsync.engine.gathering import saved_report
from iamsync.engine.guardrails import guardrails
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.engine.reach import open_sandbox, told_state
from iamsync.engine.showing import saved_document
from iamsync.engine.validating import validate
from iamsync.engine.variables import given
from iamsync.kinds import FURTHER, KINDS
from iamsync.kinds.trail import record
from iamsync.manifest.accounts import account_pattern
from iamsync.manifest.dump import manifests
from iamsync.manifest.lockfile import NAME, read_lock
from iamsync.places import File, Hook
from iamsync.planner.plan import plan
from iamsync.planner.rollback import back, past
from iamsync.render import metrics
from iamsync.selector import glob_matches, parse
from tests.behaviour.account import SITE, load
from tests.behaviour.conftest import operation_of, refusal
from tests.world import ACCOUNT, NOW, SESSIONS, settings

ROOT = Path(__file__).parent.parent.parent
CORPUS = Path(__file__).parent / "corpus"
CONFIG = f'version: 1\naccounts:\n  site: {{id: "{ACCOUNT}", backend: sandbox}}\n'
SMALL = "users: {alice: {}}\n"
FORMATS = ("text", "json", "markdown", "html", "sarif", "junit", "gitlab", "github", "aws-cli", "mermaid", "dot")

Read = Callable[[Path, bytes], object]


@dataclass(frozen=True)
class Reader:
    """`form` is how its inputs are mutated; `placed`: its errors name the file that is wrong; `slow`: fewer in CI."""

    name: str
    form: str
    seeds: Callable[[], list[bytes]]
    read: Read
    placed: bool = True
    slow: bool = False


def files(*patterns: str, under: Path = ROOT) -> Callable[[], list[bytes]]:
    """The contents of these files, none of them longer than a mutation may take its time for."""

    def found() -> list[bytes]:
        held = [path.read_bytes() for pattern in patterns for path in sorted(under.glob(pattern)) if path.is_file()]
        return [data for data in held if 0 < len(data) < 30_000]

    return found


def texts(*held: str) -> Callable[[], list[bytes]]:
    return lambda: [text.encode() for text in held]


def put(folder: Path, name: str, data: bytes | str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def options(folder: Path, **more: Any) -> Options:
    return Options(folder, now=NOW, **more)


def project(folder: Path, **more: Any) -> Project:
    return Project.open(options(folder, **more))


# -- What a repository holds -----------------------------------------------------------------------


def manifest(folder: Path, data: bytes) -> None:
    put(folder, "iamsync.yaml", CONFIG)
    put(folder, "iam/site.yaml", data)
    validate(project(folder))


def config(folder: Path, data: bytes) -> None:
    put(folder, "iamsync.yaml", data)
    put(folder, "iam/site.yaml", SMALL)
    held = project(folder)
    for account in held.config.accounts[:3]:
        held.settings(account)
        held.desired(account, account.id or ACCOUNT, "aws")


def document(suffix: str) -> Read:
    def reading(folder: Path, data: bytes) -> None:
        put(folder, "iamsync.yaml", CONFIG)
        put(folder, "iam/site.yaml", f"policies: {{p: {{document: {{$file: ../d{suffix}}}}}}}\n")
        put(folder, f"d{suffix}", data)
        validate(project(folder))

    return reading


def metadata(folder: Path, data: bytes) -> None:
    put(folder, "iamsync.yaml", CONFIG)
    put(folder, "iam/site.yaml", "saml_providers: {okta: {metadata: {$file: ../m.xml}}}\n")
    put(folder, "m.xml", data)
    validate(project(folder))


def file_path(folder: Path, data: bytes) -> None:
    """A path as a manifest may name it; that nothing outside is opened is watched from outside."""
    put(folder, "iamsync.yaml", CONFIG)
    put(folder, "iam/d.json", _documents()[0])
    text = data.decode("utf-8", "replace")
    named = json.dumps({"policies": {"p": {"document": {"$file": text}}}})
    put(folder, "iam/site.yaml", named)
    validate(project(folder))


def rails(folder: Path, data: bytes) -> None:
    put(folder, "iamsync.yaml", CONFIG)
    put(folder, "rails.yaml", data)
    guardrails(options(folder, guardrails="rails.yaml"), folder, folder / "elsewhere")


def lock(folder: Path, data: bytes) -> None:
    put(folder, NAME, data)
    read_lock(folder)


def terraform(folder: Path, data: bytes) -> None:
    owning.state_file(put(folder, "x.tfstate", data), ACCOUNT, "x.tfstate")


# -- What iamsync wrote and reads again ------------------------------------------------------------


def plan_file(folder: Path, data: bytes) -> None:
    path = put(folder, "plan.json", data)
    made = saved_document(path)
    # What is accepted can be shown in every format.
    kind = FORMATS[len(data) % len(FORMATS)]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
        code = run(["show", str(path), "--format", kind])
    assert "error[defect]" not in told.getvalue(), (kind, told.getvalue(), made)
    assert code in (0, 1, 2, 3), code


def journal(folder: Path, data: bytes) -> None:
    put(folder, "iamsync.yaml", CONFIG)
    put(folder, ".iamsync/runs/20261123T000000Z-0000.jsonl", data)
    held = project(folder)
    recorded.rows(held)
    recorded.show(held, "latest")
    records.approved(held, "sha256:" + "0" * 64, ACCOUNT)
    one = recorded.read(held, "latest")
    back(past(one.id, one.header, one.outcomes), _live())


def drift(folder: Path, data: bytes) -> None:
    before = drifting.last(put(folder, "drift.json", data), options(folder))
    now = json.loads((CORPUS / "drift.json").read_bytes())
    drifting.remembered(drifting.driftfile.since(now, before), before)


def baseline(folder: Path, data: bytes) -> None:
    auditing.baseline(put(folder, "findings.json", data))


def snapshot(folder: Path, data: bytes) -> None:
    state = told_state(put(folder, "x.json", data), options(folder))
    if len(data) % 8 == 0:
        state_used(state)


def state_used(state: Any) -> None:
    """What was accepted as an account can be planned against, written as manifests, put into a sandbox."""
    desired = replace(_desired(), account_id=state.account_id, partition=state.partition)
    plan(desired, state, settings(), account_name="t", caller="c", now=NOW, access=False)
    manifests(state)
    sandboxing.as_dump(state, [])


def sandbox(folder: Path, data: bytes) -> None:
    put(folder, "sandbox.json", data)
    with open_sandbox(folder, ACCOUNT) as server:
        server.handle(
            "POST", "https://iam.amazonaws.com/", {}, b"Action=GetAccountAuthorizationDetails&Version=2010-05-08"
        )


def stack_cache(folder: Path, data: bytes) -> None:
    owning._cached(put(folder, "stacks.json", data), (), 1e12)


def metrics_file(folder: Path, data: bytes) -> None:
    with contextlib.suppress(UnicodeDecodeError):  # as `cli.metering` does
        metrics.metrics_text("plan", metrics.earlier(data.decode(), "plan"))


def note(folder: Path, data: bytes) -> None:
    put(folder, "key.json", "{}")
    put(folder, "key.json.iamsync", data)
    held = File(folder / "key.json")
    held.holds()
    held._whose()


# -- What an operator gives ------------------------------------------------------------------------


def variables(folder: Path, data: bytes) -> None:
    given(options(folder, variables_from=(put(folder, "v.json", data),)))


def report(folder: Path, data: bytes) -> None:
    saved_report(put(folder, "credentials.csv", data))


def selector(folder: Path, data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    with contextlib.suppress(ValueError):  # every caller makes an InputError of it
        pattern = parse(text, KINDS)
        for address in _live().resources:
            pattern.matches(address, "/", {"team": "x"})
    with contextlib.suppress(ValueError):
        account_pattern(text).matches("a" * 200, {"team": "x" * 200})
    glob_matches(text, "a" * 300)


def hook(folder: Path, data: bytes) -> None:
    """What a command of the operator printed."""
    text = data.decode("utf-8", "replace")
    done = subprocess.CompletedProcess([], 0, stdout=text)
    held = Hook("true", "alice")
    object.__setattr__(held, "_run", lambda *_: done.stdout)
    held.holds()


# -- What AWS answers ------------------------------------------------------------------------------


class Wire:
    """Answers as recorded, but for one operation."""

    def __init__(self) -> None:
        self.status, self.body, self.other = 200, b"", ""
        self.known = {name: body.encode() for name, body in json.loads((CORPUS / "answers.json").read_text()).items()}

    def handle(self, method: str, url: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        name = operation_of(headers, body)
        if name == self.other:
            return self.status, {}, self.body
        if name not in self.known:
            return refusal("NoSuchEntity", 404)
        return 404 if b"<ErrorResponse" in self.known[name] else 200, {}, self.known[name]


@cache
def _wired() -> tuple[Wire, Connection]:
    wire = Wire()
    return wire, connect(Access(account_id=ACCOUNT), transport=wire.handle, sessions=SESSIONS)


def _answered(data: bytes) -> Connection:
    wire, connection = _wired()
    wire.body = data
    wire.status = 404 if b"<ErrorResponse" in data else (500 if crc32(data) % 16 == 15 else 200)
    named = [name for name in wire.known if f"<{name}Response".encode() in data]
    wire.other = named[0] if named else sorted(wire.known)[crc32(data) % len(wire.known)]
    return connection


def iam_answers(folder: Path, data: bytes) -> None:
    read(_answered(data), kinds=FURTHER)


def identity(folder: Path, data: bytes) -> None:
    wire = Wire()
    wire.other, wire.body, wire.status = "GetCallerIdentity", data, 200
    connect(Access(account_id=ACCOUNT), transport=wire.handle, sessions=SESSIONS)


def other_answers(folder: Path, data: bytes) -> None:
    wire, connection = _wired()
    wire.body, wire.status = data, 200
    wire.other = "ListAccounts" if b"Accounts" in data else "LookupEvents" if b"Event" in data else "ListStacks"
    if wire.other == "ListAccounts":
        _ = list(token_pages(connection.client("organizations"), "ListAccounts", {}, "Accounts"))
    elif wire.other == "ListStacks":
        _ = stacks.owned(connection, ("eu-west-1",), workers=1)
    else:
        _ = list(Trail.of(connection).records("alice"))


def trail(folder: Path, data: bytes) -> None:
    """The text of an event, which those who call can shape in part."""
    text = data.decode("utf-8", "replace")
    found = record({"EventName": "CreateUser", "CloudTrailEvent": text, "EventId": "1", "EventTime": text[:40]})
    with contextlib.suppress(ValueError, RecursionError):
        event = json.loads(text)
        if isinstance(event, dict):
            found = record(event) or found
    if found is not None:
        found.says("userName", "alice")


def team_lock(folder: Path, data: bytes) -> None:
    now = datetime(2026, 11, 24, tzinfo=UTC)
    objects = SimpleNamespace(bucket=Bucket("b", ""))
    _holder(Stored(data, "e", now, now), objects, ACCOUNT)  # type: ignore[arg-type]


@cache
def _live() -> Any:
    return load(SITE)


@cache
def _desired() -> Any:
    return load(SITE.replace("Deploys the site", "Deploys"))


def prepared() -> None:
    """Have made what is made once, before anybody watches."""
    _live()
    _desired()


def _documents() -> list[bytes]:
    held = json.loads((ROOT / "examples/audit/account.json").read_bytes())
    found = [one["PolicyVersionList"][0]["Document"] for one in held["Policies"]]
    found += [one["AssumeRolePolicyDocument"] for one in held["RoleDetailList"]]
    return [json.dumps(one, indent=1).encode() for one in found[:20]]


def _documents_yaml() -> list[bytes]:
    import yaml

    return [yaml.safe_dump(json.loads(one)).encode() for one in _documents()]


def _dumps() -> list[bytes]:
    held = json.loads((ROOT / "examples/audit/account.json").read_bytes())
    small = {name: items[:4] if isinstance(items, list) else items for name, items in held.items()}
    return [json.dumps(small).encode(), *files("examples/audit/account.json")()]


def _answers() -> list[bytes]:
    return [body.encode() for body in json.loads((CORPUS / "answers.json").read_text()).values()]


def _identity() -> list[bytes]:
    return [json.loads((CORPUS / "answers.json").read_text()).get("GetCallerIdentity", "<x/>").encode()]


TRAIL = json.dumps(
    {
        "eventName": "CreateUser",
        "eventTime": "2026-11-20T10:00:00Z",
        "userAgent": "aws-cli/2.1",
        "sourceIPAddress": "203.0.113.7",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/x/y",
            "sessionContext": {"sourceIdentity": "alice"},
        },
        "requestParameters": {"userName": "alice"},
    }
)
TERRAFORM = json.dumps(
    {
        "version": 4,
        "resources": [
            {
                "mode": "managed",
                "type": "aws_iam_role",
                "name": "x",
                "module": "module.a",
                "instances": [
                    {"index_key": "k", "attributes": {"arn": f"arn:aws:iam::{ACCOUNT}:role/x", "name": "x"}},
                ],
            },
            {
                "mode": "managed",
                "type": "aws_iam_group_membership",
                "name": "m",
                "instances": [{"attributes": {"group": "g", "users": ["alice"]}}],
            },
        ],
    }
)
SHOWN = json.dumps(
    {
        "values": {
            "root_module": {
                "resources": [
                    {"mode": "managed", "type": "aws_iam_user", "address": "aws_iam_user.a", "values": {"name": "a"}}
                ],
                "child_modules": [{"resources": []}],
            }
        }
    }
)
LOCK = json.dumps({"caller": "c", "token": "t", "command": "apply", "job": "", "since": NOW, "lease": 60})
STACKS = json.dumps({"format": 1, "taken_at": 1.0, "regions": [], "owned": [["role/x", "stack", "eu-west-1"]]})
NOTE = json.dumps({"format_version": "1.0", "user": "a", "account": ACCOUNT, "keys": {"0" * 64: "AKIA"}})
OTHERS = (
    json.dumps({"Events": [{"EventId": "1", "EventName": "CreateUser", "EventTime": 1.0, "CloudTrailEvent": TRAIL}]}),
    json.dumps({"Accounts": [{"Id": ACCOUNT, "Name": "site", "Status": "ACTIVE", "Arn": "arn:x"}], "NextToken": None}),
    "<ListStacksResponse><ListStacksResult><StackSummaries/></ListStacksResult></ListStacksResponse>",
)
PATHS = (
    *("d.json", "./d.json", "../iam/d.json", "../../etc/passwd", "/etc/passwd", "..", "/proc/self/environ", "~/.aws/x"),
    *("d.json/../../../x.json", "//etc/x.json", "file:///etc/x.json", "..\\x.json", "a\u2215b.json", "d.json "),
)
SELECTORS = ("*", "role/*", "!user:/ci/**", "tag:team=web*", "role/a?b*c", "prod-*", "label:tier=prod", "!label:x")
METRICS = '# TYPE iamsync_run_seconds gauge\niamsync_run_seconds{command="plan",account_id="1"} 2.5\n'

READERS: tuple[Reader, ...] = (
    Reader("manifest", "yaml", files("examples/*/iam/**/*.yaml", "tests/manifest/good/**/iam/**/*.yaml"), manifest),
    Reader("config", "yaml", files("examples/*/iamsync.yaml", "tests/manifest/good/**/iamsync.yaml"), config),
    Reader("document in JSON", "json", _documents, document(".json")),
    Reader("document in YAML", "yaml", _documents_yaml, document(".yaml")),
    Reader("SAML metadata", "xml", lambda: [_metadata()], metadata),
    Reader("$file path", "text", texts(*PATHS), file_path),
    Reader("guardrails", "yaml", files("examples/**/guardrails.yaml"), rails),
    Reader("lock file", "json", lambda: _cut_locks(), lock),
    Reader("Terraform state", "json", texts(TERRAFORM, SHOWN), terraform),
    Reader("plan file", "json", files("plan.json", under=CORPUS), plan_file),
    Reader("journal", "text", files("journal.jsonl", under=CORPUS), journal, placed=False),
    Reader("drift file", "json", files("drift.json", under=CORPUS), drift),
    Reader("baseline", "json", files("findings.json", under=CORPUS), baseline),
    Reader("snapshot", "json", files("snapshot.json", under=CORPUS), snapshot),
    Reader("dump", "json", _dumps, snapshot),
    Reader("sandbox state", "json", files("sandbox.json", under=CORPUS), sandbox, slow=True),
    Reader("stacks cache", "json", texts(STACKS), stack_cache),
    Reader("delivery note", "json", texts(NOTE), note),
    Reader("metrics", "text", texts(METRICS), metrics_file),
    Reader("variables", "json", texts('{"env": "prod", "groups": ["a", "b"]}'), variables),
    Reader("credential report", "text", files("examples/audit/credentials.csv"), report),
    Reader("selector", "text", texts(*SELECTORS), selector),
    Reader("hook output", "text", texts("AKIAIOSFODNN7EXAMPLE\n", ""), hook, placed=False),
    Reader("IAM answers", "xml", _answers, iam_answers, placed=False, slow=True),
    Reader("caller identity", "xml", _identity, identity, placed=False, slow=True),
    Reader("other answers", "json", texts(*OTHERS), other_answers, placed=False, slow=True),
    Reader("CloudTrail event", "json", texts(TRAIL), trail, placed=False),
    Reader("team lock", "json", texts(LOCK), team_lock, placed=False),
)


def _metadata() -> bytes:
    from tests.strategies import metadata

    return metadata("https://id/x", spaced=True).encode()


def _cut_locks() -> list[bytes]:
    held = json.loads((ROOT / "examples/acme/iamsync.lock.json").read_bytes())
    few = dict(list(held["policies"].items())[:2])
    return [json.dumps({**held, "policies": few}, indent=1).encode()]
