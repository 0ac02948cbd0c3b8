"""Commands of the AWS CLI: spelled as it spells them, quoted, silent about secrets."""

import json
import shlex
import subprocess
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from iamsync.render.awscli import SECRET, command, kebab, plan_awscli

CASES = Path(__file__).parent / "cases"
MODEL = botocore.session.get_session().get_service_model("iam")


def test_every_operation_and_parameter_of_iam_is_spelled_as_the_aws_cli_spells_it() -> None:
    for name in MODEL.operation_names:
        assert kebab(name) == xform_name(name, "-")
        shape = MODEL.operation_model(name).input_shape
        for member in shape.members if shape is not None else ():
            assert kebab(member) == xform_name(member, "-")


def test_parameters_become_options() -> None:
    params = {"PolicyArn": "arn:aws:iam::111122223333:policy/a", "PolicyDocument": '{"a": 1}', "SetAsDefault": True}
    assert command("CreatePolicyVersion", params) == (
        "aws iam create-policy-version --policy-arn arn:aws:iam::111122223333:policy/a"
        " --policy-document '{\"a\": 1}' --set-as-default"
    )


def test_false_numbers_lists_and_dashes_have_their_forms() -> None:
    assert command("UpdateX", {"Flag": False, "Days": 3, "TagKeys": ["a"], "Description": "-x", "Path": ""}) == (
        "aws iam update-x --no-flag --days 3 --tag-keys '[\"a\"]' --description=-x --path ''"
    )


@pytest.mark.parametrize("value", ["file:///etc/passwd", "https://x.example/", "a\nb", "\u202ex"])
def test_a_value_the_cli_would_fetch_or_a_terminal_obey_travels_as_json(value: str) -> None:
    text = command("UpdateRole", {"RoleName": "x", "Description": value})
    words = shlex.split(text)
    assert words[3] == "--cli-input-json"
    assert json.loads(words[4]) == {"RoleName": "x", "Description": value}
    assert text.isprintable()


@pytest.mark.parametrize("operation", sorted(SECRET))
def test_a_call_that_answers_with_a_secret_has_no_command(operation: str) -> None:
    assert operation in MODEL.operation_names
    with pytest.raises(ValueError, match="secret"):
        command(operation, {"UserName": "x"})


def test_a_plan_with_a_secret_says_what_it_left_out() -> None:
    document = json.loads((CASES / "two-accounts" / "plan.json").read_text(encoding="utf-8"))
    step = {"id": "s9", "address": "user/x", "operation": "UpdateUser", "params": {"A": {"$generated": "password"}}}
    document["plans"][1]["steps"] += [step, {**step, "operation": "CreateAccessKey", "params": {"UserName": "x"}}]
    text = plan_awscli(document)
    assert "# left out: UpdateUser" in text
    assert "# left out: CreateAccessKey" in text
    assert "aws iam create-access-key" not in text


@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_a_script_is_one_that_a_shell_can_read(case: str) -> None:
    text = (CASES / case / "plan.sh").read_text(encoding="utf-8")
    done = subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False, timeout=20)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_script_makes_the_plan_s_calls_and_no_others(tmp_path: Path) -> None:
    """A stand-in `aws` writes down its arguments; hostile values must arrive whole, and nothing else run."""
    seen = tmp_path / "seen"
    aws = tmp_path / "aws"
    aws.write_text(
        '#!/bin/sh\nif [ "$1" = sts ]; then echo 111122223333; exit; fi\n'
        f'for word in "$@"; do printf "%s\\0" "$word" >> {seen}; done; printf "\\n\\0" >> {seen}\n'
    )
    aws.chmod(0o755)
    document = json.loads((CASES / "hostile" / "plan.json").read_text(encoding="utf-8"))
    script = tmp_path / "plan.sh"
    script.write_text(plan_awscli(document), encoding="utf-8")
    subprocess.run(["sh", str(script)], env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True, timeout=20)
    calls = [call.split("\0") for call in seen.read_text(encoding="utf-8").split("\n\0") if call]
    steps = document["plans"][0]["steps"]
    assert [call[1] for call in calls] == [kebab(step["operation"]) for step in steps]
    role = next(step for step in steps if step["operation"] == "CreateRole")
    told = next(call for call in calls if call[1] == "create-role")
    assert json.loads(told[3]) == role["params"]


def test_a_script_stops_at_another_account(tmp_path: Path) -> None:
    aws = tmp_path / "aws"
    aws.write_text("#!/bin/sh\necho 999988887777\n")
    aws.chmod(0o755)
    script = CASES / "site" / "plan.sh"
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["sh", str(script)], env=env, text=True, capture_output=True, check=False, timeout=20)
    assert done.returncode == 1
    assert done.stderr == "the credentials are of account 999988887777, which this plan is not for (111122223333)\n"
