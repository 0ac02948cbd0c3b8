"""What each server of IAM's API gets wrong or does not have, found by trying; expected failures come from here alone.

A row names an operation, or a behaviour in words, that cases in `changes.yaml` use. A case that uses
one of them must fail on that server: when it passes, the server has learned it, and the row goes.
"""

from __future__ import annotations

from typing import Final

import pytest

LACKS: Final[dict[str, dict[str, str]]] = {
    "sandbox": {},
    "moto": {
        "boundary of a new user": "CreateUser drops PermissionsBoundary without a word",
        "PutUserPermissionsBoundary": "not implemented",
        "another path for a group": "UpdateGroup without a new name changes nothing",
        "tag keys of users that differ in case only": "two tags here, one in AWS",
        "tag keys of policies that differ in case only": "refused here, two tags in AWS",
        "AddClientIDToOpenIDConnectProvider": "not implemented",
        "TagSAMLProvider": "not implemented",
    },
    "ministack": {
        "boundary of a new user": "authorization details do not tell it",
        "boundary of a new role": "authorization details do not tell it",
        "PutUserPermissionsBoundary": "authorization details do not tell it",
        "PutRolePermissionsBoundary": "authorization details do not tell it",
        "an empty description": "UpdateRole keeps the old one",
        "UpdateUser": "not implemented",
        "UpdateGroup": "not implemented",
        "SetDefaultPolicyVersion": "not implemented",
        "AddClientIDToOpenIDConnectProvider": "not implemented",
        "UpdateOpenIDConnectProviderThumbprint": "not implemented",
        "TagOpenIDConnectProvider": "not implemented",
        "TagSAMLProvider": "not implemented",
        "a password rule left out": "UpdateAccountPasswordPolicy keeps the old one",
    },
}


class Lacks(Exception):
    """The server did not do what was asked of it, and iamsync said so as it should."""


def expected(server: str, uses: frozenset[str]) -> tuple[pytest.MarkDecorator, ...]:
    """The marks of a case on a server: none, or the failure that its table tells."""
    rows = [f"{use}: {why}" for use, why in LACKS[server].items() if use in uses]
    if not rows:
        return ()
    return (pytest.mark.xfail(raises=Lacks, strict=True, reason=f"{server}: {'; '.join(rows)}"),)
