"""The embedded IAM: moto in process, its gaps filled so that it behaves as AWS documents.

It must not know clients (no botocore here) nor anything else of iamsync but its errors.
"""

from __future__ import annotations

from iamsync.sandbox.http import serve
from iamsync.sandbox.server import Server

__all__ = ["Server", "serve"]
