"""Auth sessions of the official SDK, in a page of another origin."""

from __future__ import annotations

import json

from tests.browser.conftest import HERE, Browser
from tests.browser.test_players import until
from tests.e2e.credentials import bring, token
from tests.e2e.running import ACCOUNT, PUBLIC_KEY, Edge
from tests.e2e.sounds import note


def test_a_session_shows_private_files_by_their_plain_urls(browser: Browser, edge: Edge) -> None:
    closed = {"publicPermissions": {"set": True, "value": []}}
    made = edge.api(
        "/folders", method="PUT", body={"folderPath": "/shut", "folderSettings": closed}
    )
    assert made.status == 200, made.body
    bring(edge, "/shut/talk.wav", note(2))
    # Pages are at localhost: another origin, but the same site, as cookies without TLS need it.
    origin = browser.ask(html="<!DOCTYPE html>", steps=[])["origin"]
    settings = {
        "url": f"http://localhost:{edge.port}",
        "apiKey": PUBLIC_KEY,
        "accountId": ACCOUNT,
        "token": token(allowedOrigins=[origin]),
        "filePath": "/shut/talk.wav",
    }
    page = (HERE / "session.html").read_text().replace("SETTINGS", json.dumps(settings))

    answer = browser.ask(
        html=page, steps=[until("window.told !== undefined"), {"do": "text", "of": "output"}]
    )
    told = json.loads(answer["answers"][1])

    assert told["before"] == {"raw": 404, "details": "forbidden"}
    assert told["details"]["filePath"] == "/shut/talk.wav"
    assert told["during"] == {"cookie": 200, "none": 404, "deleted": "forbidden", "scripts": ""}
    assert told["played"]
    assert told["after"] == "kept from the page"
