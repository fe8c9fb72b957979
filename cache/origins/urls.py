"""
Which URLs from outside are understood at all.

Only spellings that every program reads alike are admitted. A host that is a number in disguise
(``2130706433``, ``0x7f.1``, ``①②⑦.0.0.1``) would still be caught at its address, but not for
those who list that network; there is no honest reason to write one.
"""

import re
from urllib.parse import urlsplit

from yarl import URL

from cache.source import SourceForbidden

_MAX_LENGTH = 8192

# The WHATWG URL standard, "ends in a number checker": such a host is an IPv4 address or nothing.
_LIKE_A_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9A-Fa-f]*)\.?\Z")
_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_NAME = re.compile(r"(?=.{1,254}\Z)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*\.?\Z")
_DOTTED_QUAD = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}\Z")


def admit(text: str) -> URL:
    """
    Parse the absolute URL *text*.

    Percent-encoding is kept as it stands, since signatures may depend on it.

    Raises:
        SourceForbidden: It is not http or https, carries a user name, or its host is not a
            plain name or address.
    """
    if len(text) > _MAX_LENGTH or any(char <= " " or char in "\\\x7f" for char in text):
        raise SourceForbidden("the URL is too long or has characters no URL has")
    try:
        parts = urlsplit(text)
        url = URL(text, encoded=text.isascii())
        host, port = url.raw_host, url.port
    except ValueError as problem:
        raise SourceForbidden("the URL cannot be parsed") from problem
    if parts.scheme not in ("http", "https") or not host or port in (None, 0):
        raise SourceForbidden("only http and https URLs with a host are fetched")
    if "@" in parts.netloc:
        raise SourceForbidden(f"{host}: the URL carries a user name or password")
    if not _is_plain(host, spelled=parts.hostname or ""):
        raise SourceForbidden(f"{host}: the host is neither a plain name nor a plain address")
    return url.with_fragment(None)


def redirected(url: URL, location: str) -> URL:
    """
    Return where *url* redirects to.

    Raises:
        SourceForbidden: The target is not admitted, or gives up https for http.
    """
    try:
        joined = url.join(URL(location, encoded=location.isascii()))
    except ValueError as problem:
        raise SourceForbidden(f"{without_secrets(url)}: redirects to no URL") from problem
    target = admit(str(joined))
    if url.scheme == "https" and target.scheme != "https":
        raise SourceForbidden(f"{without_secrets(url)}: redirects from https to http")
    return target


def without_secrets(url: URL) -> str:
    """Return *url* for people to read, without the query, which may hold signatures."""
    return str(url.with_query(None).with_fragment(None).with_user(None))


def _is_plain(host: str, *, spelled: str) -> bool:
    if ":" in host:
        # A zone, as in fe80::1%eth0, names an interface of this machine.
        return "%" not in host
    if _LIKE_A_NUMBER.match(host):
        return bool(_DOTTED_QUAD.match(host)) and spelled == host
    return bool(_NAME.match(host))
