"""Parts come back as they were; what is not so many parts is refused."""

import pytest

from nerfzip.bitstream.parts import join_parts, split_parts
from nerfzip.errors import BitstreamError

PARTS = [b"abc", b"", bytes(300)]


def test_parts_come_back() -> None:
    assert split_parts(join_parts(PARTS), 3) == PARTS
    assert split_parts(b"", 0) == []


@pytest.mark.parametrize(
    ("data", "count", "word"),
    [
        (join_parts(PARTS), 4, "ends within its 4. of 4"),
        (join_parts(PARTS), 2, "304 bytes follow"),
        (join_parts(PARTS)[:-1], 3, "3. of 3 parts is longer"),
        (b"\x01", 1, "ends within its 1."),
        (b"\xff\xff\xff\xff", 1, "longer than what is left"),
    ],
)
def test_what_is_not_so_many_parts_is_refused(data: bytes, count: int, word: str) -> None:
    with pytest.raises(BitstreamError, match=word):
        split_parts(data, count)
