"""
The URLs that an answer leads to, signed for whoever asked by a signed URL.

Players of a private stream ask for its playlists and segments by the URLs that they are given, and
cannot sign. So each child of a signed answer carries a signature of the same key, which ends when
that of its parent does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote

from edge.accounts.signatures import Signer
from transforms.formats import HLS_MEDIA_TYPE
from transforms.manifests import dash, hls

# What clients percent-encode by themselves in a path or a query (URL standard, percent-encode
# sets): it has to be signed as it will be asked for.
_UNSAFE = re.compile(r"[\x00-\x20\"'<>`{}^|\\\x7f-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """Signs what an answer leads to; ``host`` is this edge's, as its clients know it."""

    signer: Signer
    host: str

    def path(self, path: str) -> str:
        """Sign a path with its parameters."""
        path = encoded(path)
        return path + self.signer.suffix(self.host + path)

    def manifest(self, text: str, media_type: str, *, base: str, prefix: str) -> str:
        """
        Sign the URIs of a manifest of ours.

        Args:
            text: Its URIs are relative to the artifact.

            media_type: That of HLS or of DASH.

            base: The path of the request, which references are resolved against.

            prefix: The artifact's path relative to *base*.
        """
        prefix = encoded(prefix)
        if media_type == HLS_MEDIA_TYPE:
            # What players add to the URL when they ask for news would not be signed.
            text = hls.without_blocking_reload(text)
            return hls.respell(text, lambda uri: self._reference(base, prefix + uri))
        parts = resolved(base, prefix).removesuffix("/")
        suffix = self.signer.suffix_of_parts(self.host + parts)
        return dash.rebase(dash.extend(text, suffix), prefix)

    def _reference(self, base: str, reference: str) -> str:
        return reference + self.signer.suffix(self.host + resolved(base, reference))


def resolved(base: str, reference: str) -> str:
    """Resolve a reference as ``edge.web.streams.relative`` spells them (RFC 3986, 5.2)."""
    if reference.startswith("/"):
        return reference
    return base[: base.rfind("/") + 1] + reference.removeprefix("./")


def encoded(text: str) -> str:
    """Percent-encode what clients would."""
    return _UNSAFE.sub(lambda found: quote(found[0]), text)
