"""iamsync keeps the IAM of AWS accounts equal to YAML manifests in git."""

__version__ = "0.1.0"
