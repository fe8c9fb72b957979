"""Settings: read from three places, checked together, shown without secrets."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from edge.settings import (
    BucketFolder,
    Mount,
    Price,
    Settings,
    SettingsInvalid,
    load_settings,
)
from edge.settings.kinds import GIB

SECRET_KEY = "secret_W142hJkabcdef"
PUBLIC_KEY = "public_W142hJkabcdef"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def mistakes_of(load: Callable[[], Settings]) -> list[str]:
    with pytest.raises(SettingsInvalid) as raised:
        load()
    return [str(mistake) for mistake in raised.value.mistakes]


def test_nothing_stated_gives_the_defaults(tmp_path: Path) -> None:
    settings = load_settings({"PATH": "/bin", "EDGE_ROOT": ""})

    assert settings == Settings()
    assert settings.data == tmp_path / "data"
    assert settings.account == "W142hJk"
    assert settings.records_url == f"sqlite+aiosqlite:///{tmp_path}/data/edge.sqlite3"
    assert settings.max_output_hours == 24


def test_every_variable_is_read(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    settings = load_settings(
        {
            "EDGE_ROOT": "media",
            "EDGE_DATA": "/var/lib/edge",
            "EDGE_HOST": "::1",
            "EDGE_PORT": "0",
            "EDGE_PUBLIC_URL": "https://audio.example/",
            "EDGE_DATABASE_URL": "postgres://edge:pw@db/edge",
            "EDGE_BLOBS": "/var/lib/blobs/",
            "EDGE_MOUNTS": "/ext=https://a.example/x,y/,/ext/more=http://b.example:81",
            "EDGE_ALLOW_NETWORKS": "10.0.0.0/8, fd00::/8",
            "EDGE_DEMO": "1",
            "EDGE_BOOTSTRAP_SECRET_KEY": SECRET_KEY,
            "EDGE_BOOTSTRAP_PUBLIC_KEY": PUBLIC_KEY,
            "EDGE_QUOTA_SECONDS": "0",
            "EDGE_STORAGE_QUOTA_BYTES": "500 MB",
            "EDGE_CACHE_BYTES": "2GiB",
            "EDGE_WORKERS": "3",
            "EDGE_WORKER_MEMORY_BYTES": "1gib",
            "EDGE_MAX_QUEUE": "5",
            "EDGE_NEW_TRANSFORMS_PER_MINUTE": "6",
            "EDGE_JOB_DEADLINE_SECONDS": "7",
            "EDGE_LEASE_SECONDS": "8",
            "EDGE_MAX_OUTPUT_HOURS": "9",
            "EDGE_MAX_OUTPUT_BYTES": "10000000",
            "EDGE_LOG_LEVEL": "DEBUG",
            "EDGE_LOG_FORMAT": "json",
        }
    )
    expected = Settings(
        root=tmp_path / "media",
        data=Path("/var/lib/edge"),
        host="::1",
        port=0,
        public_url="https://audio.example",
        database_url="postgresql+asyncpg://edge:pw@db/edge",
        blobs=Path("/var/lib/blobs"),
        mounts=(
            Mount(prefix="/ext", url="https://a.example/x,y"),
            Mount(prefix="/ext/more", url="http://b.example:81"),
        ),
        allow_networks=(ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")),
        demo=True,
        bootstrap_secret_key=SECRET_KEY,
        bootstrap_public_key=PUBLIC_KEY,
        quota_seconds=0,
        storage_quota_bytes=500_000_000,
        cache_bytes=2 * GIB,
        workers=3,
        worker_memory_bytes=GIB,
        max_queue=5,
        new_transforms_per_minute=6,
        job_deadline_seconds=7,
        lease_seconds=8,
        max_output_hours=9,
        max_output_bytes=10_000_000,
        log_level="debug",
        log_format="json",
    )

    assert settings == expected


def test_the_command_line_outranks_variables_and_they_the_file(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(
        'port = 1\nworkers = 1\nmax_queue = 1\ndemo = true\n[mounts]\n"/a" = "http://b"'
    )
    settings = load_settings(
        {"EDGE_CONFIG": str(config), "EDGE_PORT": "2", "EDGE_WORKERS": "2"},
        overrides={"port": 3, "host": None},
    )

    assert (settings.port, settings.workers, settings.max_queue) == (3, 2, 1)
    assert settings.demo is True
    assert settings.mounts == (Mount(prefix="/a", url="http://b"),)


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text('max_queue = 0\ncash_bytes = "1GiB"\n')
    environ = {
        "EDGE_PORT": "http",
        "EDGE_ROOT": "nowhere",
        "EDGE_DEMOS": "1",
        "EDGE_DATABASE_URL": "mysql://me:hunter2@db/x",
        "EDGE_BOOTSTRAP_SECRET_KEY": "hunter2",
    }
    expected = [
        "cash_bytes in edge.toml: there is no such setting; the nearest is "
        "cache_bytes in edge.toml",
        "EDGE_DEMOS: there is no such setting; the nearest is EDGE_DEMO",
        "max_queue in edge.toml='0': expected a whole number of at least 1",
        "EDGE_BOOTSTRAP_SECRET_KEY: expected 'secret_', an account id of 7 base58 characters, "
        "and 4 or more letters or digits",
        "EDGE_DATABASE_URL='mysql://me:***@db/x': expected sqlite:///path or "
        "postgresql://user:password@host/name",
        "EDGE_PORT='http': expected a whole number from 0 to 65535",
        "EDGE_ROOT='nowhere': there is no such folder; expected the path of an existing folder",
        "--lease-seconds='soon': expected a whole number from 2 to 3600",
    ]

    assert (
        mistakes_of(
            lambda: load_settings(environ, config=config, overrides={"lease_seconds": "soon"})
        )
        == expected
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "65536"),
        ("PORT", "-1"),
        ("PORT", "8_0"),
        ("PORT", "\uff19"),
        ("HOST", "a b"),
        ("PUBLIC_URL", "audio.example"),
        ("PUBLIC_URL", "https://audio.example/path"),
        ("PUBLIC_URL", "https://audio.example?x"),
        ("PUBLIC_URL", "https://u:p@audio.example"),
        ("PUBLIC_URL", "https://audio.example:99999"),
        ("PUBLIC_URL", "ftp://audio.example"),
        ("DATABASE_URL", "sqlite"),
        ("BLOBS", "s3://bucket/../prefix"),
        ("BLOBS", "gs://bucket"),
        ("ALLOW_NETWORKS", "10.0.0.1/8"),
        ("ALLOW_NETWORKS", "localhost"),
        ("DEMO", "perhaps"),
        ("CACHE_BYTES", "1.5GiB"),
        ("CACHE_BYTES", "10"),
        ("BOOTSTRAP_PUBLIC_KEY", SECRET_KEY),
        ("BOOTSTRAP_SECRET_KEY", "secret_W142h0kabcdef"),
        ("LOG_FORMAT", "xml"),
        ("MOUNTS", "/ext=s3://bucket?prefix"),
        ("MOUNTS", "ext=https://a.example"),
        ("MOUNTS", "/ext/=https://a.example"),
        ("MOUNTS", "/a/../b=https://a.example"),
        ("MOUNTS", "/ext"),
        ("MOUNTS", "/ext=https://u:p@a.example"),
        ("MOUNTS", "/ext=https://a.example,/ext=https://b.example"),
    ],
)
def test_a_value_is_refused(name: str, value: str) -> None:
    (mistake,) = mistakes_of(lambda: load_settings({f"EDGE_{name}": value}))

    assert mistake.startswith(f"EDGE_{name}")
    assert "expected " in mistake


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("s3://bucket", BucketFolder(bucket="bucket", prefix="")),
        ("s3://bucket/", BucketFolder(bucket="bucket", prefix="")),
        (
            "s3://my.bucket-1/some/prefix/",
            BucketFolder(bucket="my.bucket-1", prefix="some/prefix/"),
        ),
    ],
)
def test_buckets_hold_blobs_and_are_mounted(text: str, folder: BucketFolder) -> None:
    settings = load_settings({"EDGE_BLOBS": text, "EDGE_MOUNTS": f"/lib={text},/ext=https://a.b"})

    assert settings.blobs == folder
    assert settings.mounts == (
        Mount(prefix="/lib", url=folder),
        Mount(prefix="/ext", url="https://a.b"),
    )


@pytest.mark.parametrize(
    "text",
    ["s3://", "s3://b", "s3://bucket/../x", "s3://bucket/a?b", "gs://bucket/a"],
)
def test_what_is_no_folder_of_a_bucket_is_a_mistake(text: str) -> None:
    expected = [
        f"EDGE_BLOBS={text!r}: {text!r} is not a folder of a bucket, such as "
        "s3://bucket/some/prefix; expected the path of a folder, or s3://bucket/prefix"
    ]

    assert mistakes_of(lambda: load_settings({"EDGE_BLOBS": text})) == expected


def test_where_buckets_are_is_read_and_shown() -> None:
    settings = load_settings(
        {
            "EDGE_S3_ENDPOINT": "http://127.0.0.1:9000/",
            "EDGE_S3_REGION": "eu-central-1",
            "EDGE_S3_PATH_STYLE": "off",
            "EDGE_HOT_BYTES": "1GiB",
            "EDGE_BLOBS": "s3://bucket/prefix/",
            "EDGE_MOUNTS": "/lib=s3://other",
        }
    )
    table = {row.name: row.value for row in settings.as_table()}

    assert (settings.s3_endpoint, settings.s3_region) == ("http://127.0.0.1:9000", "eu-central-1")
    assert (settings.s3_path_style, settings.hot_bytes) == (False, GIB)
    assert table["EDGE_BLOBS"] == "s3://bucket/prefix"
    assert table["EDGE_MOUNTS"] == "/lib=s3://other"


def test_settings_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    environ = {
        "EDGE_ROOT": str(tmp_path),
        "EDGE_DATA": str(tmp_path / "data"),
        "EDGE_MOUNTS": "/=https://a.example",
        "EDGE_BOOTSTRAP_SECRET_KEY": SECRET_KEY,
        "EDGE_BOOTSTRAP_PUBLIC_KEY": "public_W142hJmabcdef",
    }
    expected = [
        "EDGE_ROOT and EDGE_MOUNTS: only one of them can answer for '/'",
        f"EDGE_ROOT and EDGE_DATA: everything in {tmp_path} is served, "
        f"so {tmp_path}/data must be outside of it",
        "EDGE_BOOTSTRAP_SECRET_KEY and EDGE_BOOTSTRAP_PUBLIC_KEY: "
        "both keys must name the same account",
    ]

    assert mistakes_of(lambda: load_settings(environ)) == expected


@pytest.mark.parametrize("content", [None, "port = = 1"])
def test_a_file_that_cannot_be_read_is_a_mistake(tmp_path: Path, content: str | None) -> None:
    config = tmp_path / "edge.toml"
    if content is not None:
        config.write_text(content)
    (mistake,) = mistakes_of(lambda: load_settings({"EDGE_CONFIG": str(config)}))

    assert mistake.startswith(f"EDGE_CONFIG='{config}': expected the path of a TOML file (")


def test_the_account_is_the_one_in_the_keys() -> None:
    settings = load_settings({"EDGE_BOOTSTRAP_PUBLIC_KEY": "public_W142hJmabcdef"})

    assert settings.account == "W142hJm"


def test_the_table_shows_everything_but_secrets() -> None:
    settings = Settings(
        bootstrap_secret_key=SECRET_KEY,
        database_url="postgresql+asyncpg://edge:hunter2@db/edge",
        mounts=(Mount(prefix="/ext", url="https://a.example"),),
        allow_networks=(ipaddress.ip_network("10.0.0.0/8"),),
    )
    table = {row.name: row.value for row in settings.as_table()}

    assert table["EDGE_BOOTSTRAP_SECRET_KEY"] == "(hidden)"
    assert table["EDGE_BOOTSTRAP_PUBLIC_KEY"] == ""
    assert table["EDGE_DATABASE_URL"] == "postgresql+asyncpg://edge:***@db/edge"
    assert table["EDGE_MOUNTS"] == "/ext=https://a.example"
    assert table["EDGE_ALLOW_NETWORKS"] == "10.0.0.0/8"
    assert table["EDGE_DEMO"] == "false"
    assert table["EDGE_PORT"] == "8000"
    assert all(row.meaning for row in settings.as_table())


def test_prices_are_read_for_the_qualities_that_have_one() -> None:
    settings = load_settings({"EDGE_TRANSCODE_PRICES": "standard=0.01, lossless=2"})

    assert settings.transcode_prices == (
        Price(quality="standard", usd_a_minute=Decimal("0.01")),
        Price(quality="lossless", usd_a_minute=Decimal(2)),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("best=1", "'best=1' is not the price of standard, good, highest, lossless"),
        ("good=-1", "'good=-1' is not the price of"),
        ("good", "'good' is not the price of"),
        ("good=1,good=2", "a quality has two prices"),
    ],
)
def test_a_price_that_is_none_is_refused(text: str, told: str) -> None:
    (mistake,) = mistakes_of(lambda: load_settings({"EDGE_TRANSCODE_PRICES": text}))

    assert told in mistake
