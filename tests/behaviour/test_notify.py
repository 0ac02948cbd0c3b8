"""--notify: who is told, in which words, what it costs when they cannot be told, and what is never said."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from iamsync import webhooks
from iamsync.cli.options import Common
from iamsync.cli.telling import Telling
from iamsync.engine import notifying
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.errors import GuardRefused, InputError, NotTold
from iamsync.render.brief import brief_of_plan
from tests.behaviour.conftest import CONFIG, Site, Told
from tests.posting import Poster, serving
from tests.render.reports import plan_document

SECRETS = ("xoxbhookpath", "otherhookpath", "a-secret-of-the-webhook")


@pytest.fixture
def poster(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Poster]:
    """Slack and a webhook, both at one server of ours; the project names them."""
    monkeypatch.setattr(webhooks, "PAUSES", (0.0, 0.0, 0.0))
    for name in ("GITHUB_RUN_ID", "CI_JOB_URL", "BUILD_URL", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    site.write(CONFIG + "notify: [slack, webhook]\n", "iamsync.yaml")
    with serving() as made:
        monkeypatch.setenv("IAMSYNC_SLACK_WEBHOOK", f"{made.url}/slack/xoxbhookpath")
        monkeypatch.setenv("IAMSYNC_WEBHOOK_URL", f"{made.url}/hook/otherhookpath?token=otherhookpath")
        monkeypatch.setenv("IAMSYNC_WEBHOOK_SECRET", "a-secret-of-the-webhook")
        monkeypatch.setenv("IAMSYNC_JOB", "https://ci.example/runs/7")
        yield made


def quiet(told: Told) -> Told:
    """What was said, after a look at whether a secret is in it."""
    assert [secret for secret in SECRETS if secret in told.out + told.err] == []
    return told


def slack(poster: Poster) -> dict[str, Any]:
    (found,) = [json.loads(request.body) for request in poster.got if request.path.startswith("/slack/")]
    assert isinstance(found, dict)
    return found


def hook(poster: Poster) -> dict[str, Any]:
    (found,) = [request for request in poster.got if request.path.startswith("/hook/")]
    signed = f"{found.headers['webhook-id']}.{found.headers['webhook-timestamp']}.".encode() + found.body
    proof = base64.b64encode(hmac.new(b"a-secret-of-the-webhook", signed, hashlib.sha256).digest()).decode()
    assert found.headers["webhook-signature"] == f"v1,{proof}"
    body = json.loads(found.body)
    assert isinstance(body, dict)
    return body


def ended(site: Site, error: BaseException | None = None, *, quiet: bool = False, document: Any = None) -> str:
    """A run of a plan that ended so, told about; what stood on stderr."""
    site.capsys.readouterr()
    project = Project.open(Options(cwd=site.root))
    try:
        with Telling(project, "plan", True, Common(quiet=quiet), brief_of_plan) as told:
            told.document = document or plan_document()
            if error is not None:
                raise error
    finally:
        said = site.capsys.readouterr()
        assert [secret for secret in SECRETS if secret in said.out + said.err] == []
    return said.err


SMALL = "users: {alice: {path: /people/}}\n"


def test_a_run_is_told_when_it_is_done_and_only_where_asked(site: Site, poster: Poster) -> None:
    site.write(SMALL)
    assert "note: told: slack, webhook" in quiet(site.fine("apply", "--auto-approve", "--notify")).err
    body, shown = hook(poster), slack(poster)
    assert body["title"].startswith("iamsync apply (sandbox): ")
    assert ", done in site (" in body["title"]
    assert (body["command"], body["exit_code"], body["job"]) == ("apply", 0, "https://ci.example/runs/7")
    assert shown["text"] == body["title"]
    header, *_, context = shown["blocks"]
    assert (header["type"], header["text"]["text"]) == ("header", body["title"])
    assert context["elements"][0]["text"].endswith("; https://ci.example/runs/7")
    poster.got.clear()
    assert "told" not in site.fine("plan", "--notify").err
    assert poster.got == []


def test_an_exit_code_that_says_something_stays_and_the_failure_is_a_warning(site: Site, poster: Poster) -> None:
    site.write(SMALL)
    poster.answers = [(500, {}, b"xoxbhookpath otherhookpath")]
    told = quiet(site.run("plan", "--notify", "--detailed-exitcode", "--quiet"))
    assert told.code == 2
    assert told.err.splitlines()[-2:] == [
        "warning: slack was not told: HTTP 500, 4 times",
        "warning: webhook was not told: HTTP 500, 4 times",
    ]


def test_a_command_that_failed_is_told_of(site: Site, poster: Poster) -> None:
    site.write("users: {alice: {nonsense: 1}}\n")
    told = quiet(site.run("plan", "--notify"))
    assert (told.code, site.calls) == (1, [])
    assert hook(poster)["title"] == "iamsync plan (sandbox): failed"
    assert "nonsense" in hook(poster)["lines"][0]


def test_a_passing_failure_of_theirs_is_no_failure_of_ours(site: Site, poster: Poster) -> None:
    site.write(CONFIG + "notify: [slack]\n", "iamsync.yaml")
    poster.answers = [(500, {}, b"xoxbhookpath"), (200, {}, b"ok")]
    assert ended(site) == "note: told: slack\n"
    assert len(poster.got) == 2


def test_a_run_that_went_well_fails_where_somebody_was_not_told(site: Site, poster: Poster) -> None:
    poster.by = lambda request: (404, {}, b"no_service") if request.path.startswith("/slack") else (200, {}, b"")
    with pytest.raises(NotTold) as caught:
        ended(site)
    assert str(caught.value) == "slack was not told: HTTP 404: no_service"
    assert (caught.value.exit_code, caught.value.code) == (1, "not-notified")


def test_a_refusal_is_told_and_stays_a_refusal(site: Site, poster: Poster) -> None:
    with pytest.raises(GuardRefused):
        ended(site, GuardRefused("one guard refused", code="guard-refused"))
    assert hook(poster)["exit_code"] == 3
    poster.answers = [(410, {}, b"")]
    with pytest.raises(GuardRefused):
        ended(site, GuardRefused("one guard refused", code="guard-refused"))
    with pytest.raises(typer.Exit):
        ended(site, typer.Exit(2))


def test_a_defect_is_told_by_its_name_alone(site: Site, poster: Poster) -> None:
    with pytest.raises(KeyError):
        ended(site, KeyError("a-secret-of-the-webhook"))
    assert hook(poster)["lines"][0] == "failed: iamsync itself failed: KeyError"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), InputError("not applied", code="declined")])
def test_nobody_is_told_what_a_person_at_the_terminal_did(site: Site, poster: Poster, error: BaseException) -> None:
    with pytest.raises(type(error)):
        ended(site, error)
    assert poster.got == []


def test_who_never_answers_does_not_hold_up_a_run(site: Site, poster: Poster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifying, "LIMIT", 0.2)
    poster.answers = [(0, {}, b"")]
    with pytest.raises(NotTold, match="webhook was not told: no answer within"):
        ended(site)
    poster.hang.set()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("IAMSYNC_SLACK_WEBHOOK", "", "IAMSYNC_SLACK_WEBHOOK is not set"),
        ("IAMSYNC_WEBHOOK_URL", "http://hooks.example/otherhookpath", "does not begin with https://"),
        ("IAMSYNC_WEBHOOK_SECRET", "", "IAMSYNC_WEBHOOK_SECRET is not set"),
        ("IAMSYNC_WEBHOOK_SECRET", "short", "is shorter than 16 bytes"),
    ],
)
def test_what_is_missing_is_told_before_anything_is_done(
    site: Site, poster: Poster, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    told = quiet(site.run("apply", "--auto-approve", "--notify"))
    assert (told.code, site.calls, poster.got) == (1, [], [])
    assert "error[bad-notify]: " in told.err
    assert said in told.err


def test_notify_without_a_place_is_an_error(site: Site) -> None:
    told = site.run("plan", "--notify")
    assert (told.code, site.calls) == (1, [])
    assert "error[no-notify]" in told.err


TOPIC = "arn:aws:sns:eu-west-1:123456789012:iam"


def test_a_topic_is_published_to_in_its_own_region(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3
    from moto import mock_aws

    keys = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "us-east-1"}
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    site.write(f"version: 1\nnotify: [{{sns: '{TOPIC}'}}]\n", "iamsync.yaml")
    with mock_aws():
        topic = boto3.client("sns", "eu-west-1").create_topic(Name="iam")["TopicArn"]
        assert topic == TOPIC
        sqs = boto3.client("sqs", "eu-west-1")
        url = sqs.create_queue(QueueName="seen")["QueueUrl"]
        queue = "arn:aws:sqs:eu-west-1:123456789012:seen"
        boto3.client("sns", "eu-west-1").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
        assert ended(site) == f"note: told: {TOPIC}\n"
        (got,) = sqs.receive_message(QueueUrl=url)["Messages"]
        boto3.client("sns", "eu-west-1").delete_topic(TopicArn=topic)
        with pytest.raises(NotTold, match="was not told: Publish: "):
            ended(site)
    body = json.loads(got["Body"])
    assert body["Subject"].startswith("iamsync plan: refused by ")
    assert body["Message"].startswith("iamsync plan: refused by ")
    assert body["MessageAttributes"]["command"]["Value"] == "plan"


def test_the_sandbox_publishes_to_no_topic(site: Site) -> None:
    site.write(CONFIG + f"notify: [{{sns: '{TOPIC}'}}]\n", "iamsync.yaml")
    assert ended(site) == ""


def test_drift_is_told_once_and_told_again_where_somebody_was_not_reached(applied: Site, poster: Poster) -> None:
    applied.by_hand(lambda iam: iam.tag_user(UserName="alice", Tags=[{"Key": "by", "Value": "hand"}]))
    watch = ("drift", "--notify", "--since-last", "seen.json")
    poster.answers = [(400, {}, b"")]
    told = quiet(applied.run(*watch))
    assert (told.code, "warning: webhook was not told: HTTP 400" in told.err) == (2, True), told
    assert not (applied.root / "seen.json").exists()
    poster.got.clear()
    poster.answers = [(200, {}, b"ok")]
    assert quiet(applied.run(*watch)).code == 2
    body = hook(poster)
    assert (body["command"], body["exit_code"]) == ("drift", 2)
    assert "user/alice: tag by added by hand" in " ".join(body["lines"])
    poster.got.clear()
    assert quiet(applied.run(*watch)).code == 2
    assert poster.got == []
