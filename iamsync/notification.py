"""Where a run may be told about, and what is sent there: the same few lines to everybody."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Form = Literal["slack", "webhook", "sns"]

_TOPIC: Final = re.compile(r"arn:(aws[a-z-]*):sns:([a-z0-9-]+):\d{12}:[A-Za-z0-9_-]{1,256}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """A place of `notify:`; `topic` is the ARN of an SNS topic. URLs and secrets are never part of it."""

    form: Form
    topic: str = ""

    @classmethod
    def sns(cls, topic: str) -> Target:
        """The topic of this ARN; ValueError where it is none, or a FIFO topic, which nobody can be mailed from."""
        if not _TOPIC.fullmatch(topic):
            raise ValueError(f'"{topic}" is no ARN of a standard SNS topic')
        return cls("sns", topic)

    @property
    def region(self) -> str:
        """The region of the topic."""
        return self.topic.split(":")[3]

    def __str__(self) -> str:
        return self.topic or self.form


@dataclass(frozen=True, slots=True)
class Message:
    """One summary in the three forms: `slack` and `webhook` are JSON, `subject` and `text` are for SNS.

    `attributes` is what subscriptions of SNS can filter by.
    """

    subject: str
    text: str
    slack: str
    webhook: str
    attributes: tuple[tuple[str, str], ...] = ()
