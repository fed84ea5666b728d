import io
import json
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nerfzip.bitstream import BitstreamReader, pack, unpack
from nerfzip.errors import BitstreamError

DIGEST = bytes(range(16))

names = st.text("abcXYZ019_./-", min_size=1, max_size=64).filter(
    lambda name: name not in ("header", "end", "container")
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda values: st.lists(values, max_size=4) | st.dictionaries(st.text(), values, max_size=4),
    max_leaves=10,
)


def raw_section(name: bytes, payload: bytes, checksum: int, length: int | None = None) -> tuple[bytes, int]:
    """A section written from the document alone, with any name and any announced length."""
    start = struct.pack("<BII", len(name), len(payload) if length is None else length, zlib.crc32(payload)) + name
    checksum = zlib.crc32(start, checksum)
    return start + struct.pack("<I", checksum) + payload, checksum


def raw_file(*sections: tuple[bytes, bytes] | tuple[bytes, bytes, int]) -> bytes:
    data = b"\x89NRZ\r\n\x1a\n\x01"
    checksum = zlib.crc32(data)
    for section in sections:
        encoded, checksum = raw_section(section[0], section[1], checksum, *section[2:])
        data += encoded
    return data


HEADER = (b"header", b'\x00["demo",{}]')
END = (b"end", DIGEST)


def refused(data: bytes, *words: str) -> None:
    with pytest.raises(BitstreamError) as error:
        unpack(data)
    for word in words:
        assert word in str(error.value)


@settings(deadline=None, max_examples=50)
@given(
    method=names,
    header=st.dictionaries(st.text(), json_values, max_size=5),
    sections=st.dictionaries(names, st.binary(max_size=300), max_size=6),
)
def test_round_trip(method: str, header: dict, sections: dict[str, bytes]) -> None:
    data = pack(method, header, sections, DIGEST)
    stream = unpack(data)
    assert (stream.method, stream.header, stream.sections, stream.digest) == (method, header, sections, DIGEST)
    assert list(stream.sections) == list(sections)
    sizes = stream.component_sizes()
    assert sum(sizes.values()) == len(data)
    assert {name: sizes[name] for name in sections} == {name: len(payload) for name, payload in sections.items()}


def test_the_format_is_what_the_document_says() -> None:
    expected = raw_file((b"header", b'\x00["demo",{"k":[1,2.5]}]'), (b"a/b", b"payload"), END)
    assert pack("demo", {"k": [1, 2.5]}, {"a/b": b"payload"}, DIGEST) == expected


def test_a_header_deflates_when_that_is_smaller() -> None:
    header = {"numbers": [1.5] * 1000}
    data = pack("demo", header, {}, DIGEST)
    length = struct.unpack_from("<I", data, 10)[0]
    payload = data[9 + 13 + 6 :][:length]
    assert len(payload) < 100
    assert payload[0] == 1
    assert json.loads(zlib.decompress(payload[1:], wbits=-15)) == ["demo", header]


def test_floats_keep_every_bit() -> None:
    values = np.random.default_rng(0).integers(0, 2**32, 2000, dtype=np.uint32).view(np.float32)
    values = values[np.isfinite(values)]
    doubles = [0.1, 5e-324, 1.7976931348623157e308, -0.0]
    stream = unpack(pack("demo", {"singles": [float(value) for value in values], "doubles": doubles}, {}, DIGEST))
    assert np.array(stream.header["singles"], dtype=np.float32).tobytes() == values.tobytes()
    assert np.array(stream.header["doubles"]).tobytes() == np.array(doubles).tobytes()


def test_overhead_is_under_one_percent_of_a_default_file() -> None:
    generator = np.random.default_rng(0)
    header = {f"a_setting_of_the_field_{index}": generator.random() for index in range(14)}
    assert 550 < len(json.dumps(header)) < 700
    parts = [
        "occupancy",
        "keep",
        "codebook",
        "indices",
        "density",
        "features",
        "mlp",
        "tables/indices",
        "tables/density",
    ]
    stream = unpack(pack("vqrf", header, {name: generator.bytes(300_000 // 9) for name in parts}, DIGEST))
    assert stream.component_sizes()["container"] < 0.01 * 300_000


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["empty"]),
        (b"\x89NRZ", ["cut", "byte 4"]),
        (b"PK\x03\x04 a zip file", ["not a .nrz file"]),
        (pack("demo", {}, {"a": b"x\r\ny"}, DIGEST).replace(b"\r\n", b"\n"), ["not a .nrz file"]),
        (b"\x89NRZ\r\n\x1a\n\x02" + bytes(30), ["version 2", "expected 1"]),
        (raw_file(HEADER, (b"a", b"x")), ["cut"]),
        (raw_file(HEADER, END) + b"x", ["1 bytes follow", "expected none"]),
        (raw_file(HEADER, (b"a", b"x"), (b"a", b"y"), END), ["'a'", "already"]),
        (raw_file(HEADER, HEADER, END), ["'header'", "already"]),
        (raw_file((b"a", b"x"), HEADER, END), ["'a'", "byte 9", "first section must be 'header'"]),
        (raw_file(END), ["first section"]),
        (raw_file(HEADER, (b"a", b"x", 2**32 - 1), END), ["'a'", "4294967295 bytes announced"]),
        (raw_file(HEADER, (b"a", b"xx", 1), END), ["byte"]),
        (raw_file(HEADER, (b"container", b""), END), ["reserved"]),
        (raw_file(HEADER, (b"", b""), END), ["1 to 64"]),
        (raw_file(HEADER, (b"n" * 65, b""), END), ["1 to 64"]),
        (raw_file(HEADER, (b"a b", b""), END), ["'a b'"]),
        (raw_file(HEADER, (b"\xff", b""), END), ["1 to 64"]),
        (raw_file(HEADER, (b"end", b"short")), ["'end'", "expected a digest of 16"]),
        (raw_file((b"header", bytes(2**20 + 2)), END), ["'header'", "limit"]),
        (raw_file(HEADER, *[(b"%d" % index, b"") for index in range(17_000)], END), ["16384"]),
    ],
)
def test_malformed_files(data: bytes, words: list[str]) -> None:
    refused(data, *words)


DEEP = "[" * 500_000
BOMB = zlib.compressobj(level=9, wbits=-15)


@pytest.mark.parametrize(
    ("payload", "word"),
    [
        (b"", "starts with"),
        (b"\x02[]", "starts with"),
        (b"\x00{}", "list of the method"),
        (b'\x00["demo",{},1]', "list of the method"),
        (b'\x00["two words",{}]', "two words"),
        (b'\x00["demo",{"a":NaN}]', "NaN"),
        (b'\x00["demo",{"a":-Infinity}]', "Infinity"),
        (b'\x00["demo",{"a":1e999}]', "beyond float64"),
        (b'\x00["demo",{"a":1,"a":2}]', "twice"),
        (b'\x00["demo",{"a":"\\ud800"}]', "surrogate"),
        (b'\x00["demo",{"\\ud800":1}]', "surrogate"),
        (b'\x00["demo",{"a":"\xff"}]', "utf-8"),
        (b'\x00["demo",{"a":' + b"1" * 5000 + b"}]", "digits"),
        (b"\x00" + DEEP.encode(), "recursion"),
        (b'\x00["demo",{"a":' + b"[" * 20 + b"]" * 20 + b"}]", "deeper"),
        (b"\x01not deflated", "header"),
        (b"\x01" + zlib.compress(b'["demo",{}]', wbits=-15)[:-1], "does not end"),
        (b"\x01" + zlib.compress(b'["demo",{}]', wbits=-15) + b"x", "does not end"),
        (b"\x01" + BOMB.compress(bytes(10**8)) + BOMB.flush(), "more than 1048576 bytes"),
    ],
)
def test_malformed_headers(payload: bytes, word: str) -> None:
    refused(raw_file((b"header", payload), END), "'header'", word)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("two words", {}, {}, DIGEST), "two words"),
        (("demo", {}, {}, b"short"), "digest of 5"),
        (("demo", {}, {"end": b""}, DIGEST), "reserved"),
        (("demo", {}, {"é": b""}, DIGEST), "é"),
        (("demo", {"a": float("nan")}, {}, DIGEST), "JSON"),
        (("demo", {"a": np.float32(1)}, {}, DIGEST), "float32"),
        (("demo", {1: 2}, {}, DIGEST), "keys must be strings"),
        (("demo", {"a": (1, 2)}, {}, DIGEST), "lists"),
        (("demo", {"a": "x" * 2**21}, {}, DIGEST), "1048576"),
        (("demo", {}, {str(index): b"" for index in range(16_383)}, DIGEST), "16382"),
    ],
)
def test_pack_refuses_what_unpack_would(arguments: tuple, word: str) -> None:
    with pytest.raises(BitstreamError, match=word):
        pack(*arguments)


def test_reader_reads_only_what_is_asked() -> None:
    sections = {f"frame/{index}/density": bytes([index]) * 10_000 for index in range(30)}
    data = pack("video", {"frames": 30}, sections, DIGEST)
    reader = BitstreamReader(io.BytesIO(data))
    assert (reader.method, reader.header, reader.digest, reader.size) == ("video", {"frames": 30}, DIGEST, len(data))
    assert reader.sizes == {name: 10_000 for name in sections}
    assert reader.bytes_read == len(data) - 30 * 10_000
    assert reader.read("frame/17/density") == bytes([17]) * 10_000
    assert reader.bytes_read == len(data) - 29 * 10_000
    for name in ("frame/30/density", "header", "end"):
        with pytest.raises(BitstreamError, match="there is no such section"):
            reader.read(name)


def test_reader_notices_damage_in_the_section_it_reads_and_no_other() -> None:
    data = bytearray(pack("demo", {}, {"good": b"good payload", "bad": b"bad payload"}, DIGEST))
    position = data.index(b"bad payload")
    data[position] ^= 1
    reader = BitstreamReader(io.BytesIO(data))
    assert reader.read("good") == b"good payload"
    with pytest.raises(BitstreamError, match=f"'bad' at byte {position}"):
        reader.read("bad")


def test_whole_sections_removed_moved_or_repeated_are_noticed() -> None:
    files = [raw_file(*[HEADER, (b"a", b"one"), (b"b", b"two"), (b"c", b"three"), END][:count]) for count in range(6)]
    preamble, header, a, b, c, end = (
        longer[len(shorter) :] for shorter, longer in zip([b"", *files], files, strict=False)
    )
    assert list(unpack(preamble + header + a + b + c + end).sections) == ["a", "b", "c"]
    for parts in ([b, c], [a, c], [a, b], [b, a, c], [a, b, b, c]):
        refused(b"".join([preamble, header, *parts, end]), "checksum")


def test_an_announced_terabyte_allocates_nothing() -> None:
    data = raw_file(HEADER, (b"a", b"x", 2**32 - 1), END)
    tracemalloc.start()
    refused(data, "announced")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20
