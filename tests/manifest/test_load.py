"""Manifests become the desired state: layers, references, variables, accounts, documents."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from iamsync.errors import InputError, InputErrors
from iamsync.kinds import KINDS
from iamsync.manifest.config import load_config
from iamsync.manifest.load import read_manifests, resolve
from iamsync.model import Address, Origin, State

GOOD = Path(__file__).parent / "good"
ACCOUNT = "111122223333"
DOCUMENT = '{Version: 2012-10-17, Statement: {Effect: Allow, Action: "s3:GetObject", Resource: "*"}}'
TRUST = (
    "{Version: 2012-10-17, Statement: "
    "{Effect: Allow, Principal: {Service: ec2.amazonaws.com}, Action: 'sts:AssumeRole'}}"
)


def project(root: Path, account: str | None = None, **rest: Any) -> State:
    """The state of one account (the first where none is named) of a project directory."""
    config = load_config(None, root)
    chosen = next(held for held in config.accounts if account in (None, held.name))
    manifests = read_manifests(config.root, config.manifests)
    return resolve(manifests, chosen, account_id=chosen.id or ACCOUNT, config=config, **rest)


def load(tmp_path: Path, text: str, config: str = "", **rest: Any) -> State:
    """The state of a project of one file."""
    (tmp_path / "iam").mkdir(exist_ok=True)
    (tmp_path / "iam" / "site.yaml").write_text(text, encoding="utf-8")
    if config:
        (tmp_path / "iamsync.yaml").write_text(config, encoding="utf-8")
    return project(tmp_path, **rest)


def codes(tmp_path: Path, text: str, config: str = "", **rest: Any) -> list[str]:
    with pytest.raises((InputError, InputErrors)) as caught:
        load(tmp_path, text, config, **rest)
    return [error.code for error in getattr(caught.value, "errors", (caught.value,))]


def spec(state: State, address: str) -> Any:
    return state.resources[Address.parse(address)].spec


def test_the_contracts_example_is_read_whole() -> None:
    state = project(GOOD / "contract")
    assert [str(address) for address in state.resources] == [
        *("group/developers", "policy/ci-boundary", "policy/deploy"),
        *("role/deploy-site", "user/alice", "user/ci-bot"),
    ]
    assert (state.account_id, state.partition, state.complete) == (ACCOUNT, "aws", frozenset(KINDS))
    role = spec(state, "role/deploy-site")
    assert (role.path, role.max_session_duration) == ("/ci/", 3600)
    assert role.permissions_boundary == f"arn:aws:iam::{ACCOUNT}:policy/ci-boundary"
    assert role.tags == (("a", "own"), ("b", "template"))
    assert "repo:acme/site:ref:refs/heads/main" in role.trust_policy.text
    (assets,) = role.inline_policies
    assert assets[0] == "assets"
    assert assets[1].value["Statement"][0]["Resource"] == f"arn:aws:s3:::{ACCOUNT}/*"
    assert spec(state, "user/alice").managed_policies == ("arn:aws:iam::aws:policy/ReadOnlyAccess", "live/x")
    assert spec(state, "policy/deploy").document.value["Statement"]["Resource"] == (
        f"arn:aws:iam::{ACCOUNT}:role/ci/deploy-site"
    )
    assert [(str(removal.address), removal.reason) for removal in state.removed] == [
        ("role/legacy", "replaced by deploy-site"),
        ("user/old-bot", ""),
    ]


def test_a_resource_knows_where_it_and_its_template_stand() -> None:
    state = project(GOOD / "contract")
    origin = state.resources[Address("role", "deploy-site")].origin
    assert origin == Origin("iam/site.yaml", 22, 3, Origin("iam/site.yaml", 2, 3))


def test_each_account_has_its_own_state() -> None:
    prod = project(GOOD / "accounts", "prod")
    dev = project(GOOD / "accounts", "dev")
    assert [str(address) for address in prod.resources] == [
        *("policy/base", "role/app-prod", "role/break-glass", "user/operator", "user/tester"),
    ]
    assert [str(address) for address in dev.resources] == [
        *("policy/base", "role/app-dev", "role/break-glass", "user/tester"),
    ]
    assert spec(prod, "user/tester").path == "/prod/"
    assert spec(dev, "user/tester").managed_policies == ("arn:aws:iam::aws:policy/ReadOnlyAccess", "live/audit")
    assert spec(prod, "role/app-prod").permissions_boundary == f"arn:aws:iam::{ACCOUNT}:policy/acme/base"
    assert spec(dev, "role/app-dev").permissions_boundary == "arn:aws:iam::001122223333:policy/acme/base"


def test_defaults_spare_what_is_protected() -> None:
    prod = project(GOOD / "accounts", "prod")
    dev = project(GOOD / "accounts", "dev")
    assert spec(prod, "role/break-glass").permissions_boundary is None
    assert ("Owner", "platform") not in spec(prod, "role/break-glass").tags
    assert spec(dev, "role/break-glass").permissions_boundary is not None


def test_tags_merge_from_default_tags_to_the_resource() -> None:
    state = project(GOOD / "accounts", "prod")
    assert spec(state, "role/app-prod").tags == (
        ("Account", "prod"), ("ManagedBy", "iamsync"), ("Owner", "platform"), ("Tier", "prod"),
    )  # fmt: skip
    assert dict(spec(state, "policy/base").tags)["ManagedBy"] == "iamsync"


def test_an_unquoted_account_id_keeps_its_zeros_in_a_document() -> None:
    trust = spec(project(GOOD / "accounts", "dev"), "role/app-dev").trust_policy
    assert trust.value["Statement"]["Principal"] == {"AWS": "001122223333"}


LAYERS = f"""
templates:
  app: {{kind: role, fields: {{path: /app/, description: from template, tags: {{a: template, B: template}},
    trust_policy: {TRUST}, ignore_changes: [tags]}}}}
roles:
  plain: {{trust_policy: {TRUST}}}
  templated: {{use: app, tags: {{b: own}}, ignore_changes: [path, tags]}}
  nulled: {{use: app, path: null, description: null, tags: null}}
"""
DEFAULTS = "defaults: {roles: {path: /default/, max_session_duration: 2h, tags: {c: default, a: default}}}\n"


def test_a_resource_lies_over_its_template_and_that_over_the_defaults(tmp_path: Path) -> None:
    state = load(tmp_path, LAYERS, DEFAULTS)
    plain, templated, nulled = (spec(state, f"role/{name}") for name in ("plain", "templated", "nulled"))
    assert (plain.path, plain.description, plain.max_session_duration) == ("/default/", "", 7200)
    assert (templated.path, templated.description, templated.max_session_duration) == ("/app/", "from template", 7200)
    assert plain.tags == (("a", "default"), ("c", "default"))
    assert templated.tags == (("a", "template"), ("b", "own"), ("c", "default"))
    assert (nulled.path, nulled.description, nulled.tags) == ("/", "", ())
    assert state.resources[Address("role", "templated")].ignore == ("path", "tags")
    assert state.resources[Address("role", "plain")].ignore == ()


def test_a_default_of_an_account_goes_before_the_projects(tmp_path: Path) -> None:
    more = f"{DEFAULTS}accounts: {{a: {{defaults: {{roles: {{path: /a/, tags: {{a: account}}}}}}}}}}\n"
    plain = spec(load(tmp_path, LAYERS, more), "role/plain")
    assert (plain.path, plain.max_session_duration) == ("/a/", 7200)
    assert plain.tags == (("a", "account"), ("c", "default"))


def test_a_template_fills_in_its_parameters_and_the_resources_name(tmp_path: Path) -> None:
    text = f"""
templates:
  app:
    kind: policy
    params: {{team: null, env: "$(account.name)"}}
    fields: {{path: /$(param.team)/$(param.env)/, description: $(name) of $(param.team), document: {DOCUMENT}}}
policies:
  one: {{use: app, with: {{team: "$(var.team)"}}}}
  two: {{use: app, with: {{team: b, env: 7}}}}
"""
    state = load(tmp_path, text, "variables: {team: data}\n")
    assert (spec(state, "policy/one").path, spec(state, "policy/one").description) == ("/data/default/", "one of data")
    assert spec(state, "policy/two").path == "/b/7/"


def test_a_reference_is_the_arn_of_the_declared_policy_with_its_path(tmp_path: Path) -> None:
    text = f"""
users:
  alice:
    managed_policies: [inner, aws/service-role/AWSLambdaRole, live/audit,
      arn:aws:iam::444455556666:policy/x/other]
    groups: [live/ops, devs]
groups: {{devs: {{}}}}
policies: {{inner: {{path: /$(account.name)/, document: {DOCUMENT}}}}}
"""
    alice = spec(load(tmp_path, text, partition="aws-cn"), "user/alice")
    assert alice.managed_policies == (
        f"arn:aws-cn:iam::{ACCOUNT}:policy/default/inner",
        "arn:aws-cn:iam::aws:policy/service-role/AWSLambdaRole",
        "arn:aws:iam::444455556666:policy/x/other",
        "live/audit",
    )
    assert alice.groups == ("devs", "ops")


def test_variables_of_the_command_line_go_first(tmp_path: Path) -> None:
    text = "users: {alice: {path: /$(var.team)/, managed_policies: $(var.policies)}}\n"
    given = {"team": "web", "policies": ["aws/ReadOnlyAccess"]}
    alice = spec(load(tmp_path, text, "variables: {team: data, policies: []}\n", variables=given), "user/alice")
    assert (alice.path, alice.managed_policies) == ("/web/", ("arn:aws:iam::aws:policy/ReadOnlyAccess",))


def test_only_accounts_stands_on_documents_resources_and_items(tmp_path: Path) -> None:
    text = f"""
only_accounts: ["label:tier=prod"]
users: {{a: {{only_accounts: "!west"}}}}
---
only_accounts: west
users: {{b: {{}}}}
---
users:
  c:
    managed_policies: [aws/One, {{policy: aws/Two, only_accounts: [west]}}]
    inline_policies:
      always: {DOCUMENT}
      east: {{document: {DOCUMENT}, only_accounts: [e*]}}
removed: [user/x, {{address: user/y, only_accounts: [east]}}]
"""
    config = "accounts: {east: {labels: {tier: prod}}, west: {labels: {tier: prod}}}\n"
    east, west = load(tmp_path, text, config), project(tmp_path, "west")
    assert [address.name for address in east.resources] == ["a", "c"]
    assert [address.name for address in west.resources] == ["b", "c"]
    assert [name for name, _ in spec(east, "user/c").inline_policies] == ["always", "east"]
    assert [name for name, _ in spec(west, "user/c").inline_policies] == ["always"]
    assert len(spec(west, "user/c").managed_policies) == 2
    assert [removal.address.name for removal in east.removed] == ["x", "y"]
    assert [removal.address.name for removal in west.removed] == ["x"]


def test_one_name_may_be_declared_apart_for_two_accounts(tmp_path: Path) -> None:
    text = "only_accounts: a\nusers: {x: {path: /a/}}\n---\nonly_accounts: b\nusers: {x: {path: /b/}}\n"
    assert spec(load(tmp_path, text, "accounts: {a: {}, b: {}}\n"), "user/x").path == "/a/"
    assert spec(project(tmp_path, "b"), "user/x").path == "/b/"


def test_names_are_told_apart_ignoring_case_within_a_kind(tmp_path: Path) -> None:
    assert codes(tmp_path, "users: {alice: {}, ALICE: {}}\ngroups: {alice: {}}\n") == ["duplicate-resource"]
    assert codes(tmp_path, "users: {default: {}, $(account.name): {}}\n") == ["duplicate-resource"]


def test_a_rename_keeps_the_old_name(tmp_path: Path) -> None:
    state = load(tmp_path, "users: {alice: {renamed_from: al}}\n")
    assert state.resources[Address("user", "alice")].renamed_from == "al"


def test_conditions_keep_numbers_and_booleans_as_written(tmp_path: Path) -> None:
    text = """
policies:
  p:
    document:
      Version: 2012-10-17
      Statement:
        Sid: 42
        Effect: Deny
        Action: "*"
        Resource: "*"
        Condition: {Bool: {"aws:MultiFactorAuthPresent": false}, NumericLessThan: {"s3:max-keys": 10}}
"""
    statement = spec(load(tmp_path, text), "policy/p").document.value["Statement"]
    assert statement["Sid"] == "42"
    assert statement["Condition"] == {
        "Bool": {"aws:MultiFactorAuthPresent": False},
        "NumericLessThan": {"s3:max-keys": 10},
    }


def test_a_document_file_may_be_yaml_and_is_read_relative_to_who_says_it(tmp_path: Path) -> None:
    (tmp_path / "iam" / "deep").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "doc.yaml").write_text(DOCUMENT)
    text = "policies: {p: {document: {$file: ../../shared/doc.yaml}}}\n"
    (tmp_path / "iam" / "deep" / "one.yaml").write_text(text)
    assert spec(project(tmp_path), "policy/p").document.value["Version"] == "2012-10-17"


def test_a_link_out_of_the_project_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "project"
    (root / "iam").mkdir(parents=True)
    (tmp_path / "secret.json").write_text(DOCUMENT)
    (tmp_path / "other.yaml").write_text("users: {mallory: {}}\n")
    (root / "iam" / "doc.json").symlink_to(tmp_path / "secret.json")
    assert codes(root, "policies: {p: {document: {$file: doc.json}}}\n") == ["outside-project"]
    (root / "iam" / "link.yaml").symlink_to(tmp_path / "other.yaml")
    assert codes(root, "users: {alice: {}}\n") == ["outside-project"]
    (root / "iam" / "link.yaml").unlink()
    (root / "iam" / "folder").symlink_to(tmp_path, target_is_directory=True)
    assert codes(root, "users: {alice: {}}\n") == ["outside-project"]


def test_a_link_within_the_project_is_followed(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "users.yaml").write_text("users: {bob: {}}\n")
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "users.yaml").symlink_to(tmp_path / "shared" / "users.yaml")
    assert len(load(tmp_path, "users: {alice: {}}\n")) == 2


def test_files_are_read_in_sorted_order_without_dot_folders(tmp_path: Path) -> None:
    for name in ("b/x.yml", "a.yaml", ".git/y.yaml", "b/.hidden.yaml", "z.json", "C.YAML"):
        path = tmp_path / "iam" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("users: {}\n")
    manifests = read_manifests(tmp_path, ["iam"])
    assert [file.file for file in manifests.files] == ["iam/C.YAML", "iam/a.yaml", "iam/b/x.yml"]


def test_the_project_file_is_no_manifest(tmp_path: Path) -> None:
    (tmp_path / "iamsync.yaml").write_text("version: 1\nmanifests: [.]\n")
    (tmp_path / "users.yaml").write_text("users: {alice: {}}\n")
    assert len(project(tmp_path)) == 1


@pytest.mark.parametrize("paths", [["nowhere"], ["iam/nowhere.yaml", "iam"]])
def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path, paths: list[str]) -> None:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "a.yaml").write_text("users: {}\n")
    with pytest.raises(InputError) as caught:
        read_manifests(tmp_path, paths)
    assert caught.value.code == "no-such-path"


def test_an_empty_set_is_an_error_whatever_makes_it_empty(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError) as caught:
        read_manifests(tmp_path, ["empty"])
    assert caught.value.code == "empty-manifests"
    for text in ("", "users: {}\nroles:\n", "templates: {a: {kind: user}}\n"):
        assert codes(tmp_path, text) == ["empty-manifests"]


def test_a_path_outside_the_project_is_a_project_of_its_own(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "doc.json").write_text('{"Version": "2012-10-17", "Statement": []}')
    (outside / "a.yaml").write_text("policies: {p: {document: {$file: doc.json}}, q: {document: {$file: ../x.json}}}\n")
    (tmp_path / "cwd").mkdir()
    config = load_config(None, tmp_path / "cwd")
    manifests = read_manifests(config.root, [str(outside)])
    account = replace(config.accounts[0], manifests=(str(outside),))
    with pytest.raises(InputErrors) as caught:
        resolve(manifests, account, account_id=ACCOUNT, config=config)
    assert [error.code for error in caught.value.errors] == ["outside-project", "malformed-policy"]


def test_the_errors_of_all_files_come_in_one_run(tmp_path: Path) -> None:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "a.yaml").write_text("users: {a: {pth: /}}\n")
    (tmp_path / "iam" / "b.yaml").write_text("users: {b: {path: x}\n")
    (tmp_path / "iam" / "c.yaml").write_text("users: {c: {groups: [declared-in-b], path: x}}\n")
    assert codes(tmp_path, "users: {d: {tags: {'aws:x': y}}}\n") == [
        *("unknown-field", "unclosed-bracket", "bad-path", "bad-tag"),
    ]


def test_an_error_in_a_document_file_is_told_to_every_account(tmp_path: Path) -> None:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iam" / "doc.json").write_text("{")
    text, config = "policies: {p: {document: {$file: doc.json}}}\n", "accounts: {a: {}, b: {}}\n"
    assert codes(tmp_path, text, config) == ["unclosed-bracket"]
    held = load_config(None, tmp_path)
    manifests = read_manifests(held.root, held.manifests)
    for account in held.accounts:
        with pytest.raises(InputError):
            resolve(manifests, account, account_id=ACCOUNT, config=held)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("groups: {a: {access_keys: {}}}", ["unknown-field"]),
        ("users: {a: {access_keys: {}}}", ["missing-field", "missing-field"]),
        ("users: {a: {access_keys: [90d]}}", ["wrong-type"]),
        ("users: {a: {access_keys: {rotate: 90d, rotate_after: 90d, deliver_to: 'ssm:/a'}}}", ["unknown-field"]),
        ("users: {a: {access_keys: {rotate_after: 90 days, deliver_to: 'ssm:/a'}}}", ["bad-duration"]),
        ("users: {a: {access_keys: {rotate_after: 30m, deliver_to: 'ssm:/a'}}}", ["out-of-range"]),
        ("users: {a: {access_keys: {rotate_after: 20d, deliver_to: 'ssm:/a'}}}", ["out-of-range"]),
        ("users: {a: {access_keys: {rotate_after: 90d, deadline: 6d, deliver_to: 'ssm:/a'}}}", ["out-of-range"]),
        ("users: {a: {access_keys: {rotate_after: 90d, deliver_to: 'vault:a'}}}", ["bad-target"]),
        ("users: {a: {access_keys: {rotate_after: 90d, deliver_to: 'ssm:/aws/a'}}}", ["bad-target"]),
        ("users: {a: {access_keys: {rotate_after: 90d, deliver_to: 'hook:cat'}}}", ["bad-target"]),
        ("users: {a: {access_keys: {rotate_after: 90d, deliver_to: 'age:me:a.age'}}}", ["bad-target"]),
        ("users: {a: {access_keys: {rotate_after: 90d, deliver_to: 'file:../a'}}}", ["bad-target"]),
        ("users: {a: {console_access: true}}", ["wrong-type"]),
        ("users: {a: {console_access: {password_reset_required: 1}}}", ["missing-field", "wrong-type"]),
        ("users: {a: {console_access: {deliver_to: 'ssm:/a', password_reset_required: 1}}}", ["wrong-type"]),
        (
            "users: {a: {console_access: {deliver_to: 'ssm:/a'}}, b: {console_access: {deliver_to: 'ssm:/a'}}}",
            ["delivered-twice"],
        ),
        ("templates: {t: {kind: group, fields: {access_keys: {}}}}\nusers: {a: {}}", ["unknown-field"]),
        ("users: {a: {groups: [{group: live/x, until: 2027-01-01}]}}", ["unknown-field"]),
        ("audits: {}\nusers: {a: {}}", ["unknown-section"]),
        ("server_certificates: {}\nusers: {a: {}}", ["unknown-section"]),
        ("users: {a: {tags: {k: null}}}", ["wrong-type"]),
        ("users: {a: {only_accounts: []}}", ["bad-selector"]),
        ("users: {a: {inline_policies: {p: {documents: x}}}}", ["malformed-policy", "malformed-policy"]),
        ("users: {a: {inline_policies: {p: {document: null}}}}", ["missing-document"]),
        ("users: {$(var.x): {}}", ["unknown-variable"]),
        ("removed: [policy/a b]", ["bad-name"]),
        ("removed: [server_certificate/x]", ["unknown-kind"]),
        ("removed: [account/x]", ["bad-name"]),
        ("account: {alias: false}", ["wrong-type"]),
        ("account: {alias: Acme_Prod}", ["bad-text"]),
        ("account: {password_policy: {max_password_age: 0}}", ["out-of-range"]),
        ("account: {password_policy: {require_symbols: 1, minimum_length: 8}}", ["wrong-type", "unknown-field"]),
        ("account: {name: acme}\nusers: {a: {}}", ["unknown-field"]),
        ("templates: {t: {kind: account}}\nusers: {a: {}}", ["unknown-value"]),
        ("instance_profiles: {web: {role: nobody}}", ["unknown-reference"]),
        ("instance_profiles: {web: {role: arn:aws:iam::aws:policy/x}}", ["bad-reference"]),
        ("oidc_providers: {'https://id.example.com': {}}", ["bad-name"]),
        ("oidc_providers: {id.example.com: {client_ids: [a, a]}}", ["duplicate-item"]),
        ("oidc_providers: {id.example.com: {thumbprints: []}}", ["missing-field"]),
        ("oidc_providers: {id.example.com: {thumbprints: [abc]}}", ["bad-text"]),
        ("saml_providers: {okta: {}}", ["missing-field"]),
        ("saml_providers: {okta: {metadata: <a/>}}", ["out-of-range"]),
        ("saml_providers: {AWSSSO_x: {metadata: '" + f"<a>{'x' * 1000}</a>" + "'}}", ["out-of-reach"]),
        ("saml_providers: {okta: {metadata: '" + f"<a>{'x' * 1000}</b>" + "'}}", ["bad-metadata"]),
        ("saml_providers: {okta: {metadata: '" + f"<!DOCTYPE a><a>{'x' * 1000}</a>" + "'}}", ["bad-metadata"]),
    ],
)
def test_what_cannot_be_is_refused_by_its_word(tmp_path: Path, text: str, found: list[str]) -> None:
    assert codes(tmp_path, text + "\n") == found


@pytest.mark.parametrize(
    ("kind", "limit"), [("users", 2048), ("groups", 5120), ("roles", 10240), ("policies", 6144), ("trust", 8192)]
)
def test_a_document_may_be_as_long_as_iam_allows_and_not_a_character_longer(
    tmp_path: Path, kind: str, limit: int
) -> None:
    def text(length: int) -> str:
        if kind == "trust":
            base = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Principal":{"AWS":"%s"}}}'
        else:
            base = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::%s"}}'
        document = base % ("x" * (length - len(base) + 2))
        trust = f"trust_policy: {TRUST}, " if kind == "roles" else ""
        if kind == "trust":
            return f"roles: {{a: {{trust_policy: {document}}}}}\n"
        if kind == "policies":
            return f"policies: {{a: {{document: {document}}}}}\n"
        return f"{kind}: {{a: {{{trust}inline_policies: {{p: {document}}}}}}}\n"

    assert len(load(tmp_path, text(limit))) == 1
    assert codes(tmp_path, text(limit + 1)) == ["over-quota"]
