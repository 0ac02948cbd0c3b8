"""Manifests out of a State: what is written, how it is spelled, and that it reads back."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from iamsync.kinds.group import Group
from iamsync.kinds.owners import Owner, owner_of
from iamsync.kinds.policy import Policy
from iamsync.kinds.role import Role
from iamsync.kinds.user import User
from iamsync.kinds.wire import UNTOLD, dump_state
from iamsync.manifest.config import load_config
from iamsync.manifest.dump import Layout, manifests
from iamsync.manifest.expand import Variables, expand
from iamsync.manifest.load import read_manifests, resolve
from iamsync.manifest.nodes import plain
from iamsync.manifest.source import parse
from iamsync.model import Address, Resource, State
from iamsync.policy.document import Document, statements
from tests.strategies import states

ACCOUNT = "111122223333"
OTHER = "444455556666"
HEADER = "# yaml-language-server: $schema=./schemas/manifest.schema.json\n"
ALLOW = Document.of({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}})
TRUST = Document.of(
    {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
)
LARGE = Path(__file__).resolve().parents[3] / "shared" / "data" / "account-dump-large.json"


def policy_arn(name: str, account: str = ACCOUNT) -> str:
    return f"arn:aws:iam::{account}:policy/{name}"


def state(*resources: Resource, **rest: Any) -> State:
    return State.of(ACCOUNT, resources, **rest)


def user(name: str = "alice", **fields: Any) -> Resource:
    return Resource(Address("user", name), User(**fields))


def role(name: str = "deploy", **fields: Any) -> Resource:
    return Resource(Address("role", name), Role(**{"trust_policy": TRUST, **fields}))


def policy(name: str = "audit", **fields: Any) -> Resource:
    return Resource(Address("policy", name), Policy(**{"document": ALLOW, **fields}))


def read(text: str, **variables: str) -> Any:
    """The plain value of a manifest with its variables filled in."""
    (node,) = parse(text, "m.yaml")
    return plain(expand(node, Variables({"account.id": ACCOUNT, **variables})))


def entry(resource: Resource, *others: Resource, **options: Any) -> Any:
    """What the manifest says of the first of these resources, variables not filled in."""
    files = manifests(state(resource, *others, **options.pop("state", {})), **options)
    section = {"user": "users", "group": "groups", "role": "roles", "policy": "policies"}[resource.address.kind]
    (node,) = parse(files[f"{section}.yaml"], "m.yaml")
    return plain(node)[section][resource.address.name]


def test_every_kind_gets_its_file_and_every_file_its_modeline() -> None:
    group = Resource(Address("group", "developers"), Group())
    files = manifests(state(user(), group, role(), policy()))
    assert list(files) == ["users.yaml", "groups.yaml", "roles.yaml", "policies.yaml"]
    assert files["users.yaml"] == f"{HEADER}users:\n  alice: {{}}\n"
    assert all(text.startswith(HEADER) for text in files.values())


def test_a_kind_without_resources_gets_no_file() -> None:
    assert list(manifests(state(policy()))) == ["policies.yaml"]
    assert manifests(state()) == {}


def test_each_resource_may_get_a_file_of_its_own() -> None:
    files = manifests(state(user(), user("bob"), role()), layout="file-per-resource")
    assert list(files) == ["users/alice.yaml", "users/bob.yaml", "roles/deploy.yaml"]
    assert files["users/bob.yaml"] == HEADER.replace("./", "../") + "users:\n  bob: {}\n"


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a+b=c,d.e@f_g-h", "a+b=c,d.e@f_g-h"),
        ("con", "user~con"),
        ("Nul.backup", "user~Nul.backup"),
        ("com1", "user~com1"),
        ("console", "console"),
        (".hidden", "user~.hidden"),
        ("-rf", "user~-rf"),
    ],
)
def test_file_names_are_safe_on_every_file_system(name: str, file: str) -> None:
    assert list(manifests(state(user(name)), layout="file-per-resource")) == [f"users/{file}.yaml"]


def test_the_schema_may_lie_elsewhere() -> None:
    def header(schema: str, layout: Layout) -> str:
        (text,) = manifests(state(user()), layout=layout, schema=schema).values()
        return text.split("\n")[0].partition("=")[2]

    assert header("../schemas/m.json", "file-per-kind") == "../schemas/m.json"
    assert header("../schemas/m.json", "file-per-resource") == "../../schemas/m.json"
    assert header("https://example.org/m.json", "file-per-resource") == "https://example.org/m.json"


def test_fields_at_their_default_are_left_out() -> None:
    assert entry(user()) == {}
    assert entry(role()) == {"trust_policy": TRUST.value}
    assert entry(policy()) == {"document": ALLOW.value}
    assert entry(policy(description="")) == {"document": ALLOW.value}


@pytest.mark.parametrize(("seconds", "written"), [(7200, "2h"), (43200, "12h"), (5400, 5400), (3601, 3601)])
def test_a_session_duration_is_hours_where_it_can_be(seconds: int, written: str | int) -> None:
    assert entry(role(max_session_duration=seconds))["max_session_duration"] == written


def test_policies_are_referred_to_by_the_shortest_name_that_finds_them() -> None:
    attached = (
        policy_arn("audit"),
        policy_arn("ci/unmanaged"),
        policy_arn("elsewhere"),
        policy_arn("shared", OTHER),
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess",
        "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
    )
    boundary = policy_arn("ci/unmanaged")
    written = entry(
        user(managed_policies=attached, permissions_boundary=boundary),
        policy("audit"),
        declared={Address("policy", "elsewhere")},
    )
    assert written["managed_policies"] == [
        "arn:aws-cn:iam::aws:policy/ReadOnlyAccess",
        f"arn:aws:iam::{OTHER}:policy/shared",
        "audit",
        "aws/ReadOnlyAccess",
        "aws/job-function/ViewOnlyAccess",
        "elsewhere",
        "live/unmanaged",
    ]
    assert written["permissions_boundary"] == "live/unmanaged"


def test_groups_are_referred_to_by_name_and_as_live_where_they_are_not_dumped() -> None:
    developers = Resource(Address("group", "developers"), Group())
    written = entry(
        user(groups=("admins", "developers", "elsewhere")), developers, declared={Address("group", "elsewhere")}
    )
    assert written["groups"] == ["developers", "elsewhere", "live/admins"]


def test_the_own_account_id_becomes_a_variable_everywhere() -> None:
    document = Document.of(
        {
            "Statement": {
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": [f"arn:aws:s3:::logs-{ACCOUNT}/*", f"arn:aws:s3:::x{ACCOUNT}9"],
                "Condition": {"StringEquals": {f"aws:PrincipalTag/{ACCOUNT}": [ACCOUNT, f"{OTHER}/{ACCOUNT}"]}},
            }
        }
    )
    text = manifests(state(policy(f"logs-{ACCOUNT}", document=document)), aliases={OTHER: "accounts.prod.id"})
    (node,) = parse(text["policies.yaml"], "m.yaml")
    (named,) = plain(node)["policies"].items()
    statement = named[1]["document"]["Statement"]
    assert named[0] == "logs-$(account.id)"
    assert statement["Resource"] == ["arn:aws:s3:::logs-$(account.id)/*", f"arn:aws:s3:::x{ACCOUNT}9"]
    assert statement["Condition"]["StringEquals"] == {
        "aws:PrincipalTag/$(account.id)": ["$(account.id)", "$(accounts.prod.id)/$(account.id)"]
    }
    filled = read(text["policies.yaml"], **{"accounts.prod.id": OTHER})
    assert filled["policies"][f"logs-{ACCOUNT}"]["document"] == document.value


@pytest.mark.parametrize(
    "live",
    [
        "$(home)/*",
        "$$(home)",
        "$(account.id)",
        f"${ACCOUNT}",
        f"$({ACCOUNT})",
        f"$${ACCOUNT}{ACCOUNT}",
        f"{ACCOUNT}${ACCOUNT}",
        "${aws:username}",
        "$",
    ],
)
def test_what_looks_like_a_variable_in_a_live_text_stays_text(live: str) -> None:
    document = Document.of({"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": f"arn:aws:s3:::{live}"}})
    text = manifests(state(policy(document=document, description=live)))["policies.yaml"]
    written = read(text)["policies"]["audit"]
    assert written["document"] == document.value
    assert written["description"] == live


def test_documents_keep_the_spelling_of_their_writer_and_the_order_of_lists_but_keys_stand_as_fmt_has_them() -> None:
    document = Document.of({"Statement": [{"Resource": "*", "Action": ["S3:b", "s3:A"], "Effect": "Allow"}], "Id": "x"})
    written = entry(policy(document=document))["document"]
    statement = {"Effect": "Allow", "Action": ["S3:b", "s3:A"], "Resource": "*"}
    assert json.dumps(written) == json.dumps({"Id": "x", "Statement": [statement]})


def test_a_fraction_in_a_condition_is_written_as_text() -> None:
    statement = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"NumericLessThan": {"x:y": 1.5}}}
    document = Document.of({"Version": "2012-10-17", "Statement": statement})
    written = entry(policy(document=document))["document"]
    assert written["Statement"]["Condition"] == {"NumericLessThan": {"x:y": "1.5"}}
    assert Document.of(written) == document


def test_what_the_source_could_not_tell_is_left_to_the_account_with_the_reason() -> None:
    text = manifests(state(role(), user(), unread=UNTOLD))
    assert "ignore_changes" not in text["users.yaml"]
    assert text["roles.yaml"].endswith(
        "    # description, max_session_duration: not told by this source\n"
        "    ignore_changes: [description, max_session_duration]\n"
    )


def test_a_policy_is_told_by_itself_where_its_source_knows() -> None:
    untold = {"state": {"unread": UNTOLD}}
    known = replace(policy(description="why", tags=(("team", "data"),)), facts={"tags": "confirmed"})
    assert entry(policy(), **untold) == {"document": ALLOW.value, "ignore_changes": ["tags"]}
    assert entry(known, **untold) == {"document": ALLOW.value, "description": "why", "tags": {"team": "data"}}
    assert entry(replace(policy(), facts={"tags": "bulk"}), **untold) == {"document": ALLOW.value}


def test_what_is_already_left_to_others_stays_so() -> None:
    left = replace(role(), ignore=("tags/eks:*", "description"), renamed_from="old")
    assert entry(left)["ignore_changes"] == ["tags/eks:*", "description"]
    assert entry(left)["renamed_from"] == "old"
    untold = {"state": {"unread": UNTOLD}}
    assert entry(left, **untold)["ignore_changes"] == ["tags/eks:*", "description", "max_session_duration"]


def test_resources_of_other_owners_are_known_and_named() -> None:
    service = role("AWSServiceRoleForSupport", path="/aws-service-role/support.amazonaws.com/")
    stack = user("made", tags=(("aws:cloudformation:stack-name", "site"),))
    owners = [owner_of(resource) for resource in (service, stack, user())]
    assert owners == [
        Owner("AWS service", "service-linked role (path /aws-service-role/support.amazonaws.com/)", reach=False),
        Owner("CloudFormation", "tag aws:cloudformation:stack-name=site"),
        None,
    ]


@settings(deadline=None, max_examples=60)
@given(states())
def test_the_documents_of_any_state_read_back_word_by_word(live: State) -> None:
    files = manifests(live)
    assert files == manifests(live)
    for resource in live:
        if isinstance(resource.spec, (Policy, Role)):
            section = "policies" if isinstance(resource.spec, Policy) else "roles"
            table = read(files[f"{section}.yaml"])[section][resource.address.name]
            spec = resource.spec
            wanted = spec.document if isinstance(spec, Policy) else spec.trust_policy
            assert table["document" if isinstance(spec, Policy) else "trust_policy"] == wanted.value


# -- Together with the loader ----------------------------------------------------------------------


def loaded(files: dict[str, str], root: Path, account_id: str) -> State:
    """The state that these files declare, as a project without a configuration."""
    for name, text in files.items():
        file = root / "iam" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    config = load_config(None, root)
    (account,) = config.accounts
    return resolve(read_manifests(root, ["iam"]), account, account_id=account_id, config=config)


def by_meaning(state: State) -> dict[Address, Any]:
    """The specs, an empty description of a policy being none."""
    specs: dict[Address, Any] = {}
    for resource in state:
        spec = resource.spec
        if isinstance(spec, Policy) and spec.description == "":
            spec = replace(spec, description=None)
        specs[resource.address] = spec
    return specs


@pytest.mark.parametrize("layout", ["file-per-kind", "file-per-resource"])
def test_any_state_loads_back_as_itself(layout: Layout, tmp_path_factory: pytest.TempPathFactory) -> None:
    @settings(deadline=None, max_examples=40)
    @given(states())
    def check(live: State) -> None:
        if live:
            root = tmp_path_factory.mktemp("project")
            assert by_meaning(loaded(manifests(live, layout=layout), root, ACCOUNT)) == by_meaning(live)

    check()


@pytest.mark.skipif(not LARGE.is_file(), reason="the real account dump is not beside the project")
@pytest.mark.parametrize("layout", ["file-per-kind", "file-per-resource"])
def test_a_real_account_loads_back_as_itself(layout: Layout, tmp_path: Path) -> None:
    whole, _ = dump_state(json.loads(LARGE.read_text(encoding="utf-8")))
    live = replace(whole, resources={r.address: r for r in whole if owner_of(r) is None})
    assert 0 < len(live) < len(whole)
    files = manifests(live, layout=layout)
    assert live.account_id not in re.sub(rf"\d{live.account_id}|{live.account_id}\d", "", "".join(files.values()))
    back = loaded(files, tmp_path, live.account_id)
    assert by_meaning(back) == by_meaning(live)


@pytest.mark.skipif(not LARGE.is_file(), reason="the real account dump is not beside the project")
def test_every_statement_of_a_real_account_is_in_its_manifests() -> None:
    live, _ = dump_state(json.loads(LARGE.read_text(encoding="utf-8")))
    files = manifests(live)
    variables = Variables({"account.id": live.account_id})
    tables: dict[str, Any] = {}
    for text in files.values():
        (node,) = parse(text, "m.yaml")
        tables |= plain(expand(node, variables))
    count = 0
    for resource in live:
        section = {"user": "users", "group": "groups", "role": "roles", "policy": "policies"}[resource.address.kind]
        table = tables[section][resource.address.name]
        documents = dict(getattr(resource.spec, "inline_policies", ()))
        pairs = [(table["inline_policies"][name], document) for name, document in documents.items()]
        if isinstance(resource.spec, Policy):
            pairs.append((table["document"], resource.spec.document))
        if isinstance(resource.spec, Role):
            pairs.append((table["trust_policy"], resource.spec.trust_policy))
        for written, document in pairs:
            assert written == document.value
            count += sum(1 for _ in statements(written))
    assert count > 200
