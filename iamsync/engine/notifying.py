"""Telling others of a run: the places of `notify:`, their URLs and secrets from the operator's environment."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from iamsync import __version__, webhooks
from iamsync.aws.notify import publish
from iamsync.aws.session import Access, Sessions
from iamsync.engine.locking import job
from iamsync.engine.options import utc_now
from iamsync.engine.project import Project
from iamsync.errors import IamsyncError, InputError
from iamsync.notification import Message, Target

SLACK: Final = "IAMSYNC_SLACK_WEBHOOK"
WEBHOOK: Final = "IAMSYNC_WEBHOOK_URL"
SECRET: Final = "IAMSYNC_WEBHOOK_SECRET"  # noqa: S105 - the name of the variable
# Longer than this no run is held up by whoever does not answer, in seconds.
LIMIT: Final = 30.0

_URLS: Final = {"slack": SLACK, "webhook": WEBHOOK}


@dataclass(frozen=True, slots=True)
class Unsent:
    """A place that was not told, and why; the text holds no URL and no secret."""

    target: Target
    reason: str

    def __str__(self) -> str:
        return f"{self.target} was not told: {self.reason}"


@dataclass(frozen=True, slots=True)
class Notifier:
    """The places of one run, with what it takes to reach them."""

    targets: tuple[Target, ...]
    access: Access
    sandbox: bool
    environment: Mapping[str, str]

    @classmethod
    def of(cls, project: Project, environment: Mapping[str, str] | None = None) -> Notifier:
        """The places of the project file; InputError where there are none, or a URL or secret is missing or wrong."""
        targets = project.config.notify
        if not targets:
            raise InputError(
                "nobody is to be notified: the project file has no notify:",
                code="no-notify",
                hint="write notify: [slack, webhook, {sns: ARN}], or leave out --notify",
            )
        environment = os.environ if environment is None else environment
        for target in targets:
            if target.form != "sns":
                _check(target.form, environment)
        options, accounts = project.options, project.accounts()
        real = [account for account in accounts if not options.sandbox and account.backend != "sandbox"]
        access = Access(
            profile=options.profile or (real or accounts)[0].profile,
            # An endpoint of one's own may be an IAM and nothing else.
            endpoint_url=None if environment.get("AWS_ENDPOINT_URL_SNS") else options.endpoint_url,
        )
        return cls(targets, access, not real, environment)

    def about(self) -> dict[str, Any]:
        """What a brief says of the run itself: the time, the CI job where one is known, whether it is the sandbox."""
        return {"at": utc_now(), "job": job(self.environment), "sandbox": self.sandbox}

    def send(self, message: Message) -> tuple[Unsent, ...]:
        """Tell all places at once; those that were not told within the limit, in their order."""
        until = time.monotonic() + LIMIT
        answers: dict[Target, str | None] = {}
        # Threads that end with the process: neither a name server nor a dripping answer can be timed out.
        threads = {target: self._thread(target, message, until, answers) for target in self.real}
        for thread in threads.values():
            thread.start()
        for thread in threads.values():
            thread.join(max(until - time.monotonic(), 0.0))
        reasons = {target: answers.get(target, f"no answer within {LIMIT:.0f} seconds") for target in threads}
        return tuple(Unsent(target, reason) for target, reason in reasons.items() if reason is not None)

    @property
    def real(self) -> tuple[Target, ...]:
        """The places that this run tells: the sandbox uses nobody's credentials, so it publishes to no topic."""
        return tuple(target for target in self.targets if target.form != "sns" or not self.sandbox)

    def _thread(
        self, target: Target, message: Message, until: float, answers: dict[Target, str | None]
    ) -> threading.Thread:
        def run() -> None:
            answers[target] = self._send(target, message, until)

        return threading.Thread(target=run, name=f"notify {target.form}", daemon=True)

    def _send(self, target: Target, message: Message, until: float) -> str | None:
        agent = f"iamsync/{__version__}"
        try:
            if target.form == "sns":
                publish(target, message, self.access, Sessions())
            elif target.form == "slack":
                webhooks.post(self.environment[SLACK].strip(), message.slack, agent=agent, until=until)
            else:
                signed = webhooks.signed(webhooks.key_of(self.environment[SECRET]), message.webhook)
                webhooks.post(self.environment[WEBHOOK].strip(), message.webhook, signed, agent=agent, until=until)
        except webhooks.NotSent as error:
            return str(error)
        except IamsyncError as error:
            return error.message
        return None


def _check(form: str, environment: Mapping[str, str]) -> None:
    name = _URLS[form]
    try:
        webhooks.checked(_set(name, form, environment).strip())
        if form == "webhook":
            name = SECRET
            webhooks.key_of(_set(name, form, environment))
    except ValueError as error:
        raise InputError(
            f"{name} {error}",
            code="bad-notify",
            hint="https only, but for this machine itself" if name != SECRET else "openssl rand -hex 32 makes one",
        ) from None


def _set(name: str, form: str, environment: Mapping[str, str]) -> str:
    if not environment.get(name, "").strip():
        raise InputError(
            f"{form} is to be notified, and {name} is not set",
            code="bad-notify",
            hint=f"set it in the environment, as a secret of the CI system, or take {form} out of notify:",
        )
    return str(environment[name])
