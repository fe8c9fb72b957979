"""
Who is compared at a bitrate: FFmpeg's default, the plain fast search, our policy, its neighbours.

Of MP3, LAME with its bit reservoir and without: what it would cost to encode parts apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.quality.compare import Case
from transforms import rates
from transforms.audio.aac_policy import aac_options
from transforms.plan import Encoding

Contenders = Mapping[str, Mapping[str, str]]

FULL_KBPS = tuple(kbps for kbps in rates.AAC_BITRATES_KBPS if kbps <= 320)
FEW_KBPS = (16, 32, 64, 96, 192)
MP3_KBPS = (64, 96, 128, 192, 320)

_FAST = {"aac_coder": "fast"}


def cases(bitrates_kbps: Sequence[int], channels: Sequence[int], near_hz: int) -> list[Case]:
    """List what can be asked for: each bitrate at the sample rate that goes with it."""
    found = []
    for count in channels:
        for kbps in bitrates_kbps:
            fitted = rates.fit_aac(kbps, near_hz)
            if count == 2 or rates.aac_mono_fits(fitted.bitrate_bps, fitted.sample_rate_hz):
                found.append(Case(kbps=kbps, channels=count, rate_hz=fitted.sample_rate_hz))
    return found


def mp3_cases(bitrates_kbps: Sequence[int], channels: Sequence[int], near_hz: int) -> list[Case]:
    """List the same for MP3 of a constant bitrate, as far as there is such a bitrate."""
    found = []
    for count in channels:
        for kbps in bitrates_kbps:
            rate_hz = rates.fit_mp3(kbps, near_hz).sample_rate_hz
            if kbps in rates.layer3_kbps(rate_hz):
                found.append(Case(kbps=kbps, channels=count, rate_hz=rate_hz, coding="mp3"))
    return found


def without_reservoir(_: Case) -> Contenders:
    """Compare LAME with itself, having every frame's bits in the frame (ISO 11172-3, 2.4.3.4)."""
    return {"without reservoir": {"reservoir": "0"}}


def policy(case: Case) -> Mapping[str, str]:
    """Return the options that the engine would choose; LAME has none."""
    if case.coding == "mp3":
        return {}
    return aac_options(
        Encoding(
            bitrate_bps=case.kbps * 1000,
            average=False,
            sample_rate_hz=case.rate_hz,
            channels=case.channels,
            bit_depth=None,
        )
    )


def main_ones(case: Case) -> Contenders:
    """Compare the default with the fast search alone and with the policy."""
    chosen = policy(case)
    return (
        {"fast": _FAST}
        if same(chosen, {}) or same(chosen, _FAST)
        else {"fast": _FAST, "policy": chosen}
    )


def same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Tell whether two sets of options mean the same to the encoder."""
    return _with_default(one) == _with_default(other)


def neighbours(case: Case) -> Contenders:
    """Compare the policy with everything that is one step away from it."""
    chosen = policy(case)
    other = "twoloop" if chosen["aac_coder"] == "fast" else "fast"
    steps: dict[str, Mapping[str, str]] = {} if same(chosen, {}) else {"policy": chosen}
    steps |= {
        f"with {other}": {**chosen, "aac_coder": other},
        "without TNS": {**chosen, "aac_tns": "0"},
        "with PNS" if "aac_pns" in chosen else "without PNS": _turned(chosen, "aac_pns"),
    }
    if case.channels == 2:
        name = "with intensity" if "aac_is" in chosen else "without intensity"
        steps[name] = _turned(chosen, "aac_is")
        steps["without M/S"] = {**chosen, "aac_ms": "0"}
        steps["M/S always"] = {**chosen, "aac_ms": "1"}
    for factor in (0.75, 1.25, 1.5):
        wanted_hz = 100 * round(int(chosen.get("cutoff", cutoff_hz(case))) * factor / 100)
        if wanted_hz <= case.rate_hz / 2:
            steps[f"cut off at {wanted_hz} Hz"] = {**chosen, "cutoff": str(wanted_hz)}
    return steps


def cutoff_hz(case: Case) -> int:
    """Return where FFmpeg 8.1's encoder cuts off by itself, about (``libavcodec/psymodel.h``)."""
    share = case.kbps * 1000 / case.channels
    rising = max(share / 5, share * 15 / 32 - 5500)
    return round(min(rising, 3000 + share / 4, 12000 + share / 16, 22000, case.rate_hz / 2))


def _turned(options: Mapping[str, str], tool: str) -> Mapping[str, str]:
    """Switch a tool that the policy leaves on off, and the other way round."""
    if tool in options:
        return {name: value for name, value in options.items() if name != tool}
    return {**options, tool: "0"}


def _with_default(options: Mapping[str, str]) -> Mapping[str, str]:
    return {"aac_coder": "twoloop", **options}
