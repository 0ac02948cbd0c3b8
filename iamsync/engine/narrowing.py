"""What the PATHs of a command line leave of a project: which files, and which of the resources in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iamsync.engine.choosing import meant_path
from iamsync.engine.options import Options
from iamsync.errors import InputError
from iamsync.manifest.config import Config
from iamsync.model import Address, State
from iamsync.selector import Selector

if TYPE_CHECKING:
    # The planner is much to load for the commands that narrow files alone.
    from iamsync.planner.compare import Difference
    from iamsync.planner.narrow import Selection


def paths_within(options: Options, config: Config, *, anywhere: bool = False) -> tuple[str, ...]:
    """PATHs, relative to the project, that narrow a configured set; InputError for one outside it.

    One that holds no manifest of the set is an error too, but where `anywhere` in the project will do.
    """
    if config.file is None:
        return ()
    named = sorted({text for account in config.accounts for text in account.manifests})
    whole = [(config.root / text).resolve() for text in named]
    out = []
    for path in options.paths:
        full = (options.cwd / path).resolve()
        if not full.exists():
            hint = meant_path(Path(path), "give a manifest file or folder", options.cwd)
            raise InputError(f"{path} does not exist", code="no-such-path", hint=hint)
        try:
            out.append(full.relative_to(config.root.resolve()).as_posix())
        except ValueError as error:
            raise InputError(
                f"{path} is outside the project {config.root}", code="no-such-path", hint="give a path inside it"
            ) from error
        if whole and not anywhere and not any(full.is_relative_to(held) or held.is_relative_to(full) for held in whole):
            raise InputError(
                f"{path} holds none of this project's manifests",
                code="no-such-path",
                hint=f"they are in {', '.join(named)} (manifests in iamsync.yaml)",
            )
    return tuple(out)


def stands_in(file: str, path: str) -> bool:
    """Whether a file is this one, or lies below this folder; both relative to the project."""
    return path == "." or file == path or file.startswith(path.rstrip("/") + "/")


def declared_at(state: State, path: str) -> frozenset[Address]:
    """The addresses that stand in this file or below this folder, removals included."""
    found = {r.address for r in state if r.origin is not None and stands_in(r.origin.file, path)}
    found |= {r.address for r in state.removed if r.origin is not None and stands_in(r.origin.file, path)}
    return frozenset(found)


def selection(selector: Selector | None, paths: tuple[str, ...], desired: State) -> Selection | None:
    """Which differences a run is about, by --target and PATHs; None where it is about them all."""
    if selector is None and not paths:
        return None
    inside = frozenset(address for path in paths for address in declared_at(desired, path))

    def chosen(difference: Difference) -> bool:
        if paths and difference.address not in inside:
            return False
        if selector is None:
            return True
        resource = difference.want or difference.have
        assert resource is not None
        tags = dict(getattr(resource.spec, "tags", ()))
        return selector(difference.address, getattr(resource.spec, "path", "/"), tags)

    return chosen
