"""The worst that can be given, each with what it may take: `python -m tests.fuzz.worst [NAME]` tells what it took."""

from __future__ import annotations

import contextlib
import io
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iamsync.cli.app import run
from iamsync.kinds.codec import from_json
from iamsync.manifest.snapshot import to_text
from iamsync.model import Address, State
from iamsync.planner.plan import plan
from iamsync.policy.document import Document
from tests.world import ACCOUNT, NOW, settings

CONFIG = f'version: 1\naccounts:\n  site: {{id: "{ACCOUNT}", backend: sandbox}}\n'
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Worst:
    """`do` is given an empty folder; it may take `seconds` of CPU and `megabytes` of memory, Python's own included.

    `quick`: CI tries it too.
    """

    name: str
    do: Callable[[Path], object]
    seconds: float = 5.0
    megabytes: int = 700
    quick: bool = True


def command(*arguments: str, code: int) -> str:
    """What a command said on stderr; its exit code is this one, and it knew what it did."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as told:
        ended = run(list(arguments))
    said = told.getvalue()
    assert ended == code, (ended, said[:500])
    assert "error[defect]" not in said, said[:500]
    assert len(said) < 50_000, len(said)
    return said


def manifest(text: str, *, code: int = 1, says: str = "error[") -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        (folder / "iamsync.yaml").write_text(CONFIG)
        (folder / "iam").mkdir()
        (folder / "iam" / "site.yaml").write_text(text)
        said = command("validate", "--config", str(folder / "iamsync.yaml"), code=code)
        assert says in said, said[:500]

    return do


def given(text: Callable[[], str], *arguments: str, says: str) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        (folder / "iamsync.yaml").write_text(CONFIG)
        (folder / "iam").mkdir()
        (folder / "iam" / "site.yaml").write_text("users: {a: {}}\n")
        path = folder / "x.json"
        path.write_text(text())
        words = [str(path) if word == "FILE" else word for word in arguments]
        assert says in command(*words, "--config", str(folder / "iamsync.yaml"), code=1)

    return do


def metadata(folder: Path) -> None:
    (folder / "m.xml").write_text("<EntityDescriptor>" + "<a>" * 60_000 + " " * 1000)
    manifest("saml_providers: {okta: {metadata: {$file: ../m.xml}}}\n")(folder)


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    return "\n".join(lines) + "\n"


def of_state(*resources: Any) -> State:
    return State.of(ACCOUNT, resources, complete=frozenset(("user", "role", "group", "policy")))


def role(name: str, *documents: dict[str, Any]) -> Any:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    inline = {f"p{n}": document for n, document in enumerate(documents)}
    return from_json(Address("role", name), {"trust_policy": trust, "inline_policies": inline})


def document(*statements: tuple[str, Any, Any]) -> dict[str, Any]:
    held = [{"Effect": effect, "Action": actions, "Resource": resources} for effect, actions, resources in statements]
    return {"Version": "2012-10-17", "Statement": held}


def changed(old: dict[str, Any], new: dict[str, Any]) -> Callable[[Path], None]:
    """The plan from one document to another, with everybody's gains and losses and all guards."""

    def do(_: Path) -> None:
        live, desired = of_state(role("r", old), role("other", old)), of_state(role("r", new), role("other", old))
        made = plan(desired, live, settings(), account_name="t", caller="c", now=NOW)
        assert made.changes

    return do


def stars(letter: str, count: int) -> str:
    return f"*{letter}" * count + "*"


def wide(seed: int) -> dict[str, Any]:
    """A document of 6,144 characters that is nothing but wildcards."""
    actions = [f"s3:*{chr(97 + (n * seed) % 26)}*{chr(97 + n % 26)}*" for n in range(150)]
    resources = [f"arn:aws:s3:::*{chr(97 + (n * seed) % 26)}*{n}*" for n in range(100)]
    made = document(("Allow", actions, resources), ("Deny", actions[::3], resources[::2]))
    assert Document.of(made).size < 7000
    return made


def crowd(count: int) -> Callable[[Path], None]:
    """A group of so many users, whose policy changes."""

    def do(_: Path) -> None:
        def state(action: str) -> State:
            group = from_json(Address("group", "g"), {"inline_policies": {"p": document(("Allow", action, "*"))}})
            users = [from_json(Address("user", f"u{n}"), {"groups": ["g"]}) for n in range(count)]
            return of_state(group, *users)

        made = plan(state("s3:GetObject"), state("s3:*"), settings(), account_name="t", caller="c", now=NOW)
        assert len(made.changes) == 1

    return do


def many(count: int) -> State:
    one = document(("Allow", ["s3:GetObject", "s3:ListBucket"], "arn:aws:s3:::site/*"))
    return of_state(*(role(f"r{n}", one) for n in range(count)))


def many_declared(folder: Path) -> None:
    (folder / "iamsync.yaml").write_text(CONFIG)
    (folder / "iam").mkdir()
    for file in range(25):
        lines = [f"  u{file}-{n}: {{path: /team/, tags: {{team: web}}}}" for n in range(2000)]
        (folder / "iam" / f"{file}.yaml").write_text("users:\n" + "\n".join(lines) + "\n")
    command("validate", "--config", str(folder / "iamsync.yaml"), code=0)


def many_live(folder: Path) -> None:
    (folder / "iamsync.yaml").write_text(CONFIG)
    (folder / "iam").mkdir()
    (folder / "iam" / "site.yaml").write_text("users: {a: {}}\n")
    (folder / "x.json").write_text(to_text(many(50_000), NOW))
    command("plan", "--live", str(folder / "x.json"), "--quiet", "--config", str(folder / "iamsync.yaml"), code=0)


def many_states(_: Path) -> None:
    before = many(50_000)
    made = plan(before, before, settings(), account_name="t", caller="c", now=NOW)
    assert not made.changes


LONG = "n" * MEGABYTE
GONE = f"removed: [user/{LONG}]\n"
HUGE = f"{{Version: 2012-10-17, Statement: {{Effect: Allow, Action: '{stars('a', 400_000)}', Resource: '*'}}}}"
WORST: tuple[Worst, ...] = (
    Worst("YAML: a million brackets", manifest("[" * MEGABYTE)),
    Worst("YAML: 100,000 tables in each other", manifest("{a: " * 100_000)),
    Worst("YAML: 100,000 dashes", manifest("- " * 100_000)),
    Worst("YAML: an alias bomb", manifest(bomb(), says="alias")),
    Worst("YAML: 50,000 anchors", manifest("".join(f"a{n}: &a{n} x\n" for n in range(50_000))), 10, quick=False),
    Worst("YAML: one line of 4 MB", manifest("users: {" + "a: {}, " * 600_000 + "}")),
    Worst("YAML: a key of 4 MB", manifest("? " + "k" * 4 * MEGABYTE + "\n: x\n"), quick=False),
    Worst("YAML: over 5 MB", manifest("# " + "x" * 5 * MEGABYTE), 2),
    Worst("a name of 1 MB", manifest(f"users: {{{LONG}: {{}}}}\n")),
    Worst(
        "a path, a tag and a removal of 1 MB",
        manifest(f"users: {{a: {{path: /{LONG}/, tags: {{k: {LONG}}}}}}}\n{GONE}"),
    ),
    Worst("a document of 1 MB", manifest(f"users: {{a: {{inline_policies: {{p: {HUGE}}}}}}}\n")),
    Worst("SAML metadata: 60,000 elements in each other", metadata),
    Worst("deep JSON as a plan", given(lambda: "[" * MEGABYTE, "apply", "FILE", says="nested deeper"), 3),
    Worst(
        "deep JSON as an account", given(lambda: '{"a":' * MEGABYTE, "plan", "--live", "FILE", says="nested deeper"), 3
    ),
    Worst(
        "JSON: one line of 20 MB that breaks off",
        given(lambda: '{"a": [' + '"x", ' * 4 * MEGABYTE, "plan", "--live", "FILE", says="error[bad-snapshot]"),
        10,
        quick=False,
    ),
    Worst(
        "JSON: a number of 5 MB",
        given(lambda: "9" * 5 * MEGABYTE, "plan", "--live", "FILE", says="error[bad-snapshot]"),
        10,
        quick=False,
    ),
    Worst(
        "globs against globs",
        changed(
            document(("Allow", "s3:*", f"arn:aws:s3:::{stars('a', 100)}b")),
            document(
                ("Allow", "s3:*", f"arn:aws:s3:::{stars('a', 99)}c"),
                ("Deny", "s3:*", f"arn:aws:s3:::{stars('a', 101)}"),
            ),
        ),
        10,
    ),
    Worst(
        "globs of actions",
        changed(
            document(("Allow", f"s3:{stars('e', 100)}", "*")),
            document(("Allow", f"s3:{stars('t', 100)}", "*"), ("Deny", f"*:{stars('e', 60)}", "*")),
        ),
        10,
    ),
    Worst("6,144 characters of wildcards", changed(wide(3), wide(5)), 60, quick=False),
    Worst("a group of 10,000", crowd(10_000), 60, 1500, quick=False),
    Worst("50,000 resources declared", many_declared, 60, 2000, quick=False),
    Worst("50,000 resources in a snapshot", many_live, 120, 3000, quick=False),
    Worst("50,000 resources compared", many_states, 60, 3000, quick=False),
)
BY_NAME = {one.name: one for one in WORST}


def took(one: Worst) -> tuple[float, int]:
    """CPU seconds and megabytes of one, in a process of its own that may take no more than twice what it should."""
    seconds, bytes_ = int(one.seconds * 2) + 5, (one.megabytes + 1500) * MEGABYTE

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (bytes_, bytes_))

    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.worst", one.name],
        preexec_fn=limit,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent.parent)},
    )
    assert done.returncode == 0, (one.name, done.returncode, done.stderr[-1500:])
    spent, memory = done.stdout.split()[-2:]
    return float(spent), int(memory)


def main() -> None:
    if len(sys.argv) > 1:
        one = BY_NAME[sys.argv[1]]
        with tempfile.TemporaryDirectory() as folder:
            begun = time.process_time()
            one.do(Path(folder))
            print(f"{time.process_time() - begun:.2f}", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
        return
    for one in WORST:
        spent, memory = took(one)
        print(f"{one.name:<45} {spent:>7.2f} s {memory:>6} MB", flush=True)


if __name__ == "__main__":
    main()
