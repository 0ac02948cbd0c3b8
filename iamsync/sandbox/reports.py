"""The credential report, with the columns and the words AWS has; moto's lacks the root user and is of 2015."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any, Final

from moto.core.responses import ActionResult

from iamsync.sandbox.entities import User, now
from iamsync.sandbox.holders import HolderCalls
from iamsync.sandbox.refusal import Refused

_KEY: Final = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
_COLUMNS: Final = (
    *("user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed"),
    *("password_next_rotation", "mfa_active"),
    *(f"access_key_{number}_{what}" for number in (1, 2) for what in _KEY),
    *(f"cert_{number}_{what}" for number in (1, 2) for what in ("active", "last_rotated")),
)


class ReportCalls(HolderCalls):
    """GenerateCredentialReport and GetCredentialReport; the report is made at once, and forgotten with the process."""

    def generate_credential_report(self) -> ActionResult:
        fresh = self.iam.credential_report
        self.iam.credential_report = True
        told = {} if fresh else {"Description": "No report exists. Starting a new report generation task"}
        return ActionResult({"State": "COMPLETE" if fresh else "STARTED", **told})

    def get_credential_report(self) -> ActionResult:
        if not self.iam.credential_report:
            raise Refused("ReportNotPresent", "No report exists.")
        out = io.StringIO()
        writer = csv.DictWriter(out, _COLUMNS, restval="N/A", lineterminator="\n")
        writer.writeheader()
        writer.writerow(self._root())
        for name in sorted(self.iam.users):
            writer.writerow(_row(self.iam.users[name]))
        text = out.getvalue().removesuffix("\n")
        return ActionResult({"Content": text.encode(), "ReportFormat": "text/csv", "GeneratedTime": now()})

    def _root(self) -> dict[str, str]:
        """The root user as GetAccountSummary tells of it here: a second factor, and no keys."""
        return {
            "user": "<root_account>",
            "arn": f"arn:{self.partition}:iam::{self.iam.account_id}:root",
            "user_creation_time": "2015-01-01T00:00:00+00:00",
            "password_enabled": "not_supported",
            "password_last_used": "no_information",
            "password_last_changed": "not_supported",
            "password_next_rotation": "not_supported",
            "mfa_active": "true",
            **dict.fromkeys(
                (f"{kind}_{number}_active" for kind in ("access_key", "cert") for number in (1, 2)), "false"
            ),
        }


def _row(user: User) -> dict[str, str]:
    password = bool(user.password)
    row = {
        "user": str(user.name),
        "arn": str(user.arn),
        "user_creation_time": _date(user.create_date),
        "password_enabled": _word(password),
        "password_last_used": _date(user.password_last_used) if user.password_last_used else "no_information",
        "password_last_changed": _date(user.login_date or user.create_date),
        "mfa_active": _word(bool(user.mfa_devices)),
    }
    if not password:
        row |= {"password_last_used": "N/A", "password_last_changed": "N/A"}
    # Of an inactive key it says nothing, as of one that is not there.
    active = [key for key in user.access_keys if key.status == "Active"]
    for number in (1, 2):
        key: Any = active[number - 1] if number <= len(active) else None
        row[f"access_key_{number}_active"] = _word(key is not None)
        if key is not None:
            row[f"access_key_{number}_last_rotated"] = _date(key.create_date)
        if key is not None and key.last_used:
            used = (_date(key.last_used.timestamp), key.last_used.region, key.last_used.service)
            row |= dict(zip((f"access_key_{number}_{what}" for what in _KEY[2:]), used, strict=True))
    held = [one for one in user.signing_certificates.values() if one.status == "Active"]
    row |= {f"cert_{number}_active": _word(number <= len(held)) for number in (1, 2)}
    return row


def _word(said: bool) -> str:
    return "true" if said else "false"


def _date(moment: Any) -> str:
    assert isinstance(moment, datetime)
    aware = moment.astimezone(UTC) if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return aware.replace(microsecond=0).isoformat()
