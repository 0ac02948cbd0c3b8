"""Every kind iamsync manages: one module and one line each."""

from __future__ import annotations

from typing import Final

from iamsync.kinds.group import GROUP
from iamsync.kinds.kind import Kind
from iamsync.kinds.policy import POLICY
from iamsync.kinds.role import ROLE
from iamsync.kinds.user import USER

KINDS: Final[dict[str, Kind]] = {kind.name: kind for kind in (USER, GROUP, ROLE, POLICY)}
SECTIONS: Final[dict[str, Kind]] = {kind.section: kind for kind in KINDS.values()}
