"""Read the settings from everywhere they can be stated, and collect every mistake."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge.settings.kinds import Refused
from edge.settings.table import DECLARED, PREFIX, Settings, account_of, shown, variable_of

CONFIG_VARIABLE: Final = "EDGE_CONFIG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing wrong with the settings: where, what was said, and what is accepted."""

    name: str  # as the operator wrote it: a variable, "port in edge.toml", or "--port"
    value: str | None  # None where it is a secret, or not the point
    reason: str

    def __str__(self) -> str:
        said = "" if self.value is None else f"={self.value!r}"
        return f"{self.name}{said}: {self.reason}"


class SettingsInvalid(Exception):
    """The program cannot start with these settings; lists all their *mistakes*."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(map(str, mistakes)))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    """One value as an operator stated it."""

    name: str
    text: str
    label: str
    spell: Callable[[str], str]  # how the place it was stated in would name any setting


def load_settings(
    environ: Mapping[str, str],
    *,
    config: Path | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """
    Read and validate all settings at once.

    Args:
        environ: The environment. An empty variable counts as not set.

        config: A TOML file; without it ``EDGE_CONFIG`` may name one.

        overrides: Values from the command line by setting name; None counts as not given.

    Raises:
        SettingsInvalid: Lists every mistake.
    """
    mistakes: list[Mistake] = []
    stated: dict[str, _Statement] = {}
    for statement in (
        *_from_file(config, environ.get(CONFIG_VARIABLE), mistakes),
        *_from_environment(environ),
        *_from_command_line(overrides or {}),
    ):
        if statement.name in DECLARED:
            stated[statement.name] = statement
        else:
            mistakes.append(_unknown(statement))
    values: dict[str, Any] = {}  # Any: each value has the type of its own field.
    for name, statement in stated.items():
        try:
            values[name] = DECLARED[name].metadata["kind"].parse(statement.text)
        except (ValueError, KeyError) as refusal:
            mistakes.append(_unreadable(statement, refusal))
    settings = Settings(**values)
    doubtful = stated.keys() - values.keys()
    mistakes += (
        Mistake(name=" and ".join(map(variable_of, names)), value=None, reason=reason)
        for names, reason in _contradictions(settings)
        if doubtful.isdisjoint(names)
    )
    if mistakes:
        raise SettingsInvalid(tuple(mistakes))
    return settings


def _from_file(
    config: Path | None, named_by_variable: str | None, mistakes: list[Mistake]
) -> Iterator[_Statement]:
    if config is None and not named_by_variable:
        return
    path = config or Path(named_by_variable or "")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        label = "--config" if config else CONFIG_VARIABLE
        reason = f"expected the path of a TOML file ({failure})"
        mistakes.append(Mistake(name=label, value=str(path), reason=reason))
        return
    for name, value in document.items():
        yield _stated(name, value, lambda known: f"{known} in {path.name}")


def _from_environment(environ: Mapping[str, str]) -> Iterator[_Statement]:
    for variable, text in sorted(environ.items()):
        if variable.startswith(PREFIX) and variable != CONFIG_VARIABLE and text.strip():
            yield _stated(variable.removeprefix(PREFIX).lower(), text, variable_of)


def _from_command_line(overrides: Mapping[str, object]) -> Iterator[_Statement]:
    for name, value in overrides.items():
        if value is not None:
            yield _stated(name, value, lambda known: "--" + known.replace("_", "-"))


def _stated(name: str, value: object, spell: Callable[[str], str]) -> _Statement:
    return _Statement(name=name, text=_text(value).strip(), label=spell(name), spell=spell)


def _text(value: object) -> str:
    """Spell a TOML or command-line value the way it would be typed into a variable."""
    match value:
        case bool():
            return "true" if value else "false"
        case Mapping():
            return ",".join(f"{name}={_text(part)}" for name, part in value.items())
        case list() | tuple():
            return ",".join(map(_text, value))
        case _:
            return str(value)


def _unknown(statement: _Statement) -> Mistake:
    near = difflib.get_close_matches(statement.name, DECLARED, n=1, cutoff=0)
    reason = f"there is no such setting; the nearest is {statement.spell(near[0])}"
    return Mistake(name=statement.label, value=None, reason=reason)


def _unreadable(statement: _Statement, refusal: Exception) -> Mistake:
    declared = DECLARED[statement.name].metadata
    why = f"{shown(str(refusal), secret=False)}; " if isinstance(refusal, Refused) else ""
    return Mistake(
        name=statement.label,
        value=None if declared["secret"] else shown(statement.text, secret=False),
        reason=f"{why}expected {declared['kind'].accepts}",
    )


def _contradictions(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """List the names of settings that cannot stand together, and why."""
    root, data = settings.root, settings.data
    if root is not None and any(mount.prefix == "/" for mount in settings.mounts):
        yield ("root", "mounts"), "only one of them can answer for '/'"
    if root is not None and root in (data, *data.parents):
        # The data folder holds keys, private uploads and the ledger.
        yield ("root", "data"), f"everything in {root} is served, so {data} must be outside of it"
    if len(set(map(account_of, settings.bootstrap_keys))) > 1:
        names = ("bootstrap_secret_key", "bootstrap_public_key")
        yield names, "both keys must name the same account"
