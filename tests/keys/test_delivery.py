"""Every place keeps a secret, tells in plain sight which one it is, and nothing else."""

from __future__ import annotations

import json
import os
import pickle
import stat
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pyrage
import pytest

from iamsync.aws.secretstores import Parameter, SecretsManager
from iamsync.aws.session import Access, connect
from iamsync.delivery import Secret, allowed, parse
from iamsync.engine.duties import opener
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.errors import AwsError, IamsyncError, InputError
from iamsync.places import NOTE, File, Hook, sealed
from iamsync.sandbox import Server
from tests.world import ACCOUNT, SESSIONS

WORD = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
Client = Callable[[str], Any]


def secret(reference: str = "AKIAIOSFODNN7EXAMPLE", word: str = WORD) -> Secret:
    fields = {"UserName": "ci-bot", "AccountId": ACCOUNT, "AccessKeyId": reference, "SecretAccessKey": word}
    return Secret("ci-bot", reference, fields, ("SecretAccessKey",))


def moto_answers(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
    """moto's own Secrets Manager and Parameter Store, asked in this process."""
    from moto.core.request import Request
    from moto.secretsmanager.responses import SecretsManagerResponse
    from moto.ssm.responses import SimpleSystemManagerResponse

    given = {name.lower(): value for name, value in headers.items()}
    request = Request.from_primitives(method, url, given, body)
    maker = SecretsManagerResponse if "secretsmanager" in given["x-amz-target"].lower() else SimpleSystemManagerResponse
    status, answered, content = maker()._dispatch(request)
    content = content.encode() if isinstance(content, str) else bytes(content)
    return status, {name: str(value) for name, value in answered.items()}, content


def only_moto(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
    """An account whose stores are moto's own."""
    target = {name.lower(): value for name, value in headers.items()}.get("x-amz-target", "")
    return (moto_answers if target else Server(account_id=ACCOUNT).handle)(method, url, headers, body)


@pytest.fixture(scope="module", params=["sandbox", "moto"])
def client(request: pytest.FixtureRequest) -> Client:
    """Clients of either; what is made there stays for the module, so tests use names of their own."""
    server = Server(account_id=ACCOUNT)
    answers: Any = server.handle if request.param == "sandbox" else moto_answers

    def transport(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Any:
        target = {name.lower(): value for name, value in headers.items()}.get("x-amz-target", "")
        return (answers if target else server.handle)(method, url, headers, body)

    connection = connect(Access(account_id=ACCOUNT), transport=transport, sessions=SESSIONS)
    return cache(connection.client)


def test_a_secret_of_secrets_manager_names_its_key_by_its_version_and_keeps_the_one_before(client: Client) -> None:
    manager = client("secretsmanager")
    place = SecretsManager(manager, "iam/ci-bot")
    assert place.holds() == ""
    place.put(secret())
    assert place.holds() == "AKIAIOSFODNN7EXAMPLE"
    place.put(secret("AKIAI44QH8DHBEXAMPLE", "other"))
    place.put(secret("AKIAI44QH8DHBEXAMPLE", "other"))  # an answer was lost: the same again
    assert place.holds() == "AKIAI44QH8DHBEXAMPLE"
    now = json.loads(manager.get_secret_value(SecretId="iam/ci-bot")["SecretString"])
    assert (now["AccessKeyId"], now["SecretAccessKey"]) == ("AKIAI44QH8DHBEXAMPLE", "other")
    before = manager.get_secret_value(SecretId="iam/ci-bot", VersionStage="AWSPREVIOUS")
    assert json.loads(before["SecretString"])["SecretAccessKey"] == WORD
    told = manager.describe_secret(SecretId="iam/ci-bot")
    assert WORD not in str(told)
    assert "other" not in str(told["VersionIdsToStages"])


def test_what_others_put_into_a_secret_is_not_taken_for_a_delivery(client: Client) -> None:
    manager = client("secretsmanager")
    manager.create_secret(Name="iam/hand-made", SecretString="{}", ClientRequestToken="x" * 32)
    assert SecretsManager(manager, "iam/hand-made").holds() == ""


def test_a_parameter_is_a_secure_string_whose_description_names_the_key(client: Client) -> None:
    store = client("ssm")
    place = Parameter(store, "/iam/ci-bot")
    assert place.holds() == ""
    place.put(secret("AKIAI44QH8DHBEXAMPLE", "other"))
    place.put(secret())
    assert place.holds() == "AKIAIOSFODNN7EXAMPLE"
    held = store.get_parameter(Name="/iam/ci-bot", WithDecryption=True)["Parameter"]
    assert (held["Type"], held["Version"]) == ("SecureString", 2)
    assert json.loads(held["Value"])["SecretAccessKey"] == WORD
    store.put_parameter(Name="/iam/other", Value="x", Type="String", Description="by hand")
    assert Parameter(store, "/iam/other").holds() == ""


def test_only_the_holder_of_the_age_identity_reads_the_file(tmp_path: Path) -> None:
    identity = pyrage.x25519.Identity.generate()
    path = tmp_path / "keys" / "ci-bot.age"
    place = File(path, sealed(str(identity.to_public())))
    assert place.holds() == ""
    place.put(secret())
    assert place.holds() == "AKIAIOSFODNN7EXAMPLE"
    assert path.read_text().startswith("-----BEGIN AGE ENCRYPTED FILE-----")
    assert json.loads(pyrage.decrypt(path.read_bytes(), [identity]))["SecretAccessKey"] == WORD
    assert all(WORD not in file.read_text() for file in path.parent.iterdir())
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(path.read_bytes(), [pyrage.x25519.Identity.generate()])


def test_an_age_file_stays_in_the_project_even_through_links(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    (root / "iam").mkdir(parents=True)
    elsewhere.mkdir()
    (root / "keys").symlink_to(elsewhere)
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    connection = connect(Access(account_id=ACCOUNT), transport=Server(account_id=ACCOUNT).handle, sessions=SESSIONS)
    places = opener(Project.open(Options(root)), connection, root)
    with pytest.raises(InputError, match="leads out of the project"):
        places(f"age:{recipient}:keys/ci-bot.age", "ci-bot")
    places(f"age:{recipient}:ci-bot.age", "ci-bot").put(secret())
    assert (root / "ci-bot.age").exists()


def test_a_plain_file_is_its_owners_alone_and_is_never_half_written(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    place = File(path)
    place.put(secret())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert WORD not in (tmp_path / f"key.json{NOTE}").read_text()
    # Somebody else's content is no delivery, and neither is a note that a run left before it wrote the file.
    before = path.read_bytes()
    place.put(secret("AKIAI44QH8DHBEXAMPLE", "other"))
    path.write_bytes(before)
    assert place.holds() == "AKIAIOSFODNN7EXAMPLE"
    path.write_text("mine")
    assert place.holds() == ""


def test_a_place_that_cannot_be_written_says_so_without_the_secret(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("no folder")
    with pytest.raises(IamsyncError) as caught:
        File(tmp_path / "taken" / "key.json").put(secret())
    assert caught.value.code == "not-delivered"
    assert WORD not in f"{caught.value!r} {caught.value} {caught.value.hint} {caught.value.__cause__!r}"


HOOK = """
import json, os, sys
given = json.load(sys.stdin)
kept = sys.argv[1]
if os.environ["IAMSYNC_DELIVERY"] == "deliver":
    json.dump(given, open(kept, "w"))
    print(given)
elif os.path.exists(kept):
    print(json.load(open(kept))["Reference"])
"""


def hook(tmp_path: Path, script: str) -> Hook:
    (tmp_path / "hook.py").write_text(script)
    return Hook(f"{sys.executable} {tmp_path / 'hook.py'} {tmp_path / 'kept'}", "ci-bot")


def test_a_command_gets_the_secret_on_its_standard_input_alone(tmp_path: Path) -> None:
    place = hook(tmp_path, HOOK)
    assert place.holds() == ""
    place.put(secret())
    assert place.holds() == "AKIAIOSFODNN7EXAMPLE"
    assert json.loads((tmp_path / "kept").read_text())["SecretAccessKey"] == WORD
    assert WORD not in str(os.environ)


def test_what_a_failing_command_prints_is_not_repeated(tmp_path: Path) -> None:
    place = hook(tmp_path, "import sys; text = sys.stdin.read(); print(text); sys.exit(text)")
    with pytest.raises(IamsyncError) as caught:
        place.put(secret())
    assert caught.value.code == "not-delivered"
    assert WORD not in f"{caught.value!r} {caught.value.hint}"


def test_a_secret_shows_itself_nowhere_and_is_scrubbed_from_what_others_say() -> None:
    held = secret()
    assert WORD not in f"{held!r} {held}"
    assert held.scrubbed(f"Value '{WORD}' is too long") == "Value '(secret)' is too long"
    assert held.scrubbed(f"Action=PutParameter&Value={quote_plus(WORD)}") == "Action=PutParameter&Value=(secret)"
    with pytest.raises(TypeError):
        pickle.dumps(held)


@pytest.mark.parametrize(
    ("text", "patterns", "may"),
    [
        ("ssm:/iam/a", ("secretsmanager:*", "ssm:*"), True),
        ("file:a", ("secretsmanager:*", "ssm:*"), False),
        ("file:secrets/a", ("file:secrets/*",), True),
        ("ssm:/iam/a", (), False),
    ],
)
def test_guardrails_name_targets_by_globs(text: str, patterns: tuple[str, ...], may: bool) -> None:
    assert allowed(parse(text), patterns) is may


def test_a_manifest_delivers_only_where_it_may(tmp_path: Path) -> None:
    (tmp_path / "iam").mkdir()
    text = "users:\n  ci-bot:\n    access_keys: {rotate_after: 90d, deliver_to: 'file:keys/ci-bot.json'}\n"
    (tmp_path / "iam" / "site.yaml").write_text(text)
    rails = tmp_path / "rails.yaml"
    rails.write_text("version: 1\ndeliver_to: ['file:keys/*']\n")

    def desired(**more: Any) -> Any:
        project = Project.open(Options(tmp_path, **more))
        return project.desired(project.config.accounts[0], ACCOUNT)

    with pytest.raises(InputError) as caught:
        desired()
    assert caught.value.code == "target-not-allowed"
    assert str(caught.value.place) == "iam/site.yaml:3:18"
    assert len(desired(guardrails=str(rails))) == 1
    rails.write_text("version: 1\ndeliver_to: []\n")
    (tmp_path / "iam" / "site.yaml").write_text(text.replace("file:keys/ci-bot.json", "ssm:/iam/ci-bot"))
    assert len(desired()) == 1
    with pytest.raises(InputError, match=r"which .*rails\.yaml does not allow"):
        desired(guardrails=str(rails))


def test_an_error_of_aws_that_repeats_the_request_comes_without_the_secret(tmp_path: Path) -> None:
    from tests.keys.rotating import Years, rule

    years, said = Years(tmp_path), []
    years.refuse = "PutSecretValue"
    years.rotate(rule(), lambda event: said.append(repr(event)))
    made = [json.loads(text) for text in years.bodies]
    (word,) = {json.loads(one["SecretString"])["SecretAccessKey"] for one in made}
    assert "(secret)" in "".join(said)
    assert word not in "".join(said)
    assert years.held() == {}


def test_errors_of_either_store_are_iamsyncs_own(client: Client) -> None:
    with pytest.raises(AwsError):
        SecretsManager(client("secretsmanager"), "iam/too-long").put(secret("A" * 60))


def test_what_a_command_describes_is_a_reference_or_nothing_that_is_repeated(tmp_path: Path) -> None:
    with pytest.raises(IamsyncError) as caught:
        hook(tmp_path, f"print({WORD!r})").holds()
    assert caught.value.code == "not-delivered"
    assert WORD not in f"{caught.value!r} {caught.value.hint}"


@pytest.mark.parametrize(("user", "account"), [("other", ACCOUNT), ("ci-bot", "444455556666")])
def test_a_file_says_whose_the_secret_is_that_it_holds(tmp_path: Path, user: str, account: str) -> None:
    place = File(tmp_path / "key.json")
    place.put(secret())
    assert place.taken("ci-bot", ACCOUNT) == place.taken("CI-Bot", ACCOUNT) == ""
    assert place.taken(user, account) == f"what was delivered for user/ci-bot of account {ACCOUNT}"


def test_a_file_that_iamsync_did_not_write_is_somebodys_and_an_empty_one_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    place = File(path)
    assert place.taken("ci-bot", ACCOUNT) == ""
    path.write_text("\n")
    assert place.taken("ci-bot", ACCOUNT) == ""
    path.write_text("mine")
    assert "did not write" in place.taken("ci-bot", ACCOUNT)
    place.put(secret())
    path.write_text("changed since")
    assert "did not write" in place.taken("ci-bot", ACCOUNT)


def test_a_store_says_what_is_not_this_users_and_takes_an_empty_secret_for_nobodys(client: Client) -> None:
    manager, store = client("secretsmanager"), client("ssm")
    new: Any = (SecretsManager(manager, "iam/mine"), Parameter(store, "/iam/mine"))
    for place in new:
        assert place.taken("ci-bot", ACCOUNT) == ""
        place.put(secret())
        assert place.taken("CI-bot", ACCOUNT) == ""
        assert place.taken("other", ACCOUNT) == "what was delivered for user/ci-bot"
    manager.create_secret(Name="iam/empty", Description="made by another tool, to be filled")
    assert SecretsManager(manager, "iam/empty").taken("ci-bot", ACCOUNT) == ""
    SecretsManager(manager, "iam/empty").put(secret())
    assert SecretsManager(manager, "iam/empty").taken("CI-bot", ACCOUNT) == ""
    assert SecretsManager(manager, "iam/empty").taken("other", ACCOUNT) == "what was delivered for another user"
    manager.create_secret(Name="iam/theirs", SecretString="{}", ClientRequestToken="y" * 32)
    store.put_parameter(Name="/iam/theirs", Value="x", Type="String", Description="by hand")
    for place in (SecretsManager(manager, "iam/theirs"), Parameter(store, "/iam/theirs")):
        assert "did not put there" in place.taken("ci-bot", ACCOUNT)


def test_a_secret_is_whose_it_was_filled_for_last_whatever_its_description_says(client: Client) -> None:
    place = SecretsManager(client("secretsmanager"), "iam/handed-over")
    place.put(secret())
    place.put(Secret("other", "AKIAI44QH8DHBEXAMPLE", {"UserName": "other"}, ()))  # somebody consented
    assert place.holds() == "AKIAI44QH8DHBEXAMPLE"
    assert place.taken("other", ACCOUNT) == ""
    assert place.taken("ci-bot", ACCOUNT) == "what was delivered for another user"


def test_a_version_that_does_not_tell_its_user_is_read_as_before(client: Client) -> None:
    manager = client("secretsmanager")
    version = "iamsync-delivery-AKIAIOSFODNN7EXAMPLE"
    manager.create_secret(Name="iam/older", SecretString="{}", ClientRequestToken=version)
    place = SecretsManager(manager, "iam/older")
    assert place.holds() == "AKIAIOSFODNN7EXAMPLE"
    assert place.taken("ci-bot", ACCOUNT) == place.taken("other", ACCOUNT) == ""


def test_a_command_may_say_that_something_else_is_there(tmp_path: Path) -> None:
    place = hook(tmp_path, "print('taken')")
    assert place.holds() == ""
    assert place.taken("ci-bot", ACCOUNT) == "something else, as the command says"
    assert hook(tmp_path, HOOK).taken("ci-bot", ACCOUNT) == ""


def test_a_secret_that_waits_to_be_deleted_holds_nothing() -> None:
    connection = connect(Access(account_id=ACCOUNT), transport=only_moto, sessions=SESSIONS)
    place = SecretsManager(connection.client("secretsmanager"), "iam/going")
    place.put(secret())
    assert place.holds() == "AKIAIOSFODNN7EXAMPLE"
    connection.client("secretsmanager").delete_secret(SecretId="iam/going")
    assert place.holds() == ""
