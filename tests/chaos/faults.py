"""What can go wrong between a client and AWS, each as AWS or the network does it; decided by a seed, kept in a log.

A decision hangs on the seed, the fault, the request and how often that request was made, and not on which thread
was first: the same trial meets the same faults.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode
from xml.etree import ElementTree

from tests.chaos.clock import CALL, Clock

Answer = tuple[str, list[tuple[str, str]], bytes]

READS: Final = ("Get", "List", "Generate", "Simulate", "Describe")
LATE: Final = 12.0  # seconds for which what was made may not be seen everywhere
# The parameters that name an entity, and what it is; a creation's own name is in the same parameter.
NAMES: Final = {
    "RoleName": "Role",
    "UserName": "User",
    "GroupName": "Group",
    "InstanceProfileName": "InstanceProfile",
    "PolicyArn": "Arn",
    "PermissionsBoundary": "Arn",
    "OpenIDConnectProviderArn": "Arn",
    "SAMLProviderArn": "Arn",
}
# Fault -> what happens to a call that it strikes.
FAULTS: Final[Mapping[str, str]] = {
    "throttled": "AWS answers Throttling (400, Rate exceeded) and does nothing",
    "unavailable": "AWS answers 500 ServiceFailure, 503 or a bare 502, and does nothing",
    "reset": "the connection is cut before the call arrives",
    "lost": "the call is carried out and its answer is lost with the connection",
    "lost-500": "the call is carried out and answered with 500 ServiceFailure",
    "slow": "the call takes seconds",
    "unseen": "for up to 12 s what was created is unknown (NoSuchEntity; Invalid principal in a trust; a version not "
    "listed), and what was let go of still counts (DeleteConflict)",
    "stale": "bulk reads show the account as it was up to 12 s ago",
    "pages": "listings are cut into pages of one to three items, with empty pages between",
    "expired": "the credentials end: ExpiredToken for the rest of the run",
    "busy": "AWS answers ConcurrentModification or EntityTemporarilyUnmodifiable (409) and does nothing",
    "writer": "somebody else changes the same account before the call",
    "disk": "the disk is full: a line of the journal cannot be written, or only half of it",
    "all": "one of the others, another one each time",
}
ENDING: Final = ("expired", "disk")
OF_A_CALL: Final = ("throttled", "unavailable", "reset", "lost", "lost-500", "slow", "unseen", "stale", "pages", "busy")

_ERRORS: Final = {
    "Throttling": (400, "Rate exceeded"),
    "ServiceFailure": (500, "Service failed because of an internal error."),
    "ServiceUnavailable": (503, "Service Unavailable"),
    "ExpiredToken": (403, "The security token included in the request is expired"),
    "ConcurrentModification": (
        409,
        "The request was rejected because multiple requests to change this object were submitted simultaneously. "
        "Wait a few minutes and submit your request again.",
    ),
    "EntityTemporarilyUnmodifiable": (409, "The entity is temporarily unmodifiable. Try again later."),
    "DeleteConflict": (409, "Cannot delete entity, must detach all policies first."),
    "NoSuchEntity": (404, "The {what} with name {name} cannot be found."),
    "MalformedPolicyDocument": (400, 'Invalid principal in policy: "AWS":"{name}"'),
}


class Dropped(ConnectionResetError):
    """The connection is cut; whoever transports the call makes it so."""


@dataclass
class Chaos:
    """One fault at a rate, from a seed; `log` has a line for each call that it struck.

    `quiet` lets everything through. `meddle` is called for the fault "writer", with a number that the seed gives.
    `around` is called before and after each write that is carried out.
    """

    fault: str
    rate: float
    seed: int
    clock: Clock = field(default_factory=Clock)
    quiet: bool = False
    meddle: Callable[[int], str] = lambda number: ""
    around: Callable[[str, str], None] = lambda phase, operation: None
    log: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    calls: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    expired: bool = False
    _asked: Counter[str] = field(default_factory=Counter)
    _unseen: dict[tuple[str, str], float] = field(default_factory=dict)
    _seen_reads: dict[bytes, Callable[[], Answer]] = field(default_factory=dict)
    _past: list[tuple[float, dict[bytes, Answer]]] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def number(self, *what: object) -> int:
        """A large number that hangs on the seed and these words alone."""
        text = "|".join(map(str, (self.seed, self.fault, *what)))
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")

    def strikes(self, operation: str, key: str) -> str:
        """The fault that this request meets; empty for none."""
        with self._lock:
            self.calls += 1
            self._asked[key] += 1
            if self.quiet or not self.happens(key, self._asked[key]):
                return ""
            fault = self.fault
            if fault == "all":
                fault = OF_A_CALL[self.number("which", key, self._asked[key]) % len(OF_A_CALL)]
            return fault

    def happens(self, *what: object) -> bool:
        """Whether chance has it so; what ends a run does so after ten times as many calls."""
        return self.number(*what) % 100_000 < self.rate * (10_000 if self.fault in ENDING else 100_000)

    def note(self, fault: str, operation: str, more: object = "") -> None:
        """Keep in the log that a call was struck."""
        with self._lock:
            self.struck[fault] += 1
            self.log.append(f"call {self.calls}: {operation}: {fault} {more}".rstrip())


class Faulty:
    """A WSGI application in front of another one; what is no call of an AWS API goes through untouched."""

    def __init__(self, inner: Callable[..., Any], chaos: Chaos) -> None:
        self.inner, self.chaos = inner, chaos

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        import io

        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        form = dict(parse_qsl(body.decode("utf-8", "replace"))) if body[:1] not in (b"{", b"") else {}
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        operation = form.get("Action") or target.rpartition(".")[2]

        def inner(content: bytes = body) -> Answer:
            told: dict[str, Any] = {}
            env = {name: value for name, value in environ.items() if not name.startswith("werkzeug.")}
            env |= {"wsgi.input": io.BytesIO(content), "CONTENT_LENGTH": str(len(content))}
            chunks = self.inner(env, lambda status, headers, info=None: told.update(status=status, headers=headers))
            return told["status"], told["headers"], b"".join(chunks)

        status, headers, content = self._answer(operation, form, body, inner, bool(target)) if operation else inner()
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start_response(status, [*headers, ("Content-Length", str(len(content)))])
        return [content]

    def _answer(
        self, operation: str, form: Mapping[str, str], body: bytes, inner: Callable[..., Answer], json_: bool
    ) -> Answer:
        chaos, write = self.chaos, not operation.startswith(READS)
        chaos.clock.sleep(CALL)
        key = f"{operation} {body.decode('utf-8', 'replace')}"
        fault = chaos.strikes(operation, key)
        say = _json if json_ else _xml
        if chaos.expired or fault == "expired":
            chaos.expired = True
            chaos.note("expired", operation)
            return say("ExpiredToken")
        if operation == "GetCallerIdentity" and fault in ("unseen", "stale", "pages", "busy"):
            fault = ""
        if fault == "writer" and write:
            chaos.note(fault, operation, chaos.meddle(chaos.number("meddle", key, chaos.calls)))
        if fault == "throttled":
            chaos.note(fault, operation)
            return say("Throttling")
        if fault == "unavailable":
            chaos.note(fault, operation)
            which = chaos.number("kind", key, chaos.calls) % 3
            return _bare(502) if which == 2 else say(("ServiceFailure", "ServiceUnavailable")[which])
        if fault == "busy" and write:
            chaos.note(fault, operation)
            which = chaos.number("kind", key, chaos.calls) % 4
            return say("ConcurrentModification" if which else "EntityTemporarilyUnmodifiable")
        if fault == "reset":
            chaos.note(fault, operation)
            raise Dropped("reset by peer")
        if fault == "slow":
            seconds = chaos.number("slow", key, chaos.calls) % 20
            chaos.note(fault, operation, f"{seconds} s")
            chaos.clock.sleep(seconds)
        if (missing := self._not_seen(operation, form)) is not None:
            chaos.note("unseen", operation, missing[1])
            return say(*missing)
        if (fault == "pages" and not write and "MaxItems" in _pageable(operation)) or ":" in form.get("Marker", ""):
            return self._pages(operation, form, key, inner)
        if not write and chaos.fault in ("stale", "all"):
            return self._old(operation, body, inner, fault == "stale")
        if write:
            self._remember()
            chaos.around("before", operation)
        answer = inner()
        if write and answer[0].startswith("200"):
            chaos.writes.append(operation)
            if fault == "unseen":
                self._made(operation, form, answer)
            chaos.around("after", operation)
        if operation == "ListPolicyVersions":
            answer = self._without_new(form["PolicyArn"], answer)
        if fault == "lost":
            chaos.note(fault, operation)
            raise Dropped("reset by peer")
        if fault == "lost-500":
            chaos.note(fault, operation)
            return say("ServiceFailure")
        return answer

    # Late to be seen ---------------------------------------------------------------------------

    def _made(self, operation: str, form: Mapping[str, str], answer: Answer) -> None:
        """Keep what this call made, renamed or let go of from being seen for some seconds."""
        chaos, noun = self.chaos, operation.removeprefix("Create").removeprefix("Update")
        until = chaos.clock.now + chaos.number("until", operation, *sorted(form.items())) % int(LATE * 10) / 10
        if operation.startswith(("Detach", "Remove")) or (operation.startswith("Delete") and "PolicyName" in form):
            for param, kind in NAMES.items():
                if name := form.get(param, ""):
                    chaos._unseen["Held", kind + name] = until
        elif operation == "CreatePolicyVersion":
            version = answer[2].decode().partition("<VersionId>")[2].partition("<")[0]
            chaos._unseen["Version", f"{form['PolicyArn']} {version}"] = until
        elif new := form.get(f"New{noun}Name", ""):
            chaos._unseen[noun, new] = until
        elif operation.startswith("Create") and noun not in ("AccessKey", "LoginProfile", "AccountAlias"):
            for name in {form.get(f"{noun}Name", ""), *_arns(answer[2])} - {""}:
                chaos._unseen["Arn" if name.startswith("arn:") else noun, name] = until

    def _without_new(self, policy: str, answer: Answer) -> Answer:
        """A list of versions without those that are not seen yet."""
        chaos, (status, headers, content) = self.chaos, answer
        text = content.decode()
        for (kind, name), until in list(chaos._unseen.items()):
            held, _, version = name.partition(" ")
            if kind == "Version" and held == policy and until > chaos.clock.now and not chaos.quiet:
                for member in text.split("<member>")[1:]:
                    if f"<VersionId>{version}</VersionId>" in member:
                        chaos.note("unseen", "ListPolicyVersions", name)
                        text = text.replace(f"<member>{member.partition('</member>')[0]}</member>", "")
        return status, headers, text.encode()

    def _not_seen(self, operation: str, form: Mapping[str, str]) -> tuple[str, dict[str, str]] | None:
        """The refusal of a call that names what is not seen yet."""
        chaos = self.chaos

        def late(kind: str, name: str) -> bool:
            return not chaos.quiet and chaos._unseen.get((kind, name), 0.0) > chaos.clock.now

        for param, kind in NAMES.items():
            name = form.get(param, "")
            if name and late(kind, name) and operation != f"Create{kind}":
                return "NoSuchEntity", {"what": kind.lower(), "name": name}
        if operation in ("DeleteRole", "DeleteUser", "DeleteGroup", "DeletePolicy", "DeleteInstanceProfile"):
            for param, kind in NAMES.items():
                if late("Held", kind + form.get(param, "")):
                    return "DeleteConflict", {}
        trust = form.get("AssumeRolePolicyDocument") or (
            form.get("PolicyDocument", "") if operation == "UpdateAssumeRolePolicy" else ""
        )
        for (kind, name), _ in list(chaos._unseen.items()) if trust else ():
            if kind == "Arn" and f'"{name}"' in trust and late(kind, name):
                return "MalformedPolicyDocument", {"name": name}
        return None

    # Old news ----------------------------------------------------------------------------------

    _BULK = ("GetAccountAuthorizationDetails", "ListRoles", "GetAccountSummary", "GetResources")

    def _old(self, operation: str, body: bytes, inner: Callable[..., Answer], stale: bool) -> Answer:
        chaos = self.chaos
        if operation not in self._BULK:
            return inner()
        chaos._seen_reads[body] = inner
        if stale and not chaos.quiet:
            # Replicas are late for themselves, or all together: then the account agrees with itself, and is old.
            alike = chaos.seed % 2
            age = chaos.number("age", "" if alike else body, chaos.calls if not alike else "") % int(LATE * 10) / 10
            for moment, answers in chaos._past:
                if moment >= chaos.clock.now - age and body in answers:
                    chaos.note("stale", operation, f"{age} s")
                    return answers[body]
        return inner()

    def _remember(self) -> None:
        """Keep what reads would say before a write, every few of them."""
        chaos = self.chaos
        if chaos._seen_reads and (not chaos._past or chaos.clock.now - chaos._past[-1][0] >= 4 * CALL):
            oldest = chaos.clock.now - 2 * LATE
            chaos._past[:] = [held for held in chaos._past if held[0] >= oldest]
            chaos._past.append((chaos.clock.now, {body: inner() for body, inner in chaos._seen_reads.items()}))

    # Pages -------------------------------------------------------------------------------------

    def _pages(self, operation: str, form: Mapping[str, str], key: str, inner: Callable[..., Answer]) -> Answer:
        """A page of one to three items or of none; markers are unlike before and after an empty page."""
        number = self.chaos.number("page", key)
        start = form.get("Marker", "").rpartition(":")[2]
        given = {**form, "MaxItems": str(1 + number % 3)}
        given.pop("Marker", None)
        if start:
            given["Marker"] = start
        status, headers, content = inner(urlencode(given).encode())
        self.chaos.note("pages", operation, f"from {start or 0}")
        empty = number % 5 == 0 and not form.get("Marker", "").startswith("empty")
        root = ElementTree.fromstring(content)
        for part in root.iter():
            tag = part.tag.rpartition("}")[2]
            if tag == "Marker" and part.text and not empty:
                part.text = f"m{number % 1000}:{part.text}"
        if empty and status.startswith("200"):
            result = next(part for part in root if part.tag.endswith("Result"))
            space = root.tag.partition("}")[0] + "}" if "}" in root.tag else ""
            for part in list(result):
                if part.tag.rpartition("}")[2] in ("IsTruncated", "Marker"):
                    result.remove(part)
                else:
                    part.clear()
            ElementTree.SubElement(result, f"{space}IsTruncated").text = "true"
            ElementTree.SubElement(result, f"{space}Marker").text = f"empty:{start or 0}"
        return status, headers, ElementTree.tostring(root)


def _pageable(operation: str) -> Mapping[str, Any]:
    from iamsync.aws.session import Sessions  # the model that botocore has of IAM, loaded once

    global _IAM
    if _IAM is None:
        _IAM = Sessions().of(None, "111122223333", ambient=False).get_service_model("iam")
    if operation not in _IAM.operation_names:
        return {}
    shape = _IAM.operation_model(operation).input_shape
    return shape.members if shape is not None else {}


_IAM: Any = None


def _arns(content: bytes) -> list[str]:
    text = content.decode("utf-8", "replace")
    found = []
    for tag in ("Arn", "OpenIDConnectProviderArn", "SAMLProviderArn"):
        found += [part.partition(f"</{tag}>")[0] for part in text.split(f"<{tag}>")[1:]]
    return found


def _xml(code: str, words: Mapping[str, str] | None = None) -> Answer:
    from xml.sax.saxutils import escape

    status, message = _ERRORS[code]
    kind = "Receiver" if status >= 500 else "Sender"
    body = (
        f'<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>{kind}</Type>'
        f"<Code>{code}</Code><Message>{escape(message.format(**(words or {})))}</Message></Error>"
        "<RequestId>chaos-0000</RequestId></ErrorResponse>"
    )
    return f"{status} {code}", [("Content-Type", "text/xml"), ("x-amzn-RequestId", "chaos-0000")], body.encode()


def _json(code: str, words: Mapping[str, str] | None = None) -> Answer:
    status, message = _ERRORS[code]
    named = {"Throttling": "ThrottlingException", "ServiceFailure": "InternalServiceException"}.get(code, code)
    body = json.dumps({"__type": named, "message": message.format(**(words or {}))}).encode()
    return f"{status} {code}", [("Content-Type", "application/x-amz-json-1.1")], body


def _bare(status: int) -> Answer:
    return f"{status} Bad Gateway", [("Content-Type", "text/html")], b"<html><body>bad gateway</body></html>"
