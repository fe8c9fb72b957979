"""
Signed URLs: ``exp`` and ``sig`` at the end of a CDN URL, as Bytescale documents them.

    https://audio.example/W142hJk/audio/talk.mp3?f=mp3&exp=1785000000&sig=1.01JD….kX3…

What is signed is the whole URL without its scheme and without the signature, so nothing of it can
be changed (bytescale.com/docs/secure-urls/signed-urls). Ours are made with the secret API key's
text, where Bytescale has another secret for it.

An MPD has one template for all segments of a Representation, so it needs one signature for them.
That is ours, version ``p1``: it is of a URL whose artifact may be any part of one stream.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

_VERSION = "1"
_VERSION_OF_PARTS = "p1"

# No URL has a space in it, so no signature of the one kind is one of the other.
_MARK_OF_PARTS = "parts "
_KEY_ID = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """
    A signature as it stands in a URL: ``mac`` is base64url without padding.

    One ``of_parts`` is good for each part of a stream.
    """

    key_id: str
    mac: str
    of_parts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whoever may sign: a key, its text, and the ``exp`` that is written into what it signs."""

    key_id: str
    secret: str
    expires: str

    def suffix(self, url: str) -> str:
        """
        Spell what makes a signed URL of one that has no ``exp`` and no ``sig`` yet.

        Args:
            url: Without its scheme: host, path, and parameters after ``!`` or ``?``.
        """
        expiry = f"{_joint(url)}exp={self.expires}"
        return f"{expiry}&sig={_VERSION}.{self.key_id}.{mac_of(url + expiry, self.secret)}"

    def suffix_of_parts(self, url: str) -> str:
        """Spell what signs each part of a stream; *url* ends with ``a=``."""
        expiry = f"&exp={self.expires}"
        message = f"{_MARK_OF_PARTS}{url}*{expiry}"
        return f"{expiry}&sig={_VERSION_OF_PARTS}.{self.key_id}.{mac_of(message, self.secret)}"


def read_signature(text: str) -> Signature | None:
    """Read the value of ``sig``; None if it cannot be one."""
    version, _, rest = text.partition(".")
    key_id, _, mac = rest.partition(".")
    if not _KEY_ID.fullmatch(key_id) or not mac.isascii():
        return None
    if version not in (_VERSION, _VERSION_OF_PARTS):
        return None
    of_parts = version == _VERSION_OF_PARTS
    return Signature(key_id=key_id, mac=mac.rstrip("="), of_parts=of_parts)


def verify(message: str, signature: Signature, secret: str) -> bool:
    """Tell whether *secret* made the signature of *message*, in constant time."""
    expected = mac_of(message, secret).encode()
    return hmac.compare_digest(expected, signature.mac.encode())


def message_of(host: str, raw_path: str, query: str, *, of_parts: bool = False) -> str:
    """
    Spell what the signature of a URL is made of: all of it but the signature.

    Args:
        host: As clients know it, with its port if it has one.

        raw_path: As it came over the wire, parameters after ``!`` included.

        query: What follows ``?``, or empty.

        of_parts: Leave open which part of a stream it is.
    """
    path, mark, inline = raw_path.partition("!")
    respelt = (
        _respelt(mark, inline, of_parts=of_parts),
        _respelt("?" if query else "", query, of_parts=of_parts),
    )
    return "".join([_MARK_OF_PARTS if of_parts else "", host.lower(), path, *respelt])


def mac_of(message: str, secret: str) -> str:
    """Compute HMAC-SHA-256, spelt as base64url without padding."""
    mac = hmac.new(secret.encode(), message.encode(errors="surrogatepass"), hashlib.sha256)
    return base64.urlsafe_b64encode(mac.digest()).rstrip(b"=").decode()


def _respelt(mark: str, parameters: str, *, of_parts: bool) -> str:
    """Leave the signature out of some parameters, and their mark too if there were no others."""
    pieces = parameters.split("&")
    kept = [piece for piece in pieces if _name(piece) != b"sig"]
    if of_parts:
        kept = ["a=*" if _name(piece) in (b"a", b"artifact") else piece for piece in kept]
    return mark + "&".join(kept) if kept or len(kept) == len(pieces) else ""


def _name(parameter: str) -> bytes:
    return unquote_to_bytes(parameter.partition("=")[0])


def _joint(url: str) -> str:
    if "?" not in url and "!" not in url:
        return "?"
    return "" if url.endswith(("?", "!", "&")) else "&"
