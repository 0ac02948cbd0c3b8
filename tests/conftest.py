"""Every test's defaults: properties try the same examples each time, but in the full run (`make laws`)."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

# Whoever runs the tests in the background may have SIGINT ignored, which every command that they start would inherit:
# a Ctrl-C that is tested would then reach nobody.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

FULL = os.environ.get("IAMSYNC_LAWS") == "full"
settings.register_profile("iamsync", deadline=None, derandomize=not FULL)
settings.load_profile("iamsync")
