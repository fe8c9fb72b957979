"""The settings of a process: one line each, with kind, meaning and default."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from edge.settings import kinds
from edge.settings.kinds import GIB, BucketFolder, IPNetwork, Kind, Mount, Price
from edge.settings.machine import MOST_WORKERS, workers_here

PREFIX: Final = "EDGE_"
DEFAULT_ACCOUNT: Final = "W142hJk"

LogLevel = Literal["debug", "info", "warning", "error"]
LogFormat = Literal["human", "json"]
SandboxLevel = Literal["best", "full"]
PlanName = Literal["free", "pro", "pro_plus"]

_URL_PASSWORD: Final = re.compile(r"(://[^/:@]*):[^/@]*@")


def _row(kind: Kind[object], meaning: str, *, secret: bool = False) -> Mapping[str, object]:
    return {"kind": kind, "meaning": meaning, "secret": secret}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One setting as a table shows it."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of one process; ``load_settings`` is the way to get them."""

    root: Path | None = field(
        default=None,
        metadata=_row(kinds.EXISTING_FOLDER, "folder of media to serve, never written to"),
    )
    data: Path = field(
        default_factory=lambda: Path("data").resolve(),
        metadata=_row(kinds.FOLDER, "folder for uploads, artifacts and the database"),
    )
    host: str = field(default="127.0.0.1", metadata=_row(kinds.HOST, "address to listen at"))
    port: int = field(
        default=8000, metadata=_row(kinds.whole(0, 65_535), "port to listen at, 0 for any free one")
    )
    public_url: str | None = field(
        default=None, metadata=_row(kinds.PUBLIC_URL, "base of the URLs that clients are told")
    )
    database_url: str | None = field(
        default=None, metadata=_row(kinds.DATABASE_URL, "records, instead of SQLite in the data")
    )
    blobs: Path | BucketFolder | None = field(
        default=None,
        metadata=_row(kinds.BLOBS, "artifacts and uploads, instead of in the data folder"),
    )
    s3_endpoint: str | None = field(
        default=None, metadata=_row(kinds.ENDPOINT, "where buckets are, instead of Amazon S3")
    )
    s3_region: str | None = field(
        default=None, metadata=_row(kinds.REGION, "region of the buckets")
    )
    s3_path_style: bool | None = field(
        default=None,
        metadata=_row(kinds.ON_OR_OFF, "name buckets in the path of URLs, not in the host"),
    )
    hot_bytes: int = field(
        default=10 * GIB,
        metadata=_row(
            kinds.byte_size(2**20), "artifacts of a bucket kept near on this node's disk"
        ),
    )
    mounts: tuple[Mount, ...] = field(
        default=(), metadata=_row(kinds.MOUNTS, "folders of other hosts and buckets, by prefix")
    )
    allow_networks: tuple[IPNetwork, ...] = field(
        default=(),
        metadata=_row(kinds.NETWORKS, "private networks that outbound requests may reach"),
    )
    demo: bool = field(
        default=False, metadata=_row(kinds.ON_OR_OFF, "let the SDK's keys 'free' and 'demo' in")
    )
    bootstrap_secret_key: str | None = field(
        default=None,
        metadata=_row(kinds.api_key("secret"), "secret key of the first account", secret=True),
    )
    bootstrap_public_key: str | None = field(
        default=None,
        metadata=_row(kinds.api_key("public"), "public key of the first account", secret=True),
    )
    seal_key: bytes | None = field(
        default=None,
        metadata=_row(
            kinds.SEAL_KEY,
            "what secret keys are sealed with, instead of `seal.key` in the data folder",
            secret=True,
        ),
    )
    quota_seconds: int | None = field(
        default=None, metadata=_row(kinds.whole(0), "billed seconds an account may use a month")
    )
    storage_quota_bytes: int | None = field(
        default=None, metadata=_row(kinds.byte_size(0), "bytes an account may store")
    )
    plan: PlanName = field(
        default="pro_plus",
        metadata=_row(
            kinds.one_of("free", "pro", "pro_plus"), "plan of accounts that have none of their own"
        ),
    )
    plan_pro_file_bytes: int = field(
        default=GIB // 2,
        metadata=_row(kinds.byte_size(2**20), "size of one file that the plan `pro` hosts"),
    )
    plan_pro_plus_file_bytes: int = field(
        default=4 * GIB,
        metadata=_row(kinds.byte_size(2**20), "size of one file that the plan `pro_plus` hosts"),
    )
    transcode_prices: tuple[Price, ...] = field(
        default=(
            Price(quality="standard", usd_a_minute=Decimal("0.15")),
            Price(quality="good", usd_a_minute=Decimal("0.2")),
            Price(quality="highest", usd_a_minute=Decimal("0.3")),
            Price(quality="lossless", usd_a_minute=Decimal("0.45")),
        ),
        metadata=_row(kinds.PRICES, "what AIOZ's door says that a minute of a quality costs"),
    )
    cache_bytes: int = field(
        default=10 * GIB,
        metadata=_row(kinds.byte_size(2**20), "artifacts kept before the least used go"),
    )
    hit_memory_bytes: int = field(
        default=64 << 20,
        metadata=_row(kinds.byte_size(0), "memory for small files that are asked for again"),
    )
    workers: int = field(
        default_factory=workers_here,
        metadata=_row(
            kinds.whole(0, MOST_WORKERS), "jobs made at once, 0 to leave them to other nodes"
        ),
    )
    worker_memory_bytes: int = field(
        default=GIB, metadata=_row(kinds.byte_size(GIB // 4), "address space of one such process")
    )
    sandbox: SandboxLevel = field(
        default="best",
        metadata=_row(
            kinds.one_of("best", "full"),
            "`full`: start only with all walls around workers",
        ),
    )
    max_queue: int = field(
        default=1000, metadata=_row(kinds.whole(1), "jobs waiting before new ones are refused")
    )
    new_transforms_per_minute: int = field(
        default=600,
        metadata=_row(kinds.whole(1), "transforms not made before that an account may start"),
    )
    job_deadline_seconds: int = field(
        default=3600, metadata=_row(kinds.whole(1), "time one job may take")
    )
    lease_seconds: int = field(
        default=30,
        metadata=_row(kinds.whole(2, 3600), "time after which a silent node's job is taken over"),
    )
    drain_seconds: int = field(
        default=0,
        metadata=_row(
            kinds.whole(0, 3600), "time `/healthz` says `draining` before a node stops listening"
        ),
    )
    max_output_hours: int = field(
        default=24, metadata=_row(kinds.whole(1, 240), "duration of one output")
    )
    max_output_bytes: int = field(
        default=20 * GIB, metadata=_row(kinds.byte_size(2**20), "size of one output")
    )
    max_upload_bytes: int = field(
        default=20 * GIB, metadata=_row(kinds.byte_size(2**20), "size of one uploaded file")
    )
    upload_hours: int = field(
        default=24,
        metadata=_row(kinds.whole(1, 720), "time an upload may take before it is given up"),
    )
    log_level: LogLevel = field(
        default="info",
        metadata=_row(
            kinds.one_of("debug", "info", "warning", "error"), "least level that is logged"
        ),
    )
    log_format: LogFormat = field(
        default="human", metadata=_row(kinds.one_of("human", "json"), "shape of a log line")
    )

    @property
    def bootstrap_keys(self) -> tuple[str, ...]:
        """Return the keys of the first account that were given."""
        return tuple(key for key in (self.bootstrap_secret_key, self.bootstrap_public_key) if key)

    @property
    def account(self) -> str:
        """Return the first account, to which the root folder belongs."""
        return next(map(account_of, self.bootstrap_keys), DEFAULT_ACCOUNT)

    @property
    def records_url(self) -> str:
        """Return the database to open, SQLAlchemy's way."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data / 'edge.sqlite3'}"

    def as_table(self) -> tuple[SettingRow, ...]:
        """List every setting with its value, secrets hidden."""
        return tuple(
            SettingRow(
                name=variable_of(name),
                value=shown(getattr(self, name), secret=declared.metadata["secret"]),
                meaning=declared.metadata["meaning"],
            )
            for name, declared in DECLARED.items()
        )


DECLARED: Final[Mapping[str, Field[Any]]] = {
    declared.name: declared for declared in fields(Settings)
}


def variable_of(name: str) -> str:
    """Name the environment variable of a setting."""
    return PREFIX + name.upper()


def account_of(key: str) -> str:
    """Read the account out of an API key."""
    return key.partition("_")[2][:7]


def shown(value: object, *, secret: bool) -> str:
    """Spell a value for people, without the secret it is or contains."""
    if secret and value is not None:
        return "(hidden)"
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case tuple():
            return ",".join(shown(part, secret=False) for part in value)
        case Price():
            return f"{value.quality}={value.usd_a_minute}"
        case Mount():
            return f"{value.prefix}={value.url}"
        case _:
            return _URL_PASSWORD.sub(r"\g<1>:***@", str(value))
