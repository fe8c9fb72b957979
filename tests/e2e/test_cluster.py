"""Three nodes, one PostgreSQL, one bucket: one truth, whichever node is asked, whatever fails."""

from __future__ import annotations

import random
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.e2e.cluster import LEASE_SECONDS, MOUNT, Cluster, cluster
from tests.e2e.running import ACCOUNT, BEARER, until
from tests.e2e.sounds import long_silence, note
from tests.support.backend_fixtures import S3Server
from tests.support.faulty_s3 import Harm
from tests.support.measure import decode

RATE = 16_000
SECONDS = 2
LONG_SECONDS = 1800
SONGS = tuple(f"song{number}.wav" for number in range(4))
# Formats that are a whole file: what else there is differs in nothing but the engine.
FORMATS = ("mp3", "aac", "wav-riff", "flac")
STEPS = 12
CLIENTS = 3

EVERYTHING = {"file": {"downloadFile": ["*"]}}
AUDIO = f"/{ACCOUNT}/audio{MOUNT}"


@pytest.fixture(scope="module")
def nodes(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    long_silence(folder / "long.wav", LONG_SECONDS)
    with s3_server.fresh() as bucket:
        for number, song in enumerate(SONGS):
            content = note(SECONDS, hz=220.0 * (number + 1), rate=RATE)
            s3_server.client.put_object(Bucket=bucket.bucket, Key=f"music/{song}", Body=content)
        with (folder / "long.wav").open("rb") as file:
            s3_server.client.put_object(Bucket=bucket.bucket, Key="music/long.wav", Body=file)
        with cluster(folder, bucket) as opened:
            yield opened


@pytest.fixture(autouse=True)
def healthy(nodes: Cluster) -> Iterator[None]:
    """Leave every test's faults behind."""
    yield
    nodes.s3.heal()


def show(nodes: Cluster, value: object) -> None:
    """Say what of the sources everybody may have."""
    settings = {"publicPermissions": {"set": True, "value": value or []}}
    body = {"folderPath": MOUNT, "folderSettings": settings}
    answer = nodes.nodes[0].api("/folders", method="PUT", body=body)
    assert answer.status == 200, answer.body


def ledger(nodes: Cluster) -> list[dict[str, object]]:
    """List all that was billed."""
    path, entries = f"/v2/accounts/{ACCOUNT}/usage/entries?limit=100", []
    cursor = ""
    while True:
        page = nodes.get(path + cursor, BEARER).json()
        entries += page["items"]
        if page["isPaginationComplete"]:
            return entries
        cursor = f"&cursor={page['cursor']}"


def test_any_node_plays_the_stream_that_another_makes(nodes: Cluster) -> None:
    first, second, third = nodes.nodes
    stream = f"{AUDIO}/song0.wav!f=hls-aac-rt"
    multivariant = first.send(stream)
    playlist = re.findall(r"^[^#].*m3u8$", multivariant.body.decode(), re.MULTILINE)[0]
    media = second.send(f"{AUDIO}/{playlist}")
    segments = re.findall(r"^[^#].*\.ts$", media.body.decode(), re.MULTILINE)
    folder = f"{AUDIO}/{playlist}".rpartition("/")[0]
    parts = [
        [node.send(f"{folder}/{segment}").body for segment in segments] for node in nodes.nodes
    ]

    assert multivariant.status == media.status == 200
    assert segments
    assert parts[0] == parts[1] == parts[2]
    until(lambda: b"#EXT-X-ENDLIST" in third.send(f"{AUDIO}/{playlist}").body)
    assert [job["status"] for job in first.jobs()] == ["Succeeded"]


def test_what_one_node_purges_or_shuts_none_serves(nodes: Cluster) -> None:
    first, second, third = nodes.nodes
    content = nodes.made("song0.wav?f=mp3")
    target = f"{AUDIO}/song0.wav!f=mp3&a=/audio.mp3"
    for node in nodes.nodes:
        # The first answer is noted, the second is loaded, the third given from memory.
        assert [node.send(target).body for _ in range(3)] == [content] * 3
    first.api(
        "/cache/reset",
        method="POST",
        body={"pattern": f"/audio{MOUNT}/song0.wav", "resetPermanentCache": True},
    )
    for node in (second, third):
        until(lambda node=node: node.send(target).status == 404, "the purge to be heard of")
    assert nodes.made("song0.wav?f=mp3") == content
    show(nodes, None)
    try:
        for node in nodes.nodes:
            until(lambda node=node: node.send(target).status == 404, "the folder to be shut")
    finally:
        show(nodes, [{"scope": "Children", "permissions": EVERYTHING}])


@pytest.mark.parametrize("rest", ["a=/0f/0.ts", "playlist=full&a=/0f/0.ts"])
def test_the_first_segment_of_a_large_object_needs_little_of_it(nodes: Cluster, rest: str) -> None:
    enough = 448 << 10
    nodes.s3.forget()
    nodes.s3.hold("long.wav", from_byte=enough)
    try:
        segment = nodes.nodes[1].send(f"{AUDIO}/long.wav!f=hls-aac-rt&v={len(rest)}&{rest}")
        read = [each for each in nodes.s3.passed if "long.wav" in each.target]
    finally:
        for job in nodes.nodes[1].jobs():
            if job["status"] == "Running":
                nodes.nodes[1].api(f"/jobs/ProcessFileJob/{job['jobId']}", method="DELETE")
        nodes.s3.heal()

    assert segment.status == 200
    # What looked at the file and what made the segment have both begun at its beginning.
    assert 0 < sum(each.answered_bytes for each in read if each.method == "GET") < 2 * enough


def test_without_its_database_a_node_answers_what_it_has_and_loses_nothing(
    nodes: Cluster,
) -> None:
    first, second, _ = nodes.nodes
    content = nodes.made("song1.wav?f=mp3&br=96")
    target = f"{AUDIO}/song1.wav!f=mp3&br=96&a=/audio.mp3"
    for node in (first, second):
        for _ in range(3):
            assert node.send(target).body == content
    # It is being made while the database is away, and takes longer than that.
    long = first.send(f"{AUDIO}/long.wav?f=mp3&br=64").json()
    assert long["status"] == "Running"
    until(lambda: job_state(nodes, long["jobId"])["progress"], "the long job to get going")
    nodes.database.stop()
    try:
        until(lambda: first.send("/healthz").json()["status"] == "degraded")
        refused = first.send(f"{AUDIO}/song1.wav?f=mp3&br=80")
        answers = [node.send(target) for _ in range(20) for node in (first, second)]
    finally:
        nodes.database.start()
    until(lambda: first.send("/healthz").json()["status"] == "ok")

    assert {answer.body for answer in answers} == {content}
    assert refused.status == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.problem["code"] == "records_away"
    assert nodes.made("song1.wav?f=mp3&br=80")
    until(lambda: job_state(nodes, long["jobId"])["status"] == "Succeeded", "the long job")
    assert billed(nodes, "long.wav?f=mp3&br=64") == 1


def test_the_work_of_a_frozen_node_is_taken_over_and_it_finishes_nothing(
    nodes: Cluster,
) -> None:
    first, *_ = nodes.nodes
    job = first.send(f"{AUDIO}/long.wav?f=mp3&br=72").json()
    until(lambda: job_state(nodes, job["jobId"])["progress"], "the job to get going")
    nodes.freeze(first)
    try:
        until(lambda: job_state(nodes, job["jobId"], first=1)["status"] == "Succeeded")
    finally:
        nodes.thaw(first)
    until(lambda: "passed on" in first.log, "the frozen node to see that it is too late")

    assert billed(nodes, "long.wav?f=mp3&br=72") == 1
    assert len(nodes.made("long.wav?f=mp3&br=72")) > 1000


def test_a_node_that_is_told_to_end_fails_nobody(nodes: Cluster) -> None:
    third = nodes.nodes[2]
    job = third.send(f"{AUDIO}/long.wav?f=mp3&br=88").json()
    until(lambda: job_state(nodes, job["jobId"])["progress"], "the job to get going")
    target = f"{AUDIO}/song2.wav!f=mp3&a=/audio.mp3"
    content = nodes.made("song2.wav?f=mp3")
    answers: list[tuple[int, bytes]] = []

    def ask() -> None:
        # As a load balancer does: whoever says that it drains is sent nobody else.
        while third.send("/healthz").status == 200:
            answers.append((0, third.send(target).body))

    def wait() -> None:
        waited = third.send(f"{AUDIO}/long.wav?f=mp3&br=88", {"Prefer": "wait=60"})
        answers.append((waited.status, b""))

    with ThreadPoolExecutor(5) as pool:
        asking = [pool.submit(each) for each in (wait, ask, ask, ask)]
        until(lambda: len(answers) > 20, "requests to be under way")
        ended = pool.submit(third.stop)
        for each in asking:
            each.result()
        assert ended.result() == 0

    assert {answer for answer in answers if not answer[0]} == {(0, content)}
    # Who waits for a job is told how it stands, and asks again elsewhere.
    assert [status for status, _ in answers if status] == [200]
    until(lambda: job_state(nodes, job["jobId"])["status"] == "Succeeded", "others to make it")
    assert billed(nodes, "long.wav?f=mp3&br=88") == 1
    third.start()


def job_state(nodes: Cluster, job_id: str, first: int = 0) -> dict[str, object]:
    path = f"/v2/accounts/{ACCOUNT}/jobs/ProcessFileJob/{job_id}"
    return dict(nodes.get(path, BEARER, first=first).json())


def billed(nodes: Cluster, rest: str) -> int:
    """Count the lines of a URL in the ledger."""
    return sum(str(entry["url"]).endswith(rest) for entry in ledger(nodes))


def wishes() -> list[str]:
    """Two hundred URLs: files, formats, and stretches of different lengths."""
    return [
        f"{song}?f={kind}&te={(step + 1) * SECONDS * 1000 // (STEPS + 1)}ms"
        for song in SONGS
        for kind in FORMATS
        for step in range(STEPS)
    ] + [f"{song}?f=mp3&br={br}" for song in SONGS[2:] for br in (32, 40, 48, 56)]


def trouble(nodes: Cluster, over: threading.Event) -> list[str]:
    """Do everything to the cluster that happens to clusters, one thing after the other."""
    third = nodes.nodes[2]
    for harm in (Harm.LATE, Harm.RESET, Harm.SLOW_DOWN, Harm.LOST, Harm.TRUNCATED):
        nodes.s3.harm(harm, every=15, seconds=0.2)

    def restart_database() -> None:
        nodes.database.stop(signal.SIGINT)
        nodes.database.start()

    def kill(number: int) -> None:
        nodes.nodes[number].kill()
        nodes.nodes[number].start()

    def freeze() -> None:
        nodes.freeze(third)
        over.wait(2 * LEASE_SECONDS)
        nodes.thaw(third)

    deeds: list[tuple[str, Callable[[], None]]] = [
        ("kill -9 of the first node", lambda: kill(0)),
        ("freeze of the third", freeze),
        ("restart of the database", restart_database),
        ("kill -9 of the second", lambda: kill(1)),
        ("freeze of the third again", freeze),
    ]
    done = []
    for name, deed in deeds:
        if over.wait(2):
            break
        deed()
        done.append(name)
    return done


def test_whatever_happens_every_url_has_one_artifact_and_one_bill(nodes: Cluster) -> None:
    wanted = wishes()
    made: dict[str, set[bytes]] = {rest: set() for rest in wanted}
    over = threading.Event()

    def ask(client: int) -> None:
        order = random.Random(client).sample(wanted, len(wanted))
        for number, rest in enumerate(order):
            made[rest].add(nodes.made(rest, first=client + number))

    before = len(ledger(nodes))
    began = time.monotonic()
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(ask, client) for client in range(CLIENTS)]
        for client in clients:
            client.add_done_callback(lambda _: all(map(Future.done, clients)) and over.set())
        # Here and in no thread: with the thread that has started it, a database would end.
        done = trouble(nodes, over)
        for client in clients:
            client.result()
    nodes.s3.heal()
    took = time.monotonic() - began

    assert len(done) >= 3, f"all was made after {took:.0f} s, before there was any trouble"
    assert nodes.s3.harmed > 0
    entries = ledger(nodes)
    assert len(entries) == len({entry["url"] for entry in entries}) == before + len(wanted)
    assert Counter(len(each) for each in made.values()) == {1: len(wanted)}
    for rest, (content,) in made.items():
        sound, rate = decode(content)
        stretch = rest.partition("te=")[2].removesuffix("ms")
        end = int(stretch) / 1000 if stretch else SECONDS
        # What is encoded is a whole number of frames, and MP3 has a delay that decoders leave in.
        assert end - 0.01 <= sound.shape[1] / rate <= end + 0.15, rest
    assert {nodes.get(f"{AUDIO}/{rest}", first=1).json()["status"] for rest in wanted} == {
        "Succeeded"
    }
