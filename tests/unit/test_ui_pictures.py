"""Pictures that are made small before they are shown."""

import io

import pytest
from PIL import Image

from ui.task_page.pictures import WIDTH, NotAPicture, made_small


def picture(width: int, height: int, mode: str = "RGB", kind: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.new(mode, (width, height)).save(made, kind)
    return made.getvalue()


@pytest.mark.parametrize(
    ("mode", "kind"),
    [("RGB", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("CMYK", "JPEG"), ("I;16", "PNG")],
)
def test_a_wide_picture_is_shown_as_wide_as_the_page_can_be(mode: str, kind: str) -> None:
    with Image.open(io.BytesIO(made_small(picture(2 * WIDTH, 100, mode, kind)))) as small:
        assert (small.size, small.format) == ((WIDTH, 50), kind)


def test_a_picture_that_fits_is_left_as_it_is() -> None:
    content = picture(WIDTH, 3000)
    assert made_small(content) is content


@pytest.mark.parametrize("content", [b"", b"no picture", picture(2 * WIDTH, 100)[:100]])
def test_what_is_no_picture_is_told(content: bytes) -> None:
    with pytest.raises(NotAPicture):
        made_small(content)
