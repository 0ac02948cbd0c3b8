"""A plan's steps as commands of the AWS CLI, for those who want to run or read them by hand."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final

from iamsync.render.inert import json_inert, safe
from iamsync.render.text import account_text
from iamsync.render.words import count

# Their answers hold a key's secret, a password or a device's seed.
SECRET: Final = frozenset(
    {"CreateAccessKey", "CreateServiceSpecificCredential", "ResetServiceSpecificCredential"}
    | {"CreateVirtualMFADevice", "CreateLoginProfile", "UpdateLoginProfile", "ChangePassword"}
)
# The AWS CLI reads a parameter of this form from a file or the network instead of sending it.
_FETCHED: Final = ("file://", "fileb://", "http://", "https://")
_WORD_AFTER_ANY: Final = re.compile(r"(.)([A-Z][a-z]+)")
_CAPITAL_AFTER_SMALL: Final = re.compile(r"([a-z0-9])([A-Z])")


def plan_awscli(document: Mapping[str, Any]) -> str:
    """A shell script of every step in order; it stops where the credentials are of another account."""
    plans = document["plans"]
    out = [
        "#!/bin/sh",
        "# The calls of an iamsync plan, in order. The account that the credentials belong to is checked first.",
        *(line for plan in plans for line in _warnings(plan)),
        "set -eu",
        "export AWS_PAGER=''",
        "account=$(aws sts get-caller-identity --query Account --output text)",
        'case "$account" in',
    ]
    for plan in plans:
        out.append(f"{shlex.quote(str(plan['account']['id']))})")
        out.append(f"  # account {account_text(plan['account'])}: {count(plan['summary']['steps'], 'call')}")
        out += [f"  {line}" for line in _account(plan)]
        out.append("  ;;")
    ids = ", ".join(safe(plan["account"]["id"]) for plan in plans)
    message = shlex.quote(f"the credentials are of account %s, which this plan is not for ({ids})\\n")
    out += ["*)", f'  printf {message} "$account" >&2', "  exit 1", "  ;;", "esac"]
    return "\n".join(out) + "\n"


def kebab(name: str) -> str:
    """A name of the API as the AWS CLI spells it: `AddClientIDToOpenIDConnectProvider` has its acronyms whole."""
    return _CAPITAL_AFTER_SMALL.sub(r"\1-\2", _WORD_AFTER_ANY.sub(r"\1-\2", name)).lower()


def command(operation: str, params: Mapping[str, Any]) -> str:
    """One call as a command line; ValueError for a call whose answer or parameters are secret."""
    if operation in SECRET or _generated(params):
        raise ValueError(f"{operation} would print a secret")
    words = ["aws", "iam", shlex.quote(kebab(operation))]
    if any(isinstance(value, str) and _needs_json(value) for value in params.values()):
        return " ".join([*words, "--cli-input-json", shlex.quote(json_inert(json.dumps(dict(params))))])
    for key, value in params.items():
        option = f"--{kebab(key)}"
        if isinstance(value, bool):
            words.append(shlex.quote(option if value else f"--no-{kebab(key)}"))
            continue
        text = value if isinstance(value, str) else json_inert(json.dumps(value))
        if text.startswith("-"):
            words.append(shlex.quote(f"{option}={text}"))
        else:
            words += [shlex.quote(option), shlex.quote(text)]
    return " ".join(words)


def _account(plan: Mapping[str, Any]) -> Iterator[str]:
    last = None
    for step in plan["steps"]:
        operation, params = step["operation"], step["params"]
        if operation == "wait":
            if not params["seconds"]:
                continue  # one command after the other does as much
            yield "# wait: grants settle before revocations begin"
            yield f"sleep {int(params['seconds'])}"
            last = None
            continue
        address = safe(step.get("address") or "")
        if address != last:
            yield f"# {address}"
            last = address
        if operation in SECRET or _generated(params):
            yield f"# left out: {safe(operation)}, which would print a secret; iamsync delivers it"
        else:
            yield command(operation, params)


def _warnings(plan: Mapping[str, Any]) -> Iterator[str]:
    for guard in plan["guards"]:
        if guard["severity"] == "refuse" and not guard["acknowledged"]:
            yield f"# REFUSED by guard {safe(guard['id'])}: {safe(guard['message'])}"


def _needs_json(value: str) -> bool:
    """Whether a value must travel as JSON: the CLI would fetch it, or a terminal or a CI log would obey it."""
    return value.startswith(_FETCHED) or safe(value) != value


def _generated(value: Any) -> bool:
    """Whether a value made at run time stands anywhere in the parameters."""
    if isinstance(value, Mapping):
        return "$generated" in value or any(_generated(held) for held in value.values())
    return isinstance(value, (list, tuple)) and any(_generated(held) for held in value)
