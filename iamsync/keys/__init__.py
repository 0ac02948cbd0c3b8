"""Ages and rules -> a plan of what happens to access keys and passwords; pure.

Everything is decided by what stands in the account and beside the delivered secrets, so that a run that
died anywhere is finished by the next. Three notes make that possible, and none is a secret: what was
delivered is told by its place (`delivery.Place.holds`), a tag of the user says which keys there were before
one is created, and another since when an old key is off.
"""

from iamsync.keys.asked import deleted, quarantined, switched_off
from iamsync.keys.due import claimed, turn
from iamsync.keys.held import QUARANTINE, Act, Held, Key, Turn
from iamsync.keys.plan import Whose, approval, bereft, changes, plan, targets

__all__ = [
    "QUARANTINE",
    "Act",
    "Held",
    "Key",
    "Turn",
    "Whose",
    "approval",
    "bereft",
    "claimed",
    "changes",
    "deleted",
    "plan",
    "quarantined",
    "switched_off",
    "targets",
    "turn",
]
