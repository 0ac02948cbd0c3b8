"""--executor: accounts that workers look at, and a run that cannot be told from one on this machine."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from iamsync import cluster
from iamsync.aws.session import Sessions
from iamsync.engine import working
from iamsync.engine.options import Options
from iamsync.errors import (
    AccessDenied,
    AwsError,
    IamsyncError,
    IncompleteRead,
    InputError,
    InputErrors,
    LockHeld,
    Place,
    WorkerLost,
)
from iamsync.fleet import each
from tests.fleet.accounts import Fleet, fleet, number, project
from tests.fleet.test_fleets import BASE, LOADER, TRUST
from tests.journeys.cli import Folder

THERE = ("--executor", "dask://127.0.0.1:8786")
NOW = ("--now", "2026-11-24T00:00:00Z")


class Nearby(ThreadPoolExecutor):
    """Workers in this process that get what a cluster would: bytes, and give texts."""

    def __init__(self) -> None:
        super().__init__(2)
        self.sent: list[bytes] = []

    def share(self, text: str) -> str:
        self.sent.append(text.encode())
        return text

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.sent.append(pickle.dumps((fn, args, kwargs)))
        function, given, named = pickle.loads(self.sent[-1])
        return super().submit(function, *given, **named)


@pytest.fixture
def many() -> Iterator[Fleet]:
    with fleet() as held:
        yield held


@pytest.fixture
def nearby(monkeypatch: pytest.MonkeyPatch) -> Nearby:
    made = Nearby()

    @contextmanager
    def workers(address: str, say: Callable[[str], None]) -> Iterator[Nearby]:
        cluster.parsed(address)
        yield made

    monkeypatch.setattr("iamsync.engine.distributing.workers", workers)
    return made


@pytest.fixture
def folder(tmp_path: Path, many: Fleet, monkeypatch: pytest.MonkeyPatch) -> Folder:
    for module in ("iamsync.engine.reach", "iamsync.engine.working", "iamsync.aws.session"):
        monkeypatch.setattr(f"{module}.Sessions", lambda: Sessions(_loader=LOADER))
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
    monkeypatch.setattr("botocore.retries.bucket.TokenBucket.acquire", lambda *given, **more: True)
    made = Folder(tmp_path, many.environment, inside=True)
    made.write("iam/all.yaml", BASE)
    return made


def without_time(text: str) -> str:
    """A JSON document but for when it was made."""
    made = json.loads(text)
    assert made.pop("created_at")
    return json.dumps(made)


def both(folder: Folder, *arguments: str, code: int = 0) -> tuple[str, str]:
    """What a command says on this machine and by workers, which must be the same: the document, then the rest."""
    here = folder(*arguments, *NOW, "--format", "json", code=code)
    there = folder(*arguments, *NOW, "--format", "json", *THERE, code=code)
    assert bool(there.out) == bool(here.out)
    assert not here.out or without_time(there.out) == without_time(here.out)
    assert there.err == here.err
    return there.out, there.err


def test_plan_drift_and_audit_by_workers_are_the_same_documents_failures_included(
    folder: Folder, many: Fleet, nearby: Nearby
) -> None:
    folder.write("iamsync.yaml", project(4))
    many.denied, many.throttled = {number(1)}, {number(3)}
    for command in ("plan", "drift", "audit"):
        out, err = both(folder, command, code=1)
        assert [row["error"]["code"] for row in json.loads(out)["failed"]] == ["assume-role-denied", "throttling"]
        assert "2 of 4 accounts failed: a01 (assume-role-denied), a03 (throttling)" in err
    both(folder, "drift", "--base", "git:HEAD", code=1)  # no repository: the same error


def test_what_a_plan_comes_to_is_the_same_by_workers(folder: Folder, many: Fleet, nearby: Nearby) -> None:
    folder.write("iamsync.yaml", project(2))
    folder.write(
        "iam/gain.yaml",
        'policies: {own: {document: {Version: "2012-10-17", Statement: '
        '{Effect: Allow, Action: "iam:GetUser", Resource: "*"}}}}\n'
        f"roles: {{boss: {{managed_policies: [own], trust_policy: {TRUST}}}}}\n",
    )
    assert "gain: account a01" in both(folder, "plan", "--fail-on-gain", "iam:*", code=2)[1]
    many.server._accounts[number(1)]["aws"].create_group("odd", "/")
    folder.write("iam/gone.yaml", "removed: [group/odd]\n")
    folder.write("iamsync.yaml", project(2, safety={"settle": 0, "max_deletes": 0}))
    assert "error[guard-refused]" in both(folder, "plan", "--target", "group/odd", code=3)[1]
    both(folder, "plan", "-a", "nobody", code=1)


def test_a_ring_of_trust_between_accounts_is_opened_by_workers_too(folder: Folder, nearby: Nearby) -> None:
    folder.write("iamsync.yaml", project(2))
    statement = 'Effect: Allow, Action: "sts:AssumeRole", Principal: {AWS: "arn:aws:iam::%s:role/ring"}'
    for at in range(2):
        trust = f'{{Version: "2012-10-17", Statement: {{{statement % number(1 - at)}}}}}'
        folder.write(f"iam/r{at}.yaml", f"roles: {{ring: {{trust_policy: {trust}, only_accounts: [a0{at}]}}}}\n")
    out, _ = both(folder, "plan")
    assert json.loads(out)["waits"]
    both(folder, "drift", code=2)


def test_an_older_revision_is_the_same_commit_for_workers(folder: Folder, nearby: Nearby) -> None:
    folder.write("iamsync.yaml", project(2))

    def git(*words: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@localhost")
        subprocess.run(["git", *who, *words], cwd=folder.root, check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "one")
    folder("apply", "--auto-approve", "--all-accounts")
    folder.write("iam/more.yaml", f"roles: {{more: {{trust_policy: {TRUST}}}}}\n")
    out, _ = both(folder, "drift", "--base", "git:HEAD")
    assert json.loads(out)["base"] == "git:HEAD"


def test_what_is_sent_are_texts_without_any_secret(folder: Folder, many: Fleet, nearby: Nearby) -> None:
    folder.write("iamsync.yaml", project(3))
    folder("plan", *THERE)
    folder("audit", *THERE)
    assert many.secrets
    for sent in nearby.sent:
        text = sent.decode("utf-8", "replace")
        assert not [secret for secret in (*many.secrets, "secret-of-the-hub", "AKIAANYKEY") if secret in text]
        assert "AssumeRole" not in text
    tasks = [pickle.loads(sent) for sent in nearby.sent if not sent.startswith(b"{")]
    assert tasks
    for function, (work, (shared, task)), named in tasks:
        assert (function.__module__, work, named) == ("iamsync.fleet", working.work, {})
        assert (type(shared), type(task)) == (str, str)
    assert "error[bad-option]" in folder("plan", "--mfa-token", "123456", *THERE, code=1).err


def test_a_worker_with_other_files_or_another_iamsync_refuses(
    folder: Folder, nearby: Nearby, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("iamsync.yaml", project(2))
    other = Folder(tmp_path / "other")
    for name in ("iamsync.yaml", "iam/all.yaml"):
        other.write(name, (folder.root / name).read_text())
    folder.environment[working.FOLDER] = str(other.root)
    same = folder("plan", *NOW, *THERE).out
    del folder.environment[working.FOLDER]
    assert same == folder("plan", *NOW).out
    folder.environment[working.FOLDER] = str(other.root)
    for name, text in (("iam/all.yaml", "users: {x: {}}\n"), ("iam/stale.yaml", "groups: {g: {}}\n")):
        before = (other.root / name).read_text() if (other.root / name).exists() else None
        path = other.write(name, text)
        said = folder("plan", *THERE, code=1).err
        assert "error[other-checkout]" in said
        assert f"has another {name} in" in said
        path.write_text(before) if before is not None else path.unlink()
    folder.environment[working.FOLDER] = str(tmp_path / "nowhere")
    assert "has no folder" in folder("plan", *THERE, code=1).err
    del folder.environment[working.FOLDER]
    monkeypatch.setattr("iamsync.engine.working.catalogue", lambda: "another")
    text = working.run_json(_project(folder), "r", "plan")
    text["versions"]["iamsync"] = "0.0.1"
    told = json.loads(working.work((json.dumps(text), '{"account": "a00"}')))
    assert told["error"]["code"] == "other-version"


def _project(folder: Folder) -> Any:
    from iamsync.engine.project import Project

    return Project.open(Options(cwd=folder.root))


def test_what_only_this_machine_has_is_not_looked_at_elsewhere(folder: Folder, nearby: Nearby) -> None:
    folder.write("iamsync.yaml", project(2))
    folder.write("live.json", "{}")
    for arguments in (
        ("plan", "--sandbox"),
        ("drift", "--live", "live.json"),
        ("audit", "--manifests"),
        ("audit", "--suggest"),
        ("apply", "--auto-approve", "--all-accounts"),
    ):
        said = folder(*arguments, *THERE, code=1)
        assert "error[bad-option]" in said.err, arguments
    assert not nearby.sent
    for command, why in (("plan", "made by workers of --executor"), ("drift", "stays with the workers of --executor")):
        said = folder(command, "--report", "html=p.html", *THERE, code=2 if command == "drift" else 0)
        assert "html is without its graph" in said.err
        assert why in (folder.root / "p.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "address", ["dask://", "tcp://127.0.0.1:8786", "dask://127.0.0.1", "dask://h:0", "dask://h:99999"]
)
def test_what_is_no_address_of_an_executor_is_told(address: str) -> None:
    with pytest.raises(InputError, match="no address of an executor"):
        cluster.parsed(address)


def test_another_machine_is_asked_by_tls_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    for name in ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY"):
        monkeypatch.delenv(f"DASK_DISTRIBUTED__COMM__TLS__{name}", raising=False)
    with pytest.raises(InputError) as caught, cluster.workers("dask://192.0.2.1:8786"):
        pass
    assert caught.value.code == "needs-tls"


def test_without_dask_the_way_to_it_is_told(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dask", None)
    folder.write("iamsync.yaml", project(1))
    said = folder("plan", *THERE, code=1)
    assert "error[no-dask]" in said.err
    assert "pip install 'iamsync[dask]'" in said.err


def test_a_worker_that_is_lost_costs_its_account_alone() -> None:
    class Losing(ThreadPoolExecutor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            made = super().submit(fn, *args, **kwargs)
            if args[1] != "b":
                return made
            lost: Future[Any] = Future()
            lost.set_exception(WorkerLost("gone", code="worker-lost"))
            return lost

    with Losing(1) as pool:
        good, bad, other = each("abc", str.upper, pool)
    assert (good, other) == ("A", "C")
    assert isinstance(bad, WorkerLost)


@pytest.mark.parametrize(
    "error",
    [
        AccessDenied("no", code="access-denied", operation="GetRole", request_id="r-1", aws_code="AccessDenied"),
        AwsError("later", code="throttling", doubtful=True, retries=3, hint="wait"),
        IncompleteRead("short", code="short"),
        LockHeld("held", code="lock-held", hint="wait"),
        InputError("wrong", code="bad-option", place=Place("f.yaml", 3, 1, 4, "text")),
        InputErrors([InputError(text, code="bad-option", place=Place("f.yaml", 3)) for text in "ab"]),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_back_as_it_was(error: IamsyncError) -> None:
    back = working.error_from(json.loads(json.dumps(working.error_json(error))))
    assert type(back) is type(error)
    assert working.error_json(back) == working.error_json(error)
    assert str(back) == str(error)


def test_every_option_of_a_run_goes_to_the_workers_or_has_no_meaning_there() -> None:
    """A new option that belongs to neither would be lost on the way."""
    own = {"cwd", "config", "variables", "variables_from", "note", "warn", "tap", "watch"}  # each in a form of its own
    refused = {"sandbox", "live", "ask_code"}
    of_apply = {"only", "command", "lock_timeout"}
    assert {item.name for item in fields(Options)} == {*working.CARRIED, *own, *refused, *of_apply}


def test_what_a_run_has_open_stays_so_while_its_accounts_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    def opened(told: Any) -> Any:
        made = working._Run(told, None, None, ExitStack())  # type: ignore[arg-type]
        made.stack.callback(closed.append, told["run"])
        return made

    def made(run: Any, own: Any, said: Any) -> Any:
        for name in own.get("meanwhile", ()):
            answer(name)
        return {"closed": [*closed]}

    def answer(name: str, **own: Any) -> Any:
        return json.loads(working.work((json.dumps({"run": name}), json.dumps(own))))["made"]

    monkeypatch.setattr(working, "_RUNS", {})
    monkeypatch.setattr(working, "_opened", opened)
    monkeypatch.setattr(working, "_made", made)
    assert answer("first", meanwhile="abcde") == {"closed": ["a", "b"]}
    answer("f")
    assert closed == ["a", "b", "first"]  # the oldest, once nobody uses it


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_two_workers_of_dask_make_the_same_documents(
    folder: Folder, many: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed", reason="pip install distributed")
    folder.write("iamsync.yaml", project(9))
    many.denied = {number(1)}
    for name, value in many.environment.items():
        monkeypatch.setenv(name, value)
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, host="127.0.0.1", dashboard_address=None, silence_logs=50
    ) as held:
        there = ("--executor", held.scheduler_address.replace("tcp://", "dask://"))
        for command in ("plan", "drift", "audit"):
            here = folder(command, *NOW, "--format", "json", code=1)
            said = folder(command, *NOW, "--format", "json", *there, code=1)
            assert without_time(said.out) == without_time(here.out)
            assert [line for line in said.err.splitlines() if line.startswith("error")] == here.err.splitlines()[:1]
