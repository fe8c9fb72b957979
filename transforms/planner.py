"""
From a URL's parameters to a plan: defaults filled in, groups formed, rates made to fit.

Order matters in two places only. ``ts``, ``te``, ``tm``, ``rp`` and ``track`` belong to the file
named last (the primary one, or an ``append``); ``br``, ``sr``, ``rt`` and ``ch`` belong to the
current variant, and the first of them to repeat opens the next one (seed, Example 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from transforms import rates
from transforms.delivery import DELIVERY_PARAMETERS, Delivery, read_delivery
from transforms.formats import (
    DEFAULT_FORMAT,
    FORMATS,
    Answer,
    Codec,
    Format,
    FormatSpec,
    Manifest,
    fits_one_channel,
)
from transforms.grammar import CdnUrl, check_path
from transforms.plan import (
    Clip,
    Container,
    Playlist,
    RealTime,
    Shaping,
    TransformPlan,
    TrimMode,
    Variant,
)
from transforms.problems import BadParameter, BadPath, UnknownParameter
from transforms.timecode import parse_time
from transforms.values import boolean, choice, integer, listed, thousandths

MOST_APPENDS = 10
MOST_REPEATS = 20
MOST_VARIANTS = 10
MOST_TRACKS = 100
LONGEST_FADE_SECONDS = 60
LOUDEST_GAIN_DB = 40
MOST_POINTS = 10_000
DEFAULT_POINTS = 1000

CLIP_PARAMETERS = ("ts", "te", "tm", "rp", "track")
VARIANT_PARAMETERS = ("br", "sr", "rt", "ch")
OUTPUT_PARAMETERS = ("f", "bd", "pts", "gain", "norm", "fi", "fo", "container", "playlist", "v")
KNOWN_PARAMETERS = (
    *OUTPUT_PARAMETERS,
    *VARIANT_PARAMETERS,
    *CLIP_PARAMETERS,
    *("append", "next"),
    *DELIVERY_PARAMETERS,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformUrl:
    """
    A transform URL, understood: the plan, and how to deliver what it makes.

    ``playlist`` changes no segment, so it is no part of the plan.
    """

    url: CdnUrl
    plan: TransformPlan
    delivery: Delivery
    playlist: Playlist = Playlist.EVENT

    @property
    def spec(self) -> FormatSpec:
        """The format's row."""
        return FORMATS[self.plan.format]

    @property
    def requested(self) -> str:
        """The transform parameters exactly as they were asked for, without delivery's."""
        return "&".join(
            raw
            for raw, (name, _) in zip(self.url.raw_parameters, self.url.parameters, strict=True)
            if name not in DELIVERY_PARAMETERS and not name.startswith("meta-")
        )

    def artifact_path(self, artifact: str) -> str:
        """Spell the path that an artifact file of this transform is served at (seed, Example 3)."""
        given = f"{self.requested}&" if self.requested else f"f={self.plan.format}&"
        return f"/{self.url.account}/audio{self.url.raw_path}!{given}a={artifact}"


def plan(url: CdnUrl) -> TransformUrl:
    """
    Understand a transform URL.

    Raises:
        BadParameter: Names the one parameter that is wrong, its value, and what would do.
    """
    delivery = read_delivery(url)
    chosen = [value for name, value in url.parameters if name == "f"]
    if len(chosen) > 1:
        raise BadParameter("f", ",".join(chosen), "to be given once")
    output = choice("f", chosen[0], Format) if chosen else DEFAULT_FORMAT
    spec = FORMATS[output]
    walk = _Walk(spec=spec, clip=Clip(path=url.path))
    for name, value in url.parameters:
        walk.take(name, value)
    walk.close_clip()
    if spec.of_file:
        made = TransformPlan(
            account=url.account,
            format=output,
            clips=(Clip(path=url.path),),
            version=walk.version,
        )
    else:
        made = TransformPlan(
            account=url.account,
            format=output,
            clips=tuple(walk.clips),
            variants=_variants(walk.groups, spec, walk),
            shaping=Shaping(**walk.shaping),
            container=walk.container or _usual_container(spec),
            version=walk.version,
        )
    # A page is for people, who like to see how long a thing is and to hear its middle.
    usual = Playlist.FULL if spec.answer is Answer.PAGE else Playlist.EVENT
    return TransformUrl(url=url, delivery=delivery, plan=made, playlist=walk.playlist or usual)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """The state of reading parameters from left to right."""

    spec: FormatSpec
    clip: Clip
    clips: list[Clip] = field(default_factory=list)
    groups: list[dict[str, str]] = field(default_factory=lambda: [{}])
    shaping: dict[str, int] = field(default_factory=dict)
    bit_depth: str | None = None
    points: int = DEFAULT_POINTS
    container: Container | None = None
    playlist: Playlist | None = None
    version: str | None = None
    _seen: set[str] = field(default_factory=set)
    _seen_in_clip: set[str] = field(default_factory=set)
    _next: bool = False

    def take(self, name: str, value: str) -> None:
        """Read one parameter."""
        if name == "append":
            self._append(value)
        elif name in CLIP_PARAMETERS:
            self._once(name, value, self._seen_in_clip)
            self._trim(name, value)
        elif name in VARIANT_PARAMETERS:
            if self._applies(name):
                self._group(name, value)
        elif name == "next":
            self._next = boolean(name, value) or self._next
        elif name in OUTPUT_PARAMETERS:
            self._once(name, value, self._seen)
            self._output(name, value)
        elif name not in DELIVERY_PARAMETERS and not name.startswith("meta-"):
            raise UnknownParameter(name, value, known=KNOWN_PARAMETERS)

    def close_clip(self) -> None:
        """Finish the current file: it has all its parameters now."""
        clip = self.clip
        if clip.start and clip.end and clip.start.surely_not_before(clip.end):
            raise BadParameter("te", str(clip.end), f"a point after ts={clip.start}")
        if clip.end and clip.end.is_zero:
            raise BadParameter("te", str(clip.end), "a point after the beginning")
        if clip.start and clip.start.is_zero:
            clip = replace(clip, start=None)
        if clip.repeat == 1 or not (clip.start or clip.end):
            clip = replace(clip, trim_mode=TrimMode.BEFORE_REPEAT)
        self.clips.append(clip)
        self._seen_in_clip.clear()

    def _applies(self, name: str) -> bool:
        """The seed: ``br`` is "not applicable" to WAV, ``rt`` only to real-time formats."""
        match name:
            case "br":
                return bool(self.spec.bitrates_kbps)
            case "rt":
                return self.spec.real_time
            case "sr":
                return bool(self.spec.sample_rates_hz)
            case _:
                return not self.spec.of_file

    def _append(self, path: str) -> None:
        if len(self.clips) == MOST_APPENDS:
            raise BadParameter("append", path, f"at most {MOST_APPENDS} appended files")
        try:
            check_path(path)
        except BadPath as problem:
            expected = "the file path of another file of this account, such as /outro.mp3"
            raise BadParameter("append", path, expected) from problem
        self.close_clip()
        self.clip = Clip(path=path)

    def _trim(self, name: str, value: str) -> None:
        match name:
            case "ts":
                self.clip = replace(self.clip, start=parse_time(name, value))
            case "te":
                self.clip = replace(self.clip, end=parse_time(name, value))
            case "tm":
                self.clip = replace(self.clip, trim_mode=choice(name, value, TrimMode))
            case "rp":
                self.clip = replace(self.clip, repeat=integer(name, value, 1, MOST_REPEATS))
            case "track":
                self.clip = replace(self.clip, track=integer(name, value, 1, MOST_TRACKS))

    def _group(self, name: str, value: str) -> None:
        current = self.groups[-1]
        if name in current or (self._next and current):
            if len(self.groups) == self.spec.most_variants:
                raise self._too_many(name, value)
            current = {}
            self.groups.append(current)
        self._next = False
        current[name] = value

    def _too_many(self, name: str, value: str) -> BadParameter:
        if self.spec.most_variants > 1:
            return BadParameter(name, value, f"at most {MOST_VARIANTS} variants in one URL")
        return BadParameter(name, value, "to be given once: this format has one variant")

    def _output(self, name: str, value: str) -> None:
        match name:
            case "v":
                self.version = value
            case "bd":
                if not self.spec.bit_depths:
                    raise BadParameter(name, value, "to be left out: this format has no bit depth")
                if value not in self.spec.bit_depths:
                    allowed = self.spec.bit_depths
                    raise BadParameter(name, value, " or ".join(allowed), allowed=allowed)
                self.bit_depth = value
            case "pts":
                if self.spec.drawn:
                    self.points = integer(name, value, 1, MOST_POINTS)
                elif not self.spec.of_file:
                    raise BadParameter(
                        name, value, "to be left out: only f=peaks and f=waveform have points"
                    )
            case "container":
                if self.spec.manifest is Manifest.DASH and value != Container.MP4:
                    raise BadParameter(
                        name, value, "mp4, or to be left out: DASH has no other segments"
                    )
                if self.spec.segmented:
                    self.container = choice(name, value, Container)
                elif not self.spec.of_file:
                    raise BadParameter(name, value, "to be left out: only HLS has a choice of it")
            case "playlist":
                if self.spec.answer in (Answer.PLAYLIST, Answer.PAGE):
                    self.playlist = choice(name, value, Playlist)
                elif not self.spec.of_file:
                    raise BadParameter(
                        name, value, "to be left out: only real-time HLS is played while it is made"
                    )
            case "norm":
                self.shaping["loudness_centilufs"] = thousandths(name, value, -70, -5) // 10
            case "gain":
                gain = thousandths(name, value, -60, LOUDEST_GAIN_DB)
                self.shaping["gain_centibels"] = round(gain / 10)
            case "fi":
                self.shaping["fade_in_ms"] = thousandths(name, value, 0, LONGEST_FADE_SECONDS)
            case "fo":
                self.shaping["fade_out_ms"] = thousandths(name, value, 0, LONGEST_FADE_SECONDS)

    def _once(self, name: str, value: str, seen: set[str]) -> None:
        if name in seen:
            raise BadParameter(name, value, "to be given once" + _PER_FILE.get(name, ""))
        seen.add(name)


def _usual_container(spec: FormatSpec) -> Container | None:
    match spec.manifest:
        case Manifest.HLS:
            return Container.TS
        case Manifest.DASH:
            return Container.MP4
        case None:
            return None


_PER_FILE = dict.fromkeys(CLIP_PARAMETERS, " for each file")


def _variants(groups: list[dict[str, str]], spec: FormatSpec, walk: _Walk) -> tuple[Variant, ...]:
    variants = tuple(_variant(group, spec, walk) for group in groups)
    if len(set(variants)) < len(variants):
        again = next(v for i, v in enumerate(variants) if v in variants[:i])
        raise BadParameter(
            "br" if again.bitrate_bps else "sr",
            str((again.bitrate_bps or again.sample_rate_hz) // 1000),
            "variants that differ from each other: two of these would be the same",
            code="identical_variants",
        )
    return variants


def _variant(group: Mapping[str, str], spec: FormatSpec, walk: _Walk) -> Variant:
    kbps = rates.DEFAULT_BITRATE_KBPS
    if "br" in group:
        allowed = {str(k): k for k in spec.bitrates_kbps}
        kbps = listed("br", group["br"], allowed, "bitrates in kbps")
    hertz = rates.DEFAULT_SAMPLE_RATE_HZ
    if "sr" in group:
        offered = {rates.khz(hz): hz for hz in spec.sample_rates_hz}
        hertz = listed("sr", group["sr"], offered, "sample rates in kHz")
    match spec.codec:
        case Codec.AAC:
            fit = rates.fit_aac(kbps, hertz)
        case Codec.MP3:
            fit = rates.fit_mp3(kbps, hertz)
        case _:
            fit = rates.Rates(bitrate_bps=kbps * 1000, sample_rate_hz=hertz)
    channels = integer("ch", group["ch"], 1, 2) if "ch" in group else None
    if channels == 1 and not fits_one_channel(spec.codec, fit.bitrate_bps, fit.sample_rate_hz):
        raise BadParameter("ch", "1", f"2, because one channel cannot carry {kbps} kbps")
    real_time = None
    if spec.real_time:
        real_time = choice("rt", group["rt"], RealTime) if "rt" in group else RealTime.AUTO
    return Variant(
        bitrate_bps=fit.bitrate_bps if spec.bitrates_kbps else None,
        average=fit.average,
        sample_rate_hz=fit.sample_rate_hz,
        channels=channels,
        bit_depth=(walk.bit_depth or spec.bit_depths[0]) if spec.bit_depths else None,
        points=walk.points if spec.drawn else None,
        real_time=real_time,
    )
