"""Controls: passed, failed, or not decidable and why; what is not there is never taken for good."""

from __future__ import annotations

from typing import Any

from iamsync.audit import answers
from tests.audit.made import evidence, found


def outcomes(held: dict[str, Any]) -> dict[str, str]:
    return {answer.control.v3: answer.outcome for answer in answers(evidence(held), found(held))}


def test_a_root_user_without_any_second_factor_has_no_hardware_one() -> None:
    held = {"report": {"root": {"password": "2025-01-01"}}, "root_devices": []}
    told = outcomes(held)
    assert (told["1.4"], told["1.5"], told["1.6"], told["1.7"]) == ("passed", "failed", "failed", "passed")
    held["report"]["root"]["mfa"] = True  # type: ignore[index]
    assert outcomes(held)["1.6"] == "passed"
    del held["root_devices"]
    assert outcomes(held)["1.6"] == "not decidable"


def test_a_report_without_the_root_user_says_nothing_of_it() -> None:
    told = outcomes({"account": {"users": {"a": {}}}, "report": {"a": {"password": "2026-11-25", "mfa": True}}})
    assert {told[number] for number in ("1.4", "1.5", "1.6", "1.7")} == {"not decidable"}
    assert {told[number] for number in ("1.10", "1.11", "1.12", "1.13", "1.14")} == {"passed"}


def test_a_policy_that_nobody_knows_leaves_its_control_open() -> None:
    held = {"account": {"roles": {"app": {"managed_policies": ["aws/Unread"]}}}}
    (open_one,) = [one for one in answers(evidence(held), found(held)) if one.control.v3 == "1.16"]
    assert (open_one.outcome, open_one.why) == ("not decidable", "the documents of Unread are not known")
    assert outcomes({**held, "aws": {"Unread": "allow s3:GetObject"}})["1.16"] == "passed"
    assert outcomes({**held, "aws": {"Unread": "allow *"}})["1.16"] == "failed"


def test_kinds_of_which_not_all_is_known_leave_theirs_open() -> None:
    assert outcomes({})["1.15"] == "passed"
    assert outcomes({"incomplete": ["user"]})["1.15"] == "not decidable"
    assert outcomes({"incomplete": ["account"]})["1.8"] == "not decidable"
    assert outcomes({})["1.8"] == "failed"  # there is none, and AWS's own is too short


def test_a_control_against_which_all_that_speaks_is_suppressed_has_not_passed() -> None:
    held = {"account": {"users": {"a": {}}}, "report": {"a": {"password": "2026-11-25"}}}
    all_found = found(held)
    ours = [one for one in all_found if one.id == "IAM-A010"]
    rest = [one for one in all_found if one.id != "IAM-A010"]
    (told,) = [one for one in answers(evidence(held), rest, ours) if one.control.v3 == "1.10"]
    assert (told.outcome, told.found) == ("not decidable", 0)
    assert told.why == "manifests suppress 1 finding: whether that is right is for a person"
    assert outcomes(held)["1.10"] == "failed"
