"""Endpoints that are no IAM at all: whoever mistyped one, or sits behind a proxy, hears it, and nothing is believed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest

from .cli import Folder

IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::111122223333:user/x</Arn><UserId>AIDAX</UserId><Account>111122223333</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
# What a server answers (status, body; "*" stands for the operation), after who is asking is known or at once.
ANSWERS: dict[str, tuple[int, str, str]] = {
    # name: status, body, the error that is to be read
    "a page to log in": (200, "<html><body><h1>Log in</h1><br></body></html>", "unsupported"),
    "a page that is not found": (404, "<html>no</html>", "unsupported"),
    "nothing": (200, "", "unsupported"),
    "JSON": (200, '{"message": "hello"}', "unsupported"),
    "a bad gateway": (502, "bad gateway", "unsupported"),
    "an error as S3 tells it": (
        404, "<?xml version='1.0'?><Error><Code>NoSuchEntity</Code><RequestId>r</RequestId></Error>", "unsupported",
    ),
    "an error without a code": (405, "<?xml version='1.0'?><Error><RequestId>r</RequestId></Error>", "unsupported"),
}  # fmt: skip
# Answers of the right form, and what is wrong with them.
EMPTY = {
    "an account without anything": ("", "incomplete-read"),
    "pages without end": ("<IsTruncated>true</IsTruncated><Marker>again</Marker>", "incomplete-read"),
    "pages that lead nowhere": ("<IsTruncated>true</IsTruncated>", "incomplete-read"),
}


class Odd(ThreadingHTTPServer):
    """Answers everything the same, but for who is asking where `knows` is set."""

    status, body, knows = 200, "", True


class _Answers(BaseHTTPRequestHandler):
    server: Odd

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        operation = parse_qs(asked).get("Action", ["GetResources"])[0]
        status, text = self.server.status, self.server.body.replace("*", operation)
        if operation == "GetCallerIdentity" and self.server.knows:
            status, text = 200, IDENTITY
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())


@pytest.fixture
def odd() -> Iterator[Odd]:
    with Odd(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def project(inside: Folder, odd: Odd) -> Folder:
    inside.environment = {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "IAMSYNC_ENDPOINT_URL": f"http://127.0.0.1:{odd.server_port}",
    }
    inside.write("iam/all.yaml", "users: {alice: {}}\n")
    return inside


def refused(project: Folder, code: str) -> None:
    """No command takes such a server for an account."""
    for arguments in (
        ("plan", "--detailed-exitcode"),
        ("apply", "--auto-approve", "--account-id", "111122223333"),
        ("import", "--out", "new"),
        ("snapshot",),
    ):
        said = project(*arguments, code=1)
        assert f"error[{code}]" in said.err
        assert "help: " in said.err
        assert said.out == ""
    assert not (project.root / "new").exists()
    assert not (project.root / ".iamsync").exists()


@pytest.mark.parametrize("knows", [True, False], ids=["that knows who asks", "that knows nothing"])
@pytest.mark.parametrize("name", ANSWERS)
def test_a_server_that_is_no_iam_is_named_as_such(project: Folder, odd: Odd, name: str, knows: bool) -> None:
    odd.status, odd.body, code = ANSWERS[name]
    odd.knows = knows
    refused(project, code)
    said = project("plan", code=1).err
    assert ("iam:GetAccountSummary" if knows else "sts:GetCallerIdentity") in said
    assert "--endpoint-url" in said


@pytest.mark.parametrize("name", EMPTY)
def test_an_account_that_is_not_there_is_not_taken_for_an_empty_one(project: Folder, odd: Odd, name: str) -> None:
    inner, code = EMPTY[name]
    odd.body = f"<*Response><*Result>{inner}</*Result></*Response>"
    refused(project, code)


def test_who_has_no_name_is_nobody(project: Folder, odd: Odd) -> None:
    odd.body, odd.knows = "<*Response><*Result/></*Response>", False
    refused(project, "bad-identity")


def test_text_that_is_no_endpoint_is_a_mistake_in_input(project: Folder) -> None:
    project.environment["IAMSYNC_ENDPOINT_URL"] = "nonsense"
    refused(project, "bad-endpoint")


def test_nobody_at_the_endpoint_is_heard_within_seconds(project: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", pauses.append)
    project.environment["IAMSYNC_ENDPOINT_URL"] = "http://127.0.0.1:9"
    said = project("plan", code=1).err
    assert "error[no-answer]" in said
    assert "127.0.0.1:9" in said
    assert sum(pauses) < 15
