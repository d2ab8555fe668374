"""Many visitors at once: how long readers wait beside others who ask for the longest work.

    python -m bench.visitors [--readers 30] [--heavy 10] [--minutes 3] [--servers 1]
                             [--compared 20] [--json FILE]

Readers and the others are sessions over the websocket that browsers use, on the bundled models. A
reader opens a link to a sentence on some page, looks at three more pages of it, reads for 10 to 30
seconds after each, and comes back with another sentence.
The others ask again as soon as they have an answer: for 500 pieces with every head, for a beam of
16, for every part switched off in a long text, for four models of Table 3, for a text of 200
sentences. With several servers, each session stays with one, as behind an address that keeps them
(docs/scale.md).

With --compared, so many of the sessions are opened again, one by one on a server of their own: every
page has to show the same, to the byte.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.system.device import cpu_name
from explorer.app_pages.registry import PAGES as SCRIPTS
from explorer.app_pages.registry import url_path
from tests.e2e.conftest import start_server
from tests.e2e.reader import Reader

SETTLED_S = 120.0
"""Memory is compared with what it is after so long."""
READING_S = (10.0, 30.0)
PAGES_A_SENTENCE = 4
LARGEST_READ = 100_000
SENTENCES = [
    f"{who} {what} {where}."
    for who in (
        "The woman who lives next door", "An old man in a blue coat", "My little brother", "Our teacher",
        "The girl with the red hat", "Nobody in this town", "The tall waiter", "A friend of mine",
        "Your sister", "The boy behind the tree",
    )
    for what in (
        "is looking for his keys", "has three dogs", "plays the guitar", "sold the car",
        "wants to buy some bread", "was reading a newspaper", "has never seen the sea",
        "will write a long letter", "painted the door green", "is waiting for the bus",
        "lost a black umbrella", "likes to sing", "found an old coin", "opened all the windows",
    )
    for where in (
        "near the river", "in the kitchen", "every morning", "without a word", "after the rain",
        "in front of the church", "because it was late", "when he was young", "for the children",
        "at the end of the street", "with both hands", "before the train left",
    )
]  # fmt: skip
"""Enough that hardly a reader comes with one that another had before."""
FIRST = ""
"""The path of the first page, Translate."""
PAGES = [FIRST, *(url_path(script) for script in list(SCRIPTS.values())[1:])]
ABLATIONS = ("cross.L1H6=0", "enc.L2.ffn=skip", "dec.L4=skip", "cross.L3=uniform")
LONG = " ".join(SENTENCES[number % len(SENTENCES)] for number in range(37))
"""About 500 pieces."""

Link = Mapping[str, str]


def light(random_: random.Random) -> tuple[str, Link]:
    """What a reader asks for next: a page, and its link."""
    link = {"text": random_.choice(SENTENCES)}
    page = random_.choice(PAGES)
    if page in (FIRST, "heads", "inside") and random_.random() < 0.3:
        link["ablation"] = random_.choice(ABLATIONS[:3])
    return page, link


def heavy(number: int, turn: int) -> tuple[str, Link]:
    """Long work that nobody asked for before: each text is another."""
    text = f"Number {number} in round {turn} says: {LONG}"
    rows = "base,A-h1,C-N2,D-drop0.0"
    kinds: list[tuple[str, Link]] = [
        (FIRST, {"text": text}),
        (FIRST, {"text": text[:400], "method": "beam", "beam_size": "16"}),
        ("ablate", {"text": text[:600], "worth": "sentence"}),
        ("table3", {"text": text[:300], "compared": rows}),
        ("heads", {"text": text}),
    ]
    return kinds[(number + turn) % len(kinds)]


@dataclass(frozen=True, slots=True)
class Session:
    """What one visitor opened, what each page showed, and after how long."""

    link: Link
    pages: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


@dataclass
class Seen:
    """What happened so far; many threads add to it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    light_s: list[float] = field(default_factory=list)
    heavy_s: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory_mib: list[tuple[float, float]] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    """Of readers."""
    long_work: list[Session] = field(default_factory=list)

    def add(self, times: list[float], seconds: float, error: str | None) -> None:
        with self.lock:
            times.append(seconds)
            if error:
                self.errors.append(error)


def visit(url: str, number: int, deadline_s: float, seen: Seen, *, is_heavy: bool) -> None:
    """One session, from page to page until the time is over."""
    random_ = random.Random(number)
    turn = 0
    if not is_heavy:
        time.sleep(random_.uniform(0, READING_S[1]))  # readers do not all come at once
    while time.monotonic() < deadline_s:
        page, link = heavy(number, turn) if is_heavy else light(random_)
        session = Session(link)
        (seen.long_work if is_heavy else seen.sessions).append(session)
        with Reader(url, link, page, largest_read=LARGEST_READ) as reader:
            for _ in range(1 if is_heavy else PAGES_A_SENTENCE):
                started_s, error = time.monotonic(), None
                try:
                    reader.open(page=page)
                except Exception as problem:
                    error = f"{page}: {problem!r}; {dict(link)}"[:800]
                seconds = time.monotonic() - started_s
                seen.add(seen.heavy_s if is_heavy else seen.light_s, seconds, error)
                if not error:
                    session.pages.append(page)
                    session.seconds.append(seconds)
                    session.answers.append(reader.shown_hash())
                turn += 1
                if is_heavy:
                    continue
                page = random_.choice(PAGES)
                time.sleep(random_.uniform(*READING_S))
                if time.monotonic() > deadline_s:
                    return


def resident_mib(pid: int) -> float:
    """Memory that a process holds; Linux."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


@contextmanager
def servers(n: int, folder: Path) -> Iterator[list[tuple[int, str]]]:
    """Process numbers and addresses of servers that share the cache folder."""
    with ExitStack() as stack:
        found = []
        for number in range(n):
            process, server = start_server(folder / f"log-{number}")
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
            found.append((process.pid, server.url))
        yield found


def alone(sessions: Sequence[Session]) -> list[str]:
    """Open sessions again, one by one; what any of their pages shows otherwise."""
    found = []
    with tempfile.TemporaryDirectory() as folder, servers(1, Path(folder)) as [(_, url)]:
        for session in sessions:
            with Reader(url, session.link, largest_read=LARGEST_READ) as reader:
                for page, answer in zip(session.pages, session.answers, strict=True):
                    reader.open(page=page)
                    if reader.shown_hash() != answer:
                        found.append(f"{page}, {dict(session.link)}"[:300])
    return found


def measure(n_readers: int, n_heavy: int, minutes: float, n_servers: int) -> Seen:
    seen = Seen()
    with tempfile.TemporaryDirectory() as folder, servers(n_servers, Path(folder)) as running:
        for _, url in running:  # the model is loaded before the clock starts
            with Reader(url, {"text": SENTENCES[0]}, largest_read=LARGEST_READ) as reader:
                for page in PAGES:
                    reader.open(page=page)
        started_s = time.monotonic()
        deadline_s = started_s + 60 * minutes
        threads = [
            threading.Thread(
                target=visit,
                args=(running[number % n_servers][1], number, deadline_s, seen),
                kwargs={"is_heavy": number >= n_readers},
            )
            for number in range(n_readers + n_heavy)
        ]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            total = sum(resident_mib(pid) for pid, _ in running)
            seen.memory_mib.append((round(time.monotonic() - started_s, 1), round(total)))
            time.sleep(2)
        for number in range(n_servers):
            log = (Path(folder) / f"log-{number}").read_text()
            seen.errors += ["a traceback in the log"] * log.count("Traceback")
    return seen


def percentiles(times_s: list[float]) -> dict[str, float]:
    if len(times_s) < 2:
        return {"n": len(times_s)}
    cuts = statistics.quantiles(times_s, n=20)
    return {
        "n": len(times_s),
        "median_s": round(statistics.median(times_s), 3),
        "p95_s": round(cuts[-1], 3),
        "longest_s": round(max(times_s), 3),
    }


def by_page(sessions: Sequence[Session]) -> dict[str, dict[str, float]]:
    """How long each page took, the slowest first."""
    times: dict[str, list[float]] = {}
    for session in sessions:
        for page, seconds in zip(session.pages, session.seconds, strict=True):
            times.setdefault(page or "translate", []).append(seconds)
    found = {page: percentiles(each) for page, each in times.items()}
    return dict(sorted(found.items(), key=lambda item: -item[1].get("median_s", 0)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--readers", type=int, default=30)
    parser.add_argument("--heavy", type=int, default=10)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--compared", type=int, default=20)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    machine = f"{cpu_name()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f}"
    print(machine, flush=True)
    seen = measure(chosen.readers, chosen.heavy, chosen.minutes, chosen.servers)
    found = {"light": percentiles(seen.light_s), "heavy": percentiles(seen.heavy_s)}
    for kind, times in found.items():
        print(f"{kind:6}", times)
    print("errors", len(seen.errors), *seen.errors[:5])
    memory = seen.memory_mib
    settled = [mib for at_s, mib in memory if at_s >= min(SETTLED_S, memory[-1][0] / 2)]
    print(
        f"memory MiB: {memory[0][1]} at the start, {settled[0]} when settled, {settled[-1]} in the end"
    )
    pages = by_page(seen.sessions)
    for page, times in pages.items():
        print(f"  {page:16}", times)
    opened = [session for session in (*seen.sessions, *seen.long_work) if session.pages]
    compared = random.Random(1).sample(opened, min(chosen.compared, len(opened)))
    others = alone(compared) if compared else []
    n_pages = sum(len(session.pages) for session in compared)
    print(f"of {n_pages} pages opened again alone, {len(others)} show something else", *others[:5])
    if chosen.json:
        chosen.json.parent.mkdir(parents=True, exist_ok=True)
        figures = {"machine": machine, **found, "errors": seen.errors, "memory_mib": memory,
                   "pages": pages, "compared": n_pages, "others": others}  # fmt: skip
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
