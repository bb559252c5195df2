"""Where a key stands among all keys: the hash that every split is made of."""

from __future__ import annotations

from zlib import crc32

_SCALE = 1.0 / 2**32


def position(salt: str, key: bytes) -> float:
    """Where a key stands in [0, 1): sticky for one salt, independent between salts.

    CRC-32 alone is linear in the key, so neighbouring keys of different salts would move together;
    the finaliser of MurmurHash3 (Appleby 2011, public domain) breaks that. The hash has 32 bits and
    is divided by 2**32, so 1.0 is never reached and a share of 1.0 takes every key.
    """
    h = crc32(key, crc32(salt.encode()))
    h ^= h >> 16
    h = (h * 0x85EBCA6B) & 0xFFFFFFFF
    h ^= h >> 13
    h = (h * 0xC2B2AE35) & 0xFFFFFFFF
    h ^= h >> 16
    return h * _SCALE
