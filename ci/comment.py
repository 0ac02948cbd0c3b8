"""The one comment of iamsync on a pull request, written anew by each plan: `comment.py REPORT.md`.

The last line of the report is a hidden marker; the comment that ends in it and is ours is replaced. Where the plan
failed there is no report, and comments of earlier plans say so instead of showing what is none any more.
"""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

LIMIT = 65_536
PAGES = 50
MARKER = re.compile(r"<!-- iamsync:plan:[^\n]*-->\s*\Z")


class Failed(Exception):
    """The comment could not be written; the text holds no token."""


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows nothing: the token is for one host."""

    def redirect_request(self, *_: Any) -> None:
        return None


class Api:
    """GitHub's comments of one pull request."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.api = environment.get("GITHUB_API_URL") or "https://api.github.com"
        parts = urlsplit(self.api)
        if parts.scheme != "https" and parts.hostname != "127.0.0.1":
            raise Failed("GITHUB_API_URL is no https URL")
        repository, pull = environment.get("GITHUB_REPOSITORY", ""), environment.get("IAMSYNC_CI_PULL", "")
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", repository, re.ASCII) or not re.fullmatch(r"[0-9]+", pull):
            raise Failed("this is no pull request of a repository")
        self.repository = f"{self.api}/repos/{repository}"
        self.pull = f"{self.repository}/issues/{pull}/comments"
        self.token = environment.get("IAMSYNC_CI_TOKEN", "")
        self.opener = urllib.request.build_opener(_Stay)

    def call(self, method: str, url: str, body: Mapping[str, str] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/vnd.github+json"}
        headers |= {"X-GitHub-Api-Version": "2022-11-28", "User-Agent": "iamsync", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        try:
            with self.opener.open(urllib.request.Request(url, data, headers, method=method), timeout=20) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            error.close()
            hint = "; the job needs permissions: {pull-requests: write}" if error.code in (401, 403) else ""
            raise Failed(f"GitHub answers {error.code} to {method}{hint}") from None
        except (OSError, ValueError) as error:
            raise Failed(f"no answer from GitHub ({type(error).__name__})") from None

    def ours(self, author: str) -> list[tuple[int, str]]:
        """Id and marker of each comment that is ours: anybody can write a marker, and edit what they wrote."""
        found = []
        for page in range(1, PAGES + 1):
            comments = self.call("GET", f"{self.pull}?per_page=100&page={page}")
            for comment in comments:
                marked = MARKER.search(comment.get("body") or "")
                if marked and (comment.get("user") or {}).get("login") == author:
                    found.append((int(comment["id"]), marked[0].strip()))
            if len(comments) < 100:
                break
        return found

    def write(self, comment: int | None, body: str) -> None:
        if comment is None:
            self.call("POST", self.pull, {"body": body})
        else:
            self.call("PATCH", f"{self.repository}/issues/comments/{comment}", {"body": body})


def main(report: Path, environment: Mapping[str, str]) -> None:
    """Write the report as the comment; Failed where that is not possible."""
    api = Api(environment)
    ours = api.ours(environment.get("IAMSYNC_CI_AUTHOR") or "github-actions[bot]")
    about = _about(environment)
    if not report.exists():
        for comment, marker in ours:
            api.write(comment, f"### iamsync: the plan failed\n\nNothing is to be approved here.{about}\n\n{marker}\n")
        return
    text = report.read_text(encoding="utf-8")
    marked = MARKER.search(text)
    if marked is None:
        raise Failed("the report has no marker")
    marker = marked[0].strip()
    body = f"{text[: marked.start()].rstrip()}{about}\n\n{marker}\n"
    same = [comment for comment, held in ours if held == marker]
    api.write(same[0] if same else None, body if len(body) <= LIMIT else text)


def _about(environment: Mapping[str, str]) -> str:
    commit = environment.get("IAMSYNC_CI_COMMIT", "")
    return f"\n\nOf commit {commit[:12]}." if re.fullmatch(r"[0-9a-f]{12,64}", commit) else ""


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), os.environ)
    except Failed as failed:
        print(f"::error title=iamsync::the comment could not be written: {failed}")
        sys.exit(1)
