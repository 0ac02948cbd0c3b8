"""What IAM Access Analyzer finds in the documents of manifests, as findings beside our own."""

from __future__ import annotations

from typing import Final

from iamsync.aws import analyzer
from iamsync.aws.session import Connection
from iamsync.manifest.linting import More
from iamsync.manifest.load import Beside
from iamsync.policy.lint import Lint, Severity

PREFIX: Final = "AA-"
EXPLANATION: Final = (
    "IAM Access Analyzer found this: it checks a document by AWS's own grammar and best practices "
    "(validate --access-analyzer). The finding names AWS's page about the check. An error is shown as high, a security "
    "warning as high, a warning as medium, a suggestion as info. It can be suppressed by its id, as any other."
)
_SEVERITIES: Final[dict[str, Severity]] = {
    "ERROR": "high",
    "SECURITY_WARNING": "high",
    "WARNING": "medium",
    "SUGGESTION": "info",
}


def title(finding: str) -> str:
    """What a check is called: `AA-MISSING_VERSION` is Access Analyzer's "missing version"."""
    return f"Access Analyzer: {finding.removeprefix(PREFIX).replace('_', ' ').lower()}"


def remarks(connection: Connection, beside: Beside) -> More:
    """AWS's findings in every document that manifests declare, by its text and whether it is a trust policy."""
    asked = {
        analyzer.Document(written.document.text, written.use == "trust"): written for _, written in beside.documents
    }
    return {
        (document.text, document.trust): tuple(map(_lint, found))
        for document, found in analyzer.validate(connection, asked).items()
    }


def _lint(remark: analyzer.Remark) -> Lint:
    severity = _SEVERITIES.get(remark.kind, "medium")
    return Lint(f"{PREFIX}{remark.code}", severity, remark.path, remark.text, f"see {remark.link}", remark.key)
