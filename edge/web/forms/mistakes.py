"""What a form can be refused with."""

from __future__ import annotations

from edge.web.problems import Problem


def malformed(message: str, **details: object) -> Problem:
    """Refuse a body that is no form, or a form that breaks a rule."""
    return Problem(400, "bad_form", message, details=details)


def unsupported(message: str, **details: object) -> Problem:
    """Refuse a body, or a part of it, in an encoding that is not read here."""
    return Problem(415, "unsupported_form", message, details=details)
