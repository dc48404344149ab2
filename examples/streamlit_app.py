"""Neural style transfer as a web page: pick a photo, pick a style, Stylize, see both.

    pip install 'impasto[streamlit]'
    streamlit run examples/streamlit_app.py --browser.gatherUsageStats false

The whole studio, with its brush, blends and videos, takes two lines instead: `import impasto.streamlit` and
`impasto.streamlit.studio()`.
"""

import streamlit as st

import impasto

Upload = st.runtime.uploaded_file_manager.UploadedFile
SAMPLE = f"{impasto.__path__[0]}/assets/samples/colosseum.jpg"
FORMATS = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif"]


# The same for all visitors. Styles may be added at any time, so the list is read anew each minute.
@st.cache_data(ttl=60, show_spinner=False)
def gallery() -> dict[str, tuple[str, str]]:
    """The title and the painting's file of each style that has a name."""
    entries = impasto.Gallery().entries()
    return {entry.name: (f"{entry.title}, {entry.artist}", str(entry.thumbnail)) for entry in entries}


# A visitor's own, and forgotten with the visit. It holds a loaded network, which is neither copied nor compared: a
# resource. Strength is not among the arguments, so that another strength does not read the painting again.
@st.cache_resource(max_entries=4, show_spinner=False, scope="session")
def stylizer(style: str | Upload) -> impasto.Stylizer:
    """What paints in a style: its name, or a painting's file."""
    return impasto.Stylizer(style, untrusted=True)


# A visitor's own, too. What comes back is a file's bytes, which are cheap to keep: data.
@st.cache_data(max_entries=8, show_spinner=False, scope="session")
def painted(photo: str | Upload, style: str | Upload, strength: int) -> bytes:
    """The photo, painted at its full size; a JPEG file."""
    picture = impasto.Picture.open(photo, untrusted=True)
    paint = stylizer(style).with_controls(impasto.Controls(strength=strength))
    return paint(picture).encode("JPEG", quality=92, strip_location=True)


@st.cache_data(max_entries=8, show_spinner=False, scope="session")
def reduced(picture: str | Upload) -> bytes:
    """An upload of whatever format and size, as a browser shows it quickly."""
    return impasto.Picture.open(picture, at_most=1280, untrusted=True).encode("JPEG")


def upload(label: str, tip: str) -> Upload | None:
    """A file that the visitor brings, from its beginning: it may have been read before."""
    file = st.sidebar.file_uploader(label, FORMATS, help=tip)
    if file is not None:
        file.seek(0)
    return file


def pick_style() -> str | Upload | None:
    """A style of the gallery, or a painting; shown in the sidebar."""
    if st.sidebar.radio("Style", ["Built in", "My own"], horizontal=True) == "My own":
        painting = upload("Painting", "Its style is read at once; nothing is trained.")
        if painting is not None:
            st.sidebar.image(reduced(painting), width="stretch", alt="Your painting")
        return painting
    styles = gallery()
    name = st.sidebar.selectbox("Painting", list(styles), format_func=lambda name: styles[name][0])
    st.sidebar.image(styles[name][1], width="stretch", alt=styles[name][0])
    return name


def page() -> None:
    photo = upload("Photo", "Without one, the sample is painted.") or SAMPLE
    style = pick_style()
    strength = st.sidebar.slider("Strength", 0, 100, 100, format="%d %%", help="0 is the photo, 100 the painting.")
    left, right = st.columns(2)
    left.image(reduced(photo), caption="The photo", width="stretch")
    if st.sidebar.button("Stylize", type="primary", width="stretch", disabled=style is None):
        with right, st.spinner("Painting"):
            st.session_state.result = photo, painted(photo, style, strength)
    # A result outlives the run that has painted it: a slider that moves draws the page anew, and paints nothing.
    before, result = st.session_state.get("result", (None, b""))
    if before != photo:
        right.info("Pick a style and press Stylize.")
        return
    right.image(result, caption="The painting", width="stretch")
    name = "sample" if photo == SAMPLE else photo.name.rpartition(".")[0]
    right.download_button("Download", result, f"{name}-painted.jpg", "image/jpeg", on_click="ignore")


# Streamlit runs this file as the program; a process that Impasto starts may only read it.
if __name__ == "__main__":
    st.set_page_config("Impasto", layout="wide")
    st.title("A photo, painted")
    try:
        page()
    except impasto.ImpastoError as error:  # it names the file, and says what to do
        st.error(str(error))
