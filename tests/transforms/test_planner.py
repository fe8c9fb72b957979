"""From parameters to plans: groups, clips, defaults, and every refusal naming what would do."""

import pytest

from tests.support.engine import read
from transforms import rates
from transforms.delivery import Delivery
from transforms.formats import FORMATS, Format
from transforms.plan import Clip, Container, RealTime, Shaping, TransformPlan, TrimMode, Variant
from transforms.planner import KNOWN_PARAMETERS
from transforms.problems import BadParameter, UnknownParameter
from transforms.timecode import TimePoint


def aac(kbps: int, hertz: int = 48000, real_time: RealTime | None = None) -> Variant:
    return Variant(bitrate_bps=kbps * 1000, sample_rate_hz=hertz, real_time=real_time)


def refused(query: str) -> BadParameter:
    with pytest.raises(BadParameter) as refusal:
        read(query)
    return refusal.value


def test_the_default_is_a_page_with_one_variant() -> None:
    assert read("").plan == TransformPlan(
        account="W142hJk",
        format=Format.HTML_AAC,
        clips=(Clip(path="/a.bin"),),
        variants=(aac(96, real_time=RealTime.AUTO),),
        container=Container.TS,
    )


def test_a_url_with_everything_is_the_whole_plan() -> None:
    url = read(
        "f=flac&sr=44.1&ch=1&bd=24&gain=-3.5&fi=0.5&fo=2&v=7&ts=1.05&te=90s&tm=after-repeat&rp=3"
        "&track=2&append=/b.mp3&te=1&append=/b.mp3&rp=2"
    )

    assert url.plan == TransformPlan(
        account="W142hJk",
        format=Format.FLAC,
        clips=(
            Clip(
                path="/a.bin",
                start=TimePoint(second=1, frame=5),
                end=TimePoint(second=90),
                trim_mode=TrimMode.AFTER_REPEAT,
                repeat=3,
                track=2,
            ),
            Clip(path="/b.mp3", end=TimePoint(second=1)),
            Clip(path="/b.mp3", repeat=2),
        ),
        variants=(Variant(sample_rate_hz=44100, channels=1, bit_depth="24"),),
        shaping=Shaping(gain_centibels=-350, fade_in_ms=500, fade_out_ms=2000),
        version="7",
    )


@pytest.mark.parametrize(
    ("query", "variants"),
    [
        ("br=80&sr=24&br=256&sr=48", [aac(80, 32000), aac(256)]),
        ("br=80&br=256&sr=24&sr=48", [aac(80), aac(256, 32000), aac(96)]),
        ("br=80&br=256", [aac(80), aac(256)]),
        ("br=80&next=true&sr=44.1", [aac(80), aac(96, 44100)]),
        ("br=80&next=false&sr=44.1", [aac(80, 44100)]),
        ("next=true&br=80&next=true", [aac(80)]),
        ("br=80&next=true&next=true&next=false&br=128", [aac(80), aac(128)]),
        ("br=80&ts=1&append=/b&rp=2&sr=44.1", [aac(80, 44100)]),
        ("sr=44.1", [aac(96, 44100)]),
        ("br=096&sr=044.1", [aac(96, 44100)]),
    ],
)
def test_parameters_group_into_variants(query: str, variants: list[Variant]) -> None:
    assert tuple(variants) == read(f"f=hls-aac&{query}").plan.variants


def test_the_billing_example_has_two_real_time_variants_and_one_that_is_not() -> None:
    assert read("f=hls-aac-rt&br=64&br=128&br=256&rt=false").plan.variants == (
        aac(64, real_time=RealTime.AUTO),
        aac(128, real_time=RealTime.AUTO),
        aac(256, real_time=RealTime.FALSE),
    )


def test_ten_variants_are_made_and_eleven_refused() -> None:
    ten = rates.AAC_BITRATES_KBPS[8:18]
    query = "f=hls-aac&" + "&".join(f"br={kbps}" for kbps in ten)

    assert tuple(map(aac, ten)) == read(query).plan.variants
    assert refused(query + "&br=320").details == {
        "parameter": "br",
        "value": "320",
        "expected": "at most 10 variants in one URL",
    }


def test_identical_variants_are_refused() -> None:
    problem = refused("f=hls-aac&br=96&sr=8&br=96&sr=32")

    assert (problem.code, problem.parameter, problem.details["value"]) == (
        "identical_variants",
        "br",
        "96",
    )


@pytest.mark.parametrize("output", ["mp3", "aac", "m4a", "opus"])
def test_a_single_file_has_one_variant(output: str) -> None:
    expected = "to be given once: this format has one variant"

    for query in ("br=64&br=96", "br=96&next=true&sr=48"):
        assert expected == refused(f"f={output}&{query}").details["expected"]


@pytest.mark.parametrize("query", ["bd=24&next=true&sr=48", "next=true&sr=48&bd=24"])
def test_a_bit_depth_is_no_variant_of_its_own(query: str) -> None:
    assert (Variant(sample_rate_hz=48000, bit_depth="24"),) == read(f"f=flac&{query}").plan.variants


@pytest.mark.parametrize("output", list(Format))
def test_each_format_takes_its_lists_and_nothing_else(output: Format) -> None:
    spec = FORMATS[output]
    bitrates = [str(kbps) for kbps in spec.bitrates_kbps]
    sample_rates = [rates.khz(hz) for hz in spec.sample_rates_hz]

    for value in bitrates:
        read(f"f={output}&br={value}")
    for value in sample_rates:
        read(f"f={output}&sr={value}")
    for name, values in (("br", bitrates), ("sr", sample_rates)):
        for wrong in ("0", "-96", "97", "1e2", "", "96.5", "٩٦", "2147483647") if values else ():
            problem = refused(f"f={output}&{name}={wrong}")
            assert (name, wrong, values) == (
                problem.parameter,
                problem.details["value"],
                problem.details["allowed"],
            )


@pytest.mark.parametrize("output", ["wav-riff", "wav-rf64", "flac"])
def test_a_bitrate_means_nothing_to_a_lossless_format(output: str) -> None:
    assert read(f"f={output}").plan == read(f"f={output}&br=12345&br=x&rt=maybe").plan


def test_real_time_means_nothing_to_a_job() -> None:
    assert read("f=hls-aac").plan == read("f=hls-aac&rt=true&rt=false").plan


def test_metadata_is_of_the_file_whatever_is_done_to_its_sound() -> None:
    plain = TransformPlan(account="W142hJk", format=Format.META, clips=(Clip(path="/a.bin"),))

    assert plain == read("f=meta&br=1&ts=5&append=/b&rp=2&gain=3").plan


@pytest.mark.parametrize(
    ("query", "parameter", "value", "expected"),
    [
        ("f=ogg", "f", "ogg", "one of " + ", ".join(Format)),
        ("f=mp3&f=aac", "f", "mp3,aac", "to be given once"),
        ("f=mp3&f=mp3", "f", "mp3,mp3", "to be given once"),
        ("rt=yes", "rt", "yes", "one of true, auto, false"),
        ("tm=sideways", "tm", "sideways", "one of before-repeat, after-repeat"),
        ("next=1", "next", "1", "true or false"),
        ("rp=0", "rp", "0", "a whole number from 1 to 20"),
        ("rp=21", "rp", "21", "a whole number from 1 to 20"),
        ("rp=1.5", "rp", "1.5", "a whole number from 1 to 20"),
        ("track=0", "track", "0", "a whole number from 1 to 100"),
        ("ch=3", "ch", "3", "a whole number from 1 to 2"),
        ("f=wav-riff&bd=8", "bd", "8", "16 or 24 or 32f"),
        ("f=flac&bd=32f", "bd", "32f", "16 or 24"),
        ("f=mp3&bd=16", "bd", "16", "to be left out: this format has no bit depth"),
        ("gain=41", "gain", "41", "a number from -60 to 40, decimals allowed"),
        ("gain=NaN", "gain", "NaN", "a number from -60 to 40, decimals allowed"),
        ("gain=1e1", "gain", "1e1", "a number from -60 to 40, decimals allowed"),
        ("fi=-1", "fi", "-1", "a number from 0 to 60, decimals allowed"),
        ("fo=61", "fo", "61", "a number from 0 to 60, decimals allowed"),
        ("ts=1&ts=2", "ts", "2", "to be given once for each file"),
        ("append=/b&rp=2&rp=3", "rp", "3", "to be given once for each file"),
        ("gain=1&gain=2", "gain", "2", "to be given once"),
        ("v=1&version=2", "v", "2", "to be given once"),
        ("ts=9&te=1", "te", "1", "a point after ts=9"),
        ("ts=1&te=1", "te", "1", "a point after ts=1"),
        ("te=0", "te", "0", "a point after the beginning"),
        ("cache=no", "cache", "no", "true or false"),
        ("cache_perm=maybe", "cache_perm", "maybe", "true, false or auto"),
        ("a=/x&artifact=/y", "a", "/y", "to be given once"),
        ("exp=soon", "exp", "soon", "a Unix time in seconds or milliseconds, or inf"),
    ],
)
def test_an_error_names_parameter_value_and_what_would_do(
    query: str, parameter: str, value: str, expected: str
) -> None:
    problem = refused(query)

    told = {name: problem.details[name] for name in ("parameter", "value", "expected")}
    assert told == {"parameter": parameter, "value": value, "expected": expected}
    assert problem.message == f"Parameter '{parameter}' cannot be {value!r}: expected {expected}."


@pytest.mark.parametrize("path", ["b.mp3", "", "/../b", "/a//b", "/", "/a\\b", "http://x/y"])
def test_an_appended_file_needs_a_path(path: str) -> None:
    assert (refused(f"append={path}").parameter, refused(f"append={path}").details["value"]) == (
        "append",
        path,
    )


def test_ten_files_are_appended_and_eleven_refused() -> None:
    ten = "&".join(["append=/b"] * 10)

    assert len(read(ten).plan.clips) == 11
    assert refused(ten + "&append=/c").details["expected"] == "at most 10 appended files"


@pytest.mark.parametrize(
    ("name", "nearest"),
    [("bitrate", "track"), ("brr", "br"), ("appendd", "append"), ("cach", "cache")],
)
def test_an_unknown_name_is_told_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(UnknownParameter) as caught:
        read(f"{name}=1")
    problem = caught.value

    assert problem.code == "unknown_parameter"
    assert problem.details == {
        "parameter": name,
        "value": "1",
        "expected": nearest,
        "allowed": list(KNOWN_PARAMETERS),
    }


def test_an_endless_unknown_name_is_not_repeated_in_full() -> None:
    with pytest.raises(UnknownParameter) as caught:
        read("x" * 50_000 + "=1")

    assert len(str(caught.value.details["parameter"])) == 80


def test_metadata_and_authorisation_parameters_are_accepted_and_ignored() -> None:
    assert read("f=mp3").plan == read("meta-a=1&f=mp3&meta-=2&auth=x&sig=y&exp=1").plan


def test_delivery_changes_nothing_of_the_plan() -> None:
    url = read(
        "f=mp3&a=/audio.mp3&cache=false&cache-ttl=60&cache_ttl_404=5&cache-only=true"
        "&cache_perm=auto&download=true&exp=1700000000&sig=s"
    )

    assert url.plan == read("f=mp3").plan
    assert url.delivery == Delivery(
        artifact="/audio.mp3",
        cache=False,
        cache_ttl_seconds=60,
        cache_ttl_404_seconds=5,
        cache_only=True,
        download=True,
        expires_ms=1_700_000_000_000,
        signature="s",
    )


@pytest.mark.parametrize(
    ("text", "stamp"), [("1686916626", 1_686_916_626_000), ("1686916626075", 1_686_916_626_075)]
)
def test_expiry_is_seconds_or_milliseconds(text: str, stamp: int) -> None:
    assert stamp == read(f"exp={text}").delivery.expires_ms


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("f=mp3", "/W142hJk/audio/a.bin!f=mp3&a=/audio.mp3"),
        ("", "/W142hJk/audio/a.bin!f=html-aac&a=/audio.mp3"),
        (
            "f=hls-aac&br=80&br=256&cache=false&meta-x=1",
            "/W142hJk/audio/a.bin!f=hls-aac&br=80&br=256&a=/audio.mp3",
        ),
    ],
)
def test_an_artifact_is_at_the_path_the_seed_shows(query: str, path: str) -> None:
    assert path == read(query).artifact_path("/audio.mp3")


def test_gain_is_rounded_to_hundredths_the_same_way_up_and_down() -> None:
    asked = ("0.001", "-0.001", "1.239", "-1.239")

    assert [read(f"gain={gain}").plan.shaping.gain_centibels for gain in asked] == [0, 0, 124, -124]


@pytest.mark.parametrize("query", ["f=aac&br=320&ch=1", "f=opus&br=320&ch=1"])
def test_one_channel_is_refused_where_it_cannot_carry_the_bitrate(query: str) -> None:
    expected = {
        "parameter": "ch",
        "value": "1",
        "expected": "2, because one channel cannot carry 320 kbps",
    }

    assert refused(query).details == expected
