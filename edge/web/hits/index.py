"""Which answers a tiding is about: those kept, without a look at all of them, and late ones."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator

from edge.records.tidings import Tiding, Topic
from edge.web.hits.ground import Ground
from edge.web.hits.hit import Hit

_Subject = tuple[Topic, str, str]

# More than this many while one answer is found is as good as anything.
_REMEMBERED = 1_000


class Index:
    """Hits by what they were given on."""

    def __init__(self) -> None:
        # In the order of their coming, and without an identity of their own: dictionaries as sets.
        self._hits: defaultdict[_Subject, dict[bytes, Hit]] = defaultdict(dict)

    def add(self, hit: Hit) -> None:
        """Find a hit from now on."""
        for subject in _subjects(hit.ground):
            self._hits[subject][hit.key] = hit

    def discard(self, hit: Hit) -> None:
        """Find it no longer."""
        for subject in _subjects(hit.ground):
            self._hits[subject].pop(hit.key, None)
            if not self._hits[subject]:
                del self._hits[subject]

    def about(self, tiding: Tiding) -> tuple[Hit, ...]:
        """List the hits that a tiding is about."""
        subject = _subject(tiding)
        return tuple(self._hits[subject].values()) if subject in self._hits else ()


class Heard:
    """The latest tidings, for answers that were begun before they came."""

    def __init__(self) -> None:
        self._latest: deque[_Subject] = deque(maxlen=_REMEMBERED)
        self.moment = 0
        """Grows with each of them."""

    def note(self, tiding: Tiding) -> None:
        """Take a tiding down."""
        self._latest.append(_subject(tiding))
        self.moment += 1

    def has_overtaken(self, ground: Ground, since: int) -> bool:
        """Tell whether something was told of a ground since a moment, or may have been."""
        told = self.moment - since
        if told > len(self._latest):
            return True
        latest = [self._latest[-number] for number in range(1, told + 1)]
        return bool(latest) and not set(latest).isdisjoint(_subjects(ground))


def _subject(tiding: Tiding) -> _Subject:
    return tiding.topic, tiding.account, tiding.subject


def _subjects(ground: Ground) -> Iterator[_Subject]:
    yield Topic.EVERYTHING, "", ""
    yield Topic.FILES, ground.account, ""
    for source in ground.sources:
        yield Topic.FILES, ground.account, source.path
    if ground.key is not None:
        yield Topic.ARTIFACT, "", ground.key
