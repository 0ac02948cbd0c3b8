"""Which region a global service is signed for, and which partition a region is in."""

from __future__ import annotations

import os
from typing import Any, Final

# Where IAM's control plane is: the tagging API knows IAM's resources only there.
IAM_REGIONS: Final = {
    "aws": "us-east-1",
    "aws-cn": "cn-north-1",
    "aws-us-gov": "us-gov-west-1",
    "aws-eusc": "eusc-de-east-1",
    "aws-iso": "us-iso-east-1",
    "aws-iso-b": "us-isob-east-1",
    "aws-iso-e": "eu-isoe-west-1",
    "aws-iso-f": "us-isof-south-1",
}
HOME: Final = "us-east-1"
# How the names of a partition's regions begin.
_REGIONS_OF: Final = {
    "cn-": "aws-cn",
    "us-gov-": "aws-us-gov",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "eu-isoe-": "aws-iso-e",
    "us-isof-": "aws-iso-f",
}


def region_of(named: str | None, partition: str | None, session: Any) -> str:
    """The region to sign for: that of --region or the project, of the profile, or of the environment.

    `named` and `partition` are what the account's configuration says, if it does.
    """
    # STS needs a region even though IAM has none, one of the account's partition; AWS_REGION is what CI systems set.
    configured = named or session.get_config_variable("region") or os.environ.get("AWS_REGION")
    if partition is None or (configured and named) or partition_of(configured) == partition:
        return configured or HOME
    return IAM_REGIONS.get(partition, configured or HOME)


def partition_of(region: str | None) -> str:
    """The partition that a region is in, by its name; aws where it is none that is known."""
    found = (held for start, held in _REGIONS_OF.items() if (region or "").startswith(start))
    return next(found, "aws")


def tagging_region(partition: str, region: str) -> str:
    """The region whose tagging API knows IAM's resources; `region` in a partition that is not known."""
    return IAM_REGIONS.get(partition, region)
