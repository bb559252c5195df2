import gzip
import zlib

import pytest

from seatrial.serving.codec.inflate import inflate
from seatrial.serving.exchange import BadInput, BodyTooLarge, UnsupportedMedia

BODY = b'{"inputs":[]}' * 100


def raw_deflate(body: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(body) + stream.flush()


@pytest.mark.parametrize(
    ("encoding", "sent"),
    [
        (b"gzip", gzip.compress(BODY, mtime=0)),
        (b"x-gzip", gzip.compress(BODY, mtime=0)),
        (b" GZIP ", gzip.compress(BODY, mtime=0)),
        (b"deflate", zlib.compress(BODY)),
        (b"deflate", raw_deflate(BODY)),
        (b"identity", BODY),
    ],
)
def test_a_body_comes_out_as_it_went_in(encoding: bytes, sent: bytes) -> None:
    assert inflate(sent, encoding, len(BODY)) == BODY


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate"])
def test_a_bomb_is_refused_at_the_limit(encoding: bytes) -> None:
    bomb = (
        gzip.compress(bytes(50_000_000), mtime=0)
        if encoding == b"gzip"
        else zlib.compress(bytes(10**6))
    )
    with pytest.raises(BodyTooLarge) as refused:
        inflate(bomb, encoding, 1000)
    assert refused.value.facts["limit"] == 1000


@pytest.mark.parametrize(
    "sent",
    [b"", b"plain", gzip.compress(BODY, mtime=0)[:-3], gzip.compress(BODY, mtime=0) + b"more"],
)
def test_a_damaged_stream_is_the_clients_fault(sent: bytes) -> None:
    with pytest.raises(BadInput, match="not one whole gzip stream"):
        inflate(sent, b"gzip", 10_000)


def test_an_unknown_encoding_names_the_known_ones() -> None:
    with pytest.raises(UnsupportedMedia, match=r"'br' is not known.*gzip, deflate"):
        inflate(b"", b"br", 10)
