"""
What can go wrong between a URL and its sound.

    TransformProblem
    ├── BadParameter        a parameter's value cannot be used; names it and what can
    ├── UnknownParameter    there is no such parameter; names the nearest that there is
    ├── BadPath             the path of a URL is not one that a file can have
    ├── OutputTooLarge      the plan is legal but would make more than allowed
    ├── UnsupportedMedia    a source holds nothing that can be decoded here
    └── RenderFailed        decoding, encoding or verifying failed half-way

Problems know no HTTP status: ``edge/web`` gives them one by their code.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

Detail = str | int | float | list[str]

# Names and values come from whoever wrote the URL; an answer need not repeat all of them.
_LONGEST_SHOWN = 80


class TransformProblem(Exception):
    """A refusal with a stable *code* for programs and a *message* for people."""

    code = "transform_problem"

    def __init__(
        self,
        message: str,
        *,
        details: Mapping[str, Detail] | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.message = message
        self.details: dict[str, Detail] = dict(details or {})


class BadParameter(TransformProblem):
    """One parameter of a transform URL has a value that cannot be used."""

    code = "bad_parameter"

    def __init__(
        self,
        parameter: str,
        value: str,
        expected: str,
        *,
        allowed: Sequence[str] = (),
        code: str | None = None,
    ) -> None:
        name, shown = (_shortened(text) for text in (parameter, value))
        details: dict[str, Detail] = {
            "parameter": name,
            "value": shown,
            "expected": expected,
        }
        if allowed:
            details["allowed"] = list(allowed)
        super().__init__(
            f"Parameter '{name}' cannot be {shown!r}: expected {expected}.",
            details=details,
            code=code,
        )
        self.parameter = parameter


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"


class UnknownParameter(TransformProblem):
    """A URL has a parameter that nothing here knows."""

    code = "unknown_parameter"

    def __init__(self, parameter: str, value: str, *, known: Sequence[str]) -> None:
        nearest = difflib.get_close_matches(parameter, known, n=1, cutoff=0)[0]
        name = _shortened(parameter)
        super().__init__(
            f"There is no parameter '{name}'; the nearest one is '{nearest}'.",
            details={
                "parameter": name,
                "value": _shortened(value),
                "expected": nearest,
                "allowed": list(known),
            },
        )


class BadPath(TransformProblem):
    """The path of a URL is not one that a file can have."""

    code = "bad_path"


class OutputTooLarge(TransformProblem):
    """The plan would make more sound or more bytes than one artifact may have."""

    code = "output_too_large"


class UnsupportedMedia(TransformProblem):
    """A source holds nothing that can be decoded here; the message says what was found."""

    code = "unsupported_media"


class RenderFailed(TransformProblem):
    """Decoding, encoding or verifying failed after work had begun."""

    code = "render_failed"
