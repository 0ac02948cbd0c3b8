"""The project file: accounts, roles, settings and what holds where nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from iamsync.buckets import Bucket
from iamsync.errors import InputError, InputErrors
from iamsync.manifest.config import Config, Hop, load_config
from iamsync.model import Address
from iamsync.notification import Target
from iamsync.settings import Safety

HUB = "'arn:aws:iam::111122223333:role/x'"
FACTOR = "arn:aws:iam::111122223333:mfa/alice"
GOOD = Path(__file__).parent / "good" / "accounts"


def config(tmp_path: Path, text: str) -> Config:
    (tmp_path / "iamsync.yaml").write_text(text, encoding="utf-8")
    return load_config(None, tmp_path)


def codes(tmp_path: Path, text: str) -> list[str]:
    with pytest.raises((InputError, InputErrors)) as caught:
        config(tmp_path, text)
    return [error.code for error in getattr(caught.value, "errors", (caught.value,))]


def test_without_a_project_file_there_is_one_account_and_nothing_is_deleted(tmp_path: Path) -> None:
    found = load_config(None, tmp_path)
    (account,) = found.accounts
    assert (found.file, found.root, account.name, account.id) == (None, tmp_path, "default", None)
    assert account.manifests == found.manifests == ("iam",)
    assert account.settings.unmanaged == "report"
    assert account.settings.safety == Safety()
    assert account.settings.scope.include(Address("role", "any"))
    assert not account.settings.scope.exclude(Address("role", "any"))


def test_a_project_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_config(Path("other.yaml"), tmp_path)
    assert caught.value.code == "unreadable-file"


def test_the_root_is_where_the_project_file_lies(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "project.yaml").write_text("version: 1\n", encoding="utf-8")
    found = load_config(Path("sub/project.yaml"), tmp_path)
    assert (found.root, found.file) == (tmp_path / "sub", "project.yaml")
    assert load_config(Path("../sub/project.yaml"), tmp_path / "sub").root == tmp_path / "sub"


def test_a_project_file_without_accounts_is_about_the_ambient_one(tmp_path: Path) -> None:
    (account,) = config(tmp_path, "version: 1\nmanifests: [a, b/, ./a]\nunmanaged: delete\n").accounts
    assert (account.name, account.manifests, account.settings.unmanaged) == ("default", ("a", "b"), "delete")


def test_an_account_adds_to_the_projects_manifests_and_variables() -> None:
    found = load_config(None, GOOD)
    prod, dev, sandbox = found.accounts
    assert prod.manifests == ("iam/common", "iam/prod")
    assert dev.manifests == ("iam/common",)
    assert found.manifests == ("iam/common", "iam/prod")
    assert dict(prod.variables) == {"org": "acme", "env": "prod", "policies": ("aws/ReadOnlyAccess", "live/audit")}
    assert (prod.id, dev.id, sandbox.id) == ("111122223333", "001122223333", None)
    assert dict(prod.labels) == {"tier": "prod"}
    assert (prod.profile, dev.region, sandbox.backend) == ("prod-admin", "eu-west-1", "sandbox")


def test_roles_to_assume_may_be_apart_a_chain_or_one() -> None:
    prod, dev, sandbox = load_config(None, GOOD).accounts
    assert prod.read == (Hop("arn:aws:iam::111122223333:role/iamsync-read"),)
    assert prod.write == (Hop("arn:aws:iam::111122223333:role/iamsync", external_id="x", duration=3600),)
    hub = Hop("arn:aws:iam::444455556666:role/hub")
    assert dev.read == dev.write == (hub, Hop("arn:aws:iam::001122223333:role/iamsync", None, "ci", 900))
    assert sandbox.read == sandbox.write == ()


def test_limits_of_an_account_replace_and_protections_add_up() -> None:
    prod, dev, sandbox = (account.settings for account in load_config(None, GOOD).accounts)
    assert (prod.safety.max_deletes, dev.safety.max_deletes) == (3, 10)
    assert prod.safety.protected(Address("role", "break-glass"))
    assert prod.safety.protected(Address("role", "iamsync-read"))
    assert not dev.safety.protected(Address("role", "break-glass"))
    assert dev.ignore_changes == ("tags/kubernetes.io/*", "tags/team:*")
    assert prod.default_tags == (("Account", "prod"), ("ManagedBy", "iamsync"), ("Tier", "prod"))
    assert sandbox.default_tags == (("Account", "sandbox"), ("ManagedBy", "iamsync"))
    assert prod.scope.exclude(Address("role", "x"), "/team-x/sub/")


def test_whom_to_keep_for_emergencies_adds_up_too(tmp_path: Path) -> None:
    own = "accounts: {a: {safety: {break_glass: ['user:/safe/**']}}, b: {}}"
    text = f"version: 1\nsafety: {{break_glass: [role/safe]}}\n{own}"
    (tmp_path / "iamsync.yaml").write_text(text, encoding="utf-8")
    one, other = (account.settings.safety.break_glass for account in load_config(None, tmp_path).accounts)
    assert one(Address("role", "safe"))
    assert one(Address("user", "ann"), "/safe/")
    assert not other(Address("user", "ann"), "/safe/")


def test_acknowledgements_keep_their_end_as_a_moment() -> None:
    (held,) = load_config(None, GOOD).accounts[0].settings.acknowledge
    assert (held.guard, held.address, held.reason, held.until) == (
        "max-deletes", "role/old-*", "decommissioned", "2027-01-31T00:00:00Z",
    )  # fmt: skip
    assert held.covers("max-deletes", Address("role", "old-bot"), "2027-01-30T23:59:59Z")
    assert not held.covers("max-deletes", Address("role", "old-bot"), "2027-01-31T00:00:00Z")
    assert str(held) == "by iamsync.yaml:39: decommissioned"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", 10),
        ("accounts: {a: {backend: sandbox}}", 0),
        ("accounts: {a: {backend: sandbox}}\nsafety: {settle: 5}", 5),
        ("accounts: {a: {safety: {settle: 1m}}}\nsafety: {settle: 5s}", 60),
    ],
)
def test_the_embedded_iam_needs_no_pause_unless_one_is_written(tmp_path: Path, text: str, seconds: int) -> None:
    assert config(tmp_path, f"version: 1\n{text}\n").accounts[0].settings.safety.settle == seconds


@pytest.mark.parametrize(
    ("until", "moment"),
    [
        ("2027-01-31T18:00:00+02:00", "2027-01-31T16:00:00Z"),
        ("2027-01-31T18:00:00.5Z", "2027-01-31T18:00:00Z"),
        ("2027-01-31", "2027-01-31T00:00:00Z"),
    ],
)
def test_times_become_utc(tmp_path: Path, until: str, moment: str) -> None:
    found = config(tmp_path, f"acknowledge: [{{guard: replace, reason: x, until: {until}}}]\n")
    assert found.accounts[0].settings.acknowledge[0].until == moment


@pytest.mark.parametrize("until", ["2027-02-30", "2027-01-31T18:00:00", "tomorrow", "2027"])
def test_an_acknowledgement_without_a_readable_end_is_refused(tmp_path: Path, until: str) -> None:
    assert codes(tmp_path, f"acknowledge: [{{guard: replace, reason: x, until: {until}}}]\n") == ["bad-time"]


def test_variables_of_the_command_line_reach_the_settings(tmp_path: Path) -> None:
    text = "variables: {team: data}\ndefault_tags: {Team: $(var.team), Commit: $(var.commit)}\n"
    (tmp_path / "iamsync.yaml").write_text(text, encoding="utf-8")
    found = load_config(None, tmp_path, {"team": "web", "commit": "4f2a"})
    assert found.accounts[0].settings.default_tags == (("Commit", "4f2a"), ("Team", "web"))
    assert dict(found.accounts[0].variables) == {"team": "data"}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("- list\n", "bad-config"),
        ("", "bad-config"),
        ("version: 1\n---\nversion: 1\n", "bad-config"),
        ("accounts: {'a b': {}}", "bad-name"),
        ("accounts: {a: {id: 1111222233334}}", "bad-account-id"),
        ("accounts: {a: {wave: 0}}", "out-of-range"),
        ("accounts: {a: {wave: first}}", "wrong-type"),
        ("discover: []", "wrong-type"),
        ("ledger: s3://bucket/", "unknown-field"),
        ("safety: {broken_glass: [role/x]}", "unknown-field"),
        ("notification: [slack]", "unknown-field"),
        ("safety: {recently: 90d}", "unknown-field"),
        ("scope: {exclude: [{terraform_stat: x}]}", "unknown-field"),
        ("scope: {exclude: [{terraform_state: ../x.tfstate}]}", "bad-path"),
        ("scope: {exclude: [{terraform_state: 's3://bucket/x'}]}", "bad-path"),
        ("scope: {exclude: [{terraform_state: [a]}]}", "wrong-type"),
        ("scope: {exclude: [{cloudformation: everywhere}]}", "wrong-type"),
        ("scope: {exclude: [{cloudformation: [Ireland]}]}", "unknown-value"),
        ("scope: {exclude: [[a]]}", "wrong-type"),
        ("manifests: [/etc]", "outside-project"),
        ("manifests: [a/../../b]", "outside-project"),
        ("variables: {a: null}", "wrong-type"),
        ("variables: {'a b': c}", "bad-name"),
        ("accounts: {a: {assume_role: {}}}", "missing-field"),
        ("accounts: {a: {assume_role: [[x]]}}", "wrong-type"),
        ("accounts: {a: {assume_role: {raed: x}}}", "unknown-field"),
        ("accounts: {a: {assume_role: {arn: 'arn:aws:iam::111122223333:role/x', mfa_serial: x}}}", "bad-name"),
        (
            "accounts: {a: {assume_role: {arn: 'arn:aws:iam::111122223333:role/x', session_tags: {'aws:a': b}}}}",
            "bad-tag",
        ),
        (
            "accounts: {a: {assume_role: {arn: 'arn:aws:iam::111122223333:role/x', transitive_tags: [a]}}}",
            "unknown-value",
        ),
        ("accounts: {a: {assume_role: {arn: 'arn:aws:iam::111122223333:role/x', source_identity: '!'}}}", "bad-name"),
        (f"accounts: {{a: {{assume_role: [{HUB}, {{arn: {HUB}, duration: 2h}}]}}}}", "out-of-range"),
        (f"accounts: {{a: {{assume_role: [{HUB}, {{arn: {HUB}, mfa_serial: '{FACTOR}'}}]}}}}", "bad-config"),
        ("accounts: {a: {assume_role: {arn: 'arn:aws:iam::111122223333:role/x', duration: 13h}}}", "out-of-range"),
        ("accounts: {a: {assume_role: {arn: 'arn:aws:iam::111122223333:role/x', session_name: a b}}}", "bad-name"),
        ("accounts: {a: {profile: $(account.id)}}", "unknown-variable"),
        ("default_tags: {Team: a, team: b}", "duplicate-tag"),
        ("default_tags: {'aws:x': a}", "bad-tag"),
        ("variables: {bucket: site-$(account.name)}\n", "nested-variable"),
        ("variables: {buckets: [a, 'b-$(var.org)']}\n", "nested-variable"),
    ],
)
def test_what_cannot_be_is_refused_by_its_word(tmp_path: Path, text: str, code: str) -> None:
    assert codes(tmp_path, text) == [code]


def test_the_scope_asks_owners_what_is_theirs(tmp_path: Path) -> None:
    text = "scope: {exclude: ['role/x', {cloudformation: true}, {terraform_state: infra/a.tfstate}]}\n"
    more = "accounts: {prod: {scope: {exclude: [{cloudformation: [eu-west-1]}, {terraform_state: b.tfstate}]}}}\n"
    scope = config(tmp_path, text).accounts[0].settings.scope
    assert (scope.stacks, scope.terraform_states) == ((), ("infra/a.tfstate",))
    scope = config(tmp_path, text + more).accounts[0].settings.scope
    assert (scope.stacks, scope.terraform_states) == (("eu-west-1",), ("infra/a.tfstate", "b.tfstate"))
    assert config(tmp_path, "scope: {exclude: [{cloudformation: false}]}\n").accounts[0].settings.scope.stacks is None


def test_the_journal_is_kept_on_this_machine_unless_a_place_in_s3_is_written(tmp_path: Path) -> None:
    assert config(tmp_path, "version: 1\n").journal is None
    assert config(tmp_path, "journal: s3://acme-iamsync\n").journal == Bucket("acme-iamsync")
    assert codes(tmp_path, "journal: s3://acme-iamsync/$(account.id)/\n") == ["bad-config"]


def test_the_lock_is_a_place_in_s3(tmp_path: Path) -> None:
    (tmp_path / "iamsync.yaml").write_text("version: 1\nlock: s3://acme-iamsync/locks\n")
    assert load_config(None, tmp_path).lock == Bucket("acme-iamsync", "locks/")
    (tmp_path / "iamsync.yaml").write_text("version: 1\nlock: https://acme.example/locks\n")
    with pytest.raises(InputError, match="is no place in S3") as refused:
        load_config(None, tmp_path)
    assert refused.value.place is not None
    assert refused.value.place.line == 2


def test_those_to_notify_are_words_and_topics_each_once(tmp_path: Path) -> None:
    topic = "arn:aws:sns:us-east-1:111122223333:iam-drift"
    assert config(tmp_path, "version: 1\n").notify == ()
    found = config(tmp_path, f"notify: [slack, webhook, slack, {{sns: '{topic}'}}]\n").notify
    assert found == (Target("slack"), Target("webhook"), Target("sns", topic))
    assert found[2].region == "us-east-1"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("slack", "wrong-type"),
        ("[slak]", "unknown-value"),
        ("[{sns: 'arn:aws:sns:us-east-1:111122223333:iam.fifo'}]", "bad-reference"),
        ("[{sns: 'arn:aws:sqs:us-east-1:111122223333:iam'}]", "bad-reference"),
        ("[{topic: x}]", "unknown-field"),
        ("[{}]", "missing-field"),
        ("[[slack]]", "wrong-type"),
    ],
)
def test_what_is_no_place_to_notify(tmp_path: Path, text: str, code: str) -> None:
    assert code in codes(tmp_path, f"notify: {text}\n")


def test_a_url_in_the_project_file_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a URL has no place in a project file") as caught:
        config(tmp_path, "notify:\n  - https://hooks.slack.com/services/verysecret\n")
    assert caught.value.place is not None
    assert (caught.value.place.line, caught.value.place.source) == (2, "")
    assert "verysecret" not in f"{caught.value} {caught.value.hint} {caught.value.place}"


def test_a_hop_says_all_that_a_session_may_have(tmp_path: Path) -> None:
    hop = (
        f"{{arn: {HUB}, duration: 12h, session_tags: {{team: data, stage: prod}}, transitive_tags: [team], "
        f"source_identity: ann@ci, mfa_serial: '{FACTOR}'}}"
    )
    (account,) = config(tmp_path, f"version: 1\naccounts: {{a: {{wave: 3, assume_role: [{hop}, {HUB}]}}}}\n").accounts
    first, last = account.read
    assert account.write == account.read
    assert (account.wave, first.duration, first.mfa_serial, first.source_identity) == (3, 43200, FACTOR, "ann@ci")
    assert (first.session_tags, first.transitive_tags) == ((("stage", "prod"), ("team", "data")), ("team",))
    assert last == Hop("arn:aws:iam::111122223333:role/x")
