"""The page at ``/``: what this is, and URLs to try."""

from __future__ import annotations

import html

from starlette.responses import Response

from edge.web.responses import html_response, new_nonce

_STYLE = """
:root { color-scheme: light dark; }
body { margin: 3rem auto; max-width: 44rem; padding: 0 1rem;
  font: 1rem/1.6 system-ui, sans-serif; }
code { font-size: .9rem; overflow-wrap: anywhere; }
"""

TRIES = (
    ("talk.mp3", "a player"),
    ("talk.mp3?f=mp3&br=96", "MP3 at 96 kbps, as a job to poll"),
    ("talk.mp3?f=aac&ts=5&te=15", "ten seconds of it, as AAC"),
    ("talk.mp3?f=wav-riff&append=/outro.mp3", "another file at its end, as WAV"),
    ("talk.mp3?f=meta", "what is known about it"),
)


def welcome_page(base_url: str, account: str) -> Response:
    """Answer with the welcome page."""
    nonce = new_nonce()
    items = "\n".join(
        f'<li><a href="{html.escape(f"{base_url}/{account}/audio/{path}")}">'
        f"<code>/{account}/audio/{html.escape(path)}</code></a>: {html.escape(what)}</li>"
        for path, what in TRIES
    )
    return html_response(
        f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>audio-edge</title>
<style nonce="{nonce}">{_STYLE}</style>
</head>
<body>
<h1>audio-edge</h1>
<p>Put parameters behind a file's URL, and this edge makes the audio they describe, once.
With the demo recording that <code>make run</code> writes, these work:</p>
<ul>
{items}
</ul>
</body>
</html>
""",
        nonce=nonce,
    )
