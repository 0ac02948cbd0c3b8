"""`python -m iamsync`."""

import os
import sys

# Python looks first where it was started: among manifests, where a file called yaml.py would be run.
try:
    here = os.getcwd()
except OSError:  # the folder is gone, and nothing lies in it
    here = ""
sys.path[:] = [path for path in sys.path if path and os.path.normpath(path) != here]

from iamsync.cli.begin import main  # noqa: E402

if __name__ == "__main__":
    main()
