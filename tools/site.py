"""The documentation as a site: `make site` writes build/site/index.html.

The pages are those of the repository, readable there as they are. They are put beside each other in a folder of their
own, links between them follow, and a link to what is no page (an example, a file) becomes its name. Sphinx takes every
warning for an error.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "build" / "site-source"
SITE = ROOT / "build" / "site"
# Pages that lie elsewhere, and where they are in the site.
ELSEWHERE = {
    "CHANGELOG.md": "project/changes.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "benchmarks/README.md": "project/benchmarks.md",
    "examples/ci/README.md": "howto/ci-examples.md",
}
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s#]*)(#[^)\s]*)?\)")


def pages() -> dict[str, str]:
    """Where each page of the repository is in the site, both as paths with slashes."""
    docs = {path.relative_to(ROOT).as_posix(): path.relative_to(ROOT / "docs").as_posix() for path in _docs()}
    return docs | ELSEWHERE


def _docs() -> list[Path]:
    return sorted((ROOT / "docs").rglob("*.md"))


def linked(text: str, page: str, known: dict[str, str]) -> str:
    """A page's text with its links as they are in the site."""

    def followed(found: re.Match[str]) -> str:
        label, target, part = found[1], found[2], found[3] or ""
        if not target or re.match(r"[a-z]+:", target):
            return found[0]
        at = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if at in known:
            return f"[{label}]({posixpath.relpath(known[at], posixpath.dirname(known[page]) or '.')}{part})"
        return label if "`" in label or label == at else f"{label} (`{at}`)"

    # What stands in a block of code is no link.
    parts = re.split(r"(^```.*?^```$)", text, flags=re.DOTALL | re.MULTILINE)
    return "".join(part if part.startswith("```") else LINK.sub(followed, part) for part in parts)


def stage() -> None:
    """Put the pages and the settings where Sphinx finds them."""
    shutil.rmtree(SOURCE, ignore_errors=True)
    known = pages()
    for page, place in known.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        into = SOURCE / place
        into.parent.mkdir(parents=True, exist_ok=True)
        into.write_text(linked(text, page, known), encoding="utf-8")
    shutil.copy(ROOT / "docs" / "conf.py", SOURCE / "conf.py")


def main() -> int:
    stage()
    shutil.rmtree(SITE, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-n", "-b", "html", SOURCE, SITE]
    done = subprocess.run(command, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)})
    if not done.returncode:
        print(f"{SITE.relative_to(ROOT)}/index.html: {len(list(SITE.rglob('*.html')))} pages")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
