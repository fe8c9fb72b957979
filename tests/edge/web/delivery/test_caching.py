"""How a cache policy is spelled."""

from __future__ import annotations

import pytest

from edge.web.delivery.caching import NOT_KEPT, CachePolicy, for_ever


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (for_ever(shared=True), "public, max-age=31536000, immutable"),
        (for_ever(shared=False), "private, max-age=31536000, immutable"),
        (CachePolicy(shared=True, max_age_seconds=60), "public, max-age=60"),
        (CachePolicy(shared=False, max_age_seconds=0), "private, no-cache"),
        (NOT_KEPT, "no-store"),
    ],
)
def test_a_policy_is_spelled(policy: CachePolicy, expected: str) -> None:
    assert policy.header == expected
