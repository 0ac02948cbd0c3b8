"""STS: who the caller is, and keys for other accounts' roles."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult
from moto.sts.models import STSBackend
from moto.sts.responses import TokenResponse

from iamsync.sandbox.backend import Accounts
from iamsync.sandbox.calls import Call

# The user that keys unknown to the sandbox speak as.
CALLER = "sandbox"
CALLER_ID = "AIDASANDBOXSANDBOX000"


class StsAccounts(dict[str, "StsPartitions"]):
    """Account id to its STS, made when first asked for."""

    def __missing__(self, account_id: str) -> StsPartitions:
        self[account_id] = StsPartitions(account_id)
        return self[account_id]


class StsPartitions(dict[str, STSBackend]):
    """One account: partition to its STS."""

    def __init__(self, account_id: str) -> None:
        super().__init__()
        self.account_id = account_id

    def __missing__(self, partition: str) -> STSBackend:
        self[partition] = STSBackend(partition, self.account_id)
        return self[partition]


class Sts(Call, TokenResponse):
    """All of STS: moto's, with known callers. A role may be assumed whether it exists or not."""

    def __init__(self, accounts: Accounts, sts: StsAccounts) -> None:
        super().__init__()
        self.accounts = accounts
        self._sts = sts

    @property
    def backend(self) -> Any:
        """The STS of the caller's account."""
        return self._sts[self.current_account][self.partition]

    def get_caller_identity(self) -> ActionResult:
        key = self.get_access_key()
        if role := self.backend.get_assumed_role_from_access_key(key):
            return ActionResult({"UserId": role.user_id, "Account": role.account_id, "Arn": role.arn})
        for user in self.iam.users.values():
            if user.has_access_key(key):
                return ActionResult({"UserId": user.id, "Account": user.account_id, "Arn": user.arn})
        arn = f"arn:{self.partition}:iam::{self.current_account}:user/{CALLER}"
        return ActionResult({"UserId": CALLER_ID, "Account": self.current_account, "Arn": arn})

    def get_session_token(self) -> ActionResult:
        # moto answers the same key to everyone, which would lose the account.
        token = self.backend.get_session_token(duration=self._get_int_param("DurationSeconds", 43200))
        key = self.iam.create_temp_access_key()
        credentials = {
            "AccessKeyId": key.access_key_id,
            "SecretAccessKey": key.secret_access_key,
            "SessionToken": key.secret_access_key * 4,
            "Expiration": token.expiration,
        }
        return ActionResult({"Credentials": credentials})
