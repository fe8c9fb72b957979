"""One meaning, one spelling, one key."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.support.engine import read
from transforms import rates
from transforms.canonical import key, spell
from transforms.formats import FORMATS, Format
from transforms.grammar import split
from transforms.planner import KNOWN_PARAMETERS, TransformUrl, plan
from transforms.problems import TransformProblem


@pytest.mark.parametrize(
    "same",
    [
        ("f=aac", "f=aac&br=96", "br=96&f=aac", "br=096&f=aac", "f=aac&sr=48&ts=0&rp=1&track=1"),
        ("f=aac&br=96&sr=8", "f=aac&br=96&sr=32"),
        ("f=mp3&br=16&sr=48", "f=mp3&br=16&sr=22.05"),
        ("f=mp3&br=296&sr=22.05", "f=mp3&br=160&sr=22.05"),
        ("f=mp3&ts=1500ms", "f=mp3&ts=1.5s", "ts=1.500000s&f=mp3"),
        ("f=mp3&ts=1.05", "f=mp3&ts=1.5", "f=mp3&ts=01.05"),
        ("f=mp3&te=1", "f=mp3&te=1s", "f=mp3&te=1000ms", "f=mp3&te=1.0"),
        ("f=wav-riff", "f=wav-riff&br=320", "f=wav-riff&bd=16&rt=true"),
        ("f=mp3&rp=2&tm=after-repeat", "f=mp3&rp=2"),
        ("f=mp3&ts=1&tm=after-repeat", "f=mp3&ts=1"),
        ("f=mp3&append=/b&rp=2", "append=/b&f=mp3&rp=2", "append=%2Fb&rp=02&f=mp3"),
        ("f=hls-aac&next=true", "f=hls-aac"),
        ("f=hls-aac-rt&rt=auto", "f=hls-aac-rt"),
        ("f=mp3&cache=false&a=/x&meta-y=1&gain=0&fi=0&fo=0.000", "f=mp3"),
        ("", "f=html-aac&br=96&rt=auto&sr=48"),
        ("f=meta", "f=meta&br=1&ts=5"),
    ],
)
def test_urls_that_mean_the_same_share_a_key(same: tuple[str, ...]) -> None:
    assert len({key(read(query).plan, ["1"]) for query in same}) == 1


def test_urls_that_mean_something_else_do_not() -> None:
    queries = [
        *("f=mp3", "f=aac", "f=m4a", "f=mp3&br=128", "f=mp3&sr=44.1", "f=mp3&ch=1", "f=mp3&ch=2"),
        *("f=mp3&ts=1", "f=mp3&te=1", "f=mp3&ts=1.5", "f=mp3&ts=1.5s", "f=mp3&ts=1.50"),
        *("f=mp3&ts=1&rp=2", "f=mp3&ts=1&rp=2&tm=after-repeat", "f=mp3&rp=2", "f=mp3&track=2"),
        *("f=mp3&append=/b", "f=mp3&append=/b&append=/c", "f=mp3&append=/c&append=/b"),
        *("f=mp3&append=/b&rp=2", "f=mp3&rp=2&append=/b", "f=mp3&append=/b%26rp=2"),
        *("f=mp3&v=1", "f=mp3&v=2", "f=mp3&v=", "f=mp3&gain=1", "f=mp3&fi=1", "f=mp3&fo=1"),
        *("f=mp3&br=72", "f=mp3&br=80", "f=hls-aac", "f=hls-aac-rt", "f=hls-aac-rt&rt=true", ""),
        *("f=hls-aac&br=80&br=256", "f=hls-aac&br=256&br=80", "f=hls-aac&br=80&sr=24&br=256"),
        *("f=wav-riff", "f=wav-rf64", "f=wav-riff&bd=24", "f=wav-riff&bd=32f"),
    ]

    assert len(queries) == len({key(read(query).plan, ["1"]) for query in queries})


def test_a_key_is_of_the_versions_in_their_order_too() -> None:
    made = read("f=mp3&append=/b").plan
    versions = [["1", "2"], ["2", "1"], ["1"], ["12"], ["1", "2", ""], ["1\n2"], ["1%0A2"]]

    assert len({key(made, version) for version in versions}) == len(versions)


def test_a_spelling_is_complete_and_ordered() -> None:
    url = read(
        "append=/b%21.mp3&rp=2&te=1.5s&br=80&fo=0.25&v=a b&f=hls-aac-rt&br=16&ch=1&gain=-1.25",
        path="/w%21/%C3%A4 &.mp3",
    )

    assert spell(url.plan) == (
        "/W142hJk/audio/w%21/%C3%A4%20%26.mp3?f=hls-aac-rt&gain=-1.25&fo=0.25&container=ts"
        "&v=a%20b&br=80&sr=48&rt=auto&br=16&sr=16&ch=1&rt=auto&append=/b%21.mp3&te=1.5s&rp=2"
    )


def reread(spelled: str) -> TransformUrl:
    path, _, query = spelled.partition("?")
    return plan(split(path, query))


times = st.one_of(
    st.integers(0, 86399).map(str),
    st.tuples(st.integers(0, 86399), st.integers(0, 99)).map(lambda t: f"{t[0]}.{t[1]:02d}"),
    st.integers(0, 86_399_999).map(lambda ms: f"{ms}ms"),
    st.integers(0, 86_399_999_999).map(lambda us: f"{us // 10**6}.{us % 10**6:06d}s"),
)
names = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1
)
encoded = names.filter(lambda name: name not in (".", "..")).map(
    lambda name: "".join(f"%{byte:02X}" for byte in name[:40].encode())
)
clip_parameters = st.fixed_dictionaries(
    {},
    optional={
        "ts": times,
        "te": times,
        "tm": st.sampled_from(["before-repeat", "after-repeat"]),
        "rp": st.integers(1, 20).map(str),
        "track": st.integers(1, 100).map(str),
    },
)
variant_parameters = st.fixed_dictionaries(
    {},
    optional={
        "br": st.sampled_from([f"{kbps}" for kbps in rates.MP3_BITRATES_KBPS]),
        "sr": st.sampled_from(["22.05", "32", "44.1", "48"]),
        "ch": st.sampled_from(["1", "2"]),
        "rt": st.sampled_from(["true", "auto", "false"]),
    },
)
output_parameters = st.fixed_dictionaries(
    {"f": st.sampled_from(list(Format))},
    optional={
        "gain": st.decimals(-60, 40, places=2).map(str),
        "fi": st.decimals(0, 60, places=3).map(str),
        "fo": st.decimals(0, 60, places=3).map(str),
        "v": encoded,
        "bd": st.sampled_from(["16", "24", "32f"]),
    },
)


@settings(max_examples=300, deadline=None)
@given(output_parameters, st.lists(variant_parameters, max_size=4), clip_parameters)
def test_a_spelling_reads_back_to_the_same_plan(
    output: dict[str, str], variants: list[dict[str, str]], clip: dict[str, str]
) -> None:
    groups = [*variants, clip, output]
    query = "&".join(f"{name}={value}" for group in groups for name, value in group.items())
    try:
        made = read(query).plan
    except TransformProblem:
        return

    again = reread(spell(made)).plan

    assert made == again
    assert spell(made) == spell(again)


@settings(max_examples=200, deadline=None)
@given(output_parameters, variant_parameters, clip_parameters, st.randoms(use_true_random=False))
def test_the_order_of_independent_parameters_does_not_matter(
    output: dict[str, str], variant: dict[str, str], clip: dict[str, str], random: object
) -> None:
    pairs = list((output | variant | clip).items())
    shuffled = list(pairs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]

    def meaning(ordered: list[tuple[str, str]]) -> str:
        try:
            return key(read("&".join(f"{name}={value}" for name, value in ordered)).plan, ["1"])
        except TransformProblem as problem:
            return problem.code

    assert meaning(pairs) == meaning(shuffled)


pieces = st.one_of(
    st.sampled_from([*KNOWN_PARAMETERS, *FORMATS, "=", "&", "!", "?", "/", "%", "%2F", "true"]),
    st.sampled_from(["ts=", "br=96", "sr=", "append=/", "rp=2", "next=true", "1.5s", "\x00", "٣"]),
    st.text(max_size=6),
)


@settings(max_examples=500, deadline=None)
@example("/W142hJk/audio/a", "ts=%ff")
@example("/W142hJk/audio/\ud800", "")
@example("/W142hJk/audio/a", "exp=9999999999999999&cache_ttl=-0")
@given(
    st.lists(pieces, max_size=8).map(lambda parts: "/W142hJk/audio/a" + "".join(parts)),
    st.lists(pieces, max_size=12).map("".join),
)
def test_any_text_is_a_plan_or_a_problem(raw_path: str, query: str) -> None:
    try:
        made = plan(split(raw_path, query))
    except TransformProblem as problem:
        assert problem.message
    else:
        assert made.plan == reread(spell(made.plan)).plan
