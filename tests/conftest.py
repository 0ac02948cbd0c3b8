"""Every test's defaults: properties try the same examples each time, but in the full run (`make laws`)."""

from __future__ import annotations

import os

from hypothesis import settings

FULL = os.environ.get("IAMSYNC_LAWS") == "full"
settings.register_profile("iamsync", deadline=None, derandomize=not FULL)
settings.load_profile("iamsync")
