"""The unmodified ``@bytescale/sdk`` against a real server."""

from __future__ import annotations

import json
import re
import subprocess

from tests.browser.conftest import HERE
from tests.e2e.running import ACCOUNT, PATIENCE_SECONDS, SECRET_KEY, Edge


def test_the_sdk_brings_finds_transforms_and_deletes_files(edge: Edge, nodejs: str) -> None:
    ran = subprocess.run(
        [nodejs, str(HERE / "sdk.mjs"), f"http://127.0.0.1:{edge.port}", SECRET_KEY],
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)

    whole = told["whole"]
    day = r"\d{4}-\d{2}-\d{2}"
    assert re.fullmatch(rf"/sdk/{day}/my song-[1-9A-Za-z]{{8}}\.wav", whole["filePath"])
    assert whole["accountId"] == ACCOUNT
    assert whole["size"] == 12_000_044
    assert told["last"] == 100
    assert told["same"]
    assert told["details"]["etag"] == whole["etag"]
    assert told["details"]["metadata"] == {"mood": "blue", "takes": [1, 2]}
    assert told["details"]["tags"] == ["demo"]
    assert told["details"]["originalFileName"] == "my song.wav"
    assert re.fullmatch(
        r"/uploads/\d{4}/\d\d/\d\d/\w{10}-stream\.wav", told["streamed"]["filePath"]
    )
    assert [item["filePath"] for item in told["listed"]["items"]] == [whole["filePath"]]
    assert told["listed"]["isPaginationComplete"]
    assert told["job"] == "Succeeded"
    assert told["artifactBytes"] > 10_000
    assert (told["gone"], told["rawGone"], told["artifactGone"]) == ("not_found", 404, 404)
