"""The official ``tus-js-client`` against a real server: Picora's resumable uploads."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.browser.conftest import HERE, Browser
from tests.browser.test_players import until
from tests.e2e.picora import ask, path_of
from tests.e2e.running import PATIENCE_SECONDS, PUBLIC_KEY, SECRET_KEY, Edge
from tests.e2e.sounds import note


def test_the_tus_client_pauses_goes_on_and_gives_up(
    edge: Edge, nodejs: str, tmp_path: Path
) -> None:
    content = note(8)
    (tmp_path / "song.wav").write_bytes(content)
    url = f"http://127.0.0.1:{edge.port}"
    ran = subprocess.run(
        [nodejs, str(HERE / "tus.mjs"), url, SECRET_KEY, str(tmp_path / "song.wav")],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)

    paused, resumed = told["paused"], told["resumed"]
    assert (paused["accepted"], paused["audio"]) == (300_000, None)
    assert resumed["url"] == paused["url"]
    assert resumed["requests"] == ["HEAD 200", "PATCH 204", "PATCH 204"]
    found = ask(edge, f"/audio/{resumed['audio']}").json()["data"]
    assert (found["title"], found["filename"]) == ("Größe", "my song.wav")
    assert (found["tags"], found["durationSeconds"]) == (["a", "b"], 8)
    assert edge.send(path_of(found["url"])).body == content
    assert told["again"]["requests"] == ["HEAD 200"]
    assert told["again"]["audio"] == resumed["audio"]
    assert told["whole"]["requests"] == ["POST 201"]
    found = ask(edge, f"/audio/{told['whole']['audio']}").json()["data"]
    assert edge.send(path_of(found["url"])).body == content
    assert told["gone"] == 404
    assert told["refused"]["success"] is False
    assert told["refused"]["error"]["details"]["parameter"] == "isPublic"


def test_a_page_of_another_origin_brings_a_file_in_pieces(browser: Browser, edge: Edge) -> None:
    settings = {"url": f"http://127.0.0.1:{edge.port}", "apiKey": PUBLIC_KEY}
    page = (HERE / "tus.html").read_text().replace("SETTINGS", json.dumps(settings))

    answer = browser.ask(
        html=page,
        steps=[until("window.told !== undefined"), {"do": "text", "of": "output"}],
    )
    told = json.loads(answer["answers"][1])

    assert told["failed"] is None
    assert told["requests"] == ["POST 201", "PATCH 204", "PATCH 204", "HEAD 200", "PATCH 204"]
    assert told["expires"].endswith(" GMT")
    found = ask(edge, f"/audio/{told['audio']}").json()["data"]
    assert (found["filename"], found["sizeBytes"]) == ("page.wav", 250_044)
    assert answer["said"] == []
