"""The URL's text: the two forms, the aliases, and every path that no file can have."""

import pytest

from transforms.grammar import (
    LONGEST_PATH,
    LONGEST_SEGMENT,
    LONGEST_VALUE,
    MOST_PARAMETERS,
    CdnUrl,
    check_path,
    is_account,
    split,
)
from transforms.problems import BadParameter, BadPath


def test_a_url_is_taken_apart_and_decoded_once() -> None:
    url = split("/W142hJk/audio/b%C3%A4r/a%2520b.mp3", "f=mp3&append=%2Fx%26y.mp3")

    assert url == CdnUrl(
        account="W142hJk",
        api="audio",
        path="/bär/a%20b.mp3",
        raw_path="/b%C3%A4r/a%2520b.mp3",
        parameters=(("f", "mp3"), ("append", "/x&y.mp3")),
        raw_parameters=("f=mp3", "append=%2Fx%26y.mp3"),
    )


@pytest.mark.parametrize(
    ("raw_path", "query"),
    [
        ("/W142hJk/audio/a.mp3", "f=mp3&br=128&a=/audio.mp3"),
        ("/W142hJk/audio/a.mp3!f=mp3&br=128&a=/audio.mp3", ""),
        ("/W142hJk/audio/a.mp3!f=mp3", "br=128&a=/audio.mp3"),
        ("/W142hJk/audio/a.mp3!f=mp3&&", "&br=128&&a=/audio.mp3&"),
        ("/W142hJk/audio/a.mp3!", "f=mp3&br=128&a=%2Faudio%2Emp3"),
    ],
)
def test_the_two_forms_mean_the_same(raw_path: str, query: str) -> None:
    url = split(raw_path, query)

    assert url.parameters == (("f", "mp3"), ("br", "128"), ("a", "/audio.mp3"))
    assert url.path == "/a.mp3"


def test_an_encoded_exclamation_mark_belongs_to_the_file_name() -> None:
    url = split("/W142hJk/audio/wow%21.mp3!f=mp3&v=a!b", "")

    assert (url.path, url.parameters) == ("/wow!.mp3", (("f", "mp3"), ("v", "a!b")))


def test_plus_signs_stay_plus_signs() -> None:
    url = split("/W142hJk/audio/a+b.mp3", "v=c+d")

    assert (url.path, url.parameters) == ("/a+b.mp3", (("v", "c+d"),))


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("artifact", "a"),
        ("version", "v"),
        ("cache-ttl", "cache_ttl"),
        ("cache-ttl-404", "cache_ttl_404"),
        ("cache-only", "cache_only"),
        ("cache-perm", "cache_perm"),
        ("cache%2Dperm", "cache_perm"),
        ("cache", "cache"),
    ],
)
def test_both_spellings_of_a_general_parameter_are_one(written: str, known: str) -> None:
    url = split("/W142hJk/audio/a.mp3", f"{written}=x")

    assert ((known, "x"),) == url.parameters


@pytest.mark.parametrize(
    "raw",
    [
        *("/", "/a//b", "/a/", "//a", "/./a", "/a/..", "/%2e%2e/a", "/a/%2E/b", "/a%2Fb", "/%2f"),
        *(
            "/a%5Cb",
            "/a\\b",
            "/a%00b",
            "/a%0Ab",
            "/a%7Fb",
            "/a\x1fb",
            "/%FF",
            "/a%C3",
            "/%ED%A0%80",
        ),
        *("/a\ud800b", "/" + "x" * (LONGEST_SEGMENT + 1), "/" + "ä" * (LONGEST_SEGMENT // 2 + 1)),
        *("/x" * (LONGEST_PATH // 2 + 1), "/" + "%41" * (LONGEST_PATH + 1)),
    ],
)
def test_a_path_that_no_file_has_is_refused(raw: str) -> None:
    with pytest.raises(BadPath) as refusal:
        split(f"/W142hJk/audio{raw}", "")

    assert refusal.value.code == "bad_path"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "/",
        "W142hJk/audio/a",
        "/W142hJk/audio",
        "/W142hJ/audio/a",
        "/W142hJ0/audio/a",
        "/W142hJkk/audio/a",
        "/W142h%4Ak/audio/a",
        "/W142hJk!/audio/a",
    ],
)
def test_a_path_without_an_account_or_file_is_refused(raw: str) -> None:
    with pytest.raises(BadPath):
        split(raw, "")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("W142hJk", True),
        ("1111111", True),
        ("O142hJk", False),
        ("l142hJk", False),
        ("W142hJ", False),
        ("W142hJk\n", False),
        ("W142hJ\u0661", False),
        ("", False),
    ],
)
def test_an_account_is_seven_base58_characters(text: str, expected: bool) -> None:
    assert expected == is_account(text)


def test_three_dots_and_hidden_files_are_names() -> None:
    assert check_path("/.../.a/..b") == "/.../.a/..b"


def test_a_path_begins_with_a_slash() -> None:
    with pytest.raises(BadPath):
        check_path("a.mp3")


def test_too_many_parameters_are_refused() -> None:
    query = "&".join(["meta-x=1"] * MOST_PARAMETERS)
    split("/W142hJk/audio/a.mp3", query)

    with pytest.raises(BadParameter) as refusal:
        split("/W142hJk/audio/a.mp3", query + "&last=1")

    assert refusal.value.details == {
        "parameter": "last",
        "value": f"number {MOST_PARAMETERS + 1}",
        "expected": f"at most {MOST_PARAMETERS} parameters in one URL",
    }


@pytest.mark.parametrize(
    ("query", "parameter", "expected"),
    [
        ("v=%FF", "v", "percent-encoded UTF-8"),
        ("%FF=1", "%FF", "percent-encoded UTF-8"),
        ("v=\ud800", "v", "percent-encoded UTF-8"),
        ("v=" + "x" * (LONGEST_VALUE + 1), "v", f"at most {LONGEST_VALUE} characters"),
    ],
)
def test_an_unreadable_parameter_is_named(query: str, parameter: str, expected: str) -> None:
    with pytest.raises(BadParameter) as refusal:
        split("/W142hJk/audio/a.mp3", query)

    assert (refusal.value.parameter, refusal.value.details["expected"]) == (parameter, expected)
