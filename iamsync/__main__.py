"""`python -m iamsync`."""

import sys
from pathlib import Path

# Python looks first where it was started: among manifests, where a file called yaml.py would be run.
sys.path[:] = [path for path in sys.path if path and Path(path) != Path.cwd()]

from iamsync.cli.app import main  # noqa: E402

if __name__ == "__main__":
    main()
