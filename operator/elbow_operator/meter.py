"""Adds up what load balancers are billed by, and keeps it in the cluster (ELB section 13).

A ledger is written with the version that was read: of two operators that think they lead, one learns that it doesn't,
before it does any harm. An hour goes into its month from what is written only, and once it is over.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from elbow_api.ledger import LABEL, OPEN, Ledger, billed_hours, open_name
from elbow_api.timestamp import timestamp
from elbow_api.usage import UsageReport
from elbow_kube.client import ApiError, Client
from elbow_kube.object import Object
from elbow_kube.watch import pages

from elbow_operator.owned import Key
from elbow_operator.usage import ledger as ledgers
from elbow_operator.usage.documents import ledger_of, month_documents, open_document, outdated

log = logging.getLogger("elbow")

_DELAY = timedelta(seconds=20)
"""How long what was counted may stay unwritten: with the ten seconds proxies take it together, and the fifteen until
another operator leads, below the minute that may be lost with a proxy."""
_PAUSE = 1.0
_RETRY = timedelta(seconds=5)
_UNSEEN = timedelta(minutes=2)
"""How long a load balancer is waited for that has a ledger, after the operator began to lead."""
_SWEEP = timedelta(hours=6)
_PATIENCE = 3.0
"""Seconds to write what is left, when this operator is to end."""


@dataclass
class _Book:
    """A ledger, and what of it is written."""

    ledger: Ledger
    kept: Ledger | None = None
    """As the API server has it."""
    version: str = ""
    """The version of that; empty where there is none."""
    due: datetime | None = None
    """When it is to be written; None where there is nothing new."""
    uid: str = ""
    """The load balancer that is there; empty if none is, as far as is known."""
    newest: dict[str, tuple[str, UsageReport]] = field(default_factory=dict)
    """By stream, with its pod: to count again from another operator's ledger."""


class Meter:
    """The ledgers of all load balancers."""

    def __init__(
        self,
        client: Client,
        turned: Callable[[Key], None],
        followed: Callable[[Key], Collection[str]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`turned` is told of load balancers an hour of which is over; `followed` are a load balancer's proxies, those that end too."""
        self._client = client
        self._turned = turned
        self._followed = followed
        self._clock = clock
        self._books: dict[Key, _Book] = {}
        self._paths: list[str] = []
        self._began = clock()
        self._led_before: datetime | None = None
        self._swept = datetime.min.replace(tzinfo=UTC)

    def ledgers(self) -> dict[Key, Ledger]:
        """Of every load balancer that is there, as it is written."""
        return {key: book.kept for key, book in self._books.items() if book.uid and book.kept is not None}

    def status(self, key: Key) -> Object | None:
        """What a load balancer's status tells: whole hours, so that it changes once an hour at most."""
        book = self._books.get(key)
        if book is None or not book.uid:
            return None
        life, now = book.ledger.lifetimes[book.uid], self._clock()
        sums = ledgers.sums(book.ledger, whole=True)
        counts = sums.usage.together()
        return {
            "since": timestamp(life.since),
            "hours": billed_hours([life], now),
            "requests": counts.requests,
            "newConnections": counts.new_connections,
            "processedBytes": counts.processed_bytes,
            "capacityUnits": f"{sums.capacity_units:f}",
        }

    async def load(self, paths: Iterable[str], led_before: datetime | None) -> None:
        """Read the ledgers of the lists of ConfigMaps; goes on until it can. `led_before` is when an operator last led."""
        self._paths, self._led_before = list(paths), led_before
        for path in self._paths:
            await self._read(path)
        self._began = self._clock()

    async def _read(self, path: str) -> None:
        while True:
            try:
                async for _, page in pages(self._client, path, {"labelSelector": f"{LABEL}={OPEN}"}):
                    for document in page:
                        self._open(document)
            except (ApiError, OSError, ValueError) as error:
                log.warning("usage can't be read, trying again: %s", error)
                await asyncio.sleep(_PAUSE)
            else:
                return

    def _open(self, document: Object) -> None:
        metadata = document["metadata"]
        try:
            name, ledger = ledger_of(document)
        except (KeyError, ValueError) as error:
            log.error("%s/%s holds no usage that can be read: %s", metadata["namespace"], metadata["name"], error)
            return
        self._books[metadata["namespace"], name] = _Book(ledger, ledger, metadata["resourceVersion"])

    def lives(self, key: Key, uid: str) -> None:
        """A load balancer is there; its ledger is written before it has proxies."""
        book = self._book(key)
        book.uid = uid
        self._update(book, ledgers.lives(book.ledger, uid, self._clock()), timedelta(0))

    def gone(self, key: Key) -> None:
        """A load balancer is no more."""
        if (book := self._books.get(key)) is not None:
            book.uid = ""
            self._update(book, ledgers.gone(book.ledger, self._clock()))

    def counted(self, pod: Key, load_balancer: Key, report: UsageReport) -> None:
        """A proxy told what it counted."""
        book = self._book(load_balancer)
        book.newest[report.stream] = pod[1], report
        self._update(book, ledgers.counted(book.ledger, pod[1], report, self._clock()))

    async def run(self) -> None:
        """Write what is due, until cancelled; then what is left, as far as there is time."""
        try:
            while True:
                await self.write()
                await asyncio.sleep(_PAUSE)
        finally:
            with suppress(TimeoutError):
                async with asyncio.timeout(_PATIENCE):
                    await self._write_rest()

    async def _write_rest(self) -> None:
        for key, book in list(self._books.items()):
            if book.ledger != book.kept:
                await self._write(key, book)

    async def write(self) -> None:
        """Write what is due now."""
        now = self._clock()
        self._close_unseen(now)
        for key, book in list(self._books.items()):
            self._turn(book, now)
            if book.due is not None and book.due <= now:
                await self._write(key, book)
        if self._swept + _SWEEP <= now:
            self._swept = now
            await self._sweep(now)

    def _book(self, key: Key) -> _Book:
        return self._books.setdefault(key, _Book(ledgers.begin(self._clock())))

    def _update(self, book: _Book, ledger: Ledger, delay: timedelta = _DELAY) -> None:
        if ledger is not book.ledger:
            book.ledger = ledger
            book.due = min(book.due or datetime.max.replace(tzinfo=UTC), self._clock() + delay)

    def _turn(self, book: _Book, now: datetime) -> None:
        """An hour that is over, and a load balancer that is gone, are to be written down for good."""
        over = ledgers.turned(book.ledger, now)
        if ledgers.over(over):
            self._update(book, over, timedelta(0))
        if ledgers.over(book.ledger) or ledgers.dead(book.ledger) or self._is_done(book, now):
            book.due = book.due or now

    def _is_done(self, book: _Book, now: datetime) -> bool:
        """Whether there is no load balancer, and all it used is in months."""
        return not book.uid and ledgers.is_empty(book.ledger) and self._began + _UNSEEN <= now

    def _close_unseen(self, now: datetime) -> None:
        """What has a ledger and isn't there was deleted while nobody led: after the last sign of it."""
        if now < self._began + _UNSEEN:
            return
        for book in self._books.values():
            if not book.uid and any(life.until is None for life in book.ledger.lifetimes.values()):
                signs = [stream.heard for stream in book.ledger.streams.values()]
                last = max([*signs, self._led_before or book.ledger.began])
                self._update(book, ledgers.gone(book.ledger, min(last, now)), timedelta(0))

    async def _write(self, key: Key, book: _Book) -> None:
        try:
            await self._move(key, book)
            await self._keep(key, book)
        except (ApiError, OSError) as error:
            book.due = self._clock() + _RETRY
            if isinstance(error, ApiError) and error.status in (403, 404) and not (book.uid or book.version):
                del self._books[key]  # its namespace goes, and its usage with it
            elif isinstance(error, ApiError) and error.status == 409:
                await self._read_again(key, book)
            else:
                log.warning("usage of %s/%s can't be written: %s", *key, error)

    async def _move(self, key: Key, book: _Book) -> None:
        """Write hours that are over, and load balancers that are gone, into their months: from what is written, which nobody changes."""
        if book.kept is None:
            return
        hours, lives = ledgers.over(book.kept), ledgers.dead(book.kept)
        for document in month_documents(*key, hours, lives):
            try:
                await self._client.merge(document, {"data": document["data"]})
            except ApiError as error:
                if error.status != 404:
                    raise
                await self._client.create(document)
        if hours or lives:
            book.ledger = ledgers.moved(book.ledger, hours, lives)
            self._turned(key)

    async def _keep(self, key: Key, book: _Book) -> None:
        now = self._clock()
        ledger = ledgers.without_lost(ledgers.turned(book.ledger, now), self._followed(key), now)
        document = open_document(*key, ledger, book.version)
        if self._is_done(book, now) and not self._followed(key):
            await self._client.delete(document)
            del self._books[key]
            return
        book.ledger, book.due = ledger, None
        book.newest = {name: told for name, told in book.newest.items() if f"{told[0]}/{name}" in ledger.streams}
        if book.version:
            change = {"metadata": {"resourceVersion": book.version}, "data": document["data"]}
            try:
                written = await self._client.merge(document, change)
            except ApiError as error:
                if error.status != 404:
                    raise
                book.version, book.due = "", now  # someone deleted it: it is made anew at once
                return
        else:
            written = await self._client.create(document)
        book.kept, book.version = ledger, written["metadata"]["resourceVersion"]

    async def _read_again(self, key: Key, book: _Book) -> None:
        """Another operator wrote: go on from its ledger, and count what proxies told since."""
        try:
            found = await self._client.get(f"/api/v1/namespaces/{key[0]}/configmaps/{open_name(key[1])}")
            _, ledger = ledger_of(found)
        except (ApiError, OSError, KeyError, ValueError) as error:
            log.warning("usage of %s/%s can't be read: %s", *key, error)
            return
        now = self._clock()
        book.kept, book.version = ledger, found["metadata"]["resourceVersion"]
        ledger = ledgers.lives(ledger, book.uid, now) if book.uid else ledgers.gone(ledger, now)
        for pod, report in book.newest.values():
            ledger = ledgers.counted(ledger, pod, report, now)
        book.ledger = ledger
        book.due = now if ledger != book.kept else None

    async def _sweep(self, now: datetime) -> None:
        """Delete the months that are old."""
        old = f"{LABEL} in ({','.join(outdated(now))})"
        try:
            for path in self._paths:
                async for _, page in pages(self._client, path, {"labelSelector": old}):
                    for document in page:
                        await self._client.delete(document)
        except (ApiError, OSError) as error:
            log.warning("old usage can't be deleted: %s", error)
