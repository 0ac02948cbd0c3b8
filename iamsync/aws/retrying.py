"""What failed, and whether repeating it may help: the one table of it.

| Sort | What AWS says | Who repeats it |
|---|---|---|
| throttled | the rate is used up | the SDK, at a rate that it finds; what it must not repeat, the executor |
| doubtful | nothing, or a failure of its own: perhaps it was done | the same; then what stands there is looked at |
| busy | another write to the same thing is under way | the executor |
| late | what is named is not there, or still held | the executor, where this run made it or let go of it |
| final | anything else | nobody |

The SDK knows only the first two (its `_retry.json` has nothing of IAM), so the rest stands here.
"""

from __future__ import annotations

from typing import Final, Literal

from iamsync.errors import AwsError, Unsupported
from iamsync.kinds import KINDS
from iamsync.kinds.operations import CREATIONS
from iamsync.model import Address, Step

Sort = Literal["throttled", "doubtful", "busy", "late", "final"]

# How often the SDK makes a call: usually, where somebody waits to hear that nobody answers, and never again.
ATTEMPTS: Final = 10
FEW: Final = 4
SINGLE: Final = 1

# Each makes another thing when it is repeated, so the SDK must not repeat it.
ONCE: Final = frozenset(
    {"CreatePolicyVersion", "CreateAccessKey", "CreateLoginProfile", "CreateServiceSpecificCredential"}
)
REMOVALS: Final = ("Delete", "Detach", "Remove", "Untag", "Deactivate")
_DELETIONS: Final = frozenset(f"Delete{kind.noun}" for kind in KINDS.values()) | {"DeleteVirtualMFADevice"}
THROTTLED: Final = frozenset({"Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException"})
_BUSY: Final = frozenset({"ConcurrentModification", "EntityTemporarilyUnmodifiable"})
_LATE: Final = frozenset({"NoSuchEntity", "DeleteConflict", "EntityAlreadyExists"})

# Seconds. AWS gives no figure for how long a new principal stays unknown; two minutes is what others wait.
PATIENCE: Final = 120.0
_CONFLICT_PATIENCE: Final = 60.0
LONGEST_PAUSE: Final = 20.0
# Between looks for what a lost answer may have made: AWS may show it some seconds after it made it.
LOOKS: Final = (1.0, 2.0, 4.0, 8.0)
# Between two reads of an account of which two lists disagree: one of them may be some seconds old.
REREADS: Final = (1.0, 2.0, 4.0)


def sort_of(error: AwsError) -> Sort:
    """What sort of failure this is, by AWS's code."""
    if error.aws_code in THROTTLED:
        return "throttled"
    if error.doubtful:
        return "doubtful"
    if error.aws_code in _BUSY:
        return "busy"
    principal = error.aws_code == "MalformedPolicyDocument" and "invalid principal in policy" in error.message.lower()
    return "late" if principal or error.aws_code in _LATE else "final"


def patience(step: Step, error: AwsError, created: frozenset[Address], doubted: bool) -> float:
    """For how many seconds in all repeating a step may still help, once the SDK has given up.

    `created` are what this run made that the step depends on; `doubted`: an earlier attempt may have been carried out.
    """
    sort, code = sort_of(error), error.aws_code
    if sort == "busy":
        return PATIENCE
    if sort in ("throttled", "doubtful"):
        # An answer that is none of this API comes from something that is not AWS, and will come again.
        return PATIENCE if step.operation in ONCE and not isinstance(error, Unsupported) else 0.0
    if code == "DeleteConflict":  # what was just detached may still count
        return _CONFLICT_PATIENCE if step.operation in _DELETIONS and step.after else 0.0
    if code == "EntityAlreadyExists":  # ours, it seems, but perhaps not to be read yet
        return LONGEST_PAUSE if doubted and step.operation in CREATIONS else 0.0
    if code == "NoSuchEntity" and step.operation.startswith(REMOVALS):
        # To take something away from what is not there needs no waiting, unless this run made the owner.
        return PATIENCE if step.address in created else 0.0
    return PATIENCE if sort == "late" and created else 0.0


def pause(number: int, jitter: float) -> float:
    """Seconds before the next attempt: doubling from 1 (`number` 0) up to 20, less up to half by chance."""
    return float(min(LONGEST_PAUSE, 2.0**number) * (0.5 + 0.5 * jitter))
