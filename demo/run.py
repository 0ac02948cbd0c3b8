"""A tour of iamsync on its embedded IAM, in a temporary folder: `make demo`.

Every command is run as a person would run it, and shown with what it says. The whole is compared
with tests/demo/golden.txt, run ids and the port left out; a difference is a failure. `--update`
writes the golden anew.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "demo" / "golden.txt"
ACCOUNT = "111122223333"

BY_HAND = """\
import boto3

iam = boto3.client("iam")
iam.attach_role_policy(RoleName="deploy-site", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
iam.tag_user(UserName="alice", Tags=[{"Key": "team", "Value": "finance"}])
iam.attach_user_policy(UserName="bob", PolicyArn="arn:aws:iam::aws:policy/IAMReadOnlyAccess")
iam.create_role(RoleName="backdoor", AssumeRolePolicyDocument='''{"Version": "2012-10-17", "Statement":
  {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "sts:AssumeRole"}}''')
"""


class Tour:
    """A folder with the quickstart project in it, and everything that was shown so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown: list[str] = []
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "IAMSYNC_", "PYTEST"))
        }
        # One call at a time, so that the order of the lines is the same in every tour.
        self.environment = {**kept, "NO_COLOR": "1", "CI": "true", "IAMSYNC_PARALLELISM": "1"}

    def say(self, text: str) -> None:
        print(text, flush=True)
        self.shown.append(text)

    def iamsync(self, command: str, code: int = 0) -> None:
        """Run one command to its end; another exit code than this ends the tour."""
        self.say(f"$ iamsync {command}")
        self._run([sys.executable, "-m", "iamsync", *command.split()], self.environment, code)
        if code:
            self.say(f"(exit code {code})\n")

    def python(self, code: str, endpoint: str) -> None:
        """Run boto3 code against an endpoint, as somebody with the AWS CLI would work on the account."""
        self.say(
            f"$ AWS_ENDPOINT_URL={endpoint} python\n" + "\n".join(f">>> {line}".rstrip() for line in code.splitlines())
        )
        given = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": ACCOUNT, "AWS_SECRET_ACCESS_KEY": "sandbox"}
        self._run([sys.executable, "-c", code], {**self.environment, **given, "AWS_DEFAULT_REGION": "us-east-1"})

    def _run(self, command: list[str], environment: dict[str, str], code: int = 0) -> None:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        self.say(done.stdout)
        if done.returncode != code:
            raise SystemExit(f"the demo stopped: exit code {done.returncode}")

    @contextmanager
    def served(self) -> Iterator[str]:
        """`iamsync sandbox serve` on a free port, as long as the block lasts; its address."""
        command = [sys.executable, "-m", "iamsync", "sandbox", "serve", "--quiet"]
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as server:
            try:
                assert server.stdout is not None
                address = server.stdout.readline().strip()
                if not address:
                    raise SystemExit("the demo stopped: the sandbox did not start")
                yield address
            finally:
                server.terminate()
                server.wait(timeout=30)


def tour(folder: Path) -> str:
    """The whole tour; everything it showed."""
    project = folder / "quickstart"
    shutil.copytree(ROOT / "examples" / "quickstart", project, ignore=shutil.ignore_patterns(".iamsync"))
    made = Tour(project)
    made.say("# examples/quickstart, on the embedded IAM: no AWS account is needed.\n")
    made.iamsync("validate")
    made.iamsync("plan")
    made.iamsync("apply --auto-approve")
    made.iamsync("plan")
    made.say("# Now somebody changes the account behind its back, with boto3, while `iamsync sandbox serve` runs.\n")
    with made.served() as address:
        made.python(BY_HAND, address)
    made.say("# Drift says what was done by hand, and how grave it is. The role nobody declared is reported.\n")
    made.iamsync("drift", code=2)
    made.say("# What was wrong is taken back from the account.\n")
    made.iamsync("apply --auto-approve --target role/deploy-site")
    made.say("# What was right is written into the manifests: these lines and no others.\n")
    made.iamsync("adopt --auto-approve")
    made.say("# The account is what the manifests say.\n")
    made.iamsync("drift")
    return normal("\n".join(made.shown), folder)


def normal(text: str, folder: Path) -> str:
    """What a tour shows, without what is different each time."""
    text = text.replace(str(folder), "TEMP")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)
    return re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{4,}", "RUN-ID", text)


def main(arguments: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="iamsync-demo-") as folder:
        shown = tour(Path(folder).resolve())
    if arguments == ["--update"]:
        GOLDEN.write_text(shown, encoding="utf-8")
        print(f"wrote {GOLDEN.relative_to(ROOT)}")
        return 0
    expected = GOLDEN.read_text(encoding="utf-8")
    if shown != expected:
        diff = difflib.unified_diff(expected.splitlines(), shown.splitlines(), "golden", "this demo", lineterm="")
        print("\n".join(diff), file=sys.stderr)
        print(f"the demo says something else than {GOLDEN.relative_to(ROOT)}", file=sys.stderr)
        return 1
    print("the demo is as it must be")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
