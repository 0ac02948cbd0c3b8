"""Each case of `changes.yaml` on each server over HTTP: applied stage by stage, clean after each, then taken away.

In process, through the command line's own front door; `test_whole_journey.py` runs it as a person does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from iamsync.journal import runs
from iamsync.kinds import KINDS
from iamsync.kinds.operations import OPERATIONS
from tests.behaviour.account import load

from .capabilities import LACKS, Lacks, expected
from .cli import Folder
from .servers import Absent, Server, running

CASES: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("changes.yaml").read_text(encoding="utf-8"))[
    "cases"
]
# A pause between grants and revocations is for AWS alone.
PROJECT = 'version: 1\nsafety: {{settle: 0s}}\naccounts: {{there: {{id: "{}"}}}}\n'
CONSENTS = ("replace", "deny-removed", "boundary-removed", "trust-anyone", "password-policy")
# What a deleted user held is taken away in tests/behaviour/test_deleting_users.py.
HELD = frozenset(
    {"DeleteAccessKey", "DeleteLoginProfile", "DeleteSSHPublicKey", "DeleteServiceSpecificCredential"}
    | {"DeleteSigningCertificate", "DeactivateMFADevice", "DeleteVirtualMFADevice"}
)


def uses(case: str) -> frozenset[str]:
    return frozenset(CASES[case]["uses"])


def marks(server: str, case: str) -> list[Any]:
    """What is expected of the pair; moto's own server has most of the sandbox's code, and waits for the long run."""
    return [*expected(server, uses(case)), *([pytest.mark.slow] if server == "moto" else [])]


PAIRS = [
    pytest.param(server, case, marks=marks(server, case), id=f"{server}-{case.replace(' ', '_')}")
    for server in LACKS
    for case in CASES
]


@pytest.fixture(scope="module")
def server_named() -> Iterator[Callable[[str], Server]]:
    """Servers by name, each started when it is first asked for."""
    started: dict[str, Server] = {}
    stack: list[Any] = []

    def named(name: str) -> Server:
        if name not in started:
            context = running(name)
            try:
                started[name] = context.__enter__()
            except Absent as reason:
                pytest.skip(str(reason))
            stack.append(context)
        return started[name]

    yield named
    for context in stack:
        context.__exit__(None, None, None)


def settle(folder: Folder, manifest: dict[str, Any]) -> None:
    """Apply a manifest; Lacks where the server does not offer what it takes."""
    folder.write("iam/all.yaml", yaml.safe_dump(manifest, allow_unicode=True))
    applied = folder("apply", "--auto-approve", *(f"--acknowledge={guard}" for guard in CONSENTS), code=(0, 5))
    if applied.code == 5:
        assert "this endpoint does not offer iam:" in applied.err or "InvalidInput" in applied.err, applied
        raise Lacks(applied.out)


def stay(folder: Folder) -> None:
    """Look again; Lacks where the server does not hold what it was told."""
    planned = folder("plan", "--detailed-exitcode", code=(0, 2))
    if planned.code == 2:
        raise Lacks(planned.out)


def recorded(folder: Folder) -> set[str]:
    """The operations that were carried out, by the journals."""
    return {
        step["operation"]
        for held in runs(folder.root / ".iamsync" / "runs")
        for step in held.header["plan"]["steps"]
        if held.outcomes.get(step["id"]) == "done"
    }


@pytest.mark.parametrize(("name", "case"), PAIRS)
def test_an_account_goes_through_the_stages_and_has_nothing_left_to_plan(
    name: str, case: str, server_named: Callable[[str], Server], inside: Folder
) -> None:
    server = server_named(name)
    server.empty()
    iam = server.client()
    inside.environment = server.environment
    inside.write("iamsync.yaml", PROJECT.format(server.account_id))
    profiles = CASES[case].get("profiles", {})
    for number, stage in enumerate(CASES[case]["stages"]):
        settle(inside, stage)
        stay(inside)
        for profile, role in profiles.items() if number == 0 else ():
            iam.create_instance_profile(InstanceProfileName=profile)
            iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    for profile, role in profiles.items():
        held = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
        assert [each["RoleName"] for each in held] == [role]
    gone = [f"{kind.name}/{item}" for kind in KINDS.values() for item in stage.get(kind.section, {})]
    settle(inside, {"removed": gone or ["user/nobody"]})
    counts = iam.get_account_summary()["SummaryMap"]
    assert [counts[kind] for kind in ("Users", "Groups", "Roles", "Policies")] == [0, 0, 0, 0]
    assert uses(case) & OPERATIONS <= recorded(inside)


def test_the_cases_use_every_operation_that_a_plan_may_have() -> None:
    used = frozenset[str]().union(*map(uses, CASES))
    assert used & OPERATIONS == OPERATIONS - HELD


def test_the_cases_change_every_field_of_every_kind() -> None:
    changed = set()
    for case in CASES.values():
        states = [load(yaml.safe_dump(stage, sort_keys=False)) for stage in case["stages"]]
        for before, after in pairwise(states):
            for resource in after:
                had = before.get(resource.address)
                changed |= {
                    (resource.address.kind, field.name)
                    for field in KINDS[resource.address.kind].fields
                    if had is not None and getattr(had.spec, field.name) != getattr(resource.spec, field.name)
                }
    assert changed == {(kind.name, field.name) for kind in KINDS.values() for field in kind.fields}


def test_every_row_of_the_table_is_used_by_a_case() -> None:
    used = frozenset[str]().union(*map(uses, CASES))
    assert {use for rows in LACKS.values() for use in rows} <= used
