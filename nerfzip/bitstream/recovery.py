"""Which sections of a damaged file are whole."""

import bisect
import functools
import zlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from nerfzip.bitstream import layout
from nerfzip.bitstream.checksums import crc32_of_ranges
from nerfzip.bitstream.layout import Section
from nerfzip.errors import BitstreamError

_BLOCK = 2**20
"""Bytes that are searched for sections at once; bounds memory."""
_SHORTEST_HEADER = layout.SECTION_START.size + 1 + layout.CHECKSUM.size
_LONGEST_HEADER = layout.SECTION_START.size + layout.MAX_NAME + layout.CHECKSUM.size
_IN_NAMES = np.isin(np.arange(256), list(layout.NAME_CHARACTERS))


class FoundSections(NamedTuple):
    """Sections whose payload is right, in file order; names of lost ones, as far as they are known; what is wrong."""

    sections: dict[str, Section]
    lost: tuple[str, ...]
    damage: tuple[str, ...]


class _Claim(NamedTuple):
    """A section as its header describes it.

    `chained`: the header's checksum continues that of the header before, so that its name can't be damaged.
    """

    name: str
    section: Section
    chained: bool
    whole: bool


def find_sections(data: bytes) -> FoundSections:
    """Walk the chain of headers; where it breaks, go on at the next place where a whole section starts.

    Raises:
        BitstreamError: not a `.nrz` file, or of another version.
    """
    if not data:
        raise BitstreamError("the file is empty")
    claims, damage = _walk(data)
    if not data.startswith(layout.PREAMBLE):
        # The checksum of the first header vouches for the preamble, which has one right value only.
        if not any(claim.name == layout.HEADER and claim.chained for claim in claims):
            layout.check_preamble(data[: len(layout.PREAMBLE)])
        damage.insert(0, "the first bytes: the magic number or the version is damaged")
    return _resolve(claims, damage)


def _walk(data: bytes) -> tuple[list[_Claim], list[str]]:
    claims: list[_Claim] = []
    damage: list[str] = []
    read = functools.partial(_read, data)
    whole_sections: list[int] | None = None
    offset, checksum = len(layout.PREAMBLE), zlib.crc32(layout.PREAMBLE)
    chained = True
    trusted_to = 0  # All before this place belongs to sections that are whole.
    while offset < len(data):
        if len(claims) == layout.MAX_SECTIONS:
            damage.append(f"byte {offset}: more than {layout.MAX_SECTIONS} sections")
            break
        try:
            name, section, checksum = layout.read_section_header(read, offset, len(data), checksum if chained else None)
        except BitstreamError as error:
            if whole_sections is None:
                whole_sections = _whole_sections(data)
            if not chained:
                trusted_to = offset + 1
            following = bisect.bisect_left(whole_sections, trusted_to)
            damage.append(str(error))
            if following == len(whole_sections):
                break
            offset, chained = whole_sections[following], False
            continue
        whole = _is_whole(data, offset, section, whole_sections)
        if not whole:
            damage.append(f"section {name!r} at byte {section.offset}: the checksum is wrong, it is damaged")
        claims.append(_Claim(name, section, chained, whole))
        # If bytes are missing from a payload, the next section starts before its announced end.
        trusted_to = section.end if whole else section.offset
        offset, chained = section.end, True
    return claims, damage


def _resolve(claims: list[_Claim], damage: list[str]) -> FoundSections:
    """Of several sections of one name, the first that is chained counts; if none is, none can be trusted."""
    by_name: dict[str, list[_Claim]] = {}
    for claim in claims:
        by_name.setdefault(claim.name, []).append(claim)
    sections, lost = {}, []
    for name, same_name in by_name.items():
        if len(same_name) > 1:
            damage.append(f"section {name!r}: {len(same_name)} sections have this name")
        chained = [claim for claim in same_name if claim.chained]
        counting = chained[0] if chained else same_name[0]
        if counting.whole and (chained or len(same_name) == 1):
            sections[name] = counting.section
        else:
            lost.append(name)
    if layout.END not in sections:
        damage.append("section 'end': lost")
    return FoundSections(sections, tuple(lost), tuple(damage))


def _is_whole(data: bytes, offset: int, section: Section, whole_sections: list[int] | None) -> bool:
    # Behind a gap, sections of a hostile file may overlap; none is hashed again.
    if whole_sections is None or section.length == 0:
        return zlib.crc32(memoryview(data)[section.offset : section.end]) == section.checksum
    place = bisect.bisect_left(whole_sections, offset)
    return place < len(whole_sections) and whole_sections[place] == offset


def _whole_sections(data: bytes) -> list[int]:
    """Every offset at which there is a section header whose payload, of at least one byte, has the right checksum.

    The checksum of nothing is 0, so a section without payload would be found in many a run of zeros.
    """
    blocks = range(0, len(data) - _SHORTEST_HEADER, _BLOCK)
    offsets, payloads, lengths, checksums = np.concatenate(
        [_possible_headers(data, first) for first in blocks] or [np.empty((4, 0), np.int64)], axis=1
    )
    return offsets[crc32_of_ranges(data, payloads, payloads + lengths) == checksums].tolist()


def _possible_headers(data: bytes, first: int) -> Int64[np.ndarray, "4 headers"]:
    """What might be a section header with a name of our characters and a payload that fits into the file.

    Of those that start in the block at `first`: their offset, their payload's offset, length and checksum.
    """
    count = min(_BLOCK, len(data) - first)
    block = data[first : first + _BLOCK + _LONGEST_HEADER] + bytes(_LONGEST_HEADER)
    numbers: np.ndarray = np.ndarray((len(block) - 3,), "<u4", block, strides=(1,))  # the four bytes from each place on
    values = np.frombuffer(block, np.uint8)
    name_length, length = values[:count], numbers[1 : 1 + count]
    fits = (name_length >= 1) & (name_length <= layout.MAX_NAME) & (length >= 1) & (length <= len(data) - first)
    start = np.flatnonzero(fits)
    name, name_end = start + layout.SECTION_START.size, start + layout.SECTION_START.size + name_length[start]
    payload = first + name_end + layout.CHECKSUM.size
    foreign = np.cumsum(~_IN_NAMES[values], dtype=np.int32)  # bytes up to this one that are in no name
    named = foreign[name - 1] == foreign[name_end - 1]
    chosen = named & (payload + length[start] <= len(data))
    start, payload = start[chosen], payload[chosen]
    return np.stack([first + start, payload, length[start], numbers[start + 5]]).astype(np.int64)


def _read(data: bytes, offset: int, length: int, where: str) -> bytes:
    if length > len(data) - offset:
        raise layout.FileEndsError(f"{where}: the file is cut, it ends at byte {len(data)}")
    return data[offset : offset + length]
