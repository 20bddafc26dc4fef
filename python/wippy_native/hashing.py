"""The content hash of a module: `sha256:<64 lower-case hex digits>`.

It is compared as text (an upper-case digest does not match) and before anything else looks at the bytes, so a module
that was swapped never reaches the parser.
"""

from __future__ import annotations

import hashlib
import hmac

ALGORITHM = "sha256"


class HashFailure(ValueError):
    """Why a hash does not verify; the text of F-7, and advice."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"hash verification failed: {message}")
        self.hint = hint


def hash_text(content: bytes) -> str:
    """The hash of `content` as an entry's `hash` field has it. Rules: F-7."""
    return f"{ALGORITHM}:{digest(content)}"


def digest(content: bytes) -> str:
    """Lower-case hex SHA-256 of `content`."""
    return hashlib.sha256(content).hexdigest()


def verify(content: bytes, expected: str) -> str:
    """Check `content` against the `expected` hash and return its digest.

    Raises `HashFailure` for another form, algorithm or content. Rules: F-7, F-8.
    """
    algorithm, colon, wanted = expected.partition(":")
    if not colon:
        raise HashFailure(f"invalid hash format: {expected}", "write it as sha256:<64 lower-case hex digits>")
    if algorithm != ALGORITHM:
        raise HashFailure(f"unsupported hash algorithm: {algorithm}", f"the file's hash is {hash_text(content)}")
    found = digest(content)
    if not hmac.compare_digest(wanted.encode(), found.encode()):
        raise HashFailure(f"hash mismatch: expected {wanted}, got {found}", _mismatch_hint(wanted, found))
    return found


def _mismatch_hint(wanted: str, found: str) -> str:
    if wanted.lower() == found:
        return "write the digest in lower case"
    return f"if this file is the one you want, set hash: {ALGORITHM}:{found}"
