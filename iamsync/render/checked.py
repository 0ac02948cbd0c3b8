"""What `validate` and `test` found, as GitHub-flavoured markdown: a comment that nobody's text can break out of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from iamsync.render.blocks import COMMENT, Block, Limit, marker, whole_or_fitted
from iamsync.render.decisions import row_lines, wrong
from iamsync.render.inert import code, inline, safe
from iamsync.render.merged import failed_blocks
from iamsync.render.notices import GRADES, Notice, Sources, of_check, of_tests
from iamsync.render.words import count, some

Json = Mapping[str, Any]


def check_markdown(document: Json, limit: Limit = COMMENT) -> str:
    """Mistakes and findings, the gravest first, then the permission tests; whole entries left out over the limit."""
    found = of_check({**document, "failed": ()}, Sources())
    notices = [notice for notice in found if not notice.rule.startswith("permission-test")]
    blocks = [Block(f"### iamsync validate: {check_summary(document)}")]
    blocks += [Block(_notice(notice), entry=True) for notice in notices]
    blocks += [block for account in document["tests"] for block in _account(account)]
    blocks += failed_blocks(document)
    names = [account["account"] for account in document["accounts"]]
    return whole_or_fitted([*blocks, Block(marker("validate", names))], limit)


def results_markdown(document: Json, limit: Limit = COMMENT) -> str:
    """Every test with its failures, those that pass as names; whole entries left out over the limit."""
    blocks = [Block(f"### iamsync test: {results_summary(document)}")]
    found = of_tests({**document, "failed": ()}, Sources())
    blocks += [Block(_notice(notice), entry=True) for notice in found if notice.grade == "error"]
    blocks += [block for account in document["accounts"] for block in _account(account)]
    blocks += failed_blocks(document)
    names = [account["account"] for account in document["accounts"]]
    return whole_or_fitted([*blocks, Block(marker("test", names))], limit)


def check_summary(document: Json) -> str:
    """What `validate` found, in a line."""
    if not document["valid"]:
        return _mistakes(document)
    grades = [row["severity"] for row in document["findings"]]
    told = ", ".join(f"{grades.count(grade)} {grade}" for grade in GRADES if grade in grades)
    found = f"{count(len(grades), 'finding')} ({told})" if grades else "nothing found"
    tested = f"; {_tested(document['tests'])}" if document["tests"] else ""
    return f"{found} in {count(len(document['accounts']), 'account')}{tested}"


def results_summary(document: Json) -> str:
    """How the permission tests came out, in a line."""
    if document.get("errors"):
        return _mistakes(document)
    return _tested(document["accounts"])


def _mistakes(document: Json) -> str:
    more = ", and there may be more: looking ended there" if document.get("stopped") else ""
    return f"{count(len(document['errors']), 'mistake')}{more}"


def _tested(accounts: Sequence[Json]) -> str:
    tests, failed = (sum(account[key] for account in accounts) for key in ("tests", "failed"))
    return f"{failed} of {count(tests, 'test')} failed" if failed else f"{count(tests, 'test')} passed"


def _notice(notice: Notice) -> str:
    place = f"{notice.file}:{notice.line}:{notice.column}" if notice.line else notice.file
    about = f" in {inline(some(notice.about, 5))}" if notice.about else ""
    below = "".join(f"\n  - {inline(text)}" for text in notice.detail)
    return f"- **{safe(notice.grade)}** {code(notice.rule)} {inline(notice.text)}\n  - {code(place)}{about}{below}"


def _account(account: Json) -> Iterator[Block]:
    name = f"{account['account']} ({account['id']})"
    yield Block(f"#### {inline(name)}: {_tested([account])}\n\n{inline(account['about'])}")
    tests: dict[str, list[Json]] = {}
    for row in account["rows"]:
        tests.setdefault(row["test"], []).append(row)
    for test, rows in sorted(tests.items(), key=lambda item: not any(map(wrong, item[1]))):
        bad = [row for row in rows if wrong(row)]
        word = "failed" if bad else "passed"
        people = count(len({row["principal"] for row in rows}), "principal")
        yield Block(f"- **{word}** {inline(test)} ({people}){''.join(_row(row) for row in bad)}", entry=True)


def _row(row: Json) -> str:
    head, *more = _stripped(row_lines(row))
    return f"\n  - {inline(head)}" + "".join(f"\n    - {inline(line)}" for line in more)


def _stripped(lines: Iterable[str]) -> list[str]:
    return [line.strip() for line in lines]
