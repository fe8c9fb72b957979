"""
Templates into answers: everything put into a page is escaped, and only its own scripts run.
"""

from __future__ import annotations

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import Response

from edge.web.responses import html_response, new_nonce

_TEMPLATES = Environment(
    loader=PackageLoader("edge.web.pages"), autoescape=True, undefined=StrictUndefined
)


def page(
    template: str, *, status: int = 200, embeddable: bool = False, **facts: object
) -> Response:
    """Answer with a template's page; its ``nonce`` is made here."""
    nonce = new_nonce()
    markup = _TEMPLATES.get_template(template).render(nonce=nonce, **facts)
    return html_response(markup, nonce=nonce, status=status, embeddable=embeddable)
