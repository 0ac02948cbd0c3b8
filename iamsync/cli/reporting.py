"""Documents in the format that was asked for, on stdout and in report files; each is made from the one document."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from iamsync.cli.context import colored, columns, laid_out, note, write_file
from iamsync.cli.options import Common
from iamsync.cli.paging import printed

CHECK_FORMATS: Final = ("text", "json", "markdown", "html", "sarif", "junit", "gitlab-codequality", "github")
_SUMMARY: Final = "GITHUB_STEP_SUMMARY"

Also = list[tuple[str, Path]]
# A format, whether in colour, and the columns that a terminal has.
Make = Callable[[str, bool, int | None], str]


@dataclass(frozen=True, slots=True)
class About:
    """What a report is about: a document, the folder of its project, and what html draws of it."""

    document: Any
    root: Path
    graph: Any = None
    verbose: bool = False

    @property
    def sources(self) -> Any:
        """Where the project lies in its repository."""
        return _sources(self.root)


def on_terminal(document: Any, common: Common, stream: Any = None) -> str:
    """A plan document as text, as wide and in the colours that a stream (stdout) takes."""
    from iamsync.render.text import plan_text as text

    return text(document, color=colored(common, stream), verbose=common.verbose, **_wide(columns(stream))) + "\n"


def plan_text(about: About, form: str, color: bool = False, width: int | None = None) -> str:
    """A plan document in one of the formats of plans.

    `width` is what a terminal has (`columns`); None leaves text as wide as it is in a file.
    """
    if form == "json":
        from iamsync.engine.planning import to_text
        from iamsync.render.inert import json_inert

        return json_inert(to_text(about.document))
    if form == "markdown":
        from iamsync.render.markdown import plan_markdown

        return plan_markdown(about.document)
    if form == "html":
        from iamsync.render.planpage import plan_html

        return plan_html(about.document, about.sources, about.graph)
    if form == "aws-cli":
        from iamsync.render.awscli import plan_awscli

        return plan_awscli(about.document)
    if form == "gitlab":
        from iamsync.render.gitlab import terraform_report

        return terraform_report(about.document)
    if form == "junit":
        from iamsync.render.junit import plan_junit

        return plan_junit(about.document, about.sources)
    if form in ("sarif", "github"):
        from iamsync.render.notices import of_plan
        from iamsync.render.text import plan_summary

        digests = [plan["digests"]["approval"] for plan in about.document["plans"] if plan["steps"]]
        return _notices(of_plan(about.document, about.sources), form, plan_summary(about.document), digests)
    from iamsync.render.text import plan_text as text

    return text(about.document, color=color, verbose=about.verbose, **_wide(width)) + "\n"


def drift_text(about: About, form: str, color: bool = False, width: int | None = None) -> str:
    """A drift document in one of the formats of `drift`; the rest as in `plan_text`."""
    from iamsync.render import drift

    if form == "json":
        return _json(about.document)
    if form == "markdown":
        return drift.drift_markdown(about.document)
    if form == "html":
        from iamsync.render.driftpage import drift_html

        return drift_html(about.document, about.sources, about.graph)
    if form == "gitlab":
        from iamsync.render.gitlab import drift_report

        return drift_report(about.document)
    if form == "junit":
        from iamsync.render.junit import drift_junit

        return drift_junit(about.document, about.sources)
    if form in ("sarif", "github", "gitlab-codequality"):
        from iamsync.render.notices import of_drift

        return _notices(of_drift(about.document, about.sources), form, drift.drift_summary(about.document))
    return drift.drift_text(about.document, color=color, verbose=about.verbose, **_wide(width)) + "\n"


def audit_report(about: About, form: str, color: bool = False, width: int | None = None) -> str:
    """An audit's document in one of the formats of `audit`; the rest as in `plan_text`."""
    from iamsync.render import audited

    if form == "json":
        return _json(about.document)
    if form == "markdown":
        return audited.audit_markdown(about.document)
    if form == "html":
        from iamsync.render.auditpage import audit_html

        return audit_html(about.document, about.sources, about.graph)
    if form == "junit":
        from iamsync.render.junit import audit_junit

        return audit_junit(about.document, about.sources)
    if form == "text":
        return audited.audit_text(about.document, color=color, verbose=about.verbose, **_wide(width)) + "\n"
    from iamsync.render.notices import of_audit

    return _notices(of_audit(about.document, about.sources), form, audited.audit_summary(about.document))


def _wide(width: int | None) -> dict[str, Any]:
    return {} if width is None else {"width": width}


def check_text(document: Any, form: str, root: Path) -> str:
    """What `validate` found, in one of `CHECK_FORMATS` but text."""
    from iamsync.render.checked import check_markdown, check_summary
    from iamsync.render.junit import check_junit
    from iamsync.render.notices import of_check

    if form == "markdown":
        return check_markdown(document)
    if form == "html":
        from iamsync.render.findingspage import check_html

        return check_html(document, _sources(root))
    if form == "junit":
        return check_junit(document, _sources(root))
    if form == "json":
        return _json(document)
    return _notices(of_check(document, _sources(root)), form, f"iamsync validate: {check_summary(document)}")


def results_text(document: Any, form: str, root: Path) -> str:
    """How permission tests came out, in one of `CHECK_FORMATS` but text."""
    from iamsync.render.checked import results_markdown, results_summary
    from iamsync.render.junit import results_junit
    from iamsync.render.notices import of_tests

    if form == "markdown":
        return results_markdown(document)
    if form == "html":
        from iamsync.render.findingspage import results_html

        return results_html(document, _sources(root))
    if form == "junit":
        return results_junit(document, _sources(root))
    if form == "json":
        return _json(document)
    return _notices(of_tests(document, _sources(root)), form, f"iamsync test: {results_summary(document)}")


def undrawn(drawn: bool, common: Common) -> None:
    """Say that html is without its graph where accounts are looked at elsewhere."""
    if drawn and not common.quiet:
        note("html is without its graph: what the accounts hold stays with the workers of --executor")


def publish(
    form: str, also: Also, make: Make, common: Common, summary: Callable[[Any], str], *, pager: bool = False
) -> None:
    """Print one format, text through a pager where that is wanted, and write the reports.

    Where annotations are asked for and GitHub gives the job a summary, `summary` (markdown within a limit) is added
    to it.
    """
    text = make(form, colored(common), columns())
    printed(laid_out(text) if form == "text" else text, pager=pager and form == "text")
    _write(form, also, make, summary)


def unsaid(form: str, also: Also, make: Make, summary: Callable[[Any], str]) -> None:
    """Reports of a command that failed on its input: everything but the text, which the error itself is."""
    if form != "text":
        print(make(form, False, None), end="", flush=True)
    _write(form, [(kind, file) for kind, file in also if kind != "text"], make, summary)


def _write(form: str, also: Also, make: Make, summary: Callable[[Any], str]) -> None:
    for kind, file in also:
        write_file(file, make(kind, False, None))
    if "github" in (form, *(kind for kind, _ in also)) and (path := os.environ.get(_SUMMARY)):
        _summarise(Path(path), summary)


def _summarise(path: Path, summary: Callable[[Any], str]) -> None:
    """A job's summary, with what is added: as much as GitHub still takes."""
    from iamsync.render.blocks import SUMMARY, Limit

    try:
        held = path.stat().st_size if path.exists() else 0
        with path.open("a", encoding="utf-8") as file:
            file.write(summary(Limit(max(SUMMARY.most - held - 1, 0), in_bytes=True)) + "\n")
    except OSError as error:
        note(f"the job's summary cannot be written: {error.strerror}")


def _notices(notices: Any, form: str, told: str, digests: list[str] | None = None) -> str:
    if form == "github":
        from iamsync.render.github import workflow_commands

        return workflow_commands(notices, told)
    if form == "gitlab-codequality":
        from iamsync.render.gitlab import code_quality

        return code_quality(notices)
    from iamsync import __version__
    from iamsync.engine.explaining import explain, explanations
    from iamsync.render.sarif import sarif

    explained = {item.id: (item.title, item.text) for item in explanations()}
    for rule in {notice.rule for notice in notices if notice.rule.startswith("AA-")}:
        explained[rule] = (explain(rule).title, explain(rule).text)
    return sarif(notices, explained, version=__version__, digest=" ".join(digests or ()))


def _sources(root: Path) -> Any:
    from iamsync.engine.git import top_of
    from iamsync.render.notices import Sources

    top = top_of(root)
    return Sources(str(top), str(root.resolve())) if top is not None else Sources()


def _json(value: Any) -> str:
    from iamsync.render.inert import json_text

    return json_text(value) + "\n"
