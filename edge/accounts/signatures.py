"""
Signed URLs: ``exp`` and ``sig`` at the end of a CDN URL, as Bytescale documents them.

    https://audio.example/W142hJk/audio/talk.mp3?f=mp3&exp=1785000000&sig=1.01JD….kX3…

What is signed is the whole URL without its scheme and without the signature, so nothing of it can
be changed (bytescale.com/docs/secure-urls/signed-urls). Ours are made with the secret API key's
text, where Bytescale has another secret for it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_VERSION = "1"
_LONGEST_KEY_ID = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature as it stands in a URL: ``mac`` is base64url without padding."""

    key_id: str
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whoever may sign: a key, its text, and the ``exp`` that is written into what it signs."""

    key_id: str
    secret: str
    expires: str

    def signed(self, url: str) -> str:
        """
        Sign a URL that has no ``exp`` and no ``sig`` yet.

        Args:
            url: Without its scheme: host, path, and parameters after ``!`` or ``?``.

        Returns:
            The URL, which is still without its scheme, with both.
        """
        message = f"{url}{_joint(url)}exp={self.expires}"
        return f"{message}&sig={_VERSION}.{self.key_id}.{mac_of(message, self.secret)}"


def read_signature(text: str) -> Signature | None:
    """Read the value of ``sig``; None if it cannot be one."""
    version, _, rest = text.partition(".")
    key_id, _, mac = rest.partition(".")
    if version != _VERSION or not 0 < len(key_id) <= _LONGEST_KEY_ID or not mac.isascii():
        return None
    return Signature(key_id=key_id, mac=mac.rstrip("="))


def verify(message: str, signature: Signature, secret: str) -> bool:
    """Tell whether *secret* made the signature of *message*, in constant time."""
    expected = mac_of(message, secret).encode()
    return hmac.compare_digest(expected, signature.mac.encode())


def message_of(host: str, raw_path: str, query: str) -> str:
    """
    Spell what the signature of a URL is made of: all of it but the signature.

    Args:
        host: As clients know it, with its port if it has one.

        raw_path: As it came over the wire, parameters after ``!`` included.

        query: What follows ``?``, or empty.
    """
    path, mark, inline = raw_path.partition("!")
    return host.lower() + path + _without(mark, inline) + _without("?" if query else "", query)


def mac_of(message: str, secret: str) -> str:
    """Compute HMAC-SHA-256, spelt as base64url without padding."""
    mac = hmac.new(secret.encode(), message.encode(errors="surrogatepass"), hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()


def _without(mark: str, parameters: str) -> str:
    """Leave the signature out of some parameters, and their mark too if there were no others."""
    pieces = parameters.split("&")
    kept = [piece for piece in pieces if unquote_to_bytes(piece.partition("=")[0]) != b"sig"]
    return mark + "&".join(kept) if kept or len(kept) == len(pieces) else ""


def _joint(url: str) -> str:
    if "?" not in url and "!" not in url:
        return "?"
    return "" if url.endswith(("?", "!", "&")) else "&"
