"""Which kept answers a tiding is about, found without looking at all of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from edge.records.tidings import Tiding, Topic
from edge.web.hits.hit import Hit

_Subject = tuple[Topic, str, str]


class Index:
    """Hits by what they were given on."""

    def __init__(self) -> None:
        # In the order of their coming, and without an identity of their own: dictionaries as sets.
        self._hits: defaultdict[_Subject, dict[bytes, Hit]] = defaultdict(dict)

    def add(self, hit: Hit) -> None:
        """Find a hit from now on."""
        for subject in _subjects(hit):
            self._hits[subject][hit.key] = hit

    def discard(self, hit: Hit) -> None:
        """Find it no longer."""
        for subject in _subjects(hit):
            self._hits[subject].pop(hit.key, None)
            if not self._hits[subject]:
                del self._hits[subject]

    def about(self, tiding: Tiding) -> tuple[Hit, ...]:
        """List the hits that a tiding is about."""
        subject = tiding.topic, tiding.account, tiding.subject
        return tuple(self._hits[subject].values()) if subject in self._hits else ()


def _subjects(hit: Hit) -> Iterator[_Subject]:
    ground = hit.ground
    yield Topic.EVERYTHING, "", ""
    yield Topic.FILES, ground.account, ""
    for source in ground.sources:
        yield Topic.FILES, ground.account, source.path
    if ground.key is not None:
        yield Topic.ARTIFACT, "", ground.key
