"""One account's IAM in memory (moto's backend), and all accounts of a server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from moto.iam import models

from iamsync.sandbox import aws_policies
from iamsync.sandbox.entities import Group, InstanceProfile, OidcProvider, Policy, Role, SamlProvider, User
from iamsync.sandbox.refusal import Refused, missing
from iamsync.sandbox.stores import Region

Holder = User | Group | Role


class Backend(models.IAMBackend):
    """The IAM of one account in one partition; moto's, with AWS's own policies found on demand."""

    users: dict[str, User]  # type: ignore[assignment]
    groups: dict[str, Group]  # type: ignore[assignment]
    roles: dict[str, Role]  # type: ignore[assignment]
    managed_policies: dict[str, Policy]  # type: ignore[assignment]
    instance_profiles: dict[str, InstanceProfile]  # type: ignore[assignment]
    open_id_providers: dict[str, OidcProvider]  # type: ignore[assignment]
    saml_providers: dict[str, SamlProvider]  # type: ignore[assignment]

    def __init__(self, accounts: Accounts, account_id: str, partition: str) -> None:
        super().__init__(partition, account_id)
        self.accounts = accounts
        self.quotas = accounts.quotas
        # AWS managed policies as a seeded dump showed them; they go before moto's copy.
        self.aws_policies: dict[str, Policy] = {}
        self.stores: dict[str, Region] = {}  # of Secrets Manager and the Parameter Store, by region

    def _init_aws_policies(self) -> list[models.ManagedPolicy]:
        return []

    def get_user(self, name: str) -> User:
        """The user with exactly this name, or NoSuchEntity."""
        if user := self.users.get(name):
            return user
        raise missing("user", name)

    def get_group(self, group_name: str) -> Group:
        """The group with exactly this name, or NoSuchEntity."""
        if group := self.groups.get(group_name):
            return group
        raise missing("group", group_name)

    def get_role(self, role_name: str) -> Role:
        """The role with exactly this name, or NoSuchEntity."""
        for role in self.roles.values():
            if role.name == role_name:
                return role
        raise missing("role", role_name)

    def get_instance_profile(self, profile_name: str) -> InstanceProfile:
        """The instance profile with exactly this name, or NoSuchEntity."""
        if profile := self.instance_profiles.get(profile_name):
            return profile
        raise Refused("NoSuchEntity", f"Instance Profile {profile_name} cannot be found.")

    def find_policy(self, arn: str) -> Policy | None:
        """A customer's or AWS's managed policy."""
        policy = self.managed_policies.get(arn) or self.aws_policies.get(arn) or aws_policies.find(arn)
        return policy if policy is not None and policy.partition == self.partition else None

    def get_policy(self, policy_arn: str) -> Policy:
        """A customer's or AWS's managed policy, or NoSuchEntity."""
        if policy := self.find_policy(policy_arn):
            return policy
        raise Refused("NoSuchEntity", f"Policy {policy_arn} does not exist or is not attachable.")

    def all_aws_policies(self) -> list[Policy]:
        """AWS's policies: the seeded ones, then the rest of moto's copy."""
        others = (each for each in aws_policies.every(self.partition) if each.arn not in self.aws_policies)
        return [*self.aws_policies.values(), *others]

    def holders(self) -> Iterator[Holder]:
        """Everything that policies attach to."""
        yield from self.users.values()
        yield from self.groups.values()
        yield from self.roles.values()

    def attachments(self) -> Counter[str]:
        """How many users, groups and roles each policy ARN is attached to."""
        return Counter(arn for holder in self.holders() for arn in holder.managed_policies)

    def boundary_uses(self) -> Counter[str]:
        """How many users and roles each policy ARN bounds."""
        bounded: list[User | Role] = [*self.users.values(), *self.roles.values()]
        return Counter(each.boundary_arn for each in bounded if each.boundary_arn)

    def groups_of(self, user: User) -> list[Group]:
        """The groups a user is in."""
        return [group for group in self.groups.values() if user in group.users]

    def profiles_of(self, role: Role) -> list[InstanceProfile]:
        """The instance profiles a role is in."""
        return [profile for profile in self.instance_profiles.values() if role in profile.roles]

    @property
    def empty(self) -> bool:
        """Whether nothing was ever made here."""
        return not (
            self.users or self.groups or self.roles or self.managed_policies or self.instance_profiles
            or self.open_id_providers or self.saml_providers or self.account_aliases
            or self.account_password_policy or self.certificates or self.virtual_mfa_devices or self.aws_policies
            or any(self.stores.values())
        )  # fmt: skip


class Partitions(dict[str, Backend]):
    """One account: partition to its IAM, made when first asked for (moto asks for any)."""

    def __init__(self, accounts: Accounts, account_id: str) -> None:
        super().__init__()
        self.accounts = accounts
        self.account_id = account_id

    def __missing__(self, partition: str) -> Backend:
        self[partition] = Backend(self.accounts, self.account_id, partition)
        return self[partition]


class Accounts(dict[str, Partitions]):
    """Account id to its IAM, made when first asked for; `default` takes requests of unknown keys."""

    def __init__(self, default: str, quotas: dict[str, int]) -> None:
        super().__init__()
        self.default = default
        self.quotas = quotas

    def __missing__(self, account_id: str) -> Partitions:
        self[account_id] = Partitions(self, account_id)
        return self[account_id]

    def backends(self) -> Iterator[Backend]:
        """Every account's IAM in every partition that was looked at."""
        for account in list(self.values()):
            yield from list(account.values())

    def known(self, account_id: str) -> bool:
        """Whether this server can tell what exists in an account."""
        account = self.get(account_id)
        return account_id == self.default or (account is not None and any(not each.empty for each in account.values()))

    def of_key(self, access_key: str) -> str:
        """The account a signing key belongs to; a key id of 12 digits names its account itself."""
        for backend in self.backends():
            if access_key in backend.access_keys:
                return backend.account_id
        return access_key if len(access_key) == 12 and access_key.isdecimal() else self.default

    def principal(self, arn: str) -> User | Role | None:
        """The user or role that has this ARN now."""
        _, partition, _, _, account_id, resource = arn.split(":", 5)
        account = self.get(account_id)
        if account is None or partition not in account:
            return None
        kind, _, name = resource.partition("/")
        name = name.rpartition("/")[2]
        backend = account[partition]
        if kind == "user":
            found: User | Role | None = backend.users.get(name)
        else:
            found = next((role for role in backend.roles.values() if role.name == name), None)
        return found if found is not None and found.arn == arn else None

    def by_id(self, unique_id: str) -> User | Role | None:
        """The user or role with this unique id, while it exists."""
        for backend in self.backends():
            if role := backend.roles.get(unique_id):
                return role
            for user in backend.users.values():
                if user.id == unique_id:
                    return user
        return None
