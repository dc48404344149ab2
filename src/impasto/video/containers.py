"""Open a video file, and never any other file that it names."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from impasto.errors import MissingExtra, PictureError

if TYPE_CHECKING:
    from av.container import InputContainer

DEMUXERS = (
    *("mov", "matroska", "avi", "mpegts", "mpeg", "mpegvideo", "flv", "live_flv", "kux", "ogg", "asf", "gif", "apng"),
    *("mxf", "mxf_opatom", "gxf", "lxf", "dv", "nut", "ivf", "yuv4mpegpipe", "rm", "swf", "wtv", "ty", "nsv", "nuv"),
    *("h261", "h263", "h264", "hevc", "vvc", "evc", "av1", "obu", "apv", "m4v", "vc1", "vc1test", "cavsvideo", "avs2"),
    *("avs3", "dirac", "dnxhd", "mjpeg", "mjpeg_2000", "mpjpeg", "pva", "4xm", "bink", "smk", "roq", "flic", "cine"),
    *("film_cpk", "idcin", "ipmovie", "wc3movie", "ea", "vivo", "rpl", "mtv", "thp", "dxa", "amv", "ser", "moflex"),
    *("jpegxl_anim", "mp3", "wav", "w64", "flac", "aac", "aiff", "caf", "ac3", "eac3", "dts", "amr", "au"),
)
"""FFmpeg's names of self-contained formats. Sound formats are listed to tell them from damaged files."""

_OPTIONS = {
    "format_whitelist": ",".join(DEMUXERS),
    "protocol_whitelist": "file",
    "enable_drefs": "0",  # a QuickTime file may name other files
    "use_absolute_path": "0",
    "default_fps": "10",  # of APNG frames without a duration; browsers show them so
}

_STILL = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*", b"BM", b"P5", b"P6", b"8BPS", b"\0\0\0\x0cjP", b"qoif")
_MOTION_JPEG = (".mjpg", ".mjpeg")  # FFmpeg mistakes some of these for a single picture
_NAMES_OTHERS = (
    b"#EXTM3U",
    b"ffconcat",
    b"v=0",
    b"[playlist]",
    b"[Reference]",
    b"RTSPtext",
    b"<ASX",
    b"<asx",
    b"<smil",
)
_MOVIE_BOXES = (b"ftyp", b"mdat", b"wide", b"free", b"skip")


def opened(
    path: Path, *, untrusted: bool = False, max_pixels: int | None = None, edited: bool = True
) -> InputContainer:
    """Open a file for reading.

    Args:
        untrusted: a stranger chose the file: do not follow links.
        max_pixels: refuse frames with more pixels.
        edited: apply an MP4's edit list, which may hide frames.
    Raises:
        PictureError: the file does not exist, is not a regular file, names other files, or contains no video that can
            be decoded.
        MissingExtra: PyAV is not installed.
    """
    av = ffmpeg()
    check_file(path, untrusted=untrusted)
    _refuse_others(path)
    try:
        container: InputContainer = av.open(
            file_url(path),
            format="mjpeg" if path.suffix.lower() in _MOTION_JPEG and head_of(path).startswith(_STILL[0]) else None,
            metadata_errors="replace",
            container_options=_OPTIONS | ({} if edited else {"advanced_editlist": "0"}),
            options={} if max_pixels is None else {"max_pixels": str(max_pixels)},
        )
    except (av.FFmpegError, OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        _check_video(container, path, max_pixels)
    except PictureError:
        container.close()
        raise
    return container


def check_file(path: Path, *, untrusted: bool = False) -> None:
    """Refuse anything but a regular file, because a pipe or a device may never end.

    Raises:
        PictureError: the path does not exist, is not a regular file, or is a link and `untrusted`.
    """
    try:
        mode = (os.lstat if untrusted else os.stat)(path).st_mode
    except FileNotFoundError:
        hint = "for frames as pictures, give their folder" if "%" in path.name else ""
        raise PictureError(f"there is no file {path}", hint, code="no-such-file") from None
    except (OSError, ValueError) as error:
        raise PictureError(f"cannot read {path}: {first_line(error)}", code="not-readable") from error
    if stat.S_ISREG(mode):
        return
    if stat.S_ISLNK(mode):
        kind, hint = "a link", "give the file itself"
    elif stat.S_ISDIR(mode):
        kind, hint = "a folder", "give a video file"
    else:
        kind, hint = "a pipe or a device", "save the clip to a file first"
    raise PictureError(f"{path} is {kind}, not a video file", hint, code="not-a-file")


def file_url(path: Path) -> str:
    """Return a URL for FFmpeg. In a plain path, a colon would mark a protocol."""
    return f"file:{path}"


def main_video(container: InputContainer) -> Any:
    """Return the stream that players show: not a cover or thumbnail; the default one, or the largest."""
    return max(_moving_streams(container), key=_rank)


def has_sound(container: InputContainer) -> bool:
    """Return True if the file has a sound track."""
    return bool(container.streams.audio)


def decoder_of(stream: Any, max_pixels: int | None = None) -> Any:
    """Return a multithreaded decoder for a stream.

    FFmpeg's own VP8 and VP9 decoders ignore alpha. So libvpx decodes clips with alpha.

    Args:
        max_pixels: larger frames raise errors.
    """
    context = stream.codec_context
    if alpha_is_apart(stream):
        av = ffmpeg()
        with contextlib.suppress(av.FFmpegError, ValueError):
            context = av.CodecContext.create({"vp8": "libvpx", "vp9": "libvpx-vp9"}[context.name], "r")
    context.thread_type = "AUTO"
    if max_pixels is not None:
        context.options = {"max_pixels": str(max_pixels)}
    return context


def alpha_is_apart(stream: Any) -> bool:
    """Return True if a WebM stream stores alpha beside its pictures."""
    said = {name.lower(): value for name, value in stream.metadata.items()}
    return said.get("alpha_mode") == "1" and stream.codec_context.name in ("vp8", "vp9")


def promises_alpha(stream: Any) -> bool:
    """Return True if an HEVC stream announces alpha in a separate layer, as Apple's files do."""
    context = stream.codec_context
    return context.name == "hevc" and _ALPHA_MESSAGE in (context.extradata or b"")


_ALPHA_MESSAGE = b"\x4e\x01\xa5"  # SEI, "alpha channel information" (H.265, F.14.2.8)


_MOST_FAILURES = 32  # consecutive errors, after which the rest is skipped


def packets_of(container: InputContainer, *streams: Any) -> Generator[Any, None, bool]:
    """Yield the packets of streams. Continue after damaged parts.

    Yields:
        packets; and one error for each damaged part.
    Returns:
        True if the end was reached.
    """
    av = ffmpeg()
    failures = 0
    while failures < _MOST_FAILURES:
        try:
            for packet in container.demux(*streams):
                failures = 0
                yield packet
            return True
        except (av.FFmpegError, OSError) as error:
            failures += 1
            if failures == 1:
                yield error
    return False


def video_packets(container: InputContainer, stream: Any) -> Iterator[Any]:
    """Yield packets like `packets_of`, and an empty packet at the end."""
    if not (yield from packets_of(container, stream)):
        yield from stream_end(stream)


def stream_end(stream: Any) -> list[Any]:
    packet = ffmpeg().Packet()
    packet.stream = stream
    packet.time_base = stream.time_base
    return [packet]


def head_of(path: Path, length: int = 4096) -> bytes:
    """Return a file's first bytes; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(length)
    except OSError:
        return b""


def first_line(error: BaseException) -> str:
    """Return the message of FFmpeg or the system, in one short line."""
    text = getattr(error, "strerror", None) or str(error)
    return str(text).splitlines()[0][:120] if text else type(error).__name__


def ffmpeg() -> Any:
    """Import PyAV. Raise MissingExtra if it is not installed."""
    try:
        import av
    except ImportError:
        raise MissingExtra("PyAV, which reads and writes video,", "video") from None
    return av


def _refuse_others(path: Path) -> None:
    head = head_of(path)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text.startswith(_NAMES_OTHERS) or b"<MPD" in text[:1024] or b"<SmoothStreamingMedia" in text[:1024]:
        raise PictureError(
            f"{path} is a playlist or a script: Impasto does not open other files that it names",
            "give the clip itself",
            code="not-a-video",
        )
    moves = b"acTL" in head or path.suffix.lower() in _MOTION_JPEG
    if head.startswith(_STILL) and not moves:
        raise PictureError(
            f"{path} is a still picture",
            "paint it with impasto stylize; for a clip, give a folder of pictures",
            code="not-a-video",
        )


def _check_video(container: InputContainer, path: Path, max_pixels: int | None) -> None:
    streams = _moving_streams(container)
    if not streams:
        raise PictureError(
            f"{path} contains no moving pictures", "give a video: sound alone cannot be painted", code="not-a-video"
        )
    stream = main_video(container)
    context = stream.codec_context
    if context is None:
        raise PictureError(
            f"{path} has a codec that cannot be decoded here",
            "convert it first, for example to H.264",
            code="unknown-format",
        )
    if max_pixels is not None and context.width * context.height > max_pixels:
        raise PictureError(
            f"{path} has frames of {context.width} x {context.height} pixels: too large",
            "use a clip with smaller frames, or a higher --max-pixels",
            code="too-large",
        )


def _moving_streams(container: InputContainer) -> list[Any]:
    return [stream for stream in container.streams.video if not int(stream.disposition) & _NO_VIDEO]


_NO_VIDEO = 1 << 10 | 1 << 11  # flags of covers and thumbnails
_DEFAULT = 1
_PART_OF_ANOTHER = 1 << 19 | 1 << 21


def _rank(stream: Any) -> tuple[bool, bool, bool, int, int]:
    context, disposition = stream.codec_context, int(stream.disposition)
    pixels = 0 if context is None else context.width * context.height
    alone = not disposition & _PART_OF_ANOTHER
    return context is not None, alone, bool(disposition & _DEFAULT), pixels, -stream.index


def _unreadable(path: Path, error: BaseException) -> PictureError:
    head = head_of(path)
    if not head:
        return PictureError(f"{path} is empty", code="empty-file")
    if head[4:8] in _MOVIE_BOXES and not _has_index(path):
        return PictureError(
            f"{path} is truncated: its index (moov) is missing",
            "the recording was interrupted, or is still being copied",
            code="damaged-file",
        )
    try:
        text = all(character.isprintable() or character.isspace() for character in head[:512].decode())
    except UnicodeDecodeError:
        text = False
    hint = "it contains text" if text else first_line(error) if isinstance(error, ffmpeg().InvalidDataError) else ""
    if isinstance(error, ffmpeg().ArgumentError):  # a format outside `DEMUXERS`
        hint = "use MP4, MOV, MKV, WebM, AVI, MPEG or another self-contained format"
    return PictureError(f"{path} is not a readable video", hint, code="not-a-video")


def _has_index(path: Path) -> bool:
    """Return True if an MP4 or MOV file has its index: a box "moov" on its top level."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        at = 0
        while at + 8 <= size:
            file.seek(at)
            header = file.read(16)
            length = int.from_bytes(header[:4], "big")
            if header[4:8] in (b"moov", b"moof"):
                return True
            if length == 1:
                length = int.from_bytes(header[8:16], "big")
            if length < 8:
                return False
            at += length
    return False
