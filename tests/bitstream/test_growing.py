"""A reader follows a file that another process is writing."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nerfzip.bitstream import BitstreamReader, pack
from nerfzip.errors import BitstreamError

DIGEST = bytes(range(16))
SECTIONS = {"shared": b"tables" * 100, "frame.0000": bytes(5000), "empty": b"", "frame.0001": b"abc"}
COMPLETE = pack("video", {"frames": 2}, SECTIONS, DIGEST)
WRITER = """
import sys
from pathlib import Path
from nerfzip.bitstream import BitstreamWriter

class Halting:
    '''Writes half of what it is given, waits for a line on standard input, then writes the rest.'''
    def __init__(self, file):
        self.file = file
    def write(self, data):
        half = len(data) // 2
        self.file.write(data[:half])
        self.file.flush()
        print("half", flush=True)
        sys.stdin.readline()
        self.file.write(data[half:])
        return len(data)
    def flush(self):
        self.file.flush()

with Path(sys.argv[1]).open("wb") as file:
    writer = BitstreamWriter(file, "video", {"frames": 2})
    writer._file = Halting(file)
    for name, payload in {"shared": b"tables" * 100, "frame.0000": bytes(5000)}.items():
        writer.write(name, payload)
        print("whole", flush=True)
        sys.stdin.readline()
    writer._file = file
    writer.write("empty", b"")
    writer.write("frame.0001", b"abc")
    print("whole", flush=True)
    sys.stdin.readline()
    writer.close(bytes(range(16)))
print("closed", flush=True)
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "video.nrz")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_a_reader_follows_a_writer_in_another_process(tmp_path: Path, writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None and writer.stdout is not None

    def heard() -> str:
        assert writer.stdout is not None
        return writer.stdout.readline().strip()

    def go_on() -> None:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()

    assert heard() == "half"
    with (tmp_path / "video.nrz").open("rb") as file:
        reader = BitstreamReader(file, growing=True)
        assert (reader.method, reader.header, reader.sizes, reader.complete) == ("video", {"frames": 2}, {}, False)
        with pytest.raises(BitstreamError, match=r"^section 'shared': not there yet$"):
            reader.read("shared")
        for name in ("shared", "frame.0000"):
            go_on()
            assert heard() == "half"  # the header is there, and half of the payload is not
            assert reader.refresh() == []
            go_on()
            assert heard() == "whole"
            assert reader.refresh() == [name]
            assert reader.read(name) == SECTIONS[name]
            go_on()
            assert heard() == ("half" if name == "shared" else "whole")
        assert reader.refresh() == ["empty", "frame.0001"]
        with pytest.raises(BitstreamError, match="'end': not there yet"):
            _ = reader.digest
        go_on()
        assert heard() == "closed"
        assert reader.refresh() == []
        assert reader.complete
        assert reader.digest == DIGEST
        assert {name: reader.read(name) for name in reader.sizes} == SECTIONS
        with pytest.raises(BitstreamError, match=r"'frame.0002': there is no such section"):
            reader.read("frame.0002")


def test_every_prefix_of_a_file_is_a_file_that_grows() -> None:
    file = io.BytesIO()
    reader = BitstreamReader(file, growing=True)
    with pytest.raises(BitstreamError, match="'header': not there yet"):
        _ = reader.method
    seen: list[str] = []
    for byte in COMPLETE:
        file.seek(0, 2)
        file.write(bytes([byte]))
        seen += reader.refresh()
        assert reader.complete == (file.getbuffer().nbytes == len(COMPLETE))
    assert seen == list(SECTIONS)
    assert reader.digest == DIGEST


def test_every_prefix_is_refused_by_the_strict_reader() -> None:
    for size in range(len(COMPLETE)):
        with pytest.raises(BitstreamError):
            BitstreamReader(io.BytesIO(COMPLETE[:size]))


def test_damage_in_a_growing_file_is_an_error_and_not_awaited() -> None:
    damaged = bytearray(COMPLETE)
    damaged[COMPLETE.index(b"frame.0000")] ^= 1
    with pytest.raises(BitstreamError, match="checksum is wrong"):
        BitstreamReader(io.BytesIO(damaged), growing=True)
    with pytest.raises(BitstreamError, match="1 bytes follow"):
        BitstreamReader(io.BytesIO(COMPLETE + b"x"), growing=True)
