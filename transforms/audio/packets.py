"""
How much sound a packet holds, told from the packet and not by decoding it.

Containers round durations (MPEG-TS to 1/90000 s, Matroska to 1 ms) or guess them; codecs say it in
their own headers or have fixed frames.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from fractions import Fraction

import av
from av.audio.stream import AudioStream

from transforms.audio import flac
from transforms.audio.layouts import channels_of

# Fixed frame lengths in samples: ISO 14496-3 (AAC), 11172-3 and 13818-3 (Layer I and II),
# ATSC A/52 (AC-3), 3GPP TS 26.071 and 26.171 (AMR).
_FRAME_SAMPLES = {
    **{"aac": 1024, "aac_latm": 1024, "mp2": 1152, "mp2float": 1152, "ac3": 1536},
    **{"amrnb": 160, "amrwb": 320, "libopencore_amrnb": 160, "libopencore_amrwb": 320},
    **{"mp1": 384, "mp1float": 384},
}
_AAC_RATES_HZ = (
    *(96000, 88200, 64000, 48000, 44100, 32000),
    *(24000, 22050, 16000, 12000, 11025, 8000, 7350),
)
_LAYER_3 = ("mp3", "mp3float")
MPEG_AUDIO = (*_LAYER_3, "mp1", "mp1float", "mp2", "mp2float")
_MPEG1 = 0x18
_WITHOUT_FRAMES = ("flac", "vorbis", "libvorbis", "wavpack", "tta", "alac")
OPUS = ("opus", "libopus")
VORBIS = ("vorbis", "libvorbis")

# Codecs whose every packet is one frame and comes out of the decoder as it goes in.
STEADY = (*_FRAME_SAMPLES, *_LAYER_3, *OPUS)

# Their packets carry exact durations, unless the container rounds them.
_COUNTED_BY_DURATION = ("flac", "vorbis", "libvorbis", "alac", "wavpack", "tta")

# Blu-ray's and the DVD's, with a header before the samples of each packet.
_DISC_PCM = ("pcm_bluray", "pcm_dvd")

# Decoders that give what a packet holds. Some containers (CAF) state what is to be dropped of the
# last packet all the same, and libavcodec would drop it once more.
SELF_LIMITED = ("alac", "flac")

# RFC 6716 section 3.1, table 2: samples at 48 kHz in a frame, by the five configuration bits.
_OPUS_FRAME_SAMPLES = (
    *(480, 960, 1920, 2880) * 3,
    *(480, 960) * 2,
    *(120, 240, 480, 960) * 4,
)


class PacketLengths:
    """Says for each packet of one track how many samples it decodes to."""

    def __init__(self, stream: AudioStream) -> None:
        context = stream.codec_context
        self._codec = context.codec.name
        self._rate = context.sample_rate
        self._tick = (stream.time_base or Fraction(1, self._rate)) * self._rate
        self._frame = frame_samples(stream)
        self._fixed = self._frame is not None and self._codec not in OPUS
        self._sync = _SYNC.get(self._codec)
        self._channels = channels_of(context)
        self._read_rate = _HEADER_RATES.get(self._codec)
        self._doubles: int | None = None
        self._pcm_bytes = pcm_frame_bytes(stream) if self._codec.startswith("pcm_") else 0

    @property
    def frame(self) -> int | None:
        """Samples that every packet of this codec holds, if they all hold the same."""
        return self._frame if self._fixed else None

    def of(self, packet: av.Packet[AudioStream]) -> int | None:
        """
        Tell a packet's samples, priming and padding included; None if only decoding can.

        What has no frame's header where every frame has one is no sound: 0.
        """
        if self._fixed:
            if self._sync is None:
                return self._frame
            head = memoryview(packet)
            if head[0] not in self._sync:
                return 0
            if self._codec in _LAYER_3 and len(head) > 1:
                # Half as many at the rates of MPEG 2 and 2.5, which a file may change to.
                return 1152 if head[1] & _MPEG1 == _MPEG1 else 576
            return self._frame
        if self._codec in OPUS:
            return opus_samples(bytes(packet))
        if self._codec in _DISC_PCM:
            return _disc_pcm_samples(bytes(packet), self._codec, self._channels)
        if self._pcm_bytes:
            return packet.size // self._pcm_bytes
        if self._codec == "flac" and (header := flac.read_header(bytes(packet)[:16])):
            return header.samples
        if self._codec == "eac3":
            return _eac3_samples(bytes(packet))
        if self._codec == "s302m":
            return _aes3_samples(bytes(packet))
        if self._tick <= 1 and self._codec in _COUNTED_BY_DURATION:
            return round((packet.duration or 0) * self._tick)
        return None

    def rate_hz(self, packet: av.Packet[AudioStream]) -> int:
        """Tell the sample rate of what a packet decodes to, which may change on the way."""
        if self._read_rate is None:
            return self._rate
        told = self._read_rate(bytes(packet))
        if self._codec != "aac":
            return told or self._rate
        if told is None and self._doubles is None:
            # Within MP4 and its like packets have no headers, so the next need not be asked.
            self._read_rate = None
        if told is None:
            return self._rate
        if self._doubles is None and self._rate in (told, told * 2):
            # Spectral band replication doubles what the header says.
            self._doubles = self._rate // told
        return told * (self._doubles or 1)

    def in_samples(self, ticks: int) -> Fraction:
        """Convert what the container counts in; the result need not be whole."""
        return ticks * self._tick

    def cut(self, packet: av.Packet[AudioStream]) -> int | None:
        """
        Tell where a track's last packet is to be cut off, if it is.

        An MP4 whose last sample's duration is shorter than a frame says so (ISO 14496-12,
        section 8.6.1.2); in the middle a short one is only somebody's rounding.
        """
        if not packet.duration or self._tick > 1:
            return None
        return round(packet.duration * self._tick)


def _adts_rate_hz(packet: bytes) -> int | None:
    """ISO 14496-3, 1.A.2.2.1, table 1.18."""
    if len(packet) < 7 or packet[0] != 0xFF or packet[1] & 0xF6 != 0xF0:
        return None
    index = packet[2] >> 2 & 15
    return _AAC_RATES_HZ[index] if index < len(_AAC_RATES_HZ) else None


def _mpeg_rate_hz(packet: bytes) -> int | None:
    """ISO 11172-3 and 13818-3, 2.4.2.3; the lowest rates are MPEG 2.5's."""
    if len(packet) < 4 or packet[0] != 0xFF or packet[1] & 0xE0 != 0xE0:
        return None
    version, index = packet[1] >> 3 & 3, packet[2] >> 2 & 3
    if index == 3 or version == 1:
        return None
    # Versions 2.5, reserved, 2, 1.
    return (44100, 48000, 32000)[index] >> (2, 0, 1, 0)[version]


def _ac3_rate_hz(packet: bytes) -> int | None:
    """ATSC A/52, 5.4.1.3."""
    if len(packet) < 5 or packet[:2] != b"\x0b\x77" or packet[4] >> 6 == 3:
        return None
    return (48000, 44100, 32000)[packet[4] >> 6]


# What every frame may begin with; AC-3 is sometimes stored with its bytes swapped.
_SYNC: Mapping[str, bytes] = {
    **dict.fromkeys(MPEG_AUDIO, b"\xff"),
    "ac3": b"\x0b\x77",
}

_HEADER_RATES: Mapping[str, Callable[[bytes], int | None]] = {
    "aac": _adts_rate_hz,
    "ac3": _ac3_rate_hz,
    **dict.fromkeys(MPEG_AUDIO, _mpeg_rate_hz),
}


def frame_samples(stream: AudioStream) -> int | None:
    """Samples a packet of this codec always holds, ``None`` for codecs without fixed frames."""
    context = stream.codec_context
    name = context.codec.name
    if name.startswith("pcm_") or name in _WITHOUT_FRAMES:
        return None
    if name in _LAYER_3:
        return 1152 if context.sample_rate >= 32000 else 576
    if context.frame_size > 0:
        return context.frame_size
    if name in OPUS:
        return 960
    return _FRAME_SAMPLES.get(name)


def skipped(packet: av.Packet[AudioStream]) -> tuple[int, int]:
    """Tell how many samples a decoder is told to drop, from here on and of this packet's end."""
    if not packet.size or not packet.has_sidedata("skip_samples"):
        return 0, 0
    first, last = struct.unpack_from("<II", bytes(packet.get_sidedata("skip_samples")))
    return first, last


def keep_end(packet: av.Packet[AudioStream]) -> None:
    """Have the decoder drop nothing of the packet's end."""
    told = packet.get_sidedata("skip_samples")
    told.update(bytes(told)[:4] + bytes(4) + bytes(told)[8:])
    packet.set_sidedata(told)


def pcm_frame_bytes(stream: AudioStream) -> int:
    """Bytes that one sample of all channels takes in a PCM track."""
    context = stream.codec_context
    bits = {"alaw": 8, "mulaw": 8}.get(context.codec.name.removeprefix("pcm_"))
    if bits is None:
        digits = "".join(c for c in context.codec.name.removeprefix("pcm_")[1:3] if c.isdigit())
        bits = int(digits) if digits else 8
    return max(1, channels_of(context) * bits // 8)


def opus_samples(packet: bytes) -> int:
    """
    Tell how many samples at 48 kHz a packet of Opus holds.

    RFC 6716 section 3.1: the first byte says how long frames are, and mostly how many.
    """
    frame = _OPUS_FRAME_SAMPLES[packet[0] >> 3]
    match packet[0] & 3:
        case 0:
            return frame
        case 3:
            return frame * (packet[1] & 0x3F) if len(packet) > 1 else 0
        case _:
            return 2 * frame


def _disc_pcm_samples(packet: bytes, codec: str, channels: int) -> int | None:
    """BD-ROM part 3 and DVD-Video part 3: a header of 4 or 3 bytes tells how wide samples are."""
    header = 4 if codec == "pcm_bluray" else 3
    if len(packet) < header:
        return None
    if codec == "pcm_bluray":
        bits = {1: 16, 2: 24, 3: 24}.get(packet[3] >> 6)
        # Channels are stored in pairs.
        channels += channels % 2
    else:
        bits = {0: 16, 1: 20, 2: 24}.get(packet[1] >> 6)
    return (len(packet) - header) * 8 // (bits * channels) if bits else None


def _eac3_samples(packet: bytes) -> int | None:
    """ATSC A/52 annex E: 1 to 6 blocks of 256 samples a frame; dependent frames add channels."""
    samples = at = 0
    while at + 6 <= len(packet) and packet[at : at + 2] == b"\x0b\x77":
        size = 2 * (((packet[at + 2] & 7) << 8 | packet[at + 3]) + 1)
        reduced, blocks = packet[at + 4] >> 6 == 3, (1, 2, 3, 6)[packet[at + 4] >> 4 & 3]
        if packet[at + 2] >> 3 == 0:
            samples += 256 * (6 if reduced else blocks)
        at += size
    return samples or None


def _aes3_samples(packet: bytes) -> int | None:
    """SMPTE 302M section 5: the header tells the channels, in pairs, and the bits of a sample."""
    if len(packet) < 4:
        return None
    channels = 2 * (packet[2] >> 6) + 2
    bits = 16 + 4 * (packet[3] >> 4 & 3)
    # Each sample carries 4 bits of status.
    return (len(packet) - 4) * 8 // (channels * (bits + 4))
