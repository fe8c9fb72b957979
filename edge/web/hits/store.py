"""
The hits of a process: kept by request target, bounded in number, bytes and descriptors.

An answer is noted when the long way gives it, and loaded when somebody asks for it again, so what
is asked for once takes no memory. Before every use its terms and its evidence are looked at. What
evidence cannot show (a folder on the way was moved elsewhere, a job's row was removed by hand) is
found out by sending one request in ten seconds the long way; each of these also counts as a use
of the artifact, whose last use is written down once a minute.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Protocol

from edge.library.files import Files
from edge.records.tidings import Tiding
from edge.web.delivery.conditional import CONDITION_FIELDS
from edge.web.delivery.files import FileDelivery
from edge.web.delivery.text import accepts_gzip
from edge.web.hits.gate import Gate
from edge.web.hits.ground import Folders, Ground
from edge.web.hits.hit import Fields, Hit, Lent, Opener, Openers, Ready
from edge.web.hits.index import Heard, Index
from edge.web.hits.loading import Outcome, load

BELIEVED_SECONDS: Final = 10.0

# While one request goes the long way again, the others are still answered: a slow database is
# no reason to send all of them there.
GRACE_SECONDS: Final = 5.0

# A noted answer takes about 4 KB (measured), its bytes not counted.
MOST_HITS: Final = 4096

# What is larger is read chunk by chunk as the client takes it. So this is the most that waits for
# a client who takes nothing, and it is the same bytes for all of them.
MOST_IN_MEMORY: Final = 256 << 10
_LEAST_FILES: Final = 16

# Systems give a process about a thousand, and every connection is one too.
MOST_HELD: Final = 128

# A file that is removed keeps its space on the disk for as long as it is held.
SWEEP_SECONDS: Final = 10.0
UNUSED_SECONDS: Final = 60.0

# Fields that decide what is answered; and those of a request that is more than its head.
_DECIDING: Final = dict.fromkeys(CONDITION_FIELDS, True) | dict.fromkeys(
    (b"content-length", b"transfer-encoding", b"expect", b"upgrade"), False
)


class Hearing(Protocol):
    """What is heard of what others change."""

    @property
    def current(self) -> bool:
        """Whether all of it is heard."""
        ...

    @property
    def away(self) -> bool:
        """Whether the records cannot be reached, and the long way leads nowhere."""
        ...


class Hits:
    """Keeps answers, and gives those that hold."""

    def __init__(
        self,
        *,
        files: Files,
        folders: Folders,
        gate: Gate,
        hearing: Hearing,
        most_bytes: int,
        most_hits: int = MOST_HITS,
        most_held: int = MOST_HELD,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Prepare; nothing is kept yet.

        Args:
            folders: The local ones among the mounts; their files have witnesses.

            most_bytes: What all content in memory may take.
        """
        self._files = files
        self._folders = folders
        self._gate = gate
        self._hearing = hearing
        self._most_bytes = most_bytes
        self._most_hits = most_hits
        self._most_held = most_held
        self._clock = clock
        # None: the answer depends on Accept-Encoding, and is kept for both cases apart.
        self._hits: OrderedDict[bytes, Hit | None] = OrderedDict()
        self._held: OrderedDict[bytes, Hit] = OrderedDict()
        self._index = Index()
        self._heard = Heard()
        self._loading: set[bytes] = set()
        self._sweeping: asyncio.TimerHandle | None = None
        self.kept_bytes = 0

    def __len__(self) -> int:
        """Return the number of answers that are kept, loaded or not."""
        return sum(hit is not None for hit in self._hits.values())

    @property
    def held_files(self) -> int:
        """Return the number of descriptors that are kept."""
        return len(self._held)

    @property
    def moment(self) -> int:
        """What to remember when an answer is begun, so that it is seen whether it comes late."""
        return self._heard.moment

    def note(
        self,
        target: bytes,
        delivery: FileDelivery,
        ground: Ground,
        made: Opener | None = None,
        *,
        since: int,
    ) -> None:
        """
        Keep in mind what the long way answers; what is known already is believed for longer.

        Args:
            made: Opens the file of the artifact that the answer was taken from, if it was.

            since: The ``moment`` at which it was begun. What has been told of its ground after
                that may not be in it, so it is not kept.
        """
        if self._heard.has_overtaken(ground, since):
            return
        key = target
        extra = delivery.representation.extra_headers
        if "Vary" in extra:
            key += _case("Content-Encoding" in extra)
            self._hits[target] = None
            self._hits.move_to_end(target)
        now = self._clock()
        known = self._hits.get(key)
        if known is not None and known.same_as(delivery, ground):
            known.fresh_until, known.doubted = now + BELIEVED_SECONDS, False
            if not known.barred or now < known.used + UNUSED_SECONDS:
                return
        self.drop(known)
        hit = self._hits[key] = Hit(
            key=key,
            representation=delivery.representation,
            ground=ground,
            openers=Openers(delivery.open_reader, made),
            weight=delivery.kept_bytes,
            fresh_until=now + BELIEVED_SECONDS,
            used=now,
        )
        self._index.add(hit)
        self.kept_bytes += delivery.kept_bytes
        self._shrink()

    def at_once(self, method: str, target: bytes, fields: Fields) -> Ready | None:
        """Answer a GET or HEAD from memory; None if that is not all it takes."""
        hit = self._find(target, fields)
        if hit is None or hit.whole is None or (evidence := hit.evidence) is None:
            return None
        now = self._clock()
        if hit.fresh_until <= now or evidence.remote or not self._holds(hit):
            return None
        if not self._hearing.current:
            return None
        hit.used = now
        whole = method == "GET"
        for name, _ in fields:
            deciding = _DECIDING.get(name)
            if deciding is not None:
                if not deciding:
                    return None
                whole = False
        return hit.whole if whole else hit.ready_for(method, fields)

    async def find(self, method: str, target: bytes, fields: Fields) -> Ready | Lent | None:
        """Find what a GET or HEAD is answered; None if it has to go the long way."""
        hit = self._find(target, fields)
        if hit is None or hit.barred:
            return None
        now = self._clock()
        if hit.fresh_until <= now and not self._hearing.away:
            # This one goes, and brings back whether all is as it was.
            hit.fresh_until, hit.doubted = now + GRACE_SECONDS, True
            return None
        if hit.openers is not None and not await self._load(hit, hit.openers):
            return None
        evidence = hit.evidence
        if evidence is not None:
            if not self._hearing.current:
                return None
            if not await evidence.holds_elsewhere(self._files):
                self.drop(hit)
        # From here on nothing is waited for: what is seen now is what is given.
        if self._hits.get(hit.key) is not hit or not self._holds(hit):
            return None
        hit.used = now
        if hit.held is None:
            return hit.ready_for(method, fields)
        self._held.move_to_end(hit.key)
        return Lent(hit.representation, hit.held.borrow())

    def drop(self, hit: Hit | None) -> None:
        """Forget an answer; who is being sent it is sent all of it."""
        if hit is None or self._hits.get(hit.key) is not hit:
            return
        del self._hits[hit.key]
        self._index.discard(hit)
        self.kept_bytes -= hit.weight
        if hit.held is not None:
            self._held.pop(hit.key, None)
            hit.held.release()

    def doubted(self, target: bytes, fields: Fields) -> Hit | None:
        """Return the hit that a request on the long way is to find confirmed, if there is one."""
        hit = self._find(target, fields)
        return hit if hit is not None and hit.doubted else None

    def hear(self, tiding: Tiding) -> None:
        """Forget the answers that a tiding is about, those included that are on their way."""
        self._heard.note(tiding)
        for hit in self._index.about(tiding):
            self.drop(hit)

    def close(self) -> None:
        """Forget everything."""
        for hit in tuple(self._hits.values()):
            self.drop(hit)
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    def _find(self, target: bytes, fields: Fields) -> Hit | None:
        hits = self._hits
        if target not in hits:
            return None
        hits.move_to_end(target)
        hit = hits[target]
        if hit is None:
            key = target + _case(_takes_gzip(fields))
            hit = hits.get(key)
            if hit is not None:
                hits.move_to_end(key)
        return hit

    def _holds(self, hit: Hit) -> bool:
        """Tell whether a loaded hit may be given now, and forget it if it may not."""
        if hit.evidence is not None and self._gate.holds(hit.ground.terms) and hit.evidence.holds():
            return True
        self.drop(hit)
        return False

    async def _load(self, hit: Hit, openers: Openers) -> bool:
        """Load a hit; False if this request has to go the long way."""
        if hit.key in self._loading:
            return False
        self._loading.add(hit.key)
        try:
            most_bytes = min(MOST_IN_MEMORY, self._most_bytes // _LEAST_FILES)
            outcome = await load(hit, openers, self._folders, most_bytes=most_bytes)
        finally:
            self._loading.discard(hit.key)
        if self._hits.get(hit.key) is not hit:
            # It was forgotten meanwhile.
            if hit.held is not None:
                hit.held.release()
            return False
        hit.barred = outcome is Outcome.BARRED
        if outcome is Outcome.GONE:
            self.drop(hit)
        if outcome is not Outcome.LOADED:
            return False
        weight = len(hit.content) if hit.content is not None else 0
        self.kept_bytes += weight - hit.weight
        hit.weight = weight
        if hit.held is not None:
            self._held[hit.key] = hit
            self._sweep_later()
        self._shrink()
        return True

    def _shrink(self) -> None:
        """Forget what was used least recently until all limits hold."""
        while len(self._hits) > self._most_hits or self.kept_bytes > self._most_bytes:
            key, hit = next(iter(self._hits.items()))
            if hit is None:
                del self._hits[key]
            self.drop(hit)
        while len(self._held) > self._most_held:
            self.drop(next(iter(self._held.values())))

    def _sweep_later(self) -> None:
        if self._sweeping is None:
            loop = asyncio.get_running_loop()
            self._sweeping = loop.call_later(SWEEP_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Close the files that were removed, or that nobody has asked for lately."""
        self._sweeping = None
        used_since = self._clock() - UNUSED_SECONDS
        for hit in tuple(self._held.values()):
            if hit.used < used_since or (hit.held is not None and hit.held.unlinked):
                self.drop(hit)
        if self._held:
            self._sweep_later()


def _case(packed: bool) -> bytes:
    # No target has a space in it.
    return b" gzip" if packed else b" plain"


def _takes_gzip(fields: Fields) -> bool:
    for name, value in fields:
        if name == b"accept-encoding":
            return accepts_gzip(value.decode("latin-1"))
    return False
