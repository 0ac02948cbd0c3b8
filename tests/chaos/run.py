"""The trials from the command line: one of them with its log, or the whole grid with its table.

python -m tests.chaos.run --fault lost --rate 0.3 --seed 7 --scene update
"""

from __future__ import annotations

import argparse
import sys

from tests.chaos.faults import FAULTS
from tests.chaos.scenes import SCENES
from tests.chaos.trial import tried
from tests.chaos.wires import endpoint


def main() -> int:
    """One trial; 1 where something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fault", choices=FAULTS, required=True)
    parser.add_argument("--rate", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--scene", choices=SCENES, default="update")
    parser.add_argument("--transport", choices=("embedded", "http"), default="embedded")
    parser.add_argument("--parallelism", type=int, default=1)
    given = parser.parse_args()
    what = (given.fault, given.rate, given.seed, given.scene)
    if given.transport == "http":
        with endpoint() as reached:
            made = tried(*what, endpoint=reached, parallelism=given.parallelism)
    else:
        made = tried(*what, parallelism=given.parallelism)
    print(made)
    print(f"{made.runs} runs, {made.calls} calls, {made.struck} struck, {made.seconds:.0f} s of waiting")
    return 1 if made.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
