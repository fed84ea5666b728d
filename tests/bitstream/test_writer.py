"""A file written section by section, and what the writer refuses."""

import io
from pathlib import Path

import pytest

from nerfzip.bitstream import BitstreamWriter, pack, unpack
from nerfzip.errors import BitstreamError

SECTIONS = {"shared": b"tables", "frame.0000": bytes(5000), "empty": b"", "frame.0001": b"abc"}
DIGEST = bytes(range(16))


class ThreeBytesAtATime(io.RawIOBase):
    """A raw file that is not seekable and takes less than it is given."""

    def __init__(self) -> None:
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: memoryview) -> int:  # type: ignore[override]
        self.data += bytes(data[:3])
        return min(3, len(data))


def write_all(file: object) -> None:
    writer = BitstreamWriter(file, "video", {"frames": 2})  # type: ignore[arg-type]
    for name, payload in SECTIONS.items():
        writer.write(name, payload)
    writer.close(DIGEST)


def test_a_file_on_disk_has_every_section_as_soon_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "video.nrz"
    complete = pack("video", {"frames": 2}, SECTIONS, DIGEST)
    with path.open("wb") as file:
        writer = BitstreamWriter(file, "video", {"frames": 2})
        size = complete.index(b"shared") - 9
        assert path.read_bytes() == complete[:size]
        for name, payload in SECTIONS.items():
            writer.write(name, payload)
            size += 9 + len(name) + 4 + len(payload)
            assert path.read_bytes() == complete[:size]
        writer.close(DIGEST)
        assert path.read_bytes() == complete
        assert not file.closed
    assert unpack(path.read_bytes()).sections == SECTIONS


def test_a_raw_file_that_takes_little_at_a_time() -> None:
    file = ThreeBytesAtATime()
    write_all(file)
    assert file.data == pack("video", {"frames": 2}, SECTIONS, DIGEST)


@pytest.mark.parametrize(
    ("name", "word"),
    [("shared", "already"), ("end", "reserved"), ("header", "reserved"), ("container", "reserved"), ("a b", "'a b'")],
)
def test_a_refused_section_leaves_the_file_as_it_is(name: str, word: str) -> None:
    file = io.BytesIO()
    writer = BitstreamWriter(file, "video", {})
    writer.write("shared", b"x")
    before = file.getvalue()
    with pytest.raises(BitstreamError, match=word):
        writer.write(name, b"y")
    assert file.getvalue() == before
    writer.close(DIGEST)
    assert unpack(file.getvalue()).sections == {"shared": b"x"}


def test_nothing_follows_the_end() -> None:
    file = io.BytesIO()
    writer = BitstreamWriter(file, "video", {})
    with pytest.raises(BitstreamError, match="digest of 5"):
        writer.close(b"short")
    writer.close(DIGEST)
    complete = file.getvalue()
    for again in (lambda: writer.write("more", b""), lambda: writer.close(DIGEST)):
        with pytest.raises(BitstreamError, match="end already"):
            again()
    assert file.getvalue() == complete
