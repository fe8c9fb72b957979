"""
The page behind ``f=html-aac``: a player for one transform, to share or to embed.

Nothing is made until somebody presses play: the page asks for the transform as a file then, and
plays it when it is there.
"""

from __future__ import annotations

import html
from dataclasses import replace

from starlette.responses import Response

from edge.web.responses import html_response, new_nonce
from transforms import canonical
from transforms.formats import Format
from transforms.planner import TransformUrl

_STYLE = """
:root { color-scheme: light dark; --ink: #16202c; --paper: #f6f4ef; --tone: #c2410c; }
@media (prefers-color-scheme: dark) { :root { --ink: #eceae4; --paper: #14181d; --tone: #fb923c; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem;
  background: var(--paper); color: var(--ink); font: 1rem/1.4 system-ui, sans-serif; }
main { width: min(36rem, 100%); display: grid; gap: 1rem; }
h1 { margin: 0; font-size: 1.25rem; overflow-wrap: anywhere; }
audio { width: 100%; }
button { justify-self: start; font: inherit; padding: .7rem 1.6rem; border: 0; border-radius: 2rem;
  background: var(--tone); color: var(--paper); cursor: pointer; }
button:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px; }
p { margin: 0; min-height: 1.4em; }
[hidden] { display: none; }
"""

_SCRIPT = """
const button = document.querySelector("button");
const audio = document.querySelector("audio");
const status = document.querySelector("[role=status]");

async function made(url) {
  for (;;) {
    const response = await fetch(url, { headers: { Prefer: "wait=20" } });
    const job = await response.json();
    if (!response.ok) throw new Error(job.error.message);
    if (job.status === "Succeeded") return new URL(job.summary.result.artifactUrl).pathname;
    if (job.status !== "Running") throw new Error(job.error?.message ?? job.status);
    status.textContent = `Preparing… ${Math.round(job.progress * 100)} %`;
    await new Promise((resume) => setTimeout(resume, 300));
  }
}

button.addEventListener("click", async () => {
  button.disabled = true;
  status.textContent = "Preparing…";
  try {
    audio.src = await made(button.dataset.url);
    button.hidden = true;
    audio.hidden = false;
    status.textContent = "";
    await audio.play();
  } catch (problem) {
    button.disabled = false;
    status.textContent = problem.message;
  }
});
"""


def player_page(url: TransformUrl) -> Response:
    """Answer with the player of a transform, embeddable anywhere."""
    nonce = new_nonce()
    plan = url.plan
    file = replace(plan, format=Format.M4A, variants=(replace(plan.variants[0], real_time=None),))
    title = html.escape(url.url.path.rpartition("/")[2])
    return html_response(
        f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style nonce="{nonce}">{_STYLE}</style>
</head>
<body>
<main>
<h1>{title}</h1>
<button type="button" data-url="{html.escape(canonical.spell(file))}">Play</button>
<audio controls hidden></audio>
<p role="status" aria-live="polite"></p>
<noscript><p>To play this audio please enable JavaScript.</p></noscript>
</main>
<script type="module" nonce="{nonce}">{_SCRIPT}</script>
</body>
</html>
""",
        nonce=nonce,
        embeddable=True,
    )
