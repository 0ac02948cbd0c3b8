"""Where the records of runs are: the project's folder, and the bucket of `journal:` where a team has one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final

from iamsync.engine.project import Project
from iamsync.engine.reach import Reached, Ways
from iamsync.errors import IamsyncError
from iamsync.files import own_folder, put
from iamsync.journal import SUFFIX, Copied, Journal, Run, latest, runs
from iamsync.kinds import KINDS
from iamsync.model import Address
from iamsync.planner.savedplan import Saved, read_saved

if TYPE_CHECKING:
    from iamsync.aws.objects import Objects

_MOST: Final = 200  # runs that are fetched for a list
_RECENT: Final = 50  # runs among which an approval is looked for
_AT_ONCE: Final = 8
_FETCHING: Final = Lock()  # accounts are planned side by side, and share one folder

Choice = Callable[[list[str]], list[str]]


def runs_folder(project: Project) -> Path:
    """Where the journals of a project are."""
    return own_folder(project.root, f"{project.home.name}/runs")


def kept(project: Project, reached: Reached, record: Journal) -> Journal | Copied:
    """The journal of a run, in the bucket too where the project has one."""
    objects: Objects | None = reached.records
    if objects is None:
        if project.config.journal is not None:
            project.options.note("the sandbox's runs are recorded on this machine only")
        return record
    name = f"{record.run_id}{SUFFIX}"

    def put(body: bytes) -> None:
        objects.put(name, body)

    return Copied(record, put, f"{objects.bucket}{name}")


def folders(project: Project, choose: Choice = lambda ids: ids[-_MOST:]) -> tuple[Path, ...]:
    """The project's folder of journals, and that of the bucket's which `choose` takes of all ids, fetched."""
    here = runs_folder(project)
    if project.config.journal is None:
        return (here,)
    there = own_folder(project.root, f"{project.home.name}/runs-fetched")
    accounts = project.accounts()
    try:
        with Ways(project) as ways:
            real = [account for account in accounts if not ways.sandboxed(account)]
            if real:
                with _FETCHING:
                    _fetch(ways.objects(project.config.journal, real[0]), here, there, choose)
    except (IamsyncError, OSError) as error:
        project.options.warn(f"the journal {project.config.journal} cannot be read, only this machine's is: {error}")
    return (here, there)


def left(project: Project) -> Callable[[str], frozenset[Address]]:
    """By an account's id, what the latest runs on record on this machine left there; they are read when first asked.

    That is whatever they last touched, but to delete it. Of a project's bucket only what was fetched before is looked
    at: nothing is asked.
    """

    @cache
    def accounts() -> Mapping[str, frozenset[Address]]:
        told: dict[str, dict[Address, bool]] = {}
        for run in latest(_RECENT, runs_folder(project), own_folder(project.root, f"{project.home.name}/runs-fetched")):
            there = told.setdefault(run.account_id, {})
            for entry in reversed(run.entries):
                text, step = entry.get("address"), entry.get("step")
                if entry.get("type") != "step-started" or run.outcomes.get(str(step)) not in ("done", "already"):
                    continue
                with suppress(ValueError, KeyError):  # a damaged record, which is no reason to tell no drift
                    address = Address.parse(str(text))
                    there.setdefault(address, entry.get("operation") != f"Delete{KINDS[address.kind].noun}")
        return {name: frozenset(one for one, is_left in there.items() if is_left) for name, there in told.items()}

    return lambda account_id: accounts().get(account_id, frozenset())


def approved(project: Project, digest: str, account_id: str) -> Saved | None:
    """The latest run whose plan has this approval digest in this account, looked for here, then in the bucket.

    The digest is made anew of the plan on record: what a record says of itself could be anybody's word.
    """
    found = _of(runs(runs_folder(project)), digest, account_id)
    if found is not None or project.config.journal is None:
        return found
    return _of(runs(*folders(project, lambda ids: ids[-_RECENT:])), digest, account_id)


def _of(known: Iterable[Run], digest: str, account_id: str) -> Saved | None:
    for run in reversed(tuple(known)):
        if run.approval == digest and run.account_id == account_id:
            try:
                held = read_saved(run.header["plan"])
            except (KeyError, TypeError, ValueError, AttributeError):
                continue  # the rest of a plan, of which a part was done before; or no plan as they are recorded
            if held.approval == digest:
                return held
    return None


def _fetch(objects: Objects, here: Path, there: Path, choose: Choice) -> None:
    """Bring the chosen records here, but those that came to their end and were fetched before."""
    ids = [name.removesuffix(SUFFIX) for name in objects.names() if name.endswith(SUFFIX)]
    whole = {run.id for run in runs(there) if run.ended is not None}
    local = {path.name.removesuffix(SUFFIX) for path in here.glob(f"*{SUFFIX}")}
    wanted = [run for run in choose(ids) if run not in whole and run not in local]
    there.mkdir(mode=0o700, parents=True, exist_ok=True)

    def one(run: str) -> None:
        stored = objects.get(f"{run}{SUFFIX}")
        if stored is not None:
            put(there / f"{run}{SUFFIX}", stored.body)

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        list(pool.map(one, wanted))
