"""Each case of `changes.yaml` on each server over HTTP: applied stage by stage, clean after each, then taken away.

In process, through the command line's own front door; `test_whole_journey.py` runs it as a person does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.loaders import create_loader

from iamsync.aws.session import Sessions
from iamsync.cli.app import run
from iamsync.journal import runs
from iamsync.kinds import KINDS
from iamsync.kinds.operations import OPERATIONS

from .capabilities import LACKS, Lacks, expected
from .servers import Absent, Server, running

CASES: dict[str, dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("changes.yaml").read_text(encoding="utf-8"))[
    "cases"
]
# A pause between grants and revocations is for AWS alone.
PROJECT = 'version: 1\nsafety: {{settle: 0s}}\naccounts: {{there: {{id: "{}"}}}}\n'


def uses(case: str) -> frozenset[str]:
    return frozenset(CASES[case]["uses"])


# AWS's service models, read once: they are most of a command's time.
LOADER = create_loader()
PAIRS = [
    pytest.param(server, case, marks=expected(server, uses(case)), id=f"{server}-{case.replace(' ', '_')}")
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


@dataclass
class Runner:
    """The command in this process, in a folder, against a server."""

    root: Path
    said: Callable[[], str]

    def holds(self, manifest: dict[str, Any]) -> None:
        (self.root / "iam").mkdir(exist_ok=True)
        (self.root / "iam" / "all.yaml").write_text(yaml.safe_dump(manifest, allow_unicode=True), encoding="utf-8")

    def settle(self, manifest: dict[str, Any], look: bool = True) -> None:
        """Apply a manifest; Lacks where the server did not come to hold it."""
        self.holds(manifest)
        consents = ("replace", "deny-removed")
        code = run(["apply", "--auto-approve", *(f"--acknowledge={guard}" for guard in consents)])
        said = self.said()
        assert code in (0, 5), said
        if code == 5:
            assert "this endpoint does not offer iam:" in said or "InvalidInput" in said, said
            raise Lacks(said)
        if not look:
            return
        code = run(["plan", "--detailed-exitcode"])
        said = self.said()
        assert code in (0, 2), said
        if code == 2:
            raise Lacks(said)

    def recorded(self) -> set[str]:
        """The operations that were carried out, by the journals."""
        return {
            step["operation"]
            for held in runs(self.root / ".iamsync" / "runs")
            for step in held.header["plan"]["steps"]
            if held.outcomes.get(step["id"]) == "done"
        }


@pytest.mark.parametrize(("name", "case"), PAIRS)
def test_an_account_goes_through_the_stages_and_has_nothing_left_to_plan(
    name: str,
    case: str,
    server_named: Callable[[str], Server],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    server = server_named(name)
    server.empty()
    iam = server.client()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("iamsync.engine.reach.Sessions", lambda: Sessions(_loader=LOADER))
    for variable, value in {**server.environment, "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "1"}.items():
        monkeypatch.setenv(variable, value)

    def said() -> str:
        text = "".join(capfd.readouterr())
        assert "Traceback" not in text, text
        assert "error[defect]" not in text, text
        return text

    (tmp_path / "iamsync.yaml").write_text(PROJECT.format(server.account_id), encoding="utf-8")
    runner = Runner(tmp_path, said)
    first, *rest = CASES[case]["stages"]
    runner.settle(first)
    for profile, role in CASES[case].get("profiles", {}).items():
        iam.create_instance_profile(InstanceProfileName=profile)
        iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)
    for stage in rest:
        runner.settle(stage)
    for profile, role in CASES[case].get("profiles", {}).items():
        held = iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]["Roles"]
        assert [each["RoleName"] for each in held] == [role]
    last = CASES[case]["stages"][-1]
    gone = [f"{kind.name}/{item}" for kind in KINDS.values() for item in last.get(kind.section, {})]
    runner.settle({"removed": gone or ["user/nobody"]}, look=False)
    counts = iam.get_account_summary()["SummaryMap"]
    assert [counts[kind] for kind in ("Users", "Groups", "Roles", "Policies")] == [0, 0, 0, 0]
    assert uses(case) & OPERATIONS <= runner.recorded()


def test_the_cases_use_every_operation_that_a_plan_may_have() -> None:
    used = frozenset[str]().union(*map(uses, CASES))
    assert used & OPERATIONS == OPERATIONS


def test_every_row_of_the_table_is_used_by_a_case() -> None:
    used = frozenset[str]().union(*map(uses, CASES))
    assert {use for rows in LACKS.values() for use in rows} <= used
