"""A DNS server whose answers are the test's: fixed, or made for each query, so that a name can change its address."""

from __future__ import annotations

import contextlib
import ipaddress
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .connection import Connection, ProtocolError
from .dns_wire import CODES, Question, Record, build, parse
from .threaded import TcpServer
from .udp import MAX_DATAGRAM, bound

Answer = Sequence[str] | str
"""Addresses of both families, of which those asked for are sent; names before them are a chain of CNAMEs.
Or a word: `nxdomain`, `servfail`, `refused`, or `silent` for no answer at all."""
Answers = Mapping[str, Answer] | Callable[[str, str, int], Answer]

_TRIES = 20


@dataclass(frozen=True)
class Query:
    """What was asked."""

    name: str
    qtype: str
    transport: str
    """`udp` or `tcp`."""


class DnsServer(TcpServer):
    """Answers over UDP and TCP at one port, and notes each query in `queries`.

    `answers` maps names (lower case, no last dot; others do not exist), or is called with the name, the type (`A`,
    `AAAA`) and how often that name was asked for that type before. With `truncate`, UDP answers only that TCP has them;
    so does an answer that does not fit.
    """

    def __init__(self, answers: Answers, host: str = "127.0.0.1", *, ttl: int = 0, truncate: bool = False) -> None:
        super().__init__(host)
        self.answers = answers
        self.ttl = ttl
        self.truncate = truncate
        self.queries: list[Query] = []
        self._counts: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()

    def asked(self, name: str, qtype: str | None = None) -> int:
        """How often a name was asked for."""
        return sum(query.name == name and qtype in (None, query.qtype) for query in self.queries)

    def serve(self, connection: Connection) -> None:
        while True:
            size = int.from_bytes(connection.read_exactly(2), "big")
            try:
                answer = self._reply(connection.read_exactly(size), "tcp")
            except ValueError as error:
                raise ProtocolError(str(error)) from error
            if answer is not None:
                connection.send(len(answer).to_bytes(2, "big") + answer)

    def _listen(self) -> None:
        # A port that is free for one transport may be taken for the other.
        for attempt in range(_TRIES):
            self._datagrams = bound(self.host)
            self.port = self._datagrams.getsockname()[1]
            try:
                super()._listen()
                break
            except OSError:
                self._datagrams.close()
                if attempt == _TRIES - 1:
                    raise
        self._receiver = self._start_thread(self._receive)

    def _stop(self) -> None:
        with bound(self.host) as waker:
            waker.sendto(b"", self.address)
        self._receiver.join()
        self._datagrams.close()
        super()._stop()

    def _receive(self) -> None:
        while True:
            message, sender = self._datagrams.recvfrom(MAX_DATAGRAM)
            if self._ending.is_set():
                return
            try:
                answer = self._reply(message, "udp")
            except ValueError as error:
                self.errors.append(f"udp: {error}")
                continue
            if answer is not None:
                # The client may have closed its port.
                with contextlib.suppress(OSError):
                    self._datagrams.sendto(answer, sender)

    def _reply(self, message: bytes, transport: str) -> bytes | None:
        question = parse(message)
        answer = self._find(question, transport)
        if answer == "silent":
            return None
        if isinstance(answer, str) and answer in CODES:
            return build(question, answer, [], self.ttl)
        records = _records(question, [answer] if isinstance(answer, str) else answer)
        reply = build(question, "noerror", records, self.ttl)
        if transport == "udp" and (self.truncate or len(reply) > question.size):
            return build(question, "noerror", records, self.ttl, truncated=True)
        return reply

    def _find(self, question: Question, transport: str) -> Answer:
        name, qtype = question.name, question.qtype
        with self._counting:
            self.queries.append(Query(name, qtype, transport))
            count = self._counts[name, qtype]
            self._counts[name, qtype] += 1
        if callable(self.answers):
            return self.answers(name, qtype, count)
        return self.answers.get(name, "nxdomain")


def _records(question: Question, answer: Sequence[str]) -> list[Record]:
    """The chain of names, then the addresses of the family asked for."""
    records = []
    name = question.name
    for item in answer:
        family = _family(item)
        if family is None:
            records.append(Record(name, "CNAME", item))
            name = item
        elif family == question.qtype:
            records.append(Record(name, family, item))
    return records


def _family(item: str) -> str | None:
    try:
        return {4: "A", 6: "AAAA"}[ipaddress.ip_address(item).version]
    except ValueError:
        return None
