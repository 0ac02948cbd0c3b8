"""The CI kit: the action's script end to end on the sandbox, its comment, and every example that people copy."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Final

import pytest
import yaml

from tests.posting import Poster, Reply, Request, serving

ROOT: Final = Path(__file__).resolve().parent.parent
EXAMPLES: Final = ROOT / "examples" / "ci"
BIN: Final = Path(sys.executable).parent
WORKFLOWS: Final = sorted((EXAMPLES / "github").glob("*.yml"))
OWN: Final = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
BOT: Final = "github-actions[bot]"


def loaded(path: Path) -> ModuleType:
    """A module of a file that is in no package."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def linted(tool: str, *arguments: object) -> None:
    ended = subprocess.run([BIN / tool, *map(str, arguments)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{tool}\n{ended.stdout}{ended.stderr}"


# -- The action ----------------------------------------------------------------------------------------


class Pulls:
    """GitHub's comments of pull request 7, as far as the action uses them."""

    def __init__(self, poster: Poster) -> None:
        self.poster = poster
        self.comments: list[dict[str, Any]] = []
        poster.by = self.answer

    def add(self, body: str, login: str = BOT) -> None:
        self.comments.append({"id": len(self.comments) + 1, "body": body, "user": {"login": login}})

    def answer(self, request: Request) -> Reply:
        assert request.headers["authorization"] == "Bearer the-token"
        path, _, query = request.path.partition("?")
        if request.method == "GET":
            assert path == "/repos/acme/iam/issues/7/comments"
            page = int(dict(part.split("=") for part in query.split("&"))["page"])
            return self.json(200, self.comments[100 * (page - 1) : 100 * page])
        body = json.loads(request.body)["body"]
        if request.method == "POST":
            self.add(body)
            return self.json(201, self.comments[-1])
        number = int(path.removeprefix("/repos/acme/iam/issues/comments/"))
        self.comments[number - 1]["body"] = body
        return self.json(200, self.comments[number - 1])

    @staticmethod
    def json(status: int, value: Any) -> Reply:
        return status, {"Content-Type": "application/json"}, json.dumps(value).encode()


@pytest.fixture
def pulls() -> Iterator[Pulls]:
    with serving() as poster:
        yield Pulls(poster)


PROJECT = "version: 1\naccounts: {prod: {id: '111122223333', backend: sandbox}}\n"
ALICE = "users: {alice: {path: /people/}}\n"


class Job:
    """A job on a runner: a checkout, and the files GitHub gives a step."""

    def __init__(self, folder: Path, api: str) -> None:
        self.root = folder / "checkout"
        (self.root / "iam").mkdir(parents=True)
        (folder / "temp").mkdir()
        self.output, self.summary = folder / "output", folder / "summary"
        self.environment = {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "CI": "true",
            "IAMSYNC_NOW": "2026-11-24T00:00:00Z",
            "PYTHONPATH": str(ROOT),
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "GITHUB_REPOSITORY": "acme/iam",
            "GITHUB_API_URL": api,
            "RUNNER_TEMP": str(folder / "temp"),
            "IAMSYNC_CI_TOKEN": "the-token",
            "IAMSYNC_CI_COMMIT": "0123456789abcdef0123456789abcdef01234567",
        }
        self.write("iamsync.yaml", PROJECT)
        self.write("iam/people.yaml", ALICE)
        self.git("init", "-q", "-b", "main")
        self.git("add", ".")
        self.git("-c", "user.name=a", "-c", "user.email=", "commit", "-q", "-m", "base")

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.root, env=self.environment, check=True)

    def run(self, code: int, **inputs: str) -> tuple[dict[str, str], str]:
        """The outputs of a step, and its log."""
        self.output.write_text("", encoding="utf-8")
        given = {f"IAMSYNC_CI_{name.upper()}": value for name, value in inputs.items()}
        ended = subprocess.run(
            [ROOT / "ci" / "action.sh"],
            cwd=self.root,
            env={**self.environment, **given},
            capture_output=True,
            text=True,
            check=False,
        )
        log = ended.stdout + ended.stderr
        assert ended.returncode == code, log
        assert "the-token" not in log
        lines = self.output.read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines), log


def test_the_action_plans_comments_applies_what_was_approved_and_finds_drift(tmp_path: Path, pulls: Pulls) -> None:
    job = Job(tmp_path, pulls.poster.url)
    pulls.add("forged <!-- iamsync:plan:prod -->", "mallory")
    # What a pull request says of itself may be a link out of the checkout: nothing is written through it.
    outside, bold = tmp_path / "outside.yaml", PROJECT + "safety: {max_deletes: 1000}\n"
    outside.write_text(bold)
    (job.root / "iamsync.yaml").unlink()
    (job.root / "iamsync.yaml").symlink_to(outside)
    told, log = job.run(0, command="plan", base="main", pull="7")
    assert (told["exit-code"], told["changes"]) == ("0", "true")
    assert re.fullmatch("sha256:[0-9a-f]{64}", told["approval"])
    assert "the base's is used" in log
    assert (job.root / "iamsync.yaml").read_text() == PROJECT
    assert outside.read_text() == bold
    forged, ours = pulls.comments
    assert forged["body"].startswith("forged")
    assert told["approval"] in ours["body"]
    assert ours["body"].rstrip().splitlines()[-1] == "<!-- iamsync:plan:prod -->"
    assert "Of commit 0123456789ab." in ours["body"]
    assert told["approval"] in job.summary.read_text(encoding="utf-8")

    digest = pulls.comments[1]["body"].split("sha256:")[1][:64]
    told, _ = job.run(0, command="apply", approved=f"sha256:{digest}")
    assert told == {"exit-code": "0", "changes": "", "approval": "", "report": told["report"]}

    job.write("iam/people.yaml", ALICE + "nonsense: {}\n")
    told, _ = job.run(1, command="plan", base="main", pull="7")
    assert told["changes"] == ""
    assert len(pulls.comments) == 2
    assert "the plan failed" in pulls.comments[1]["body"]
    assert "sha256:" not in pulls.comments[1]["body"]

    job.write("iam/people.yaml", ALICE.replace("/people/", "/staff/"))
    told, _ = job.run(2, command="drift")
    assert (told["exit-code"], told["changes"], told["approval"]) == ("2", "true", "")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"command": "apply"}, "apply needs the approved digest"),
        ({"command": "apply", "approved": "$(touch x)"}, "apply needs the approved digest"),
        ({"command": "apply", "approved": f"sha256:{'a' * 64} --yes"}, "apply needs the approved digest"),
        ({"command": "plan", "base": "--output=x"}, "base is no revision"),
        ({"command": "plan", "base": "nowhere"}, "the base has no iamsync.yaml"),
        ({"command": "destroy"}, "command is plan, apply or drift"),
    ],
)
def test_inputs_that_make_no_sense_are_refused_before_anything_runs(
    tmp_path: Path, inputs: dict[str, str], said: str
) -> None:
    job = Job(tmp_path, "https://unused.example")
    told, log = job.run(1, **inputs)
    assert told == {}
    assert f"::error title=iamsync::{said}" in log


def test_what_was_approved_of_two_accounts_is_applied_to_both(tmp_path: Path, pulls: Pulls) -> None:
    job = Job(tmp_path, pulls.poster.url)
    job.environment["IAMSYNC_ACCOUNT"] = "*"
    other = "dev: {id: '222233334444', backend: sandbox}"
    job.write("iamsync.yaml", PROJECT.replace("}}", f"}}, {other}}}"))
    told, _ = job.run(0, command="plan", comment="false")
    one, two = told["approval"].split()
    told, log = job.run(4, command="apply", approved=one)
    assert "is not what was approved" in log
    job.run(0, command="apply", approved=f"{two} {one}")
    told, _ = job.run(0, command="drift")
    assert told["changes"] == "false"


comment = loaded(ROOT / "ci" / "comment.py")
outputs = loaded(ROOT / "ci" / "outputs.py")


def environment(pulls: Pulls) -> dict[str, str]:
    return {
        "GITHUB_API_URL": pulls.poster.url,
        "GITHUB_REPOSITORY": "acme/iam",
        "IAMSYNC_CI_PULL": "7",
        "IAMSYNC_CI_TOKEN": "the-token",
    }


def test_our_comment_is_found_on_later_pages_and_replaced(tmp_path: Path, pulls: Pulls) -> None:
    report = tmp_path / "report.md"
    report.write_text("new\n\n<!-- iamsync:plan:prod -->\n", encoding="utf-8")
    for _ in range(120):
        pulls.add("talk")
    pulls.add("old\n\n<!-- iamsync:plan:dev -->")
    pulls.add("old\n\n<!-- iamsync:plan:prod -->\n")
    comment.main(report, environment(pulls))
    assert len(pulls.comments) == 122
    assert pulls.comments[121]["body"] == "new\n\n<!-- iamsync:plan:prod -->\n"
    assert pulls.comments[120]["body"].startswith("old")


def test_a_comment_that_cannot_be_written_is_an_error_without_the_token(tmp_path: Path, pulls: Pulls) -> None:
    report = tmp_path / "report.md"
    report.write_text("new\n\n<!-- iamsync:plan:prod -->\n", encoding="utf-8")
    for status, said in ((403, "pull-requests: write"), (302, "GitHub answers 302"), (200, "no answer from GitHub")):
        pulls.poster.by = None
        pulls.poster.answers = [(status, {"Location": "https://elsewhere.example/"}, b"the-token")]
        with pytest.raises(comment.Failed, match=said) as caught:
            comment.main(report, environment(pulls))
        assert "the-token" not in str(caught.value)
    with pytest.raises(comment.Failed, match="https"):
        comment.main(report, {**environment(pulls), "GITHUB_API_URL": "http://api.example"})
    with pytest.raises(comment.Failed, match="no pull request"):
        comment.main(report, {**environment(pulls), "IAMSYNC_CI_PULL": "7/../8"})


def test_an_incomplete_report_approves_nothing(tmp_path: Path) -> None:
    plan = {"changes": [1], "steps": [1], "digests": {"approval": "sha256:a"}}
    (tmp_path / "report.json").write_text(json.dumps({"plans": [plan]}))
    (tmp_path / "report.md").write_text("INCOMPLETE")
    assert outputs.outputs(tmp_path, 0)["approval"] == ""
    (tmp_path / "report.md").write_text("approval: sha256:a")
    assert outputs.outputs(tmp_path, 0)["approval"] == "sha256:a"


def test_several_accounts_are_approved_by_all_their_digests_or_none(tmp_path: Path) -> None:
    plans = [{"changes": [1], "steps": [1], "digests": {"approval": f"sha256:{name}"}} for name in "ab"]
    plans.append({"changes": [], "steps": [], "digests": {"approval": "sha256:c"}})
    (tmp_path / "report.json").write_text(json.dumps({"plans": plans}))
    (tmp_path / "report.md").write_text("approval: sha256:a")
    assert outputs.outputs(tmp_path, 0)["approval"] == ""
    (tmp_path / "report.md").write_text("approval: sha256:a\napproval: sha256:b")
    assert outputs.outputs(tmp_path, 0)["approval"] == "sha256:a sha256:b"


def test_the_action_puts_no_input_into_a_script_and_every_variable_is_read() -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    script = (ROOT / "ci" / "action.sh").read_text() + (ROOT / "ci" / "comment.py").read_text()
    used = set(re.findall(r"inputs\.([a-z-]+)", (ROOT / "action.yml").read_text(encoding="utf-8")))
    assert used == set(action["inputs"])
    for step in action["runs"]["steps"]:
        assert step["shell"] == "bash"
        assert "${{" not in step["run"]
        assert [name for name in step.get("env", {}) if name.startswith("IAMSYNC_CI_") and name not in script] == []
    assert set(action["outputs"]) == set(outputs.outputs(ROOT / "nowhere", 0))


# -- What people copy ----------------------------------------------------------------------------------


def test_the_scripts_workflows_and_images_pass_their_linters() -> None:
    linted("shellcheck", ROOT / "ci" / "action.sh")
    linted("actionlint", "-shellcheck", BIN / "shellcheck", "-pyflakes", "", *WORKFLOWS, *OWN)
    linted("hadolint", ROOT / "Dockerfile", EXAMPLES / "lambda" / "Dockerfile")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_shows_the_safe_way_only(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    flow = yaml.safe_load(text)
    assert "pull_request_target" not in flow[True]
    assert flow["permissions"] == {}
    known = set(yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"])
    for job in flow["jobs"].values():
        writes = {name for name, level in job["permissions"].items() if level == "write"}
        assert writes <= {"id-token", "pull-requests"}
        assert "github.run_id" in job["env"]["AWS_ROLE_SESSION_NAME"]
        roles = [step["with"]["role-to-assume"] for step in job["steps"] if "role-to-assume" in step.get("with", {})]
        assert [role.rpartition("/")[2] for role in roles] == [
            "iamsync-apply" if job.get("environment") == "production" else "iamsync-plan"
        ]
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False
            if step.get("uses", "").startswith("acme/iamsync@"):
                assert set(step["with"]) <= known
                assert step["with"]["command"] != "apply" or "approved" in step["with"]
    for schedule in flow[True].get("schedule", ()):
        assert int(schedule["cron"].split()[0]) % 5


def test_gitlab_writes_in_the_protected_environment_alone() -> None:
    flow = yaml.safe_load((EXAMPLES / "gitlab" / "gitlab-ci.yml").read_text(encoding="utf-8"))
    jobs = {name: job for name, job in flow.items() if isinstance(job, dict) and "script" in job}
    assert set(jobs) == {"plan", "plan-main", "apply", "drift"}
    for name, job in jobs.items():
        writes = job["variables"]["AWS_ROLE_ARN"].endswith("iamsync-apply")
        assert writes == (name == "apply") == (job.get("environment") == "production")
        assert job["stage"] in flow["stages"]
        assert all(isinstance(line, str) for line in job["script"])
    # iamsync reads IAMSYNC_APPROVED by itself; without it, and with nobody to ask, it changes nothing.
    assert jobs["apply"]["needs"] == ["plan-main"]
    assert "IAMSYNC_APPROVED=" in jobs["plan-main"]["script"][1]
    assert "--auto-approve" not in (EXAMPLES / "gitlab" / "gitlab-ci.yml").read_text(encoding="utf-8")
    assert {"terraform", "codequality", "junit"} == set(jobs["plan"]["artifacts"]["reports"])


def test_images_run_without_root_on_pinned_bases() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert all(re.fullmatch(r"python:3\.\d+-slim-[a-z]+", base) for base in bases)
    (user,) = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert not user.startswith(("0", "root"))
    copied = [
        name for line in lines if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    ]
    assert all((ROOT / name).exists() for name in copied)
    kept = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{name}" for name in copied} <= set(kept)
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert {*wheel["wheel"]["packages"], *wheel["wheel"]["force-include"]} <= set(copied)


def test_the_cron_job_may_write_nowhere_and_runs_a_command_that_exists() -> None:
    _, cron = yaml.safe_load_all((EXAMPLES / "kubernetes" / "cronjob.yml").read_text(encoding="utf-8"))
    spec = cron["spec"]["jobTemplate"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert (cron["spec"]["concurrencyPolicy"], spec["backoffLimit"], pod["restartPolicy"]) == ("Forbid", 0, "Never")
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert container["args"] == ["drift", "--notify"]


def test_the_template_refers_to_what_it_declares() -> None:
    template = yaml.safe_load((EXAMPLES / "lambda" / "template.yml").read_text(encoding="utf-8"))
    known = {*template["Resources"], *template["Parameters"]}
    text = json.dumps(template)
    assert set(re.findall(r'"Ref": "(\w+)"', text)) | set(re.findall(r'"Fn::GetAtt": \["(\w+)"', text)) <= known
    handler = (EXAMPLES / "lambda" / "Dockerfile").read_text(encoding="utf-8")
    assert '"handler.handle"' in handler


def test_the_lambda_answers_with_drift_and_raises_where_it_could_not_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "iam").mkdir()
    (tmp_path / "iamsync.yaml").write_text(PROJECT)
    (tmp_path / "iam" / "people.yaml").write_text(ALICE)
    monkeypatch.setenv("IAMSYNC_PROJECT", str(tmp_path))
    monkeypatch.setenv("IAMSYNC_TELL", "0")
    monkeypatch.setenv("AWS_ROLE_SESSION_NAME", "before")
    handler = loaded(EXAMPLES / "lambda" / "handler.py")
    context = SimpleNamespace(aws_request_id="1-2-3")
    answer = handler.handle({}, context)
    assert answer["drift"] is True
    assert set(answer["accounts"]) == {"prod"}
    assert os.environ["AWS_ROLE_SESSION_NAME"] == "iamsync-1-2-3"
    (tmp_path / "iam" / "people.yaml").write_text("nonsense: {}\n")
    with pytest.raises(RuntimeError, match="could not look: exit code 1"):
        handler.handle({}, context)


def test_the_hooks_run_commands_that_exist() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert [hook["id"] for hook in hooks] == ["iamsync-validate", "iamsync-test", "iamsync-fmt"]
    for hook in hooks:
        assert hook["entry"] == f"iamsync {hook['id'].removeprefix('iamsync-')}"
        assert (hook["language"], hook["pass_filenames"]) == ("python", False)
