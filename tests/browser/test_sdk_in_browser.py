"""The unmodified browser build of ``@bytescale/sdk``, on a page of another origin."""

from __future__ import annotations

import json
import re

from tests.browser.conftest import HERE, Browser
from tests.browser.test_players import HEAR, until
from tests.e2e.credentials import token
from tests.e2e.running import ACCOUNT, PUBLIC_KEY, SECRET_KEY, Edge


def test_a_page_brings_a_file_in_parts_and_plays_what_is_made_of_it(
    browser: Browser, edge: Edge
) -> None:
    settings = {
        "url": f"http://127.0.0.1:{edge.port}",
        "apiKey": PUBLIC_KEY,
        "secretKey": SECRET_KEY,
        "accountId": ACCOUNT,
        "token": token(path="/browser"),
    }
    page = (HERE / "sdk.html").read_text().replace("SETTINGS", json.dumps(settings))

    answer = browser.ask(
        html=page,
        steps=[
            until("window.told !== undefined"),
            {"do": "text", "of": "output"},
            until("document.querySelector('audio').currentTime > 0.1"),
            HEAR,
        ],
    )
    _, text, _, heard = answer["answers"]
    told = json.loads(text)

    uploaded, details = told["uploaded"], told["details"]
    assert re.fullmatch(r"/browser/my song-[1-9A-Za-z]{8}\.wav", uploaded["filePath"])
    assert uploaded["size"] == details["size"] == 12_000_044
    assert (details["mime"], details["originalFileName"]) == ("audio/wav", "my song.wav")
    assert (details["tags"], details["metadata"]) == (["demo"], {"mood": "blue"})
    assert told["last"] == 100
    assert told["same"]
    assert told["etag"] == f'"{uploaded["etag"]}"'
    assert told["refused"] == "forbidden"
    assert told["administered"] == {
        "listed": sorted(["/browser/copy.wav", uploaded["filePath"]]),
        "job": "Succeeded",
        "batch": "DeleteFileBatchJob",
        "left": 1,
    }
    assert abs(heard["hz"] - 440) < 12
    # The browser tells of the refusal; of anything that CORS kept from the page it would, too.
    assert ["403" in line for line in answer["said"]] == [True]
