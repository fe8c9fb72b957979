"""The page at ``/``: what this is, and URLs to try."""

from __future__ import annotations

from starlette.responses import Response

from edge.web.pages.render import page

TRIES = (
    ("talk.mp3", "a player"),
    ("talk.mp3?f=hls-aac-rt&br=64&br=192", "adaptive HLS that plays while it is made"),
    ("talk.mp3?f=mp3&br=96", "MP3 at 96 kbps, as a job to poll"),
    ("talk.mp3?f=aac&ts=5&te=15", "ten seconds of it, as AAC"),
    ("talk.mp3?f=wav-riff&append=/outro.mp3", "another file at its end, as WAV"),
    ("talk.mp3?f=meta", "what is known about it"),
)


def welcome_page(base_url: str, account: str) -> Response:
    """Answer with the welcome page."""
    return page("welcome.html", base_url=base_url, account=account, tries=TRIES)
