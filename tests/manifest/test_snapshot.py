"""Snapshot files: everything comes back, and what does not fit is pointed at."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from iamsync.errors import InputError, InputErrors
from iamsync.kinds import KINDS
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.kinds.wire import UNTOLD
from iamsync.manifest.snapshot import from_text, to_text
from iamsync.model import Address, Removal, Resource, State
from iamsync.policy.document import Document
from tests.strategies import states

TAKEN = "2026-11-23T18:00:00Z"
ANY = Document.of({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}})
TRUST = Document.of(
    {"Statement": [{"Principal": {"Service": "ec2.amazonaws.com"}, "Effect": "Allow", "Action": "sts:AssumeRole"}]}
)


def example() -> State:
    role = Resource(
        Address("role", "x"), Role(TRUST), facts={"id": "AROAEXAMPLE", "instance_profiles": ("web",), "versions": 1}
    )
    user = Resource(Address("user", "alice"), User(path="/people/", tags=(("team", "data"),)))
    policy = Resource(Address("policy", "p"), Policy(ANY), facts={"id": "", "tags": "bulk"})
    return State.of(
        "111122223333",
        [role, user, policy],
        alias="acme-prod",
        complete=frozenset({"user", "role"}),
        unread=UNTOLD,
        quotas={"GroupsPerUserQuota": 10},
    )


def edited(change: Any) -> str:
    value = json.loads(to_text(example(), TAKEN))
    change(value)
    return json.dumps(value, indent=1)


def refusal(text: str) -> InputError:
    with pytest.raises(InputError) as caught:
        from_text(text, "s.json")
    return caught.value


@settings(deadline=None, max_examples=50)
@given(states())
def test_a_state_survives_its_snapshot(state: State) -> None:
    text = to_text(state, TAKEN)
    read = from_text(text, "s.json")
    assert read == state
    assert to_text(read, TAKEN) == text


@settings(deadline=None, max_examples=25)
@given(states())
def test_documents_keep_the_order_they_were_written_in(state: State) -> None:
    read = from_text(to_text(state, TAKEN), "s.json")
    for resource in state:
        spec, back = resource.spec, read.resources[resource.address].spec
        for field in KINDS[resource.address.kind].fields:
            if field.form == "document":
                assert getattr(back, field.name).text == getattr(spec, field.name).text


def test_everything_beside_the_fields_survives_too() -> None:
    state = example()
    read = from_text(to_text(state, TAKEN), "s.json")
    assert read == state
    assert (read.alias, read.unread, read.complete) == (state.alias, state.unread, state.complete)
    assert read.quotas == {"GroupsPerUserQuota": 10}
    assert read.resources[Address("role", "x")].facts == {"id": "AROAEXAMPLE", "instance_profiles": ("web",)}
    assert read.resources[Address("policy", "p")].facts == {"tags": "bulk"}


def test_when_it_was_made_and_last_used_survive_too_never_used_included() -> None:
    facts = {"created": "2026-01-01T00:00:00Z", "last_used": ""}
    state = State.of(
        "111122223333", [replace(held, facts=facts) for held in example() if held.address == Address("role", "x")]
    )
    assert from_text(to_text(state, TAKEN), "s.json").resources[Address("role", "x")].facts == facts


def test_the_text_is_the_one_that_the_contract_shows() -> None:
    value = json.loads(to_text(example(), TAKEN))
    assert value["format_version"] == "1.1"
    assert value["account"] == {"id": "111122223333", "partition": "aws", "alias": "acme-prod"}
    assert value["taken_at"] == TAKEN
    rest = dict.fromkeys(("instance_profiles", "oidc_providers", "saml_providers", "account"), False)
    assert value["complete"] == {"users": True, "groups": False, "roles": True, "policies": False, **rest}
    assert value["unread"] == {"policies": ["description", "tags"], "roles": ["description", "max_session_duration"]}
    assert list(value["resources"]) == ["policy/p", "role/x", "user/alice"]
    assert value["resources"]["user/alice"] == {
        "path": "/people/",
        "groups": [],
        "managed_policies": [],
        "inline_policies": {},
        "permissions_boundary": None,
        "tags": {"team": "data"},
    }


def test_what_manifests_want_removed_is_no_part_of_a_snapshot() -> None:
    state = replace(example(), removed=(Removal(Address("user", "old")),))
    assert to_text(state, TAKEN) == to_text(example(), TAKEN)


def test_a_newer_major_format_is_refused() -> None:
    error = refusal(edited(lambda value: value.update(format_version="2.0")))
    assert error.message == "this snapshot is of format 2.0; this iamsync reads 1.x"
    assert error.code == "snapshot-format"
    assert error.place is not None
    assert error.place.line == 2


def test_a_newer_minor_format_may_add_keys_and_kinds() -> None:
    def change(value: Any) -> None:
        value.update(format_version="1.7", weather="fine")
        value["account"]["name"] = "prod"
        value["complete"]["server_certificates"] = True
        value["unread"]["server_certificates"] = ["body"]
        value["unread"]["roles"].append("colour")
        value["resources"]["server_certificate/okta"] = {"body": "x"}
        value["resources"]["role/x"]["colour"] = "blue"
        value["resources"]["role/x"]["facts"]["age"] = 3

    assert from_text(edited(change), "s.json") == example()


WRONG = {
    "an unknown key": (lambda v: v.update(weather=1), 'unknown key "weather"'),
    "an unknown field": (lambda v: v["resources"]["role/x"].update(colour=1), 'unknown key "colour"'),
    "an unknown fact": (lambda v: v["resources"]["role/x"]["facts"].update(age=1), 'unknown key "age"'),
    "an unknown kind": (lambda v: v["resources"].update({"robot/x": {}}), '"robot/x" is no address'),
    "no address": (lambda v: v["resources"].update({"role/": {}}), '"role/" is no address'),
    "an unknown section": (lambda v: v["complete"].update(robots=True), 'unknown key "robots"'),
    "no account": (lambda v: v.pop("account"), "account of a snapshot is a JSON object"),
    "no completeness": (lambda v: v.pop("complete"), "complete of a snapshot is a JSON object"),
    "no resources": (lambda v: v.update(resources=[]), "resources of a snapshot is a JSON object"),
    "a short account id": (lambda v: v["account"].update(id="123"), "12 digits"),
    "an account id as a number": (lambda v: v["account"].update(id=111122223333), "12 digits"),
    "an odd partition": (lambda v: v["account"].update(partition=1), "the partition is a text"),
    "an odd alias": (lambda v: v["account"].update(alias=[]), "the alias is a text"),
    "no trust policy": (lambda v: v["resources"]["role/x"].pop("trust_policy"), "role/x has no trust_policy"),
    "a document as text": (lambda v: v["resources"]["policy/p"].update(document="{}"), "is a policy document"),
    "an inline text": (lambda v: v["resources"]["role/x"].update(inline_policies={"a": 1}), "policy documents"),
    "groups as text": (lambda v: v["resources"]["user/alice"].update(groups="a"), "is a list of texts"),
    "tags as a list": (lambda v: v["resources"]["user/alice"].update(tags=[]), "is an object of texts"),
    "a path as a number": (lambda v: v["resources"]["user/alice"].update(path=1), "path of user/alice is a text"),
    "a description as a number": (lambda v: v["resources"]["policy/p"].update(description=1), "a text or null"),
    "true seconds": (lambda v: v["resources"]["role/x"].update(max_session_duration=True), "a number of seconds"),
    "an odd completeness": (lambda v: v["complete"].update(users=1), "is true or false"),
    "an unread field nobody has": (lambda v: v["unread"]["roles"].append("colour"), 'have no field "colour"'),
    "unread as text": (lambda v: v["unread"].update(roles="path"), "a list of field names"),
    "a quota as text": (lambda v: v["quotas"].update(GroupsPerUserQuota="10"), "a whole number"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_refused_with_its_place(name: str) -> None:
    change, message = WRONG[name]
    error = refusal(edited(change))
    assert message in error.message
    assert error.place is not None
    assert error.place.file == "s.json"
    assert error.place.line >= 1


def test_the_place_is_that_of_the_wrong_value() -> None:
    text = edited(lambda value: value["resources"]["user/alice"].update(path=1))
    place = refusal(text).place
    assert place is not None
    assert place.line == next(n for n, line in enumerate(text.split("\n"), 1) if '"path": 1' in line)


@pytest.mark.parametrize("text", ["", "{", '{"a": 1,}', "[" * 200_000, '{"format_version": NaN}', "\ufeff{}"])
def test_what_is_no_json_is_refused_with_its_place(text: str) -> None:
    assert refusal(text).place is not None


def test_a_key_that_stands_twice_is_refused() -> None:
    text = to_text(example(), TAKEN).replace('"path": "/people/"', '"path": "/", "path": "/people/"')
    with pytest.raises((InputError, InputErrors), match="twice"):
        from_text(text, "s.json")


@pytest.mark.parametrize("text", ["{}", "[]", "null", '"x"', '{"format_version": 1}', '{"UserDetailList": []}'])
def test_other_json_is_no_snapshot(text: str) -> None:
    error = refusal(text)
    assert error.code == "no-snapshot"
    assert "iamsync snapshot" in error.hint
