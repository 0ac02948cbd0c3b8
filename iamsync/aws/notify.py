"""Telling an SNS topic."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from iamsync.aws.calls import call, whole
from iamsync.aws.session import Access, Sessions, service_client
from iamsync.notification import Message, Target


def publish(target: Target, message: Message, access: Access, sessions: Sessions) -> str:
    """Publish to a topic, with the credentials that the run started with; the message's id. AwsError where it fails.

    The topic's own region is asked, whatever the run's is.
    """
    client = service_client("sns", replace(access, hops=(), region=target.region), sessions)
    attributes = {name: {"DataType": "String", "StringValue": value} for name, value in message.attributes}
    params: dict[str, Any] = {"TopicArn": target.topic, "Subject": message.subject, "Message": message.text}
    answer = call(client, "Publish", {**params, "MessageAttributes": attributes})
    with whole("Publish"):
        return str(answer["MessageId"])
