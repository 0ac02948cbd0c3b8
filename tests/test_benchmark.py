"""The benchmark measures what it says: its fleet in three forms, its counting server, its page of figures."""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks import decay, run, tables, terraform
from benchmarks.fleet import ACCOUNT, Fleet, dump, write, writes
from benchmarks.server import Bucket, Counting, served
from benchmarks.spending import Failed, Spent, least, spent
from iamsync.cli.app import run as iamsync
from iamsync.sandbox import Server, serve

HERE = Path(__file__).resolve().parent.parent / "benchmarks"
SMALL = Fleet.of(50)


@pytest.fixture
def account() -> Iterator[tuple[str, Counting, Server]]:
    """A counting server in this process: its address, what counts, what answers."""
    with Server(account_id=ACCOUNT) as server:
        counting = Counting(server.handle)
        server.handle = counting.handle  # type: ignore[method-assign]
        url, stop = serve(server)
        try:
            yield url, counting, server
        finally:
            stop()


def told(url: str) -> Any:
    with urllib.request.urlopen(f"{url}/-/calls", timeout=10) as answer:
        return json.load(answer)


def client(url: str, service: str = "iam") -> Any:
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "sandbox", "region_name": "us-east-1"}
    return boto3.client(service, endpoint_url=url, config=Config(retries={"total_max_attempts": 1}), **keys)


def test_the_fleet_as_manifests_is_the_fleet_as_an_account_and_its_calls_are_as_few_as_its_pages(
    tmp_path: Path,
    account: tuple[str, Counting, Server],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, _, server = account
    write(tmp_path, SMALL)
    monkeypatch.chdir(tmp_path)
    for name, value in {"AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "sandbox"}.items():
        monkeypatch.setenv(name, value)
    assert iamsync(["validate"]) == 0
    assert "2 groups, 2 instance profiles, 25 policies, 50 roles and 25 users" in capsys.readouterr().out
    server.seed(ACCOUNT, dump(SMALL))
    assert iamsync(["plan", "--detailed-exitcode", "--endpoint-url", url]) == 0, capsys.readouterr().out
    asked = told(url)["calls"]
    sizes = {"entities": SMALL.entities, "roles": 50, "policies": 25, "profiles": 2}
    assert sum(asked.values()) <= tables.read_calls(sizes), asked


def test_the_same_numbers_and_seed_make_the_same_fleet_and_another_seed_another() -> None:
    assert Fleet.of(20).sections == Fleet.of(20).sections
    assert Fleet.of(20).sections != Fleet.of(20, seed=8).sections


def test_terraform_is_told_of_as_many_things_as_it_takes_writes_to_make_them() -> None:
    config = terraform.configuration(SMALL, "http://127.0.0.1:1")["resource"]
    counts = Counter({kind: len(held) for kind, held in config.items()})
    # A membership is one resource for all groups of a user; a profile's role is part of the profile.
    groups = sum(len(user["groups"]) for user in SMALL.sections["users"].values())
    assert counts.total() == writes(SMALL) - (groups - SMALL.users) - SMALL.profiles
    referred = set(re.findall(r"\$\{(\w+)\.([\w-]+)\.", json.dumps(config)))
    assert referred
    assert referred <= {(kind, name) for kind, held in config.items() for name in held}


def test_the_state_for_terraform_holds_each_thing_of_its_configuration() -> None:
    config = terraform.configuration(SMALL, "http://127.0.0.1:1")["resource"]
    held = {(each["type"], each["name"]) for each in terraform.state(SMALL)["resources"]}
    assert held == {(kind, name) for kind, names in config.items() for name in names}


def test_a_machine_without_terraform_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(terraform.Absent, match="terraform is not installed"):
        terraform.prepare(tmp_path, "http://127.0.0.1:1", SMALL, applied=True)


def test_calls_are_counted_by_operation_in_both_protocols_and_anew_once_told(
    account: tuple[str, Counting, Server],
) -> None:
    url, _, _ = account
    client(url).list_users()
    client(url).list_users()
    client(url, "resourcegroupstaggingapi").get_resources()
    assert told(url)["calls"] == {"GetResources": 1, "ListUsers": 2}
    assert told(url)["calls"] == {}


def test_a_call_without_a_token_is_throttled_in_awss_words_and_counted(account: tuple[str, Counting, Server]) -> None:
    url, counting, _ = account
    counting._bucket = Bucket(rate=0.0, burst=1)
    client(url).list_users()
    with pytest.raises(ClientError) as refused:
        client(url).list_users()
    assert refused.value.response["Error"]["Code"] == "Throttling"
    assert refused.value.response["Error"]["Message"] == "Rate exceeded"
    found = told(url)
    assert (found["calls"], found["throttled"], found["writing"]) == ({"ListUsers": 2}, 1, 0.0)


def test_the_time_from_the_first_write_to_the_last_is_told(account: tuple[str, Counting, Server]) -> None:
    url, counting, _ = account
    counting._latency = 0.03
    client(url).create_group(GroupName="one")
    client(url).create_group(GroupName="two")
    assert 0.06 <= told(url)["writing"] < 30


def test_a_bucket_fills_at_its_rate_up_to_its_size() -> None:
    now = [0.0]
    bucket = Bucket(rate=2.0, burst=3, clock=lambda: now[0])
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    now[0] = 0.5
    assert [bucket.take() for _ in range(2)] == [True, False]
    now[0] = 60.0
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_the_server_of_a_measurement_ends_with_it() -> None:
    with served() as account:
        assert account.calls() == {"calls": {}, "throttled": 0, "bytes": 0, "writing": 0.0}
    with pytest.raises(urllib.error.URLError):
        account.calls()


def test_what_a_command_and_its_children_take_is_measured_and_a_failure_is_none() -> None:
    busy = "sum(range(3_000_000))"
    measured = spent(["sh", "-c", f"{sys.executable} -c '{busy}'; true"], several=True)
    assert measured.cpu > 0.02
    assert measured.memory > 1
    assert measured.wall > 0
    with pytest.raises(Failed, match="ended with 3: no"):
        spent(["sh", "-c", "echo no; exit 3"])


def test_runs_that_make_different_calls_are_no_measurement() -> None:
    runs = iter([Spent(2, 5, 9, {"GetUser": 1}), Spent(1, 7, 8, {"GetUser": 1}), Spent(1, 1, 1, {"GetRole": 1})])
    assert least(2, lambda: next(runs)) == Spent(1, 5, 8, {"GetUser": 1})
    again = iter([Spent(1, 1, 1, {"GetUser": 1}), Spent(1, 1, 1, {})])
    with pytest.raises(Failed, match="different calls"):
        least(2, lambda: next(again))


def test_the_page_says_what_the_results_say() -> None:
    text = (HERE / "README.md").read_text(encoding="utf-8")
    assert tables.filled(text, tables.kept(run.RESULTS)) == text


def test_a_target_that_is_missed_is_told_as_missed() -> None:
    row = {"calls": {"ListRoles": 15}, "cpu": 3.0, "wall": 4.0, "memory": 200}
    size = {"size": 1000, "entities": 2050, "roles": 1000, "policies": 500, "profiles": 40}
    for change, reached in (({}, "yes"), ({"cpu": 3.1}, "**no**"), ({"memory": 201}, "**no**")):
        found = {"fleet-1000": {**size, "rows": {"iamsync plan": {**row, **change}}}}
        assert [told[3] for told in tables.targets(found)] == ["**no**", reached]


def test_what_became_dearer_beyond_the_noise_is_told() -> None:
    before = {"validate": 10.0, "plan": 10.0, "import": 10.0}
    found = decay.compared({"validate": 10.4, "plan": 11.0, "import": 9.0, "audit": 1.0}, before, 0.05)
    assert [verdict for verdict, _ in found] == ["same", "dearer", "cheaper", "new"]
