"""What all of Bytescale's storage API checks and refuses alike."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.accounts.principal import Principal
from edge.library.media.media import Draft
from edge.library.paths import checked
from edge.web import problems
from edge.web.dialects.bytescale import storage_wire as wire
from edge.web.dialects.bytescale.endpoints import Endpoint
from edge.web.refusals import of_library


def telling(endpoint: Endpoint) -> Endpoint:
    """Have what the library refuses told as answers."""

    async def answer(request: Request, account: str, principal: Principal) -> Response:
        try:
            return await endpoint(request, account, principal)
        except Exception as refusal:
            problem = of_library(refusal)
            if problem is None:
                raise
            raise problem from refusal

    return answer


def checked_draft(draft: Draft) -> Draft:
    """Return what is said of a file if it is little enough to be kept."""
    if not wire.known_tags(draft.tags):
        raise problems.bad_parameter(
            "tags", f"A file has up to {wire.MOST_TAGS} tags of 1 to 255 characters."
        )
    if len(msgspec.json.encode(draft.metadata)) > wire.MOST_METADATA_BYTES:
        raise problems.bad_parameter(
            "metadata", f"A file's metadata is up to {wire.MOST_METADATA_BYTES} bytes of JSON."
        )
    return draft


def folder_path(text: str) -> str:
    """Read the path of a folder, with or without a slash at its end; ``/`` is the outermost."""
    return text if text == "/" else checked(text.removesuffix("/"))


def whole(text: str | None, name: str, *, most: int) -> int | None:
    """Read a parameter that is a number from 1 to *most*."""
    if text is None:
        return None
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise problems.bad_parameter(name, f"{name} is a number from 1 to {most}.", value=text)
    return int(text)
