"""A step of a plan as a call to AWS, repeated where AWS needs time, checked where it gave no answer.

The SDK repeats what fails in passing (throttling, lost connections). What only the plan's author can
judge is repeated here (`retrying`): a write that met another one, an entity created a moment ago that AWS does
not see everywhere yet, and calls that make another thing each time.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from typing import Any

from iamsync.aws import details
from iamsync.aws.calls import call, whole
from iamsync.aws.read import read_one
from iamsync.aws.retrying import LOOKS, ONCE, REMOVALS, patience, pause, sort_of
from iamsync.aws.session import Connection
from iamsync.errors import AwsError
from iamsync.events import Result
from iamsync.kinds import KINDS
from iamsync.kinds.fields import Documents, Members
from iamsync.kinds.instance_profile import Link
from iamsync.kinds.kind import Context
from iamsync.kinds.metadata import Metadata
from iamsync.kinds.operations import CREATIONS, OPERATIONS, WAIT
from iamsync.model import Address, Step
from iamsync.policy.document import Document


class Executor:
    """Executes steps of one account's plan; safe to share between threads.

    `sleep` gets seconds and may return early, True then (an interrupted run's pauses end at once: what is left of
    the repeating takes no time, and what was not looked for long enough is not made again); `jitter` gives a number
    from 0 to 1. `writer` gives the connection that a step's calls are made with, where it is another than the one
    that reads.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        sleep: Callable[[float], object] = time.sleep,
        jitter: Callable[[], float] = random.random,
        writer: Callable[[Step], Connection] | None = None,
    ) -> None:
        self.connection = connection
        self._writer = writer or (lambda _: connection)
        self._sleep = sleep
        self._jitter = jitter

    def __call__(self, step: Step, created: frozenset[Address]) -> Result:
        """Make the step's effect live; `created` are what this run made that the step depends on.

        Raises AwsError where it is not live in the end: at once for what repeating cannot mend,
        after about two minutes for what it might have.
        """
        if step.operation == WAIT:
            self._sleep(float(step.params["seconds"]))
            return Result("done")
        if step.operation not in OPERATIONS:
            raise AwsError(
                f"step {step.id}: {step.operation} is no operation that a plan of iamsync has",
                code="operation-refused",
                operation=step.operation,
                hint="make the plan again; a plan that was edited is never executed",
            )
        writer = self._writer(step)
        client = writer.iam_once if step.operation in ONCE else writer.iam
        attempts, pauses, waited, doubted = 0, 0, 0.0, False
        while True:
            try:
                answer = call(client, step.operation, step.params)
            except AwsError as error:
                attempts += 1 + error.retries
                doubted = doubted or error.doubtful or error.retries > 0
                rest = pause(pauses, self._jitter())
                looks = self._looks(step, error)
                patient = waited + rest + sum(looks) <= patience(step, error, created, doubted)
                if patient:
                    self._sleep(rest)
                    waited, pauses = waited + rest + sum(looks), pauses + 1
                if doubted and self._took_effect(step, error, looks if patient else ()):
                    return Result("done", error.request_id, attempts)
                if patient and not (looks and self._sleep(0.0)):
                    continue
                if self._was_live(step, error):
                    return Result("already", error.request_id, attempts)
                raise
            meta = answer.get("ResponseMetadata") or {}
            attempts += 1 + int(meta.get("RetryAttempts") or 0)
            return Result("done", str(meta.get("RequestId") or ""), attempts)

    @staticmethod
    def _looks(step: Step, error: AwsError) -> tuple[float, ...]:
        """The pauses between looks for a version that may be there and not be listed yet: a second would be stray."""
        return LOOKS if step.operation == "CreatePolicyVersion" and sort_of(error) == "doubtful" else ()

    def _took_effect(self, step: Step, error: AwsError, looks: tuple[float, ...]) -> bool:
        """Whether an earlier attempt whose answer was lost did it after all, looked at once more after each pause."""
        try:
            if step.operation == "CreatePolicyVersion":
                found = self._version_is_default(step)
                for seconds in looks:
                    if found:
                        break
                    self._sleep(seconds)
                    found = self._version_is_default(step)
                return found
            if step.operation in CREATIONS and (error.doubtful or error.aws_code == "EntityAlreadyExists"):
                return self._is_as_asked(step)
            if renamed := _renamed(step):
                return self._is_renamed(*renamed)
        except AwsError as unknown:
            if unknown.aws_code == "NoSuchEntity":
                return False
            raise error from unknown  # what happened first is what matters
        return False

    def _was_live(self, step: Step, error: AwsError) -> bool:
        """Whether the refusal itself says that nothing was left to do."""
        if error.aws_code == "NoSuchEntity" and step.operation.startswith(REMOVALS):
            return True
        if step.operation == "AddRoleToInstanceProfile" and error.aws_code in ("LimitExceeded", "EntityAlreadyExists"):
            name = {"InstanceProfileName": step.params["InstanceProfileName"]}
            with whole("GetInstanceProfile"):
                profile = call(self.connection.iam, "GetInstanceProfile", name)["InstanceProfile"]
                return any(role["RoleName"] == step.params["RoleName"] for role in profile.get("Roles") or ())
        return False

    def _version_is_default(self, step: Step) -> bool:
        """Whether the document is the policy's default version, made so if it is stored but idle."""
        params, iam, partition = step.params, self.connection.iam, self.connection.partition
        wanted = Document.parse(params["PolicyDocument"], partition)
        found = details.versions(iam, params["PolicyArn"])
        with whole("GetPolicyVersion"):
            stored = [
                (version["VersionId"], version["IsDefaultVersion"])
                for version in found
                if not isinstance(version["Document"], str) and Document.of(version["Document"], partition) == wanted
            ]
        if stored and not any(default for _, default in stored):
            version_id, _ = stored[0]
            own = self._writer(step).iam
            call(own, "SetDefaultPolicyVersion", {"PolicyArn": params["PolicyArn"], "VersionId": version_id})
        return bool(stored)

    def _is_renamed(self, old: Address, new: Address) -> bool:
        live = read_one(self.connection, new)
        if live is None or live.address != new:
            return False
        return old.folded == new.folded or read_one(self.connection, old) is None

    def _is_as_asked(self, step: Step) -> bool:
        """Whether what stands there is what the creation asked for and nothing beyond."""
        if step.address is None:
            return False
        live = read_one(self.connection, step.address, step.params.get("Path", "/"))
        if live is None or live.address != step.address:
            return False
        kind = CREATIONS[step.operation]
        cx = Context(self.connection.account_id, self.connection.partition)
        later = (field for field in kind.fields if isinstance(field, (Members, Documents, Link)))
        beyond = any(getattr(live.spec, field.name) for field in later)
        made = dict(kind.creation(live, cx).call.params)
        for field in kind.fields:
            # What nobody asked for AWS may have filled in.
            if getattr(field, "optional", False) and (param := getattr(field, "param", "")) not in step.params:
                made.pop(param, None)
        return not beyond and _by_meaning(made, cx.partition) == _by_meaning(step.params, cx.partition)


def _renamed(step: Step) -> tuple[Address, Address] | None:
    """The old and the new address, where the step renames a user or a group."""
    for kind in ("user", "group"):
        noun = KINDS[kind].noun
        if step.operation == f"Update{noun}" and f"New{noun}Name" in step.params:
            return Address(kind, step.params[f"{noun}Name"]), Address(kind, step.params[f"New{noun}Name"])
    return None


def _by_meaning(params: Mapping[str, Any], partition: str) -> dict[str, Any]:
    """A creation's parameters so that equal wishes are equal: documents by key, tags in order."""
    out = {name: value for name, value in params.items() if value not in ("", [], None)}
    for name, value in out.items():
        if name.endswith("PolicyDocument"):
            out[name] = Document.parse(value, partition).key
        elif name == "SAMLMetadataDocument":
            out[name] = Metadata.of(value).key
        elif name in ("ClientIDList", "ThumbprintList"):
            out[name] = sorted(value)
        elif name == "Tags":
            out[name] = sorted((tag["Key"], tag["Value"]) for tag in value)
    return out
