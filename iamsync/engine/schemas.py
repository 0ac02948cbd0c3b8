"""The JSON Schemas of every file iamsync reads or writes, by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from iamsync.engine.fieldwords import described
from iamsync.engine.findingsschema import findings_schema
from iamsync.manifest.configschema import config_schema
from iamsync.manifest.railsschema import guardrails_schema
from iamsync.manifest.schema import manifest_schema, with_actions
from iamsync.manifest.snapshotschema import snapshot_schema
from iamsync.planner.driftschema import drift_schema
from iamsync.planner.planschema import plan_schema
from iamsync.policy import catalog

_MAKERS: Final[dict[str, Callable[[], dict[str, Any]]]] = {
    "manifest": manifest_schema,
    "config": config_schema,
    "plan": plan_schema,
    "drift": drift_schema,
    "findings": findings_schema,
    "snapshot": snapshot_schema,
    "guardrails": guardrails_schema,
}
NAMES: Final = tuple(_MAKERS)
# Their fields are told of in one place: several of these files have them.
_RESULTS: Final = frozenset({"plan", "drift", "findings", "snapshot"})


def schema(name: str) -> dict[str, Any]:
    """The schema of this name (one of `NAMES`), draft-07."""
    made = _MAKERS[name]()
    return described(made, name) if name in _RESULTS else made


def schema_text(name: str) -> str:
    """The schema as the file that editors read."""
    return json.dumps(schema(name), indent=1, ensure_ascii=False) + "\n"


def schema_with_actions() -> str:
    """The manifests' schema with every action of AWS, for completion.

    It is twelve times as large, and new with each catalogue, so it is not the one that is committed and that `init`
    writes: that one is to change only with iamsync.
    """
    known = catalog.load()
    names = (str(action) for service in known.services for action in known.actions_of(service).values())
    return json.dumps(with_actions(manifest_schema(), names), indent=1, ensure_ascii=False) + "\n"
