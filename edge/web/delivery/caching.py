"""How long, and by whom, an answer may be kept: the one place that spells ``Cache-Control``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# One year, the longest RFC 2616 section 14.21 ever allowed and caches still honour.
YEAR_SECONDS: Final = 31_536_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePolicy:
    """A promise about an answer's future."""

    shared: bool  # False for whatever was made from private media
    max_age_seconds: int | None  # 0: ask before every use; None: do not keep at all
    immutable: bool = False

    @property
    def header(self) -> str:
        """Spell the policy as a ``Cache-Control`` value."""
        if self.max_age_seconds is None:
            return "no-store"
        audience = "public" if self.shared else "private"
        if self.max_age_seconds == 0:
            return f"{audience}, no-cache"
        freshness = f"{audience}, max-age={self.max_age_seconds}"
        return f"{freshness}, immutable" if self.immutable else freshness


def for_ever(*, shared: bool) -> CachePolicy:
    """Let an answer be kept whose bytes never change under its URL."""
    return CachePolicy(shared=shared, max_age_seconds=YEAR_SECONDS, immutable=True)


NOT_KEPT: Final = CachePolicy(shared=False, max_age_seconds=None)
