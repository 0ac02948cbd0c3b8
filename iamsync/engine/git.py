"""A revision of the project, as files: `git archive` into a folder of its own."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from iamsync.errors import InputError
from iamsync.nearness import closest


def top_of(folder: Path) -> Path | None:
    """The root of the repository that a folder is in, without asking git; None where it is in none."""
    whole = folder.resolve()
    return next((path for path in (whole, *whole.parents) if (path / ".git").exists()), None)


def checkout(root: Path, revision: str, into: Path) -> Path:
    """The project folder as it was at this revision, under `into`; InputError where git cannot tell."""
    prefix = _git(root, "rev-parse", "--show-prefix").decode().strip()
    # From the top, since `archive` of a subfolder that the revision lacks would be an error without a name.
    top = Path(_git(root, "rev-parse", "--show-toplevel").decode().strip())
    commit = commit_of(root, revision)
    archive = _git(top, "archive", "--format=tar", commit)
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as held:
            held.extractall(into, filter="data")
    except (tarfile.FilterError, OSError) as error:
        raise InputError(
            f"git:{revision} holds what cannot be put on disk: {error}",
            code="bad-revision",
            hint="links that leave the project are not followed; name a revision without them",
        ) from error
    root_then = into / prefix
    if not root_then.is_dir():
        raise InputError(
            f"git:{revision} has no folder {prefix or '.'}", code="bad-revision", hint="name a later revision"
        )
    return root_then


def commit_of(root: Path, revision: str, example: str = "git:main") -> str:
    """The commit that a revision is; InputError where git knows none."""
    if not revision or revision.startswith("-"):
        raise InputError(f"{revision!r} is no git revision", code="bad-revision", hint=f"for example {example}")
    _git(root, "rev-parse", "--git-dir")  # a folder that is in no repository is another error than a wrong revision
    return _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", what=revision).decode().strip()


def last_before(root: Path, moment: str) -> str | None:
    """The newest revision on this branch from before a moment (RFC 3339); None without one, or without git.

    By the time of its commit, which a server sets when it merges. Of a merged branch only the merge counts.
    """
    try:
        told = _git(root, "rev-list", "-1", "--first-parent", f"--before={moment}", "HEAD")
    except InputError:
        return None
    return told.decode().strip() or None


def file_at(root: Path, revision: str, path: str) -> str:
    """The text of one file of a revision, by its path from the repository's top; InputError where there is none."""
    commit = commit_of(root, revision, "git:main:rails.yaml")
    held = _git(root, "show", f"{commit}:{path}", what=f"{revision}:{path}")
    try:
        return held.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{revision}:{path} is not UTF-8 text", code="bad-revision", hint="save it as UTF-8"
        ) from error


def _git(folder: Path, *arguments: str, what: str = "") -> bytes:
    try:
        done = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise InputError("git is not installed", code="no-git", hint="install git, or leave --base out") from error
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip()
        raise InputError(
            f"git knows no revision {what!r}" if what else f"git {arguments[0]}: {told or 'failed'}",
            code="bad-revision",
            hint=_fetch(folder, what) if what else "is this a git repository?",
        )
    return done.stdout


def _fetch(folder: Path, revision: str) -> str:
    """What to do about a revision that git does not know: the branch or tag that was meant, or that it is fetched."""
    told = subprocess.run(
        ["git", "for-each-ref", "--format=%(refname:short)"], cwd=folder, capture_output=True, check=False
    )
    near = closest(revision, told.stdout.decode(errors="replace").split())
    meant = f'did you mean "{near}"? Otherwise ' if near else ""
    return f"{meant}fetch it first; a CI checkout is often shallow"
