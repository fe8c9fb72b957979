"""What is refused before anything is sent, by the text of a URL alone."""

import pytest

from cache.origins.addresses import parse_networks
from cache.origins.fetch import Fetcher
from cache.source import SourceForbidden

LOOPBACK = parse_networks(["127.0.0.0/8"])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/a.mp3",
        "http://example.com:80/",
        "http://8.8.8.8/",
        "https://[2600::1]/",
    ],
)
def test_what_may_be_public_passes(url: str) -> None:
    Fetcher().check(url)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "ftp://example.com/",
            "example.com",
            "",
            "http://user@example.com/",
            "file:///etc/passwd",
        ),
        *("http://127.0.0.1/", "http://10.0.0.1/", "http://169.254.169.254/", "http://[::1]/"),
        *("http://localhost/", "http://LOCALHOST./", "http://2130706433/", "http://0x7f.1/"),
        *("http://example.com:8080/", "http://8.8.8.8:22/", "http://example.com:0/"),
    ],
)
def test_what_cannot_be_allowed_is_refused(url: str) -> None:
    with pytest.raises(SourceForbidden):
        Fetcher().check(url)


@pytest.mark.parametrize(
    ("url", "passes"),
    [
        ("http://127.0.0.1:8080/", True),
        ("http://localhost:8080/", True),
        # The name may prove to be in the network that is allowed.
        ("http://inside.example:8080/", True),
        ("http://10.0.0.1/", False),
        ("http://8.8.8.8:8080/", False),
    ],
)
def test_networks_that_are_allowed_are_on_any_port(url: str, passes: bool) -> None:
    fetcher = Fetcher(allow_networks=LOOPBACK)
    if passes:
        fetcher.check(url)
    else:
        with pytest.raises(SourceForbidden, match="not allowed"):
            fetcher.check(url)
