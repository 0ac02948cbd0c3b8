"""Calls about the account itself and its identity providers, and the whole of IAM put together."""

from __future__ import annotations

from typing import Any

from moto.core.responses import ActionResult, EmptyResult

from iamsync.sandbox import checks
from iamsync.sandbox.backend import Accounts
from iamsync.sandbox.entities import OidcProvider, SamlProvider, tag_list
from iamsync.sandbox.groups import GroupCalls
from iamsync.sandbox.holders import HolderCalls
from iamsync.sandbox.policies import PolicyCalls, details
from iamsync.sandbox.quotas import UNTOLD
from iamsync.sandbox.refusal import Refused, over
from iamsync.sandbox.reports import ReportCalls
from iamsync.sandbox.roles import RoleCalls
from iamsync.sandbox.users import UserCalls

# What IAM would find out by itself when no thumbprint is given.
_THUMBPRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"


class AccountCalls(HolderCalls):
    """GetAccountSummary, CreateOpenIDConnectProvider and so on."""

    def get_account_authorization_details(self) -> ActionResult:
        return ActionResult(details(self.iam, set(self.params.get("Filter", []))))

    def get_account_summary(self) -> ActionResult:
        iam = self.iam
        policies = list(iam.managed_policies.values())
        counts = {
            "AccountAccessKeysPresent": 0,
            "AccountMFAEnabled": 1,
            "AccountPasswordPresent": 1,
            "AccountSigningCertificatesPresent": 0,
            "GlobalEndpointTokenVersion": 1,
            "Groups": len(iam.groups),
            "InstanceProfiles": len(iam.instance_profiles),
            "MFADevices": len(iam.virtual_mfa_devices),
            "MFADevicesInUse": sum(len(user.mfa_devices) for user in iam.users.values()),
            "Policies": len(policies),
            "PolicyVersionsInUse": sum(len(policy.versions) for policy in policies),
            "Providers": len(iam.open_id_providers) + len(iam.saml_providers),
            "Roles": len(iam.roles),
            "ServerCertificates": len(iam.certificates),
            "Users": len(iam.users),
        }
        quotas = {name: limit for name, limit in iam.quotas.items() if name not in UNTOLD}
        return ActionResult({"SummaryMap": counts | quotas})

    def create_account_alias(self) -> ActionResult:
        alias = self.params["AccountAlias"]
        for other in self.accounts.backends():
            if other is not self.iam and alias in other.account_aliases:
                raise Refused("EntityAlreadyExists", f"The account alias {alias} already exists.")
        return super().create_account_alias()

    def delete_account_alias(self) -> ActionResult:
        alias = self.params["AccountAlias"]
        if alias not in self.iam.account_aliases:
            raise Refused("NoSuchEntity", f"The account alias with name {alias} cannot be found.")
        return super().delete_account_alias()

    def create_open_id_connect_provider(self) -> ActionResult:
        iam, url = self.iam, self.params["Url"]
        if not url.startswith("https://"):
            raise Refused("ValidationError", "Invalid Open ID Connect Provider URL")
        thumbprints = self.params.get("ThumbprintList") or [_THUMBPRINT]
        provider = OidcProvider(iam.account_id, iam.partition, url, thumbprints, self.params.get("ClientIDList", []))
        if provider.arn in iam.open_id_providers:
            raise Refused("EntityAlreadyExists", f"Provider with url {url} already exists.")
        provider.tag_map = self.new_tags(fold=False)
        iam.open_id_providers[provider.arn] = provider
        return ActionResult({"OpenIDConnectProviderArn": provider.arn, "Tags": tag_list(provider.tag_map)})

    def get_open_id_connect_provider(self) -> ActionResult:
        provider = self._oidc()
        return ActionResult(
            {
                "Url": provider.url,
                "ClientIDList": provider.client_id_list,
                "ThumbprintList": provider.thumbprint_list,
                "CreateDate": provider.create_date,
                "Tags": tag_list(provider.tag_map),
            }
        )

    def add_client_id_to_open_id_connect_provider(self) -> ActionResult:
        provider, client = self._oidc(), self.params["ClientID"]
        if client not in provider.client_id_list:
            if len(provider.client_id_list) >= 100:
                raise over("ClientIdsPerOpenIdConnectProvider", 100)
            provider.client_id_list.append(client)
        return EmptyResult()

    def remove_client_id_from_open_id_connect_provider(self) -> ActionResult:
        provider, client = self._oidc(), self.params["ClientID"]
        if client in provider.client_id_list:
            provider.client_id_list.remove(client)
        return EmptyResult()

    def tag_open_id_connect_provider(self) -> ActionResult:
        return self.tag(self._oidc())

    def untag_open_id_connect_provider(self) -> ActionResult:
        return self.untag(self._oidc())

    def list_open_id_connect_provider_tags(self) -> ActionResult:
        return self.list_tags(self._oidc())

    def create_saml_provider(self) -> ActionResult:
        iam, name = self.iam, self.params["Name"]
        checks.free_name("SAML provider", name, iam.saml_providers)
        provider = SamlProvider(iam.account_id, iam.partition, name, self.params["SAMLMetadataDocument"])
        provider.tag_map = self.new_tags(fold=False)
        iam.saml_providers[name] = provider
        return ActionResult({"SAMLProviderArn": provider.arn, "Tags": tag_list(provider.tag_map)})

    def get_saml_provider(self) -> ActionResult:
        return ActionResult(self._saml_view(self._saml()))

    def list_saml_providers(self) -> ActionResult:
        shown = [
            {"Arn": each.arn, "ValidUntil": each.valid_until, "CreateDate": each.create_date}
            for each in self.iam.saml_providers.values()
        ]
        return ActionResult({"SAMLProviderList": shown})

    def update_saml_provider(self) -> ActionResult:
        provider = self._saml()
        # The document may be left out, when only keys or the encryption mode change.
        provider.saml_metadata_document = self.params.get("SAMLMetadataDocument", provider.saml_metadata_document)
        return ActionResult({"SAMLProviderArn": provider.arn})

    def delete_saml_provider(self) -> ActionResult:
        del self.iam.saml_providers[self._saml().name]
        return EmptyResult()

    def tag_saml_provider(self) -> ActionResult:
        return self.tag(self._saml())

    def untag_saml_provider(self) -> ActionResult:
        return self.untag(self._saml())

    def list_saml_provider_tags(self) -> ActionResult:
        return self.list_tags(self._saml())

    @staticmethod
    def _saml_view(provider: SamlProvider) -> dict[str, Any]:
        return {
            "SAMLMetadataDocument": provider.saml_metadata_document,
            "CreateDate": provider.create_date,
            "ValidUntil": provider.valid_until,
            "Tags": tag_list(provider.tag_map),
        }

    def _oidc(self) -> OidcProvider:
        arn = self.params["OpenIDConnectProviderArn"]
        provider = self.iam.open_id_providers.get(arn)
        if provider is None:
            raise Refused("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}")
        return provider

    def _saml(self) -> SamlProvider:
        arn = self.params["SAMLProviderArn"]
        for provider in self.iam.saml_providers.values():
            if provider.arn == arn:
                return provider
        raise Refused("NoSuchEntity", f"SAMLProvider not found for arn {arn}")


class Iam(UserCalls, GroupCalls, RoleCalls, PolicyCalls, ReportCalls, AccountCalls):
    """All of IAM: moto's calls, with those above in their place."""

    def __init__(self, accounts: Accounts) -> None:
        super().__init__()
        self.accounts = accounts
        # moto would encode documents and drop members by these paths; the views already did.
        self.RESPONSE_KEY_PATH_TO_TRANSFORMER = {}

    def _determine_resource(self) -> str:
        # moto looks the role up for authorization, which it does not do here.
        return "*"

    @property
    def backend(self) -> Any:
        """The IAM of the caller's account, under the name by which moto's own calls know it."""
        return self.iam
