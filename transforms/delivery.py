"""
How an answer is to be delivered: the general parameters, which no sample and no bill depends on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from transforms.grammar import CdnUrl
from transforms.problems import BadParameter
from transforms.values import boolean, expiry, seconds, sequence

_T = TypeVar("_T")

DELIVERY_PARAMETERS = (
    *("a", "cache", "cache_ttl", "cache_ttl_404", "cache_only", "cache_perm"),
    *("download", "exp", "sig", "auth"),
    *("_HLS_msn", "_HLS_part", "_HLS_skip"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """
    How the answer is to be delivered: nothing here changes a sample or a bill.

    ``media_sequence`` is the segment that a growing playlist should have before it is answered
    (``_HLS_msn``; HTTP Live Streaming 2nd edition, 6.2.5.2: blocking playlist reload).
    """

    artifact: str | None = None
    cache: bool = True
    cache_ttl_seconds: int | None = None
    cache_ttl_404_seconds: int | None = None
    cache_only: bool = False
    download: bool = False
    expires_ms: int | None = None
    signature: str | None = None
    media_sequence: int | None = None


def read_delivery(url: CdnUrl) -> Delivery:
    """Read the general parameters, which ``/raw/`` URLs take as well."""
    given: dict[str, str] = {}
    for name, value in url.parameters:
        if name in DELIVERY_PARAMETERS:
            if name in given:
                raise BadParameter(name, value, "to be given once")
            given[name] = value

    def read(name: str, reader: Callable[[str, str], _T], default: _T) -> _T:
        return reader(name, given[name]) if name in given else default

    if "cache_perm" in given and given["cache_perm"] not in ("true", "false", "auto"):
        raise BadParameter("cache_perm", given["cache_perm"], "true, false or auto")
    return Delivery(
        artifact=given.get("a"),
        cache=read("cache", boolean, True),
        cache_ttl_seconds=read("cache_ttl", seconds, None),
        cache_ttl_404_seconds=read("cache_ttl_404", seconds, None),
        cache_only=read("cache_only", boolean, False),
        download=read("download", boolean, False),
        expires_ms=read("exp", expiry, None),
        signature=given.get("sig"),
        media_sequence=read("_HLS_msn", sequence, None),
    )
