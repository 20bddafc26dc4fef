"""Content hashes: F-7, F-8."""

from __future__ import annotations

import hashlib

import pytest

from wippy_native.hashing import HashFailure, hash_text, verify

CONTENT = b"\0asm"
HEX = hashlib.sha256(CONTENT).hexdigest()


def test_match() -> None:
    assert hash_text(CONTENT) == f"sha256:{HEX}"
    assert verify(CONTENT, f"sha256:{HEX}") == HEX


@pytest.mark.parametrize(
    ("expected", "text", "hint"),
    [
        ("abc", "invalid hash format: abc", "sha256:<64"),
        ("md5:abc", "unsupported hash algorithm: md5", HEX),
        ("SHA256:" + HEX, "unsupported hash algorithm: SHA256", HEX),
        ("sha256:abc", f"hash mismatch: expected abc, got {HEX}", HEX),
        ("sha256:" + HEX.upper(), f"hash mismatch: expected {HEX.upper()}, got {HEX}", "lower case"),
        ("sha256:ü", f"hash mismatch: expected ü, got {HEX}", HEX),
    ],
)
def test_failures(expected: str, text: str, hint: str) -> None:
    with pytest.raises(HashFailure) as caught:
        verify(CONTENT, expected)
    assert str(caught.value) == f"hash verification failed: {text}"
    assert hint in caught.value.hint
