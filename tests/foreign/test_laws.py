"""Whatever stands in another tool's file: it is carried over, or it is one told error; never anything else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iamsync import arn
from iamsync.errors import InputError, InputErrors
from iamsync.kinds import KINDS
from iamsync.kinds.kind import Context
from iamsync.manifest.foreign import files, iambic, iamy, terraform
from iamsync.manifest.foreign.iambicparts import Member
from iamsync.manifest.foreign.terraformout import configuration
from iamsync.manifest.nodes import plain
from iamsync.manifest.terraformstate import KINDS as TYPES
from iamsync.manifest.terraformstate import SETTINGS
from iamsync.manifest.writer import dump
from iamsync.model import State
from tests.foreign.conftest import ACCOUNT, HERE
from tests.strategies import states

VALUES = st.sampled_from(
    [None, "", 0, 7, True, [], {}, "x", [1], {"a": 1}, ["*"], "arn:aws:iam::aws:policy/x", "{{x}}"]
)
FEW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of everything inside a value."""
    found = [path] if path else []
    for key, held in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        found += places(held, (*path, key))
    return found


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    made = copy.deepcopy(value)
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return made


STATE = json.loads((HERE / "terraform" / "terraform.tfstate").read_text(encoding="utf-8"))
INSIDE = places(STATE)


@FEW
@given(st.sampled_from(INSIDE), VALUES)
def test_a_state_with_anything_in_it_is_carried_over_or_told(path: tuple[Any, ...], new: Any) -> None:
    text = json.dumps(changed(STATE, path, new))
    for error in told(lambda: configuration(terraform.carried(text, "x.tfstate", ACCOUNT).state)):
        assert error.code == "bad-terraform-state"
        assert error.place is not None
        assert (error.place.line, error.place.source) == (1, "")


TEMPLATES = [
    plain(node)
    for name in files.yaml_files(HERE / "iambic")
    for _, node in files.documents(HERE / "iambic", name)
]  # fmt: skip


@FEW
@given(st.sampled_from([(at, path) for at, one in enumerate(TEMPLATES) for path in places(one)]), VALUES)
def test_a_template_with_anything_in_it_is_carried_over_or_told(
    tmp_path_factory: pytest.TempPathFactory, place: tuple[int, tuple[Any, ...]], new: Any
) -> None:
    at, path = place
    folder = tmp_path_factory.getbasetemp() / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "one.yaml").write_text(dump(changed(TEMPLATES[at], path, new)), encoding="utf-8")
    member = Member("prod", ACCOUNT, "prod", "o-abcdefghij", variables=(("team", "platform"),))
    assert all_placed(told(lambda: iambic.state(iambic.repository(folder), member, "2026-11-24T00:00:00Z")))


@FEW
@given(st.data())
def test_a_file_of_iamys_with_anything_in_it_is_carried_over_or_told(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(files.yaml_files(HERE / "iamy")))
    ((_, node),) = files.documents(HERE / "iamy", name)
    held = {"one": plain(node)}
    path = data.draw(st.sampled_from(places(held)))
    made = changed(held, path, data.draw(VALUES))["one"]
    folder = tmp_path_factory.getbasetemp() / "iamy" / name.replace("/", "_")
    target: Path = folder / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(dump(made), encoding="utf-8")
    assert all_placed(told(lambda: iamy.folders(folder)))


def told(read: Callable[[], object]) -> tuple[InputError, ...]:
    """The errors that a reader tells; anything else it raises is a defect."""
    try:
        read()
    except InputErrors as errors:
        return errors.errors
    except InputError as error:
        return (error,)
    return ()


def all_placed(errors: tuple[InputError, ...]) -> bool:
    return all(error.code == "bad-source" and error.place is not None and error.hint for error in errors)


def as_terraform(state: State) -> str:
    """A state file that describes a State: each part a resource of its own."""
    types = {kind: type_ for type_, kind in TYPES.items()}
    settings_ = {address: type_ for type_, address in SETTINGS.items()}
    cx = Context(state.account_id, state.partition)
    resources: list[dict[str, Any]] = []

    def add(type_: str, **attributes: Any) -> None:
        name = f"r{len(resources)}"
        instance = {"attributes": attributes}
        resources.append({"mode": "managed", "type": type_, "name": name, "instances": [instance]})

    for one in state:
        kind, name, spec = one.address.kind, one.address.name, one.spec
        if one.address in settings_:
            rules = spec.password_policy.values() if spec.password_policy is not None else {}
            add(settings_[one.address], account_alias=spec.alias, **rules)
            continue
        held: dict[str, Any] = {"name": name, "arn": KINDS[kind].arn(one, cx)}
        held |= {
            field: getattr(spec, field)
            for field in ("path", "description", "max_session_duration", "permissions_boundary")
            if hasattr(spec, field)
        }
        if hasattr(spec, "tags"):
            held["tags_all"] = dict(spec.tags)
        if kind == "role":
            held["assume_role_policy"] = spec.trust_policy.text
        elif kind == "policy":
            held["policy"] = spec.document.text
        elif kind == "instance_profile":
            parsed = arn.parse(spec.role or "")
            held["role"] = parsed.name if parsed is not None else ""
        elif kind == "oidc_provider":
            held |= {"client_id_list": list(spec.client_ids), "thumbprint_list": spec.thumbprints}
        elif kind == "saml_provider":
            held["saml_metadata_document"] = spec.metadata.text
        add(types[kind], **held)
        for policy in getattr(spec, "managed_policies", ()):
            add(f"aws_iam_{kind}_policy_attachment", **{kind: name, "policy_arn": policy})
        for called, document in getattr(spec, "inline_policies", ()):
            add(f"aws_iam_{kind}_policy", **{kind: name, "name": called, "policy": document.text})
        if getattr(spec, "groups", ()):
            add("aws_iam_user_group_membership", user=name, groups=list(spec.groups))
    return json.dumps({"version": 4, "resources": resources[::-1]})


@FEW
@given(states())
def test_a_state_file_that_describes_an_account_gives_the_account(state: State) -> None:
    found = terraform.carried(as_terraform(state), "x.tfstate", state.account_id, state.partition)
    assert found.behind == ()
    # Terraform says "" where there is no description, which is nothing that could be compared.
    assert {held.address: blank(held.spec) for held in found.state} == {
        held.address: blank(held.spec) for held in state
    }


def blank(spec: Any) -> Any:
    if getattr(spec, "description", None) == "" and type(spec).__name__ == "Policy":
        return type(spec)(spec.document, spec.path, None, spec.tags)
    return spec
