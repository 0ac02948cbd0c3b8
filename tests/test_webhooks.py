"""Posting to URLs that are secrets: what is repeated, what is not, how long, and what is never said."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iamsync import webhooks
from iamsync.webhooks import NotSent, checked, key_of, post, signed
from tests.posting import Poster, serving

PATH = "/services/T000/B000/verysecretpath"
KEY = b"0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "PAUSES", (0.0, 0.01, 0.02))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def poster() -> Iterator[Poster]:
    with serving() as made:
        yield made


def refused(url: str) -> str:
    with pytest.raises(NotSent) as caught:
        post(url, "{}")
    said = str(caught.value)
    assert "secret" not in said
    assert caught.value.__cause__ is None, "what it came from may hold the URL"
    return said


def test_what_is_taken_is_posted_once(poster: Poster) -> None:
    post(poster.url + PATH, '{"text":"hello"}', agent="iamsync/1")
    (request,) = poster.got
    assert (request.method, request.path, request.body) == ("POST", PATH, b'{"text":"hello"}')
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"] == "iamsync/1"


def test_a_failure_that_may_pass_is_tried_again(poster: Poster) -> None:
    poster.answers = [(500, {}, b""), (429, {"Retry-After": "0"}, b""), (200, {}, b"ok")]
    post(poster.url, "{}")
    assert len(poster.got) == 3


def test_it_gives_up_after_four_times(poster: Poster) -> None:
    poster.answers = [(503, {}, b"")]
    assert refused(poster.url + PATH) == "HTTP 503, 4 times"
    assert len(poster.got) == 4


def test_no_attempt_begins_after_the_time_is_up(poster: Poster) -> None:
    poster.answers = [(503, {"Retry-After": "50"}, b"")]
    with pytest.raises(NotSent, match="HTTP 503, once"):
        post(poster.url, "{}", until=time.monotonic() + 5, sleep=lambda seconds: pytest.fail(f"slept {seconds}"))


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".example"])
def test_a_host_that_no_name_server_can_be_asked_for_is_told(host: str) -> None:
    assert refused(checked(f"https://{host}/secret")) == "its URL cannot be asked"


def test_what_is_asked_for_is_waited(poster: Poster) -> None:
    poster.answers = [(429, {"Retry-After": "7"}, b""), (503, {"Retry-After": "soon"}, b""), (200, {}, b"ok")]
    waited: list[float] = []
    post(poster.url, "{}", sleep=waited.append)
    assert waited == [7.0, 0.01]


@pytest.mark.parametrize(("status", "said"), [(400, "HTTP 400: invalid_blocks"), (404, "HTTP 404"), (410, "HTTP 410")])
def test_a_refusal_is_final_and_told_in_a_word_at_most(poster: Poster, status: int, said: str) -> None:
    body = b"invalid_blocks" if status == 400 else f"no such path {PATH}".encode()
    poster.answers = [(status, {}, body)]
    assert refused(poster.url + PATH) == said
    assert len(poster.got) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(poster: Poster, status: int) -> None:
    with serving() as other:
        poster.answers = [(status, {"Location": other.url + PATH}, b"")]
        assert refused(poster.url + PATH) == f"HTTP {status}: redirects are not followed"
        assert len(poster.got) == 1
        assert other.got == []


def test_who_does_not_answer_is_not_waited_for(poster: Poster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhooks, "EACH", 0.05)
    poster.answers = [(0, {}, b"")]
    assert refused(poster.url + PATH) == "no answer in time, 4 times"


def test_nobody_there() -> None:
    with serving() as gone:
        url = gone.url
    assert refused(url + PATH) == "not reached: Connection refused, 4 times"


def test_a_certificate_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate(tmp_path))
    with serving(context) as poster:
        assert refused(poster.url + PATH) == "its certificate is not trusted (OpenSSL's code 18)"
        assert poster.got == []


def test_what_speaks_no_tls_is_no_https(poster: Poster) -> None:
    said = refused(poster.url.replace("http:", "https:") + PATH)
    assert said.startswith("no TLS with it (")


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    path = folder / "server.pem"
    path.write_bytes(pem + made.public_bytes(serialization.Encoding.PEM))
    return path


def test_a_signature_covers_id_time_and_body_and_the_id_stays() -> None:
    times = iter((1_764_000_000.9, 1_764_000_005.0))
    headers = signed(KEY, '{"a":1}', lambda: next(times))
    first, second = headers(), headers()
    assert first["webhook-id"] == second["webhook-id"]
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("1764000000", "1764000005")
    for made in (first, second):
        content = f'{made["webhook-id"]}.{made["webhook-timestamp"]}.{{"a":1}}'
        digest = hmac.new(KEY, content.encode(), hashlib.sha256).digest()
        assert made["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
    assert signed(KEY, "{}")()["webhook-id"] != first["webhook-id"]


def test_a_secret_is_base64_where_it_says_so_else_its_own_bytes() -> None:
    assert key_of("whsec_" + base64.b64encode(KEY).decode()) == KEY
    assert key_of(KEY.decode()) == KEY
    for wrong, said in (("tooshort", "shorter than 16"), ("whsec_###", "no base64"), ("whsec_QUFB", "shorter than 16")):
        with pytest.raises(ValueError, match=said) as caught:
            key_of(wrong)
        assert wrong not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["https://hooks.example/a", "http://127.0.0.1:9/a", "http://[::1]:9/", "http://localhost/"]
)
def test_urls_that_are_taken(url: str) -> None:
    assert checked(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/secret",
        "ftp://hooks.example/secret",
        "file:///etc/secret",
        "https://user:secret@hooks.example/",
        "https://hooks.example/sec ret",
        "https://hooks.example/secret\nHost: x",
        "https://[secret/",
        "https://hooks.example:secret/",
        "secret",
    ],
)
def test_urls_that_are_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ValueError, match=r"^(is no URL|holds a user name|does not begin with https://)$"):
        checked(url)
