"""
Signatures of webhooks, as https://www.standardwebhooks.com defines them (version 1.0.0).

    webhook-signature: v1,<base64 of HMAC-SHA256 over "{id}.{timestamp}.{body}">

With the id signed nobody can pass one event off as another, and with the time an old one as new.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

_PREFIX: Final = "whsec_"
# "Webhook secrets", in the specification's "Signature scheme": 24 to 64 bytes.
_SECRET_BYTES = 32


def new_secret() -> str:
    """Return a random secret, as receivers' libraries take it: ``whsec_`` and base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def signed_headers(
    event_id: str, at_seconds: int, body: bytes, signers: Sequence[str]
) -> dict[str, str]:
    """
    Return the headers that prove where a message comes from.

    Args:
        at_seconds: When it is sent, since the Unix epoch.

        signers: Secrets, each of which is to prove it; there is a signature for each.
    """
    message = f"{event_id}.{at_seconds}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(at_seconds),
        "webhook-signature": " ".join(_signature(secret, message) for secret in signers),
    }


def _signature(secret: str, message: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    return "v1," + base64.b64encode(hmac.digest(key, message, hashlib.sha256)).decode()
