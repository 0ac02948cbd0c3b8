"""The condition keys that every service knows: type, several values or one, whether every request has them.

Source: the IAM user guide's page of global condition keys. The action catalogue holds the services' own
keys and of these only the tag keys.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Type = str  # String, Numeric, Date, Bool, IPAddress, ARN


@dataclass(frozen=True, slots=True)
class Key:
    """A condition key; one that ends in a slash is followed by a name of the writer's choice."""

    name: str
    type: Type = "String"
    several: bool = False
    always: bool = False


_GLOBAL: Final = (
    Key("aws:AssumedRoot", "Bool"),
    Key("aws:CalledVia", several=True),
    Key("aws:CalledViaFirst"),
    Key("aws:CalledViaLast"),
    Key("aws:CalledViaAWSMCP"),
    Key("aws:ChatbotSourceArn", "ARN"),
    Key("aws:CurrentTime", "Date", always=True),
    Key("aws:Ec2InstanceSourcePrivateIPv4", "IPAddress"),
    Key("aws:Ec2InstanceSourceVpc"),
    Key("aws:EpochTime", "Date", always=True),
    Key("aws:FederatedProvider"),
    Key("aws:IsMcpServiceAction", "Bool"),
    Key("aws:MultiFactorAuthAge", "Numeric"),
    Key("aws:MultiFactorAuthPresent", "Bool"),
    Key("aws:PrincipalAccount", always=True),
    Key("aws:PrincipalArn", "ARN"),
    Key("aws:PrincipalIsAWSService", "Bool"),
    Key("aws:PrincipalOrgID"),
    Key("aws:PrincipalOrgMasterAccountId"),
    Key("aws:PrincipalOrgPaths", several=True),
    Key("aws:PrincipalServiceName"),
    Key("aws:PrincipalServiceNamesList", several=True),
    Key("aws:PrincipalTag/"),
    Key("aws:PrincipalType", always=True),
    Key("aws:Referer"),
    Key("aws:RequestedRegion", always=True),
    Key("aws:RequestTag/"),
    Key("aws:ResourceAccount"),
    Key("aws:ResourceOrgID"),
    Key("aws:ResourceOrgPaths", several=True),
    Key("aws:ResourceTag/"),
    Key("aws:SecureTransport", "Bool", always=True),
    Key("aws:SignInSessionArn", "ARN"),
    Key("aws:SourceAccount"),
    Key("aws:SourceArn", "ARN"),
    Key("aws:SourceIdentity"),
    Key("aws:SourceIp", "IPAddress"),
    Key("aws:SourceOrgID"),
    Key("aws:SourceOrgPaths", several=True),
    Key("aws:SourceVpc"),
    Key("aws:SourceVpcArn", "ARN"),
    Key("aws:SourceVpce"),
    Key("aws:TagKeys", several=True),
    Key("aws:TokenIssueTime", "Date"),
    Key("aws:UserAgent", always=True),
    Key("aws:userid", always=True),
    Key("aws:username"),
    Key("aws:ViaAWSMCPService", "Bool"),
    Key("aws:ViaAWSService", "Bool", always=True),
    Key("aws:VpceAccount"),
    Key("aws:VpceOrgID"),
    Key("aws:VpceOrgPaths", several=True),
    Key("aws:VpcSourceIp", "IPAddress"),
    # Keys with a service's name that its roles carry to every other service.
    Key("ec2:RoleDelivery", "Numeric"),
    Key("ec2:SourceInstanceArn", "ARN"),
    Key("glue:CredentialIssuingService"),
    Key("glue:RoleAssumedBy"),
    Key("identitystore:UserId"),
    Key("lambda:SourceFunctionArn", "ARN"),
    Key("ssm:SourceInstanceArn", "ARN"),
)
GLOBAL_NAMES: Final = tuple(key.name for key in _GLOBAL)
_BY_NAME: Final = {key.name.lower(): key for key in _GLOBAL}


def global_key(name: str) -> Key | None:
    """The global key of this name (lower case), or None."""
    held = _BY_NAME.get(name)
    if held is None and (slash := name.find("/")) > 0 and len(name) > slash + 1:
        held = _BY_NAME.get(name[: slash + 1])
    return held
