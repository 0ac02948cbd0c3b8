"""The way out: a state as another tool's configuration."""

from __future__ import annotations

from dataclasses import replace

from iamsync.engine import aiming
from iamsync.engine.comparing import state_of
from iamsync.engine.project import Project
from iamsync.engine.reach import Ways
from iamsync.errors import InputError
from iamsync.kinds.owners import out_of_reach
from iamsync.manifest.foreign import terraformout


def configuration(project: Project, ways: Ways, text: str | None) -> str:
    """A state (a path, `live`, `snapshot:FILE`, `git:REV`; None: the manifests) as Terraform configuration.

    What AWS lets nobody else manage is left out, and so is what is not targeted.
    """
    state, narrowed = state_of(project, ways, text), project.narrowed()
    kept = {
        resource.address: resource
        for resource in state
        if out_of_reach(resource) is None
        and (
            narrowed is None
            or narrowed(resource.address, getattr(resource.spec, "path", "/"), dict(getattr(resource.spec, "tags", ())))
        )
    }
    aiming.told([aiming.missing(project, (state,))], whole=True, note=project.options.note, where="in this state")
    if not kept:
        raise InputError("there is nothing to write", code="bad-option", hint="name another state or --target")
    if state.unread:
        untold = ", ".join(sorted(f"{kind}.{name}" for kind, name in state.unread))
        project.options.warn(f"this source does not tell {untold}: Terraform may plan to change them")
    return terraformout.configuration(replace(state, resources=kept))
