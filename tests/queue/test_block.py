"""Sets of positions, and how they are stored."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from offramp.queue.block import all_of, pack_set, positions_of, set_of, unpack_open, unpack_set

POSITIONS = st.sets(st.integers(min_value=0, max_value=3_000)).map(sorted)


@given(POSITIONS)
def test_a_set_is_read_as_it_was_stored(positions: list[int]) -> None:
    """Whatever its first position, and however many positions it has."""
    bits = set_of(positions)
    assert list(positions_of(bits)) == positions
    assert unpack_set(pack_set(bits)) == bits


def test_one_position_of_a_large_block_takes_three_bytes() -> None:
    """So a block whose events end one by one has no row that grows by its size each time."""
    assert len(pack_set(1 << 2_400)) == 3


def test_what_waits_is_all_none_or_a_set() -> None:
    """All events of a block are stored as no bytes, none as a null."""
    assert unpack_open(b"", 9) == all_of(9)
    assert unpack_open(None, 9) == 0
    assert unpack_open(pack_set(0b101), 9) == 0b101
