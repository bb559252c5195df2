import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seatrial.rag.index import segment_arrays
from seatrial.rag.index.segment_arrays import byte_places


@pytest.mark.parametrize("block", [1, 3, 4, 1 << 22])
@given(text=st.text(max_size=30), data=st.data())
def test_characters_are_found_in_bytes_however_a_text_is_cut(text, data, block):
    wanted = data.draw(st.lists(st.integers(0, len(text)), max_size=8))
    expected = [len(text[:one].encode()) for one in wanted]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment_arrays, "_BLOCK", block)
        found = byte_places(text.encode(), np.array(wanted, np.int64))
    assert found.tolist() == expected
