"""The team lock, on the S3 that moto serves in this process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from iamsync.aws import lock as team
from iamsync.aws.lock import Lock, look, release, take
from iamsync.aws.objects import Objects
from iamsync.buckets import Bucket
from iamsync.errors import AccessDenied, AwsError, LockHeld

ACCOUNT = "111122223333"
NAME = f"{ACCOUNT}.json"
BUCKET = Bucket.parse("s3://acme-iamsync/locks/")


@pytest.fixture
def objects() -> Iterator[Objects]:
    with mock_aws():
        client = boto3.client("s3", "us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
        client.create_bucket(Bucket=BUCKET.name)
        yield Objects(client, BUCKET)


class Clock:
    """A clock that only moves where somebody waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waited.append(seconds)


def taken(objects: Objects, who: str = "ana", **more: Any) -> Lock:
    given = {"caller": f"arn:aws:iam::{ACCOUNT}:user/{who}", "token": who, "command": "apply", **more}
    return take(objects, ACCOUNT, **given)


def aged(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    """S3's clock, so much later."""
    real = Objects.get

    def later(self: Objects, name: str) -> Any:
        from dataclasses import replace

        found = real(self, name)
        return found and replace(found, now=found.now + timedelta(seconds=seconds))

    monkeypatch.setattr(Objects, "get", later)


def test_a_lock_is_one_persons_until_it_is_given_back(objects: Objects) -> None:
    first = taken(objects, job="https://ci.example/1")
    with pytest.raises(LockHeld, match=r"user/ana \(apply, https://ci.example/1\) since 20") as refused:
        taken(objects, "bob")
    assert "--lock-timeout" in refused.value.hint
    first.release()
    assert look(objects, ACCOUNT) is None
    second = taken(objects, "bob")
    assert second.held
    second.release()


def test_whoever_waits_gets_it_when_it_is_given_back(objects: Objects) -> None:
    first, clock, notes = taken(objects), Clock(), []

    def sleep(seconds: float) -> None:
        clock.sleep(seconds)
        if len(clock.waited) == 3:
            first.release()

    second = taken(objects, "bob", timeout=60, clock=clock, sleep=sleep, note=notes.append)
    assert second.held
    assert len(notes) == 1
    assert "locked by arn:aws:iam::111122223333:user/ana" in notes[0]
    second.release()


def test_waiting_ends_with_the_holders_name(objects: Objects) -> None:
    first, clock = taken(objects), Clock()
    with pytest.raises(LockHeld, match="user/ana"):
        taken(objects, "bob", timeout=20, clock=clock, sleep=clock.sleep)
    assert 20 <= sum(clock.waited) < 26
    first.release()


def test_a_dead_holder_is_seen_and_not_waited_for_and_released_by_a_person(
    objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = taken(objects)
    dead._ended.set()  # its process is gone: nobody renews
    aged(monkeypatch, 300)
    holder = look(objects, ACCOUNT)
    assert holder is not None
    assert holder.expired
    assert holder.idle >= 300
    with pytest.raises(LockHeld, match="user/ana") as refused:
        taken(objects, "bob", timeout=600)
    assert "lease ran out" in refused.value.hint
    assert release(objects, ACCOUNT, holder)
    dead.renew()
    assert not dead.held, "it comes back to life and finds its lock gone"
    taken(objects, "bob").release()


def test_renewing_keeps_it_and_tells_since_when(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    held = taken(objects)
    held.renew()
    assert held.held
    stored = objects.get(NAME)
    assert stored is not None
    assert json.loads(stored.body)["since"].endswith("Z")
    monkeypatch.setattr(team, "LEASE", 0.0)
    assert not held.held, "not renewed for its whole lease"
    held.release()
    assert look(objects, ACCOUNT) is None


def test_a_lock_that_another_took_over_is_not_given_back_by_the_first(objects: Objects) -> None:
    first = taken(objects)
    holder = look(objects, ACCOUNT)
    assert holder is not None
    assert release(objects, ACCOUNT, holder)
    second = taken(objects, "bob")
    first.release()
    found = look(objects, ACCOUNT)
    assert found is not None
    assert found.token == "bob"
    assert not release(objects, ACCOUNT, holder), "the etag is of another"
    second.release()


def test_a_write_whose_answer_was_lost_is_known_by_its_token(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Objects.put

    def lost(self: Objects, *args: Any, **how: Any) -> Any:
        real(self, *args, **how)  # botocore repeats it, and the second attempt meets the first

    monkeypatch.setattr(Objects, "put", lost)
    held = taken(objects)
    monkeypatch.setattr(Objects, "put", real)
    assert held.held
    held.renew()
    assert held.held
    held.release()
    assert look(objects, ACCOUNT) is None


def test_what_is_no_lock_is_never_overwritten(objects: Objects) -> None:
    objects.put(NAME, b"hello")
    with pytest.raises(AwsError, match="no lock of iamsync"):
        taken(objects)
    stored = objects.get(NAME)
    assert stored is not None
    assert stored.body == b"hello"


def test_a_missing_bucket_and_a_denial_say_what_to_do() -> None:
    client = boto3.client("s3", "us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")
    for code, kind, hint in (
        ("NoSuchBucket", AwsError, "create the bucket"),
        ("AccessDenied", AccessDenied, "s3:PutObject"),
    ):
        with Stubber(client) as stub:
            stub.add_client_error("put_object", code, http_status_code=403 if code == "AccessDenied" else 404)
            with pytest.raises(kind) as refused:
                taken(Objects(client, BUCKET))
        assert hint in refused.value.hint


@pytest.mark.parametrize(
    ("text", "name", "prefix"),
    [("s3://a-b", "a-b", ""), ("s3://a-b/", "a-b", ""), ("s3://a-b/c/d", "a-b", "c/d/"), ("s3://a.b/c/", "a.b", "c/")],
)
def test_a_place_in_s3_is_read(text: str, name: str, prefix: str) -> None:
    assert Bucket.parse(text) == Bucket(name, prefix)


@pytest.mark.parametrize(
    "text", ["", "s3://", "s3:///x", "https://a-b/c", "s3://A-b/", "s3://a-b/$(account.id)/", "a-b/c"]
)
def test_what_is_no_place_in_s3_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no place in S3"):
        Bucket.parse(text)
