"""The page itself: widgets, and what they hold for one visitor. Run by Streamlit, not imported."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import streamlit as st
import streamlit.components.v1 as components

from impasto.app import jobs as queue
from impasto.app import studio as work
from impasto.app.config import Config
from impasto.app.studio import Look, Part, Upload
from impasto.controls import Controls
from impasto.engines.by_name import DEFAULT
from impasto.errors import ImpastoError, MissingExtra, PictureError
from impasto.picture import Picture
from impasto.progress import Progress
from impasto.settings import hints_of
from impasto.system.files import ASSETS
from impasto.system.names import safe_name
from impasto.version import __version__

HERE = Path(__file__).parent
compare = components.declare_component("impasto_compare", path=HERE / "compare")
draw = components.declare_component("impasto_draw", path=HERE / "draw")

CONFIG = Config.from_environment()
CHOICES = {
    "none": "no",
    "luminance": "yes",
    "histogram": "shift to them",
    "coral": "shift to their mood",
    "match": "as in the photo",
}
LIMITS = {"size": (16, 20_000)}  # narrower ranges than the library's, for everybody's sake
RESULTS, PAINTED = 12, 4  # kept of a visit: as files, and ready to be shown again


@dataclass
class Result:
    """One picture of this visit, as a JPEG file's bytes and with what made it."""

    look: Look
    photo: Upload
    shown: bytes
    title: str


@dataclass
class Visit:
    """What belongs to one visitor."""

    photo: Upload | None = None
    styles: list[str] = field(default_factory=lambda: ["starry-night"])
    uploads: dict[str, Upload] = field(default_factory=dict)
    regions: list[int] = field(default_factory=list)
    regions_made: int = 0
    results: list[Result] = field(default_factory=list)
    job: queue.Job | None = None
    job_look: Look | None = None
    job_photo: Upload | None = None
    folder: tempfile.TemporaryDirectory[str] | None = None  # for a clip and what becomes of it; goes with the visit
    clip: str = ""
    clip_file: Path | None = None
    film: queue.Job | None = None
    lesson: queue.Job | None = None  # a painting that is learned, and what the style is called
    lesson_name: str = ""
    touched: float = field(default_factory=time.monotonic)
    read: set[str] = field(default_factory=set)


@st.cache_resource
def studio() -> work.Studio:
    return work.Studio(CONFIG.jobs, CONFIG.max_pixels)


@st.cache_resource
def optimizations() -> queue.Jobs:
    return queue.Jobs(CONFIG.optimize_jobs)


@st.cache_resource
def sample() -> Upload:
    return studio().open((ASSETS / "samples" / "colosseum.jpg").read_bytes(), "colosseum.jpg")


@st.cache_data(max_entries=64)
def thumbnail(path: str) -> bytes:
    return Path(path).read_bytes()


def pick(label: str, options: Iterable[str], place: Any = st, **settings: Any) -> str:
    """A select box that always has a choice."""
    return str(place.selectbox(label, list(options), **settings))


def visit() -> Visit:
    if "visit" not in st.session_state:
        st.session_state["visit"] = Visit()
    found: Visit = st.session_state["visit"]
    return found


def main() -> None:
    st.set_page_config(page_title="Impasto", page_icon="🎨", layout="wide")
    st.html("<style>.stMainBlockContainer { padding-top: 3rem; padding-bottom: 2rem; }</style>")
    me = visit()
    me.touched = time.monotonic()
    with st.sidebar:
        st.title("Impasto", anchor=False)
        photo = choose_photo(me)
        choose_styles(me)
        controls = choose_controls()
    paint, best, film, about = st.tabs(["Paint", "Best quality", "Video", "About"])
    with paint:
        above = st.container()
        parts = choose_regions(me, photo)
        look = Look(weights(me), controls, tuple(parts), dict(me.uploads))
        with above:
            show_result(me, photo, look)
        show_history(me)
    with best:
        optimize(me, photo, look)
    with film:
        video(me, look)
    with about:
        show_about()
    forget_when_idle()


# The photo.


def choose_photo(me: Visit) -> Upload:
    st.subheader("1. Photo", anchor=False)
    files = st.file_uploader(
        "Your photos",
        accept_multiple_files=True,
        key="photos",
        help=f"JPEG, PNG, WebP, TIFF, HEIC and more, up to {CONFIG.max_upload} MB. They stay in the memory of this "
        "program and are forgotten when you leave.",
    )
    with st.popover("Camera", width="stretch"):
        taken = st.camera_input("Take a picture", key="camera")
    sources = [*files, *([taken] if taken else [])]
    opened = [upload for upload in (read(file) for file in sources) if upload]
    choices = [*opened, sample()]
    if len(choices) == 1:
        st.caption("No photo yet: this is the sample.")
    names = {upload.digest: upload.name for upload in choices}
    newest = choices[len(opened) - 1] if opened else choices[0]
    fresh = [digest for digest in names if digest not in me.read]
    if opened and fresh and newest.digest in fresh:
        st.session_state["photo"] = newest.digest
    me.read = set(names)
    if st.session_state.get("photo") not in names:
        st.session_state["photo"] = newest.digest
    chosen = (
        st.selectbox("Which one", list(names), format_func=names.__getitem__, key="photo") if opened else newest.digest
    )
    found = next(upload for upload in choices if upload.digest == chosen)
    if me.photo is not None and me.photo.digest != found.digest:
        me.regions = []
    me.photo = found
    st.caption(f"{found.picture.width} × {found.picture.height} pixels")
    return found


def read(file: Any) -> Upload | None:
    """An upload, read once; a bad one gives a line and is left out."""
    key = f"read-{file.file_id}"
    if key not in st.session_state:
        try:
            st.session_state[key] = studio().open(file.getvalue(), file.name)
        except ImpastoError as error:
            st.session_state[key] = error
    found = st.session_state[key]
    if isinstance(found, ImpastoError):
        complain(found)
        return None
    return found


def complain(error: ImpastoError) -> None:
    text = f"{error.message}. {error.hint}" if error.hint else error.message
    st.error(text.replace("[", "\\[").replace("*", "\\*").replace("_", "\\_"), icon="🖼️")


# The style.


def choose_styles(me: Visit) -> None:
    st.subheader("2. Style", anchor=False)
    st.caption(f"Choose up to {work.MOST_STYLES}; two or more are blended.")
    gallery = studio().gallery()
    file = st.file_uploader(
        "Any painting as a style",
        key="painting",
        help="A picture of any painting, drawing or texture. No training needed.",
    )
    if file is not None and f"used-{file.file_id}" not in st.session_state:
        st.session_state[f"used-{file.file_id}"] = True
        upload = read(file)
        if upload:
            me.uploads[upload.digest] = upload
            me.styles = [upload.digest]
    elif file is not None:
        read(file)
    for upload in list(me.uploads.values()):
        own_style(me, upload)
    if me.lesson is not None:
        watch_lesson()
    with st.container(height=330, border=True):
        columns = st.columns(2, gap="small")
        for index, entry in enumerate(gallery.entries()):
            with columns[index % 2]:
                st.image(thumbnail(str(entry.thumbnail)), width="stretch", alt=f"{entry.title}, {entry.artist}")
                st.button(
                    entry.name.replace("-", " "),
                    key=f"style-{entry.name}",
                    type="primary" if entry.name in me.styles else "secondary",
                    help=", ".join(part for part in (entry.title, entry.artist, entry.year) if part),
                    on_click=partial(toggle, me, entry.name),
                    width="stretch",
                )
                if entry.kind == "your own":
                    st.button(
                        learn_label("Learn on" if DEFAULT in entry.learned else "Learn this painting"),
                        key=f"learn-{entry.name}",
                        on_click=partial(learn_style, me, entry.name),
                        disabled=learning(me),
                        help="Trains the painter for this painting; it is painted better then.",
                        type="tertiary",
                    )
                if not entry.builtin and "/" not in entry.name:
                    st.button(
                        "Delete", key=f"delete-{entry.name}", on_click=partial(delete, me, entry.name), type="tertiary"
                    )
    if len(me.styles) > 1:
        labels = {entry.name: entry.title for entry in gallery.entries()} | {
            digest: upload.name for digest, upload in me.uploads.items()
        }
        for style in me.styles:
            st.session_state.setdefault(f"weight-{style}", 50)
            st.slider(labels.get(style, style), 0, 100, key=f"weight-{style}", help="Its share of the blend.")


def own_style(me: Visit, upload: Upload) -> None:
    """A painting of the visitor's: use it, or keep it under a name."""
    left, right = st.columns([1, 2])
    with left:
        st.image(work.proxy(upload.picture).pixels, width="stretch", alt=upload.name, clamp=True)
    with right:
        st.button(
            upload.name,
            key=f"style-{upload.digest}",
            type="primary" if upload.digest in me.styles else "secondary",
            on_click=partial(toggle, me, upload.digest),
            width="stretch",
        )
        with st.popover("Keep it", width="stretch"):
            name = st.text_input("Name", key=f"name-{upload.digest}", help="Lower-case letters, digits and hyphens.")
            save = st.button("Save to your gallery", key=f"save-{upload.digest}", disabled=not name)
            learn = st.button(
                learn_label("Learn this painting"),
                key=f"learn-{upload.digest}",
                disabled=not name or learning(me),
                help="Saves it to your gallery and trains the painter for it; it is painted better then.",
            )
            if save or learn:
                try:
                    studio().gallery().add(name, upload.picture, title=work.stem(upload.name))
                    me.styles = [name if style == upload.digest else style for style in me.styles]
                    del me.uploads[upload.digest]
                    if learn:
                        learn_style(me, name)
                    st.rerun()
                except ImpastoError as error:
                    complain(error)


# Learning a painting: in the background, in the optimizer's queue.


def learn_label(verb: str) -> str:
    seconds = CONFIG.learn_seconds
    return f"{verb} ({seconds / 60:g} min)" if seconds >= 60 else f"{verb} ({seconds} s)"


def learning(me: Visit) -> bool:
    return me.lesson is not None and not me.lesson.ended


def learn_style(me: Visit, name: str) -> None:
    """Begin to learn the painting of a style in the gallery; it can be painted in meanwhile."""
    gallery, minutes = studio().gallery(), CONFIG.learn_seconds / 60

    def work_off(progress: Any) -> Any:
        try:
            from impasto.training.lessons import learn
        except ImportError:
            raise MissingExtra("torch, which learning needs,", "torch") from None
        return learn(name=name, minutes=minutes, gallery=gallery, on_progress=progress)

    me.lesson, me.lesson_name = optimizations().add(work_off), name


@st.fragment(run_every=1.0)
def watch_lesson() -> None:
    me = visit()
    job = me.lesson
    if job is None:
        return
    place = optimizations().place(job)
    if place:
        st.info(f"{me.lesson_name} waits: number {place} in the queue.")
    elif job.state == "running":
        worth = "  ".join(f"{term} {value:.2f}" for term, value in (job.losses[-1] if job.losses else {}).items())
        st.progress(min(1.0, job.fraction), f"learning {me.lesson_name}  {worth}")
        if job.picture is not None:
            st.image(job.picture.pixels, width="stretch", clamp=True, alt="photographs as they are painted now")
    if not job.ended:
        if st.button("Stop and keep the best so far", key="learn-stop"):
            optimizations().stop(job)
        return
    if job.state == "failed":
        complain(PictureError(job.message))
    elif job.result is not None:
        style, content = job.result.ratio("style"), job.result.ratio("content")
        st.caption(f"{me.lesson_name} is learned: style loss {style:.2f}, content loss {content:.2f} of before.")
    if not st.session_state.get(f"told-{id(job)}"):
        st.session_state[f"told-{id(job)}"] = True
        for kept in ("painted", "ready"):  # painted in what the style was before
            st.session_state.pop(kept, None)
        st.rerun(scope="app")


def toggle(me: Visit, style: str) -> None:
    """A first click chooses a style alone; more are added while several are wanted, the oldest makes room."""
    if style in me.styles:
        if len(me.styles) > 1:
            me.styles.remove(style)
    elif st.session_state.get("blend"):
        me.styles = [*me.styles, style][-work.MOST_STYLES :]
    else:
        me.styles = [style]


def delete(me: Visit, name: str) -> None:
    try:
        studio().gallery().remove(name)
    except ImpastoError as error:
        st.session_state["delete-failed"] = error
        return
    me.styles = [style for style in me.styles if style != name] or ["starry-night"]


def weights(me: Visit) -> tuple[tuple[str, float], ...]:
    found = [(style, float(st.session_state.get(f"weight-{style}", 50)) / 100) for style in me.styles]
    if len(found) == 1 or not any(weight for _, weight in found):
        found = [(style, 1.0) for style, _ in found]
    return tuple((style, weight) for style, weight in found if weight > 0)


# The controls: made from the fields of `Controls`.


def choose_controls() -> Controls:
    st.toggle(
        "Blend several styles", key="blend", help="While this is on, a click adds a style instead of changing it."
    )
    st.subheader("3. Controls", anchor=False)
    hints = hints_of(Controls)
    values: dict[str, Any] = {}
    for control in fields(Controls):
        name, label, text = control.name, control.metadata["label"], control.metadata["help"]
        if get_origin(hints[name]) is Literal:
            choices = get_args(hints[name])
            values[name] = st.selectbox(
                label, choices, format_func=lambda c: CHOICES.get(c, c), key=f"control-{name}", help=text
            )
        elif hints[name] is float:
            st.session_state.setdefault(f"control-{name}", getattr(Controls(), name))
            low, high, step = work.slider_range(control)
            values[name] = st.slider(label, low, high, step=step, key=f"control-{name}", help=text)
        else:
            optional = control.default is None
            if not optional:
                st.session_state.setdefault(f"control-{name}", control.default)
            low, high = LIMITS.get(name, (control.metadata["low"], min(control.metadata["high"], 2**31)))
            values[name] = st.number_input(
                label,
                low,
                high,
                value=None if optional else "min",
                step=64 if name == "size" else 1,
                key=f"control-{name}",
                help=text,
                placeholder="the photo's own" if optional else None,
            )
    return Controls(**values)


# Regions.


def choose_regions(me: Visit, photo: Upload) -> list[Part]:
    parts: list[Part] = []
    with st.expander("Regions: another style for a part of the photo", expanded=bool(me.regions)):
        shown = work.proxy(photo.picture)
        names = {entry.name: entry.title for entry in studio().gallery().entries()}
        names |= {digest: upload.name for digest, upload in me.uploads.items()}
        for place, number in enumerate(list(me.regions), 1):
            st.markdown(f"**Region {place}**")
            left, right = st.columns([3, 1])
            with right:
                style = st.selectbox(
                    "Its style",
                    ["leave as it is", *names],
                    format_func=lambda name: names.get(name, name),
                    key=f"region-style-{number}",
                )
                file = st.file_uploader(
                    "Or a mask's file", key=f"region-file-{number}", help="White is inside, gray is a soft edge."
                )
                st.button("Remove", key=f"region-remove-{number}", on_click=partial(me.regions.remove, number))
            with left:
                url = draw(
                    photo=work.data_url(shown),
                    width=shown.width,
                    height=shown.height,
                    fresh=f"{photo.digest}-{number}",
                    key=f"region-draw-{number}",
                    default=None,
                )
            try:
                mask = mask_from(file, url, shown)
            except ImpastoError as error:
                complain(error)
                continue
            if mask is not None:
                parts.append(Part(mask, None if style == "leave as it is" else style, work.digest_of(mask)))
                st.download_button(
                    "Save the mask",
                    work.mask_file(parts[-1]),
                    f"mask-{place}.png",
                    "image/png",
                    key=f"region-save-{number}",
                )
        if len(me.regions) < 4 and st.button("Add a region"):
            me.regions_made += 1
            me.regions.append(me.regions_made)
            st.rerun()
    return parts


def mask_from(file: Any, url: str | None, shown: Picture) -> Any:
    if file is not None:
        upload = read(file)
        if upload is None:
            return None
        from impasto.painting.regions import read_mask

        return read_mask(upload.picture)
    return work.read_mask(url, shown.width, shown.height) if url else None


# The result.


def painted(photo: Upload, look: Look) -> Picture:
    """The proxy, painted; the last ones are remembered, so that going back costs nothing."""
    known: dict[Any, Picture] = st.session_state.setdefault("painted", {})
    key = (photo.digest, look)
    if key not in known:
        known[key] = studio().paint(work.proxy(photo.picture, look), work.for_proxy(look))
        while len(known) > PAINTED:
            known.pop(next(iter(known)))
    return known[key]


def show_result(me: Visit, photo: Upload, look: Look) -> None:
    started = time.perf_counter()
    try:
        result = painted(photo, look)
    except ImpastoError as error:
        complain(error)
        return
    seconds = time.perf_counter() - started
    before = work.proxy(photo.picture)
    compare(
        before=work.data_url(before),
        after=work.data_url(result),
        left="photo",
        right=look.caption,
        width=result.width,
        height=result.height,
        tallest=640,
        key="compare",
    )
    name = "·".join((look.caption, f"{look.controls.strength:g} %"))
    remember(me, photo, look, result, name)
    note = (
        "" if photo.picture.width == before.width else " Shown reduced; the download is the same painting in full size."
    )
    st.caption(f"Painted in {seconds:.2f} s.{note}")
    show_downloads(photo, look)


def show_downloads(photo: Upload, look: Look) -> None:
    left, right = st.columns([1, 2], vertical_alignment="bottom")
    with left:
        label = pick("File", work.FORMATS, key="format")
    with right:
        _, _, ending, mime = work.FORMATS[label]
        key = (photo.digest, look, label)
        ready: dict[Any, bytes] = st.session_state.setdefault("ready", {})
        if key in ready:
            st.download_button(
                "Download",
                ready[key],
                f"{work.stem(photo.name)}-painted.{ending}",
                mime,
                type="primary",
                on_click="ignore",
                key="download",
            )
        elif st.button("Paint at full size", type="primary", key="full"):
            with st.spinner("Painting at full size"):
                try:
                    picture = studio().paint(photo.picture, look)
                    ready.clear()
                    ready[key] = work.encode(picture, label)
                    st.rerun()
                except ImpastoError as error:
                    complain(error)
    with st.expander("The same on the command line"):
        st.code(work.as_command(photo.name, look), language="bash")
        if look.parts:
            st.caption("Save the masks above beside the photo.")


def remember(me: Visit, photo: Upload, look: Look, picture: Picture, title: str) -> None:
    """Put a result into the visit's history, once; as a file, for memory's sake."""
    if any(old.look == look and old.photo.digest == photo.digest and old.title == title for old in me.results):
        return
    shown = replace(picture, frames=(), alpha=None).encode("JPEG", quality=88)
    me.results = [*me.results, Result(look, photo, shown, title)][-RESULTS:]


def show_history(me: Visit) -> None:
    if len(me.results) < 2:
        return
    st.subheader("This visit", anchor=False)
    columns = st.columns(6)
    for index, result in enumerate(reversed(me.results)):
        with columns[index % 6]:
            st.image(result.shown, caption=result.title, width="stretch")
            st.button("Restore", key=f"restore-{index}", on_click=partial(restore, me, result), width="stretch")
    titles = {index: f"{index + 1}: {result.title}" for index, result in enumerate(me.results)}
    left, right = st.columns(2)
    with left:
        one = st.selectbox(
            "Side by side", [None, *titles], format_func=lambda i: "–" if i is None else titles[i], key="side-one"
        )
    with right:
        two = st.selectbox("with", list(titles), format_func=titles.__getitem__, index=len(titles) - 1, key="side-two")
    if one is not None and one != two and one < len(me.results) and two < len(me.results):
        for column, index in zip(st.columns(2), (one, two), strict=True):
            with column:
                st.image(me.results[index].shown, caption=titles[index], width="stretch")


def restore(me: Visit, result: Result) -> None:
    """Everything as it was for that result; its regions are drawn anew by their owner."""
    me.uploads |= result.look.uploads
    me.styles = [style for style, _ in result.look.styles]
    for style, weight in result.look.styles:
        st.session_state[f"weight-{style}"] = round(weight * 100)
    for control in fields(Controls):
        st.session_state[f"control-{control.name}"] = getattr(result.look.controls, control.name)
    if result.photo.digest in me.read:
        st.session_state["photo"] = result.photo.digest


# Best quality: the optimizer in the background.


def optimize(me: Visit, photo: Upload, look: Look) -> None:
    st.markdown(
        "Paints by changing the photo's pixels until it shows the painting's own strokes. "
        "Takes minutes instead of a blink, and goes on while you use the rest of the page."
    )
    try:
        from impasto.optimization.optimize import optimize
        from impasto.optimization.recipe import RECIPES
    except ImportError:
        st.info("This needs one more package: pip install 'impasto[torch]'")
        return
    left, middle, right = st.columns(3)
    meaning = "default; gatys2016: the original paper; faithful: more of the photo."
    recipe = pick("Recipe", RECIPES, left, key="recipe", help=meaning)
    iterations = middle.number_input(
        "Steps", 10, 2000, RECIPES[recipe].iterations, 10, key=f"iterations-{recipe}", help="Evaluations of the losses."
    )
    side = right.number_input(
        "Longer side in pixels", 64, CONFIG.optimize_side, min(512, CONFIG.optimize_side), 32, key="optimize-side"
    )
    busy = me.job is not None and not me.job.ended
    if st.button("Start", type="primary", disabled=busy, key="optimize-start"):
        chosen = replace(RECIPES[recipe], iterations=int(iterations))
        size = int(side) if max(photo.picture.width, photo.picture.height) > side else None
        values: dict[str, Any] = look.controls.as_dict() | {"size": size}

        def paint(progress: Any) -> Picture:
            options = {
                "regions": look.regions,
                "recipe": chosen,
                "gallery": studio().gallery(),
                "on_progress": progress,
            }
            return optimize(photo.picture, look.request, max_pixels=CONFIG.max_pixels, **options, **values).picture

        me.job, me.job_look, me.job_photo = optimizations().add(paint), look, photo
        st.rerun()
    if me.job is not None:
        watch()
        if me.job.ended:
            finished(me)


@st.fragment(run_every=1.0)
def watch() -> None:
    """Drawn anew every second, apart from the rest of the page."""
    me = visit()
    job = me.job
    if job is None:
        return
    place = optimizations().place(job)
    if place:
        st.info(f"Waiting: number {place} in the queue.")
    elif job.state == "running":
        spent = time.monotonic() - job.began
        left = f", about {spent / job.fraction * (1 - job.fraction):.0f} s left" if job.fraction > 0.02 else ""
        st.progress(min(1.0, job.fraction), f"step {job.step} of {job.total}{left}")
    if not job.ended and st.button("Stop and keep the best so far", key="optimize-stop"):
        optimizations().stop(job)
    if job.losses:
        pictures, chart = st.columns([2, 1])
        if job.picture is not None:
            pictures.image(job.picture.pixels, width="stretch", clamp=True, alt="the picture so far")
        chart.line_chart(queue.curve(job.losses), height=240, x_label="step", y_label="loss")
    if job.ended and not st.session_state.get(f"told-{id(job)}"):
        st.session_state[f"told-{id(job)}"] = True
        st.rerun(scope="app")


def finished(me: Visit) -> None:
    job = me.job
    assert job is not None
    assert me.job_look is not None
    assert me.job_photo is not None
    if job.state == "failed":
        complain(PictureError(job.message))
        return
    if job.picture is None:
        st.caption("Stopped before it began.")
        return
    if job.state == "stopped":
        st.caption("Stopped: this is the best so far.")
    remember(me, me.job_photo, me.job_look, work.proxy(job.picture), f"optimized·{me.job_look.caption}")
    label = pick("File", work.FORMATS, key="optimize-format")
    _, _, ending, mime = work.FORMATS[label]
    file_name = f"{work.stem(me.job_photo.name)}-optimized.{ending}"
    data = work.encode(job.picture, label)
    st.download_button("Download", data, file_name, mime, type="primary", on_click="ignore", key="optimize-download")


# Video, in the same queue.


def video(me: Visit, look: Look) -> None:
    st.markdown("Paints a clip in the chosen style, without flicker, and keeps its sound.")
    if not find_spec("av"):
        st.info("This needs one more package: pip install 'impasto[video]'")
        return
    from impasto.video.paint_video import paint_video
    from impasto.video.reading import Clip

    file = st.file_uploader("A clip", key="clip", help=f"MP4, MOV, MKV, WebM and more, up to {CONFIG.max_upload} MB.")
    if file is None:
        return
    if me.folder is None:
        me.folder = tempfile.TemporaryDirectory(prefix="impasto-")
    if me.clip != file.file_id or me.clip_file is None:
        me.clip_file = Path(me.folder.name, work.clip_name(file.name))
        me.clip_file.write_bytes(file.getvalue())
        me.clip, me.film = file.file_id, None
    source = me.clip_file
    try:
        clip = Clip(source, untrusted=True, max_pixels=CONFIG.max_pixels)
        frame = next(clip.frames())
    except (ImpastoError, StopIteration):
        complain(PictureError(f"{safe_name(file.name)} is no video that can be read", code="not-a-video"))
        return
    seconds = max(0.1, float(clip.count / clip.rate))
    st.caption(f"{clip.width} × {clip.height} pixels, {seconds:.1f} s, {float(clip.rate):g} frames a second")
    left, right = st.columns(2)
    start, end = left.slider("From and to, in seconds", 0.0, seconds, (0.0, min(seconds, 10.0)), 0.1, key="clip-span")
    steady = right.slider(
        "Steadiness", 0, 100, 70, key="clip-steady", help="How much of the last picture is carried along."
    )
    still = painted(Upload(safe_name(file.name), Picture(frame.pixels), file.file_id), replace(look, parts=()))
    st.image(still.pixels, width="stretch", clamp=True, caption="its first frame")
    busy = me.film is not None and not me.film.ended
    if st.button("Paint the clip", type="primary", disabled=busy, key="clip-start"):
        target = source.with_name(f"{source.stem}-painted.mp4")
        options: dict[str, Any] = {
            **look.controls.as_dict(),
            "start": start,
            "end": end,
            "steady": steady,
            "gallery": studio().gallery(),
            "engine": DEFAULT,  # as its first frame is shown, and as styles are learned here
            "overwrite": True,
            "max_pixels": CONFIG.max_pixels,
            "keep_partial": True,
            "untrusted": True,
        }

        def paint(progress: Any) -> Path | None:
            def report(now: Progress) -> bool:
                return bool(progress(replace(now, preview=lambda: still)))

            return paint_video(source, look.request, target, on_progress=report, **options).path

        me.film = optimizations().add(paint)
        st.rerun()
    if me.film is not None:
        watch_film()
        if me.film.ended and me.film.result is not None:
            data = Path(me.film.result).read_bytes()
            st.video(data)
            name = f"{work.stem(safe_name(file.name))}-painted.mp4"
            st.download_button(
                "Download", data, name, "video/mp4", type="primary", on_click="ignore", key="clip-download"
            )
        elif me.film.state == "failed":
            complain(PictureError(me.film.message))


@st.fragment(run_every=1.0)
def watch_film() -> None:
    job = visit().film
    if job is None or (job.ended and st.session_state.get(f"told-{id(job)}")):
        return
    place = optimizations().place(job)
    if place:
        st.info(f"Waiting: number {place} in the queue.")
    elif job.state == "running":
        st.progress(min(1.0, job.fraction), f"frame {job.step} of {job.total}")
    if not job.ended and st.button("Stop and keep what is done", key="clip-stop"):
        optimizations().stop(job)
    if job.ended:
        st.session_state[f"told-{id(job)}"] = True
        st.rerun(scope="app")


# About, and forgetting.


def show_about() -> None:
    st.markdown(
        f"Impasto {__version__} paints on this computer; nothing is sent anywhere. Your pictures stay in the memory of "
        "this program, a clip in a temporary folder; both are forgotten when you close the page, or after "
        f"{CONFIG.idle} minutes without a click. Only a style that you save to the gallery is kept."
    )
    with st.expander("The painter"):
        st.markdown((ASSETS / "painter" / "CARD.md").read_text(encoding="utf-8"))
    with st.expander("The light engine, for clips on the command line and for cameras"):
        st.markdown((ASSETS / "light" / "CARD.md").read_text(encoding="utf-8"))
    with st.expander("The loss network, behind Best quality"):
        st.markdown((ASSETS / "vgg19" / "CARD.md").read_text(encoding="utf-8"))
    with st.expander("The paintings"):
        rows = [
            {"title": e.title, "artist": e.artist, "year": e.year, "licence": e.licence, "source": e.source}
            for e in studio().gallery().entries()
            if e.builtin
        ]
        st.dataframe(rows, hide_index=True, width="stretch")


@st.fragment(run_every=60.0)
def forget_when_idle() -> None:
    me = visit()
    busy = any(job is not None and not job.ended for job in (me.job, me.film, me.lesson))
    if not busy and time.monotonic() - me.touched > CONFIG.idle * 60:
        st.session_state.clear()
        st.rerun(scope="app")


main()
