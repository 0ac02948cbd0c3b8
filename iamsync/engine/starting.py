"""A starter project: the files that `init` writes, made of the examples that come with iamsync."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from iamsync.engine.choosing import unknown
from iamsync.engine.importing import Imported, imports
from iamsync.engine.options import Options
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways
from iamsync.engine.schemas import schema_text
from iamsync.errors import InputError, Place
from iamsync.files import room
from iamsync.manifest.edit import GONE, Edit, rewritten
from iamsync.manifest.keyorder import manifest_order
from iamsync.manifest.nodes import plain
from iamsync.manifest.source import documents_of
from iamsync.manifest.tidy import tidy
from iamsync.model import Address

# Which files of examples/ci go where, by what runs the pipeline.
_PIPELINES: Final[dict[str, dict[str, str]]] = {
    "github": {
        "github/plan.yml": ".github/workflows/iam-plan.yml",
        "github/apply.yml": ".github/workflows/iam-apply.yml",
        "github/drift.yml": ".github/workflows/iam-drift.yml",
    },
    "gitlab": {"gitlab/gitlab-ci.yml": ".gitlab-ci.yml"},
    "kubernetes": {"kubernetes/cronjob.yml": "deploy/cronjob.yml"},
    "lambda": {
        "lambda/Dockerfile": "deploy/Dockerfile",
        "lambda/handler.py": "deploy/handler.py",
        "lambda/template.yml": "deploy/template.yml",
    },
    "none": {},
}
PIPELINES: Final = tuple(_PIPELINES)
SANDBOX: Final = "sandbox"
_ID: Final = re.compile(r"[0-9]{12}", re.ASCII)
_EXAMPLE_ID: Final = "111122223333"
_EXAMPLE_REPOSITORY: Final = "acme/iam"
_OTHER: Final = {"github": ("gitlab", "gitlab.com"), "gitlab": ("github", "token.actions.githubusercontent.com")}
_PROVIDERS: Final = ("token.actions.githubusercontent.com", "gitlab.com")
_ROLES: Final = ("iamsync-plan", "iamsync-apply")
_MODELINE: Final = "# yaml-language-server: $schema="


@dataclass(frozen=True, slots=True)
class Starter:
    """What a starter project is for: `account` is an id or `sandbox`; `repository` is OWNER/NAME at its host."""

    account: str = SANDBOX
    name: str = "main"
    pipeline: str = "none"
    repository: str = _EXAMPLE_REPOSITORY
    profile: str | None = None
    tags: bool = True  # ManagedBy on everything: not where an account is taken as it is

    def __post_init__(self) -> None:
        if self.account != SANDBOX and not _ID.fullmatch(self.account):
            raise InputError(
                f"{self.account!r} is no account", code="bad-option", hint="write the 12 digits of its id, or sandbox"
            )
        if self.pipeline not in PIPELINES:
            raise unknown(f"{self.pipeline!r} is no pipeline", self.pipeline, PIPELINES)
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", self.name, re.ASCII):
            hint = "letters, digits, - and _, for example prod"
            raise InputError(f"{self.name!r} is no name for an account", code="bad-option", hint=hint)
        if not re.fullmatch(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+", self.repository, re.ASCII):
            hint = "for example acme/iam"
            raise InputError(f"{self.repository!r} is no repository", code="bad-option", hint=hint)


def files(starter: Starter, taken: Mapping[str, str], held: Container[Address] = ()) -> dict[str, str]:
    """The texts of a starter project by their names in it.

    `taken` are the manifests to begin with, by their names in `iam`: those of an account, which holds what is in
    `held`, or `samples()`.
    """
    out = {
        "iamsync.yaml": _config(starter),
        ".gitignore": "# The sandbox's state and the record of runs.\n.iamsync/\n",
        ".vscode/settings.json": json.dumps(
            {
                "yaml.schemas": {
                    "./schemas/manifest.schema.json": "iam/**/*.yaml",
                    "./schemas/config.schema.json": "iamsync.yaml",
                }
            },
            indent=2,
        )
        + "\n",
        **{f"schemas/{name}.schema.json": schema_text(name) for name in ("manifest", "config")},
    }
    out |= {f"iam/{name}": text for name, text in taken.items()}
    examples = _examples() / "ci"
    for source, target in _PIPELINES[starter.pipeline].items():
        out[target] = _named((examples / source).read_text(encoding="utf-8"), starter)
    if starter.pipeline in _OTHER:
        roles = _roles(examples, starter.pipeline, held)
        if roles:
            out["iam/ci.yaml"] = f"{_MODELINE}../schemas/manifest.schema.json\n{roles}"
            # What their tests are decided by.
            out["iamsync.lock.json"] = (examples / "iamsync.lock.json").read_text(encoding="utf-8")
    return {
        name: tidy(text, name, manifest_order) if name.startswith("iam/") and name.endswith(".yaml") else text
        for name, text in out.items()
    }


def written(folder: Path, texts: Mapping[str, str]) -> list[str]:
    """Write the files of a starter project; the names of those that were not there yet.

    A .gitignore that is there gains the lines it lacks. Raises InputError, and leaves all as it was, where another
    file is there already and says something else, where a link leads out of the folder, or where a file cannot be
    written.
    """
    texts = dict(texts)
    for name in texts:
        _inside(folder, name)
    ignore = folder / ".gitignore"
    held = ""
    if ignore.is_file():
        try:
            held = ignore.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = (error.strerror if isinstance(error, OSError) else "") or "this is not UTF-8 text"
            hint = "nothing was written; mend it, or move it away"
            place = Place(".gitignore")
            message = f"cannot read it: {reason}"
            raise InputError(message, code="unreadable-file", place=place, hint=hint) from None
        lacking = [line for line in texts[".gitignore"].splitlines() if line not in held.splitlines()]
        ends = "" if held.endswith("\n") or not held else "\n"
        texts[".gitignore"] = held + ends + "".join(f"{line}\n" for line in lacking)
    there = [name for name in texts if name != ".gitignore" and os.path.lexists(folder / name)]
    differing = [name for name in there if not _says(folder / name, texts[name])]
    if differing:
        raise InputError(
            f"{differing[0]} is there already" + (f", and {len(differing) - 1} more" if differing[1:] else ""),
            code="already-there",
            place=Place(differing[0]),
            hint="nothing was written; take another folder, or move it away",
        )
    # What is there already is written last: until then nothing of others' is touched.
    new = [name for name in texts if name not in there and not (name == ".gitignore" and ignore.is_file())]
    made: list[Path] = []
    changed = ignore.is_file() and texts[".gitignore"] != held
    for name in [*new, *([".gitignore"] if changed else [])]:
        path = folder / name
        try:
            for parent in reversed([path.parent, *path.parent.parents]):
                if not parent.is_dir():
                    parent.mkdir()
                    made.append(parent)
            if name in new:
                made.append(path)
            path.write_bytes(texts[name].encode("utf-8"))
        except OSError as error:
            if name not in new:
                with suppress(OSError):
                    path.write_bytes(held.encode("utf-8"))
            _taken_away(made)
            hint = f"nothing was written; {room(error, 'check the folder and who may write there')}"
            raise InputError(
                f"cannot write: {error.strerror or error}", code="unwritable", place=Place(name), hint=hint
            ) from error
    return [name for name in texts if name in new or (name == ".gitignore" and changed)]


def _inside(folder: Path, name: str) -> None:
    """InputError where a link on the way to a file leads out of the folder."""
    try:
        # A ring of links: `resolve` raises for it before Python 3.13 alone.
        with suppress(FileNotFoundError, NotADirectoryError):
            os.path.realpath(folder / name, strict=True)
        inside = (folder / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        inside = False
    if not inside:
        raise InputError(
            f"{name} would be written outside of this folder",
            code="outside-project",
            place=Place(name),
            hint="nothing was written; a link leads there: take it away",
        )


def _taken_away(made: list[Path]) -> None:
    """Undo what was made, the last first; what others put there meanwhile stays."""
    for path in reversed(made):
        with suppress(OSError):
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()


def _says(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        return False


def _config(starter: Starter) -> str:
    sandbox = starter.account == SANDBOX
    lines = [f"{_MODELINE}./schemas/config.schema.json"]
    if sandbox:
        lines.append("# On the embedded sandbox: for a real account drop `backend` and give its id.")
    lines += ["version: 1", "manifests: [iam]"]
    if starter.pipeline in _OTHER:
        lines.append(f"variables: {{repository: {starter.repository}}}")
    lines += ["default_tags: {ManagedBy: iamsync}"] if starter.tags else []
    if starter.pipeline != "none":
        lines += ["# Told where --notify is given; the URL is in IAMSYNC_SLACK_WEBHOOK.", "notify: [slack]"]
    lines += ["accounts:", f"  {starter.name}:"]
    lines.append(f'    id: "{_EXAMPLE_ID if sandbox else starter.account}"')
    if sandbox:
        lines.append("    backend: sandbox")
    elif starter.profile:
        lines.append(f"    profile: {json.dumps(starter.profile, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def samples() -> dict[str, str]:
    """Manifests to begin with where none are taken from an account, by their names in `iam`."""
    folder = _examples() / "quickstart" / "iam"
    found = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    texts = {name: path.read_text(encoding="utf-8") for name, path in found.items()}
    return {
        name: f"{_MODELINE}../schemas/manifest.schema.json\n{text}" if name.endswith(".yaml") else text
        for name, text in texts.items()
    }


def begun(folder: Path) -> bool:
    """Whether manifests lie in the folder already that are not the samples: an import's, somebody's own."""
    ours = {*samples(), "ci.yaml"}
    iam = folder / "iam"
    found = (path for path in (*iam.rglob("*.yaml"), *iam.rglob("*.yml")) if path.is_file())
    return any(path.relative_to(iam).as_posix() not in ours for path in found)


def from_account(starter: Starter, options: Options) -> tuple[dict[str, str], frozenset[Address], Imported]:
    """The manifests of what an account holds, what that is, and what the import found; nothing is written."""
    with TemporaryDirectory(prefix="iamsync-") as folder:
        root = Path(folder)
        written(root, files(starter, {}))
        project = Project.open(replace(options, cwd=root, config=None))
        with Ways(project) as ways:
            (found,) = imports(project, ways, Path("iam"), "file-per-kind")
    if not found.files:
        raise InputError(
            f"account {found.account_id} has nothing that is nobody's: there is nothing to import",
            code="empty-manifests",
            hint="leave --from-account out, and start from the samples",
        )
    return found.files, frozenset(address.folded for address in found.taken), found


def _roles(examples: Path, pipeline: str, held: Container[Address]) -> str:
    """The two roles of a pipeline, trusted by its host alone; without what the account has already."""
    text = (examples / "iam" / "ci.yaml").read_text(encoding="utf-8")
    sid, provider = _OTHER[pipeline]
    edits = [Edit((0, "oidc_providers", provider), GONE, whole=True)]
    (document,) = documents_of(text, "ci.yaml")
    declared: Any = plain(document)
    for role in _ROLES:
        statements = declared["roles"][role]["trust_policy"]["Statement"]
        wanted = [statement for statement in statements if statement["Sid"] != sid]
        edits.append(Edit((0, "roles", role, "trust_policy", "Statement"), wanted))
    if all(Address("role", name).folded in held for name in _ROLES):
        return ""
    ours = next(known for known in _PROVIDERS if known != provider)
    if Address("oidc_provider", ours).folded in held:
        edits = [Edit((0, "oidc_providers"), GONE, whole=True), *edits[1:]]
    return rewritten(text, "ci.yaml", edits)


def _named(text: str, starter: Starter) -> str:
    account = _EXAMPLE_ID if starter.account == SANDBOX else starter.account
    text = text.replace("account: prod\n", f"account: {starter.name}\n")
    text = re.sub(r"--account prod(?=\s)", f"--account {starter.name}", text)
    return text.replace(_EXAMPLE_ID, account).replace(_EXAMPLE_REPOSITORY, starter.repository)


def _examples() -> Path:
    """The examples: in an installed package below it, in a checkout beside it."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "examples"
    return shipped if shipped.is_dir() else package.parent / "examples"
