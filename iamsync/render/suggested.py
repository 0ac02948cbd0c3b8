"""What an audit suggests, as text: each field with its reasons, what could not be written, then the diff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from iamsync.render.inert import safe
from iamsync.render.words import count, fold, some, wrap

_WIDTH = 110


def suggested_text(document: Mapping[str, Any], *, verbose: bool = False, width: int | None = None) -> str:
    """The text of suggestions and their diff, which is as wide as it is; nothing of it is applied."""
    found, refused = document["suggestions"], document["refused"]
    lines = [f"{count(len(found), 'suggestion')}, for a person to review" if found else "nothing to suggest"]
    several = len({row["account"] for row in (*found, *refused)}) > 1
    for row in found:
        where = f"account {safe(row['account'])}: " if several else ""
        lines.append(f"  {where}{safe(row['address'])} {row['field']}  {safe(row['place'])}")
        for why in row["why"]:
            lines += [f"      {line}" for line in wrap(safe(why), (width or _WIDTH) - 6)]
    for row in refused:
        lines.append(f"! {safe(row['address'])} {safe(row['field'])}: {safe(row['message'])}")
        if row["hint"]:
            lines.append(f"    {safe(row['hint'])}")
    names = [safe(row["address"]) for row in document["undeclared"]]
    if names:
        told = some(names, None if verbose else 5)
        lines.append(f"not declared, so nothing is suggested for: {told} (iamsync import --target)")
    if width is not None:
        lines = [fold(line, width) for line in lines]
    if document["diff"]:
        lines += ["", *(safe(line) for line in document["diff"].splitlines())]
    return "\n".join(lines) + "\n"
