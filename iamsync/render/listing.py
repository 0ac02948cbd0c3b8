"""Small tables: what ran, who owns what, what was checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from iamsync.render.inert import safe
from iamsync.render.words import NARROWEST, cells, columns, count, fold, kind_word, plural, some, wrap

Row = Mapping[str, Any]

_RUN_COLUMNS: Final = ("run", "started", "account", "outcome", "steps", "caller")
_TOOLS: Final = {"iambic": "IAMbic"}
_LOCK_COLUMNS: Final = ("account", "account_id", "state", "caller", "command", "since", "renewed", "job")


def table(headings: Sequence[str], rows: Sequence[Row], width: int | None = None) -> str:
    """Rows under their headings, which are the keys; what a row does not have stays empty.

    Where that is wider than a terminal of `width` columns, each row is a paragraph with a line a key.
    """
    body = [[_cell(row.get(key)) for key in headings] for row in rows]
    lines = columns([[heading.upper() for heading in headings], *body])
    if width is None or all(cells(line) <= max(width, NARROWEST) for line in lines):
        return "\n".join(lines)
    told = [[(f"{key}:", cell) for key, cell in zip(headings, row, strict=True) if cell] for row in body]
    return fold("\n\n".join("\n".join(columns(pairs)) for pairs in told), width)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, (list, tuple)):
        return ", ".join(str(item) for item in value)
    return str(value)


def runs_text(rows: Sequence[Row], width: int | None = None) -> str:
    """Past runs as given; keys `run`, `started`, `account`, `outcome`, `steps`, `caller`, `rollback_of`."""
    back = ("rollback_of",) if any(row.get("rollback_of") for row in rows) else ()
    return table((*_RUN_COLUMNS, *back), rows, width) if rows else "no runs are recorded here"


def locks_text(rows: Sequence[Row], width: int | None = None) -> str:
    """Team locks; keys `account`, `account_id`, `state`, and `caller`, `command`, `job`, `since`, `idle`."""
    told = []
    for row in rows:
        idle = row.get("idle")
        told.append({**row, "renewed": "" if idle is None else f"{idle} s ago"})
    keys = [key for key in _LOCK_COLUMNS if key in _LOCK_COLUMNS[:3] or _told(key, told)]
    return table(keys, told, width)


def run_text(run: Row, steps: Sequence[Row], width: int | None = None) -> str:
    """One run: its own keys a line each, then a line a step.

    Keys of a step: `step`, `operation`, `address`, `outcome`, `request_id`, `reason`.
    """
    head = columns([(f"{key}:", _cell(value)) for key, value in run.items() if value not in (None, "")])
    if not steps:
        return "\n".join([*head, "", "no call was made"])
    told = [key for key in ("step", "operation", "address", "outcome", "request_id", "reason") if _told(key, steps)]
    return "\n".join([*head, "", table(told, steps, width)])


def _told(key: str, rows: Sequence[Row]) -> bool:
    return any(row.get(key) not in (None, "") for row in rows)


def owners_text(rows: Sequence[tuple[str, int, Sequence[str]]], *, verbose: bool = False) -> str:
    """Who owns what before an import: an owner, how many resources, their addresses."""
    if not rows:
        return "the account holds nothing to import"
    most = None if verbose else 5
    body = [(owner, str(number), some(list(names), most)) for owner, number, names in rows]
    return "\n".join(columns([("OWNER", "COUNT", "RESOURCES"), *body]))


def handover_text(blocks: object, commands: Sequence[str]) -> str:
    """How Terraform lets go of what was taken over: the file of its `removed` blocks, commands for single instances."""
    if blocks is None and not commands:
        return "the Terraform state lists nothing that these manifests declare"
    lines = ["to hand over from Terraform:", '  1. iamsync plan                 must say "No changes"']
    if blocks is not None:
        lines.append(f"  2. put {blocks} in place of the resource blocks it names")
        lines.append('     terraform plan               must say "0 to destroy"; then terraform apply')
    if commands:
        number = 2 if blocks is None else 3
        lines.append(f"  {number}. only some instances of these were taken over, so that no block can name them:")
        lines += [f"     {safe(command)}" for command in commands]
    return "\n".join(lines)


def carried_text(account: str, account_id: str, source: object, taken: int, declared: int, left: int) -> str:
    """What was found for an account in another tool's files."""
    parts = [f"{count(taken, 'resource')} carried over from {safe(source)}"]
    if declared:
        parts.append(f"{declared} declared already")
    if left:
        parts.append(f"{left} not targeted")
    return f"account {safe(account)} ({safe(account_id)}): {'; '.join(parts)}"


def behind_text(rows: Sequence[tuple[str, str, str, Sequence[str]]]) -> str:
    """What was not carried over: what, why, what to do, and in which accounts of several."""
    if not rows:
        return "nothing stays behind"
    lines = [f"{count(len(rows), 'item')} not carried over, or not as it was:"]
    for what, why, remedy, accounts in rows:
        where = f", in {', '.join(map(safe, accounts))}" if accounts else ""
        lines += [f"  {safe(what)}{where}", *(f"    {line}" for line in wrap(safe(why), 96))]
        lines += [f"    -> {line}" if at == 0 else f"       {line}" for at, line in enumerate(wrap(safe(remedy), 93))]
    return "\n".join(lines)


def handed_text(tool: str, blocks: object, commands: Sequence[str], config: object, account_id: str) -> str:
    """The order of a handover from another tool: the look before, the letting go, the taking over.

    `account_id` is what the commands must be told where no project file says it.
    """
    lines = [f"look at {config}, which names the accounts; say there how each is reached"] if config is not None else []
    given = f" --account-id {account_id}" if account_id else ""
    plan = f"iamsync plan{given}"
    width = max(len(plan) + 2, 34)
    lines += [
        f"iamsync validate{given}",
        f'{plan:<{width}}must say "No changes"; what it shows instead, the files did not say',
    ]
    if tool != "terraform":
        name = _TOOLS.get(tool, tool)
        lines += [f"stop {name}'s runs on these accounts", f"{f'iamsync apply{given}':<{width}}from now on"]
    elif blocks is None and not commands:
        lines.append("Terraform's state lists nothing that these manifests declare")
    if blocks is not None:
        lines.append(f"put {blocks} in place of the resource blocks it names")
        lines.append(f'{"terraform plan":<{width}}must say "0 to destroy"; then terraform apply')
    if commands:
        lines.append("only some instances of these were carried over, so that no block can name them:")
    told = [f"  {number}. {line}" for number, line in enumerate(lines, 1)]
    return "\n".join(["to hand over:", *told, *(f"     {safe(command)}" for command in commands)])


def import_text(files: Sequence[tuple[str, int]], left: int = 0) -> str:
    """What an import wrote: each file and how many resources are in it."""
    total = sum(number for _, number in files)
    lines = columns([(f"  {name}", count(number, "resource")) for name, number in files])
    rest = f"; {count(left, 'resource')} left to other owners" if left else ""
    return "\n".join([f"wrote {count(total, 'resource')} to {count(len(files), 'file')}{rest}", *lines])


def validate_text(counts: Mapping[str, int], files: int, accounts: int, warnings: int = 0) -> str:
    """`ok: 3 users and 12 roles in 4 files, for 2 accounts`; `counts` is resources by kind."""
    parts = [
        f"{number} {kind_word(safe(kind)) if number == 1 else plural(kind_word(safe(kind)))}"
        for kind, number in counts.items()
        if number
    ]
    told = " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts) or "nothing declared"
    where = f" in {count(files, 'file')}" + (f", for {count(accounts, 'account')}" if accounts > 1 else "")
    return f"ok: {told}{where}" + (f"; {count(warnings, 'warning')}" if warnings else "")


def checked_text(document: Mapping[str, Any]) -> list[str]:
    """What `validate` looked at, a line for each account."""
    return [
        f"account {safe(item['account'])} ({item['id']}): "
        + validate_text(item["resources"], item["files"], 1, item["warnings"])
        for item in document["accounts"]
    ]


def explanation_text(code: str, severity: str, title: str, text: str) -> str:
    """A heading and a paragraph of at most 88 columns."""
    return "\n".join([f"{code} ({severity}): {title}", "", *wrap(safe(text), 88)])


def accounts_text(rows: Sequence[Row], width: int | None = None) -> str:
    """The accounts of a project; keys as `accounts list` has them."""
    told = [{**row, "labels": [f"{key}={value}" for key, value in row["labels"].items()]} for row in rows]
    shown = ("account", "id", "wave", "labels", "manifests", "read", "write", "profile", "backend", "left_out")
    keys = [key for key in shown if key in shown[:3] or any(row.get(key) for row in told)]
    return table(keys, [{**row, "read": _last(row["read"]), "write": _last(row["write"])} for row in told], width)


def _last(roles: Sequence[str]) -> str:
    return f"{'... -> ' if len(roles) > 1 else ''}{roles[-1]}" if roles else ""


def chains_text(document: Row) -> str:
    """Each chain of roles hop by hop, and what is missing where one is refused."""
    lines: list[str] = []
    for chain in document["chains"]:
        where = f"{safe(chain['account'])} ({safe(chain['id'])})" if chain["id"] else safe(chain["account"])
        lines.append(f"{where}, {chain['purpose']}: {'ok' if chain['ok'] else 'refused'}")
        for hop in chain["hops"]:
            what = safe(hop["role"] or hop["caller"] or "the credentials at the start")
            lines.append(f"  {'refused' if hop['error'] else 'ok':<9}{what}")
            if hop["error"]:
                lines += [f"    {line}" for line in wrap(safe(hop["error"]["message"]), 96)]
            lines += [f"    missing: {safe(text)}" for text in hop["missing"]]
    return "\n".join(lines)
