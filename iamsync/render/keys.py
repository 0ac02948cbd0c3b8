"""The list of access keys and passwords as text; decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from iamsync.render.inert import safe
from iamsync.render.text import account_text
from iamsync.render.words import columns, paint

Json = Any

_HEAD: Final = ("user", "key", "status", "created", "last used", "")


def keys_text(document: Json, *, color: bool = False) -> str:
    """Every account's users: their keys, what is due about them, and what comes next."""
    return "\n\n".join("\n".join(_account(account, color)) for account in document["accounts"]) + "\n"


def _account(account: Json, color: bool) -> Iterator[str]:
    yield paint(f"account {account_text(account['account'])}", "bold", on=color)
    if error := account.get("error"):
        yield f"  failed: {safe(error['message'])}"
        return
    if not account["users"]:
        yield "  no user's manifest has access_keys or console_access; for example access_keys: {rotate_after: 90d}"
        return
    yield from columns([tuple(f"  {word}" if not at else word for at, word in enumerate(_HEAD)), *_rows(account)])
    for user in account["users"]:
        for due in user["due"]:
            yield paint(f"  ! due  {safe(user['address'])}: {safe(due['what'])}", "yellow", on=color)
            yield f"      {safe(due['why'])}"
        for finding in user["findings"]:
            yield paint(f"  * {safe(finding['id'])}  {safe(finding['message'])}", "yellow", on=color)
            yield from (f"      {safe(text)}" for text in (finding["evidence"], finding["remedy"]) if text)
        for later in user["next"]:
            when = f"{safe(later['at'])}  " if later["at"] else ""
            yield f"    next  {when}{safe(later['what'])}"


def _rows(account: Json) -> Iterator[tuple[str, ...]]:
    for user in account["users"]:
        name = safe(user["address"])
        for key in user["keys"]:
            used = (key["last_used"] or "never")[:10]
            where = f" {key['service']} {key['region']}" if key["service"] and key["service"] != "N/A" else ""
            noted = "delivered" if key["delivered"] else ""
            if key["inactive_since"]:
                noted = f"off since {key['inactive_since'][:10]}"
            yield f"  {name}", safe(key["id"]), key["status"], key["created"][:10], safe(f"{used}{where}"), safe(noted)
            name = ""
        if not user["keys"] and user["exists"]:
            yield f"  {name}", "none", "", "", "", ""
        if user["password"] is not None:
            yield (
                f"  {name if not user['keys'] else ''}",
                "password" if user["password"] else "no password",
                "",
                "",
                "",
                "",
            )
