"""A project on disk: its configuration, its accounts, and the state its manifests want for each."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from iamsync.engine.guardrails import check_delivered, check_sent, guardrails
from iamsync.engine.narrowing import paths_within
from iamsync.engine.options import Options, utc_now
from iamsync.engine.variables import given
from iamsync.errors import InputError
from iamsync.expectations import PermissionTest
from iamsync.files import own_folder
from iamsync.fleet import shard_of
from iamsync.guardrails import Guardrails, tightened
from iamsync.kinds import KINDS
from iamsync.manifest.accounts import account_selector
from iamsync.manifest.config import FILE, Account, Config, load_config
from iamsync.manifest.discover import Left
from iamsync.manifest.files import Manifests, read_manifests, reread
from iamsync.manifest.load import Beside, resolve
from iamsync.manifest.problems import did_you_mean, one_of
from iamsync.manifest.testsection import resolve_tests
from iamsync.members import Member
from iamsync.model import Finding, State
from iamsync.nearness import closest
from iamsync.planner.expiry import expire
from iamsync.selector import Selector, select
from iamsync.settings import ADDRESSED, GUARDS, Acknowledgement, Safety, Settings

NO_ACCOUNT: Final = "000000000000"


@dataclass(slots=True)
class Project:
    """One configuration and its manifests, read once for all accounts of a run."""

    options: Options
    config: Config
    _manifests: dict[tuple[str, ...], Manifests] = field(default_factory=dict)
    _desired: dict[tuple[str, str], State] = field(default_factory=dict)
    _paths: tuple[str, ...] = ()
    rails: Guardrails | None = None
    _held: dict[str, tuple[Finding, ...]] = field(default_factory=dict)
    _written: dict[str, Settings] = field(default_factory=dict)
    _within: dict[bool, tuple[str, ...]] = field(default_factory=dict)
    sessions: Any = None  # what was begun with AWS already (`aws.session.Sessions`)
    left: tuple[Left, ...] = ()
    members: tuple[Member, ...] | None = None  # what Organizations was asked, where it was

    @classmethod
    def open(cls, options: Options) -> Project:
        """The project the options point at: --config, ./iamsync.yaml, one in the only PATH, or none."""
        cwd, config = options.cwd, options.config
        if config is None and not (cwd / FILE).exists() and len(options.paths) == 1:
            inside = cwd / options.paths[0]
            if (inside / FILE).is_file():
                moved = replace(options, cwd=inside, paths=())
                return cls(moved, load_config(inside / FILE, inside, given(options)))._guarded(cwd)
        return cls(options, load_config(config, cwd, given(options)))._guarded(cwd)

    def discovered(self, found: Sequence[Member]) -> tuple[Left, ...]:
        """Take these accounts of the organization into the project; those that are left out, and why."""
        self.members = tuple(found)
        self.config, self.left = self.config.with_members(found)
        self._within.clear()
        self._guarded(self.options.cwd)
        return self.left

    def _guarded(self, cwd: Path) -> Project:
        """The project under the operator's guardrails, where there are any."""
        if self.options.guardrails:
            self.rails = guardrails(self.options, cwd, self.root)
            check_sent(self.rails, self.config)
            made = []
            for account in self.config.accounts:
                self._written[account.name] = account.settings
                usual = Safety(settle=0) if account.backend == "sandbox" else Safety()
                settings, found = tightened(account.settings, self.rails, usual)
                self._held[account.name] = found
                made.append(replace(account, settings=settings))
            self.config = replace(self.config, accounts=tuple(made))
        return self

    def held(self, account: Account) -> tuple[Finding, ...]:
        """What the project file tried and the guardrails did not let it."""
        return self._held.get(account.name, ())

    def written(self, account: Account) -> Settings:
        """The account's settings as the project file has them, whatever the guardrails make of them."""
        return self._written.get(account.name, account.settings)

    def check_allowed(self, account: Account, account_id: str | None) -> None:
        """InputError where the guardrails do not allow this account id."""
        allowed = self.rails.accounts if self.rails is not None else ()
        if allowed and account_id is not None and account_id not in allowed:
            assert self.rails is not None
            raise InputError(
                f"account {account.name} is {account_id}, which {self.rails.source} does not allow",
                code="account-not-allowed",
                hint=f"allowed are {', '.join(allowed)}",
            )

    @property
    def root(self) -> Path:
        return self.config.root

    @property
    def home(self) -> Path:
        """Where a project keeps what is not to be committed: sandbox state, records. InputError if a link leads out."""
        return own_folder(self.root, ".iamsync")

    @property
    def configured(self) -> bool:
        return self.config.file is not None

    @property
    def now(self) -> str:
        """The time this run is about: --now, or the clock's."""
        return self.options.now or utc_now()

    def accounts(self, *, writes: bool = False) -> tuple[Account, ...]:
        """The accounts this run is about; a writer needs them named when there are several."""
        known = self.config.accounts
        chosen = known
        if self.options.accounts:
            try:
                selector = account_selector(self.options.accounts)
            except ValueError as error:
                raise InputError(str(error), code="bad-option", hint="for example: --account prod") from error
            chosen = tuple(account for account in known if selector(account.name, account.labels))
            names = [account.name for account in known]
            there = {None, *names, *(one.name for one in self.left)}
            exact = [pattern.exact for pattern in selector.patterns]
            lost = [text for text, name in zip(self.options.accounts, exact, strict=True) if name not in there]
            # What `discover:` would find is not known to a run that asks nobody.
            if not chosen or (lost and (self.config.discover is None or self.members is not None)):
                labels = [f"label:{key}={value}" for account in known for key, value in account.labels.items()]
                texts = lost or self.options.accounts
                meant = [near for text in texts if (near := closest(text.removeprefix("!"), [*names, *labels]))]
                raise InputError(
                    f"no account matches --account {' '.join(texts)}",
                    code="unknown-account",
                    hint=f'did you mean "{meant[0]}"?' if meant else f"configured: {one_of(names)}",
                )
        elif writes and len(known) > 1 and not self.options.all_accounts:
            raise InputError(
                f"{len(known)} accounts are configured; say which to write to",
                code="which-account",
                hint=f"--account NAME (one of {', '.join(account.name for account in known)}) or --all-accounts",
            )
        if self.options.shard is not None:
            part, count = self.options.shard
            chosen = tuple(account for account in chosen if shard_of(account.id or account.name, count) == part)
            if not chosen:
                raise InputError(
                    f"no account is in shard {part}/{count}", code="empty-shard", hint="there is nothing to do for it"
                )
        if self.options.account_id is not None:
            if len(chosen) != 1:
                raise InputError(
                    "--account-id names one account, and this run is about several",
                    code="bad-option",
                    hint="add --account NAME",
                )
            only = chosen[0]
            if only.id not in (None, self.options.account_id):
                raise InputError(
                    f"--account-id {self.options.account_id} contradicts account {only.name}, which is {only.id}",
                    code="wrong-account",
                    hint="leave --account-id out",
                )
            chosen = (replace(only, id=self.options.account_id),)
        found = tuple(self._offline_paths(account) for account in chosen)
        self._paths = tuple(path for account in found for path in account.manifests)
        return found

    def _offline_paths(self, account: Account) -> Account:
        # Without a project file the PATHs are the set; with one they only narrow what is looked at.
        if not self.configured and self.options.paths:
            return replace(account, manifests=self.options.paths)
        return account

    def has_manifests(self, account: Account) -> bool:
        """Whether there is anything where the account's manifests are to be: to declare nothing yet is no mistake."""
        return any((self.root / path).exists() for path in account.manifests)

    def manifests(self, account: Account) -> Manifests:
        """The account's files, parsed; files that several accounts share are parsed once."""
        paths = tuple(dict.fromkeys((*self._paths, *account.manifests)))
        if paths not in self._manifests:
            with uncollected():
                self._manifests[paths] = read_manifests(self.root, paths)
        return self._manifests[paths]

    def documents(self) -> frozenset[Path]:
        """The files that manifests name (`$file`), as far as they were resolved."""
        return frozenset(path for manifests in self._manifests.values() for path in manifests.documents)

    def desired(self, account: Account, account_id: str, partition: str = "aws") -> State:
        """What the manifests want of this account as of `now`; InputErrors with every mistake in them."""
        key = (account.name, account_id)
        if key not in self._desired:
            self._desired[key] = self.desired_of(account, account_id, partition)
        return self._desired[key]

    def forget(self, account: Account) -> None:
        """Let go of what `desired` holds of an account: a run about hundreds need not have them all at once."""
        for key in [key for key in tuple(self._desired) if key[0] == account.name]:
            self._desired.pop(key, None)

    def desired_of(
        self, account: Account, account_id: str, partition: str = "aws", beside: Beside | None = None
    ) -> State:
        """As `desired`, for an account whose manifests were named for this once; `beside` as in `resolve`."""
        manifests = self.manifests(account)
        with uncollected():
            state = resolve(
                manifests,
                account,
                account_id=account_id,
                partition=partition,
                config=self.config,
                variables=given(self.options),
                beside=beside,
            )
        check_delivered(self.rails, state)
        return expire(state, self.now)

    def alone(self) -> Project:
        """The same for paths that are named for this once: without a project file there may be no others."""
        return self if self.configured else replace(self, _paths=(), _manifests={}, _desired={})

    def with_texts(self, texts: Mapping[Path, str]) -> Project:
        """The project as it would be with these texts in the place of files; InputError(s) where it would be none."""
        config = self.config
        file = self.root / config.file if config.file is not None else None
        if file is not None and file in texts:
            config = load_config(Path(file.name), self.root, given(self.options), texts[file])
        made = Project(self.options, config, _paths=self._paths)
        if config is not self.config:
            made = made._guarded(self.options.cwd)
        made._manifests = {paths: reread(held, texts) for paths, held in self._manifests.items()}
        return made

    def tests(self, account: Account, account_id: str, partition: str = "aws") -> tuple[PermissionTest, ...]:
        """The tests that guardrails and manifests hold an account to; InputErrors with every mistake in them."""
        return resolve_tests(
            self.manifests(account),
            account,
            account_id=account_id,
            partition=partition,
            config=self.config,
            variables=given(self.options),
            first=self.rails.tests if self.rails is not None else (),
        )

    def offline_id(self, account: Account) -> str:
        """The account id to read manifests with where no AWS is asked."""
        if account.id is None:
            self.options.note(f"no account id is configured for {account.name}; {NO_ACCOUNT} stands in for it")
        return account.id or NO_ACCOUNT

    def settings(self, account: Account) -> Settings:
        """The account's settings with the command line's acknowledgements."""
        given = tuple(_acknowledgement(text) for text in self.options.acknowledge)
        settings = account.settings
        ways = [hop.arn for known in self.config.accounts for hop in (*known.read, *known.write)]
        ids = [known.id for known in self.config.accounts if known.id is not None]
        return replace(
            settings,
            acknowledge=(*settings.acknowledge, *given),
            ways=tuple(dict.fromkeys((*ways, *((self.options.assume_role,) if self.options.assume_role else ())))),
            accounts=tuple(ids),
        )

    def narrowed(self) -> Selector | None:
        """The --target selector, if any."""
        if not self.options.target:
            return None
        try:
            return select(self.options.target, KINDS)
        except ValueError as error:
            raise InputError(str(error), code="bad-selector", hint="for example: --target 'role/app-*'") from error

    def narrowing_paths(self, *, anywhere: bool = False) -> tuple[str, ...]:
        """The PATHs that narrow a configured set, as `narrowing.paths_within` has them; looked at once."""
        if anywhere not in self._within:
            self._within[anywhere] = paths_within(self.options, self.config, anywhere=anywhere)
        return self._within[anywhere]


@contextmanager
def uncollected() -> Iterator[None]:
    """Without the cyclic garbage collector: half of a large load is its looking at nodes that all stay."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _acknowledgement(text: str) -> Acknowledgement:
    guard, _, address = text.partition(":")
    if not guard or guard == "*":
        raise InputError(
            f"--acknowledge {text!r} names no guard",
            code="bad-option",
            hint="write GUARD or GUARD:ADDRESS, as the refusal prints it; there is no blanket consent",
        )
    if guard not in GUARDS:
        raise InputError(
            f"--acknowledge {text!r}: there is no guard {guard!r}",
            code="bad-option",
            hint=did_you_mean(guard, GUARDS, f"guards are {', '.join(GUARDS)}"),
        )
    if guard in ADDRESSED and not address.strip("*"):
        raise InputError(
            f"--acknowledge {text!r} names nobody",
            code="bad-option",
            hint=f"write {guard}:ADDRESS for each, as the refusal prints it: what it asks about cannot be undone",
        )
    return Acknowledgement(guard, address or "*")
