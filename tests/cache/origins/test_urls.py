"""Which URLs are understood."""

import pytest

from cache.origins.urls import admit, redirected, without_secrets
from cache.source import SourceForbidden


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://example.com/a.mp3", "http://example.com/a.mp3"),
        ("https://example.com", "https://example.com"),
        ("https://example.com/a%2fb%7e?sig=a%2Fb+c", "https://example.com/a%2fb%7e?sig=a%2Fb+c"),
        ("http://hä.example/ü", "http://xn--h-0fa.example/%C3%BC"),
        ("http://8.8.8.8:8080/", "http://8.8.8.8:8080/"),
        ("http://[2606:4700::1]/", "http://[2606:4700::1]/"),
        ("http://a_b.example.com./x#fragment", "http://a_b.example.com./x"),
        ("http://1.example.com/", "http://1.example.com/"),
    ],
)
def test_plain_urls_keep_their_spelling(text: str, expected: str) -> None:
    assert str(admit(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/a",
        "/a",
        "//example.com/a",
        "ftp://example.com/a",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http:///a",
        "http://",
        "http://user@example.com/",
        "http://user:password@example.com/",
        "http://@example.com/",
        "http://example.com:80@127.0.0.1/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://example.com /",
        "http://example.com/a b",
        "http://example.com/\r\nHost: x",
        "http://example.com\\@127.0.0.1/",
        "http://a..example/",
        "http://.example/",
        "http://h%00.example/",
        "http://%31%32%37.0.0.1/",
        "http://①②⑦.0.0.1/",
        "http://127。0。0。1/",
        "http://0x7f.0.0.1/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://2130706433/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://1.2.3/",
        "http://256.1.1.1/",
        "http://1.1.1.1.1/",
        "http://[::1/",
        "http://[::1%25lo]/",
        "http://[fe80::1%eth0]/",
        "http://example.com/" + "x" * 8192,
    ],
)
def test_others_are_refused(text: str) -> None:
    with pytest.raises(SourceForbidden):
        admit(text)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/c%2fd?q=%7e", "https://example.com/c%2fd?q=%7e"),
        ("../x", "https://example.com/x"),
        ("?q", "https://example.com/a/b?q"),
        ("//other.example/x", "https://other.example/x"),
        ("https://other.example/ü", "https://other.example/%C3%BC"),
    ],
)
def test_redirects_are_resolved(location: str, expected: str) -> None:
    assert str(redirected(admit("https://example.com/a/b?x"), location)) == expected


@pytest.mark.parametrize(
    "location",
    [
        "http://example.com/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://user:pass@other.example/",
        "https://127.1/",
        "https://[::1",
    ],
)
def test_redirects_elsewhere_are_refused(location: str) -> None:
    with pytest.raises(SourceForbidden):
        redirected(admit("https://example.com/a"), location)


def test_what_people_read_holds_no_signature() -> None:
    assert without_secrets(admit("https://example.com/a?sig=s3cret")) == "https://example.com/a"
