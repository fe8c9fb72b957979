"""
What can be said on the command line: every verb with its words, and who carries it out.

Verbs are named here and imported only when they are said: a command that makes one file should
not wait for a web server and a database to be loaded.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from edge.ids import KeyKind
from edge.settings.kinds import BLOBS, DATABASE_URL, Kind

Verbs: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

# What is said for "as the settings say".
DEFAULT = "default"

# Settings that have a flag, by their names.
OVERRIDES = ("root", "data", "host", "port", "workers", "public_url")


def build_parser() -> argparse.ArgumentParser:
    """Build the parser; ``verb`` of what it returns is ``module:function`` in this package."""
    parser = argparse.ArgumentParser(
        prog="audio-edge",
        description="A CDN edge that transforms audio by URL parameters.",
        epilog="Settings come from EDGE_* variables or a TOML file as well; "
        "'audio-edge doctor' lists them.",
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--root", type=Path, metavar="DIR", help="folder of media to serve")
    common.add_argument("--data", type=Path, metavar="DIR", help="folder for what is kept")
    common.add_argument("--config", type=Path, metavar="FILE", help="settings as TOML")
    verbs = parser.add_subparsers(title="verbs", required=True, metavar="VERB")
    _add_serving(verbs, common)
    _add_making(verbs, common)
    _add_keys(verbs, common)
    _add_sign(verbs, common)
    _add_webhooks(verbs, common)
    _add_accounts(verbs, common)
    _add_ledger(verbs, common)
    _add_purge(verbs, common)
    _add_moving(verbs, common)
    _add_doctor(verbs, common)
    return parser


def duration(text: str) -> int:
    """Read a duration such as ``24h``, in seconds."""
    number, unit = text[:-1], text[-1:]
    if not number.isascii() or not number.isdecimal() or len(number) > 9 or unit not in _SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r}: expected such as 90s, 30m, 24h or 7d")
    return int(number) * _SECONDS[unit]


def _add_serving(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    serve = verbs.add_parser(
        "serve", parents=[common], help="answer requests and make what they ask for"
    )
    serve.add_argument("--host", help="address to listen at (127.0.0.1)")
    serve.add_argument("--port", type=int, help="port to listen at, 0 for any free one (8000)")
    workers = serve.add_mutually_exclusive_group()
    workers.add_argument("--workers", type=int, help="jobs made at once (one a core)")
    workers.add_argument(
        "--no-workers",
        dest="workers",
        action="store_const",
        const=0,
        help="leave jobs to other nodes",
    )
    serve.add_argument("--public-url", dest="public_url", help="base of URLs told to clients")
    serve.set_defaults(verb="serving:serve")
    worker = verbs.add_parser(
        "worker", parents=[common], help="make what other processes were asked for"
    )
    worker.add_argument("--workers", type=int, help="jobs made at once (one a core)")
    worker.add_argument("--host", help="address to tell its health at (127.0.0.1)")
    worker.add_argument("--port", type=int, help="port to tell its health at (none)")
    worker.set_defaults(verb="serving:work")


def _add_making(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    plan = verbs.add_parser(
        "plan", parents=[common], help="show what a URL would make and cost, making nothing"
    )
    plan.add_argument("url", metavar="URL", help="a transform URL, or its path")
    plan.add_argument("--json", action="store_true", help="as JSON")
    plan.set_defaults(verb="making:plan")
    render = verbs.add_parser("render", parents=[common], help="make what a URL describes")
    render.add_argument("url", metavar="URL", help="a transform URL, or its path")
    render.add_argument(
        *("-o", "--output"),
        type=Path,
        required=True,
        metavar="FILE",
        help="for HLS and DASH, a new folder",
    )
    render.set_defaults(verb="making:render")
    probe = verbs.add_parser("probe", parents=[common], help="describe a file as f=meta does")
    probe.add_argument("file", type=Path, metavar="FILE")
    probe.set_defaults(verb="making:probe")


def _add_keys(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    keys = verbs.add_parser("keys", help="API keys, and public keys that tokens are signed with")
    actions = keys.add_subparsers(title="actions", required=True, metavar="ACTION")
    shared = argparse.ArgumentParser(add_help=False, parents=[common])
    shared.add_argument("--account", help="whose (the first account's)")
    shared.add_argument("--json", action="store_true", help="as JSON")
    listing = actions.add_parser("list", parents=[shared], help="list an account's keys")
    listing.set_defaults(verb="keys:list_keys")
    create = actions.add_parser(
        "create", parents=[shared], help="make a key, and the account if it is new"
    )
    create.add_argument("--kind", choices=[kind.value for kind in KeyKind], default="secret")
    create.add_argument(
        "--scope",
        default="*",
        metavar="SCOPES",
        help="what it may be used for: some of upload,read,write,jobs,usage (all)",
    )
    create.set_defaults(verb="keys:create_key")
    rotate = actions.add_parser(
        "rotate", parents=[shared], help="make a key in place of another, which ends later"
    )
    rotate.add_argument("id", metavar="KEY_ID", help="as 'keys list' shows it")
    rotate.add_argument(
        "--overlap",
        type=duration,
        default="24h",
        metavar="TIME",
        help="how long the old key works yet, such as 90s, 30m, 24h or 7d (24h)",
    )
    rotate.set_defaults(verb="keys:rotate_key")
    revoke = actions.add_parser("revoke", parents=[shared], help="revoke a key for good")
    revoke.add_argument("id", metavar="KEY_ID", help="as 'keys list' shows it")
    revoke.set_defaults(verb="keys:revoke_key")
    _add_jwt_keys(actions, shared)


def _add_jwt_keys(actions: Verbs, shared: argparse.ArgumentParser) -> None:
    add = actions.add_parser(
        "add-jwt-key", parents=[shared], help="register a public key that tokens are signed with"
    )
    add.add_argument("--algorithm", choices=["RS256", "ES256"], required=True)
    add.add_argument("file", type=Path, metavar="FILE", help="the public key, as PEM")
    add.set_defaults(verb="keys:add_jwt_key")
    listing = actions.add_parser("list-jwt-keys", parents=[shared], help="list those public keys")
    listing.set_defaults(verb="keys:list_jwt_keys")
    revoke = actions.add_parser("revoke-jwt-key", parents=[shared], help="revoke one for good")
    revoke.add_argument("id", metavar="KEY_ID", help="as 'keys list-jwt-keys' shows it")
    revoke.set_defaults(verb="keys:revoke_jwt_key")


def _add_sign(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    sign = verbs.add_parser(
        "sign", parents=[common], help="sign a URL, for whoever may see private files by it"
    )
    sign.add_argument(
        "url",
        metavar="URL",
        help="a URL of the CDN or of AIOZ media, or its path with EDGE_PUBLIC_URL",
    )
    sign.add_argument(
        "--expires",
        type=lambda text: None if text == "never" else duration(text),
        default="1h",
        metavar="TIME",
        help="when it ends, from now: such as 90s, 30m, 24h, 7d or never (1h)",
    )
    sign.add_argument("--key-id", dest="key_id", help="with which key (the account's newest)")
    sign.set_defaults(verb="keys:sign")


def _add_webhooks(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    webhooks = verbs.add_parser("webhooks", help="what is told to other people's servers")
    actions = webhooks.add_subparsers(title="actions", required=True, metavar="ACTION")
    shared = argparse.ArgumentParser(add_help=False, parents=[common])
    shared.add_argument("--account", help="whose (the first account's)")
    shared.add_argument("--json", action="store_true", help="as JSON")
    secret = actions.add_parser("secret", parents=[shared], help="show what they are signed with")
    secret.add_argument(
        "--rotate",
        action="store_true",
        help="replace it; the one before signs beside it for a day",
    )
    secret.set_defaults(verb="webhooks:show_secret")
    listing = actions.add_parser("list", parents=[shared], help="every webhook, newest first")
    listing.set_defaults(verb="webhooks:list_events")
    retry = actions.add_parser("retry", parents=[common], help="send a webhook once more, now")
    retry.add_argument("id", metavar="ID", help="as 'webhooks list' shows it")
    retry.set_defaults(verb="webhooks:retry")


def limit(text: str) -> int | str:
    """Read a quota: a number, or ``default``."""
    if text == DEFAULT:
        return text
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number of at least 0, or {DEFAULT}")
    return int(text)


def _add_accounts(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    accounts = verbs.add_parser("accounts", help="what accounts may use")
    actions = accounts.add_subparsers(title="actions", required=True, metavar="ACTION")
    shared = argparse.ArgumentParser(add_help=False, parents=[common])
    shared.add_argument("account", nargs="?", metavar="ID", help="whose (the first account's)")
    shared.add_argument("--json", action="store_true", help="as JSON")
    showing = actions.add_parser("show", parents=[shared], help="show its plan and its quotas")
    showing.set_defaults(verb="accounts:show_account")
    setting = actions.add_parser(
        "set",
        parents=[shared],
        help="change them; 'default' is what the settings say, what is left out stays",
    )
    setting.add_argument("--plan", choices=["free", "pro", "pro_plus", DEFAULT])
    setting.add_argument(
        "--quota-seconds", type=limit, metavar="N", help="billed seconds a calendar month"
    )
    setting.add_argument("--storage-quota-bytes", type=limit, metavar="N", help="bytes stored")
    setting.set_defaults(verb="accounts:set_account")


def _add_ledger(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    ledger = verbs.add_parser("ledger", help="what was billed")
    actions = ledger.add_subparsers(title="actions", required=True, metavar="ACTION")
    shared = argparse.ArgumentParser(add_help=False, parents=[common])
    shared.add_argument("--account", help="whose (list: the first account's; totals: all)")
    shared.add_argument("--json", action="store_true", help="as JSON")
    listing = actions.add_parser("list", parents=[shared], help="every entry, newest first")
    listing.set_defaults(verb="keeping:list_entries")
    totals = actions.add_parser("totals", parents=[shared], help="sums by account and month")
    totals.set_defaults(verb="keeping:totals")
    reconcile = actions.add_parser(
        "reconcile", parents=[shared], help="compare jobs and entries; 1 if they disagree"
    )
    reconcile.set_defaults(verb="keeping:reconcile")


def _add_purge(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    purge = verbs.add_parser("purge", parents=[common], help="remove artifacts; none is lost")
    purge.add_argument("--account", help="whose (the first account's)")
    purge.add_argument(
        "pattern",
        nargs="?",
        default="/*",
        help="/audio/FILE, or a prefix such as /audio/shows/* (everything)",
    )
    purge.set_defaults(verb="keeping:purge")


def _add_moving(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    migrate = verbs.add_parser(
        "migrate",
        parents=[common],
        help="bring the database to what this version works with",
    )
    migrate.set_defaults(verb="migrating:migrate_records")
    copy = verbs.add_parser(
        "copy-to",
        parents=[common],
        help="copy this installation to a database and a store that many nodes can share",
    )
    copy.add_argument(
        "--database-url",
        dest="database_url",
        type=_of_kind(DATABASE_URL),
        required=True,
        metavar="URL",
        help="as EDGE_DATABASE_URL; migrated, and otherwise empty or an earlier copy",
    )
    copy.add_argument(
        "--blobs",
        type=_of_kind(BLOBS),
        required=True,
        metavar="PLACE",
        help="as EDGE_BLOBS: s3://bucket/prefix, or a folder",
    )
    copy.set_defaults(verb="copying:copy_to")


def _of_kind(kind: Kind[Any]) -> Callable[[str], Any]:
    def parse(text: str) -> Any:
        try:
            return kind.parse(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"expected {kind.accepts}") from None

    return parse


def _add_doctor(verbs: Verbs, common: argparse.ArgumentParser) -> None:
    doctor = verbs.add_parser(
        "doctor", parents=[common], help="check this installation and show its settings"
    )
    doctor.add_argument("--json", action="store_true", help="as JSON")
    doctor.set_defaults(verb="doctor:examine")
