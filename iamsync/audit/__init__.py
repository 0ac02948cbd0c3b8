"""An audit: what of an account's IAM is unsafe, unused or more than anybody needs.

Pure: an `Evidence` (a state, AWS's reports, who reaches administrator) becomes findings and the answers to the controls
of published standards. It asks nobody, and what its evidence cannot tell is said to be undecided.
"""

from __future__ import annotations

from iamsync.audit.controls import Answer, answers
from iamsync.audit.credentials import credentials, knows_passwords
from iamsync.audit.evidence import Evidence, Limits, Observed, Reach, Route, Stage
from iamsync.audit.granted import granted
from iamsync.audit.reaching import reaching
from iamsync.audit.trusted import trusted
from iamsync.audit.unused import unused
from iamsync.controls import GRADES

__all__ = ["Answer", "Evidence", "Limits", "Observed", "Reach", "Route", "Stage", "answers", "audit", "knows_passwords"]


def audit(evidence: Evidence) -> tuple[Observed, ...]:
    """Everything that was found: the gravest first, then by id and address."""
    found = [
        *credentials(evidence),
        *granted(evidence),
        *unused(evidence),
        *trusted(evidence),
        *reaching(evidence),
    ]
    return tuple(sorted(found, key=lambda one: (GRADES.index(one.severity), one.id, str(one.address), one.mark)))
