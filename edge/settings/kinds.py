"""
The kinds of values a setting can have: how each is read from text, and how it is told to people.

A reader raises ``Refused`` with a reason of its own, or any ``ValueError`` or ``KeyError`` where
"expected …" says enough.
"""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, Generic, TypeVar
from urllib.parse import SplitResult, urlsplit

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

GIB: Final = 2**30
QUALITIES: Final = ("standard", "good", "highest", "lossless")
SEAL_KEY_BYTES: Final = 32
_UNITS: Final = {"": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": GIB,
    "TIB": 2**40,
}
_SWITCH: Final = {"1": True, "true": True, "yes": True, "on": True} | {
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}
_DATABASE_DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "sqlite+aiosqlite": "sqlite+aiosqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}

# Names of buckets as S3 has ever allowed them; segments of a prefix that no path could lead astray.
_BUCKET_FOLDER: Final = re.compile(
    r"s3://(?P<bucket>[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9])"
    r"(?P<prefix>(?:/(?!\.{1,2}(?:/|\Z))[^/\s\\%?#]+){0,32}/?)"
)

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class Refused(ValueError):
    """A value is refused for a reason that its kind alone does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind(Generic[T_co]):
    """A way to read text, and a sentence part saying which text it reads."""

    accepts: str
    parse: Callable[[str], T_co]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketFolder:
    """What is below a prefix of a bucket."""

    bucket: str
    prefix: str  # "" or "some/folder/", always with a slash at its end

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A folder of another host that answers for the paths under *prefix*."""

    prefix: str  # "/" or "/ext/more", never with a slash at its end
    url: str | BucketFolder  # http or https, without a slash at its end


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a minute of a quality costs, in USD, as whoever runs this edge tells its users."""

    quality: str
    usd_a_minute: Decimal


def whole(minimum: int, maximum: int | None = None) -> Kind[int]:
    limits = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text):
            raise ValueError
        return _within(int(text), minimum, maximum)

    return Kind(accepts=f"a whole number {limits}", parse=parse)


def byte_size(minimum: int) -> Kind[int]:
    def parse(text: str) -> int:
        match = re.fullmatch(r"([0-9]{1,18}) ?([KMGT]i?B)?", text, re.IGNORECASE)
        if match is None:
            raise ValueError
        return _within(int(match[1]) * _UNITS[(match[2] or "").upper()], minimum, None)

    return Kind(accepts=f"a size in bytes of at least {minimum}, such as 10GiB", parse=parse)


def _within(number: int, minimum: int, maximum: int | None) -> int:
    if number < minimum or (maximum is not None and number > maximum):
        raise ValueError
    return number


def one_of(*choices: T) -> Kind[T]:
    by_name = {str(choice): choice for choice in choices}
    return Kind(accepts=" or ".join(by_name), parse=lambda text: by_name[text.lower()])


def api_key(kind: str) -> Kind[str]:
    shape = re.compile(rf"{kind}_[1-9A-HJ-NP-Za-km-z]{{7}}[A-Za-z0-9]{{4,128}}")

    def parse(text: str) -> str:
        if not shape.fullmatch(text):
            raise ValueError
        return text

    return Kind(
        accepts=f"'{kind}_', an account id of 7 base58 characters, and 4 or more letters or digits",
        parse=parse,
    )


def _parse_seal_key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != SEAL_KEY_BYTES:
        raise ValueError
    return key


def _parse_host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.:_-]+", text):
        raise ValueError
    return text


def _parse_folder(text: str) -> Path:
    folder = Path(text).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise Refused("this is not a folder")
    return folder


def _parse_existing_folder(text: str) -> Path:
    folder = _parse_folder(text)
    if not folder.exists():
        raise Refused("there is no such folder")
    return folder


def _web_url(text: str) -> SplitResult:
    """Split a URL that names a place on a web server and no more than that."""
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.hostname or re.search(r"[\s\\]", text):
        raise ValueError
    if url.port == 0 or "@" in url.netloc or "?" in text or "#" in text:
        raise ValueError
    return url


def _parse_public_url(text: str) -> str:
    url = _web_url(text)
    if url.path not in ("", "/"):
        raise ValueError
    return f"{url.scheme}://{url.netloc}"


def _parse_networks(text: str) -> tuple[IPNetwork, ...]:
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def _parse_mounts(text: str) -> tuple[Mount, ...]:
    # A comma may be part of a URL; only one before the next prefix separates.
    mounts = tuple(_parse_mount(part.strip()) for part in re.split(r",\s*(?=/)", text))
    if len({mount.prefix for mount in mounts}) < len(mounts):
        raise Refused("two mounts have the same prefix")
    return mounts


def _parse_mount(text: str) -> Mount:
    prefix, _, target = text.partition("=")
    if prefix != "/" and not re.fullmatch(r"(/(?!\.{1,2}(/|$))[^/\s\\%?#!]+)+", prefix):
        raise Refused(f"{prefix!r} is not a path prefix")
    if target.startswith("s3:"):
        return Mount(prefix=prefix, url=_bucket_folder(target))
    try:
        url = _web_url(target)
    except ValueError:
        raise Refused(f"{target!r} is not the URL of a folder") from None
    return Mount(prefix=prefix, url=url.geturl().rstrip("/"))


def _parse_prices(text: str) -> tuple[Price, ...]:
    prices = tuple(_parse_price(part.strip()) for part in text.split(",") if part.strip())
    if len({price.quality for price in prices}) < len(prices):
        raise Refused("a quality has two prices")
    return prices


def _parse_price(text: str) -> Price:
    quality, _, amount = text.partition("=")
    if quality not in QUALITIES or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", amount):
        raise Refused(f"{text!r} is not the price of {', '.join(QUALITIES)}")
    return Price(quality=quality, usd_a_minute=Decimal(amount))


def _parse_database_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if not separator or not rest:
        raise ValueError
    return f"{_DATABASE_DRIVERS[scheme]}://{rest}"


def _parse_blobs(text: str) -> Path | BucketFolder:
    if "://" in text:
        return _bucket_folder(text)
    return _parse_folder(text)


def _bucket_folder(text: str) -> BucketFolder:
    found = _BUCKET_FOLDER.fullmatch(text)
    if found is None:
        raise Refused(f"{text!r} is not a folder of a bucket, such as s3://bucket/some/prefix")
    prefix = found["prefix"].strip("/")
    return BucketFolder(bucket=found["bucket"], prefix=f"{prefix}/" if prefix else "")


def _parse_endpoint(text: str) -> str:
    return _web_url(text).geturl().rstrip("/")


def _parse_region(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", text):
        raise ValueError
    return text


FOLDER: Final = Kind(accepts="the path of a folder", parse=_parse_folder)
EXISTING_FOLDER: Final = Kind(
    accepts="the path of an existing folder", parse=_parse_existing_folder
)
SEAL_KEY: Final = Kind(
    accepts=f"base64 of {SEAL_KEY_BYTES} random bytes, such as `openssl rand -base64 32` prints",
    parse=_parse_seal_key,
)
HOST: Final = Kind(accepts="a host name or an IP address", parse=_parse_host)
PUBLIC_URL: Final = Kind(
    accepts="a URL such as https://audio.example, without a path", parse=_parse_public_url
)
NETWORKS: Final = Kind(
    accepts="networks such as 10.0.0.0/8,fd00::/8, with no bit set behind the prefix",
    parse=_parse_networks,
)
MOUNTS: Final = Kind(
    accepts="mounts such as /ext=https://origin.example/folder,/more=s3://bucket/prefix",
    parse=_parse_mounts,
)
PRICES: Final = Kind(
    accepts="prices in USD a minute, such as standard=0.15,highest=0.3", parse=_parse_prices
)
DATABASE_URL: Final = Kind(
    accepts="sqlite:///path or postgresql://user:password@host/name", parse=_parse_database_url
)
BLOBS: Final = Kind(accepts="the path of a folder, or s3://bucket/prefix", parse=_parse_blobs)
ENDPOINT: Final = Kind(
    accepts="a URL such as https://s3.example, without a query", parse=_parse_endpoint
)
REGION: Final = Kind(accepts="the name of a region, such as eu-central-1", parse=_parse_region)
ON_OR_OFF: Final = Kind(
    accepts="1, true, yes, on or 0, false, no, off", parse=lambda text: _SWITCH[text.lower()]
)
