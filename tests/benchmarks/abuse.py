"""Requests that try to hold the server: `python tests/benchmarks/abuse.py [--mariadb] [--only WORD]`.

Starts a server of its own on a private port, with the shipped model, plays one case after the other, and asks
for `/healthz` ten times a second meanwhile. Prints for each case the longest time in which `/healthz` did not
answer, and by how much the server's memory had grown when the case was over, and at its highest: a film or a ZIP
that is being taken lies in memory meanwhile. Ends with 1 if one was silent for more than 1 s or left more than 100 MB.
All figures are of this machine and moment: stop other work first.
"""

from __future__ import annotations

import gzip
import io
import socket
import struct
import sys
import tempfile
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import quote, urlencode

import click
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

from dicom_files import dicom_file
from live_server import install
from lungwise.cli.synthetic_film import as_jpeg, synthetic_film
from lungwise.settings import Settings
from processes import Sender, running
from servers import MariaDb, free_port

LONGEST_SILENCE, MOST_GROWTH_MB = 1.0, 100
AFTER = 3.0
"""Seconds that a case is watched after its requests are answered."""
FORM, JSON, MULTIPART = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=edge"
RELATED = 'multipart/related; type="application/dicom"; boundary=edge'
MEGABYTE = 1 << 20
CASES: dict[str, Callable[[Server], None]] = {}


def case(said: str) -> Callable[[Callable[[Server], None]], Callable[[Server], None]]:
    """Name a case."""

    def register(play: Callable[[Server], None]) -> Callable[[Server], None]:
        CASES[said] = play
        return play

    return register


@dataclass
class Server:
    """The server, and what one may do there."""

    settings: Settings
    process: psutil.Process
    token: str

    @property
    def port(self) -> int:
        return self.settings.port

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "", **headers: str) -> int:
        """Send a request and give its status; 0 where the server hangs up."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, {"Content-Type": kind, **self.bearer, **headers})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, HTTPException):
            return 0
        finally:
            connection.close()

    def together(self, count: int, method: str, path: str, body: bytes = b"", kind: str = "") -> None:
        """Send a request several times at once."""
        with ThreadPoolExecutor(count) as pool:
            for done in [pool.submit(self.ask, method, path, body, kind) for _ in range(count)]:
                done.result()

    def upload(self, data: bytes, kind: str = "application/octet-stream") -> None:
        self.ask("POST", "/api/v1/studies", data, kind)

    def memory(self) -> int:
        """Bytes of the server and of the processes that it has started."""
        found = 0
        for process in (self.process, *self.process.children(recursive=True)):
            with suppress(psutil.Error):
                found += process.memory_info().rss
        return found


class Watch:
    """Asks for `/healthz` and weighs the server until it is told to stop."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.silence = 0.0
        self.before = self.peak = server.memory()

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.1):
            began = time.perf_counter()
            while not self._answers():
                if time.perf_counter() - began > 120:
                    break
            self.silence = max(self.silence, time.perf_counter() - began)
            self.peak = max(self.peak, self._server.memory())

    def _answers(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()


@case("search by wildcards")
def _wildcards(server: Server) -> None:
    for pattern in ("*a" * 7 + "*b", "*a" * 16, "*a" * 3000, "?" * 300):
        for level in ("studies", "series"):
            server.together(8, "GET", f"/dicom-web/{level}?PatientName={quote(pattern)}&PatientID={quote(pattern)}")


@case("51 MB of a form to the doors")
def _floods(server: Server) -> None:
    body = b"a=b&" * (51 * MEGABYTE // 4)
    for path in ("/sign-in", "/password/forgotten", "/register", "/studies/new"):
        server.together(4, "POST", path, body, FORM)


@case("51 MB of a form from somebody signed in")
def _floods_from_inside(server: Server) -> None:
    sender = Sender(server.port)
    sender.sign_in()
    body = b"a=b&" * (51 * MEGABYTE // 4)
    for path in ("/studies/new", "/patients", "/studies"):
        server.ask("POST", path, body, FORM, Cookie=sender.cookie)
    sender.connection.close()


@case("large JSON, nested JSON, many parts")
def _odd_bodies(server: Server) -> None:
    server.together(4, "POST", "/api/v1/studies/search", b"[" * 51 * MEGABYTE, JSON)
    server.together(4, "POST", "/api/v1/studies/search", b"[" * 60_000, JSON)
    part = b'--edge\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'
    server.together(4, "POST", "/api/v1/studies", part * 200_000 + b"--edge--", MULTIPART)
    server.together(4, "POST", "/dicom-web/studies", b"\r\n--edge\r\n\r\nx" * 500_000, RELATED)


@case("50 MB of line ends as a film")
def _line_ends(server: Server) -> None:
    head = b'--edge\r\nContent-Disposition: form-data; name="films"; filename="f"\r\n\r\n'
    server.together(1, "POST", "/api/v1/studies", head + b"\r\n" * (25 * MEGABYTE) + b"\r\n--edge--", MULTIPART)
    server.together(1, "POST", "/dicom-web/studies", b"--edge\r\n\r\n" + b"\r\n-" * (17 * MEGABYTE), RELATED)


@case("a search of 4 kB, and one of 50 words")
def _searches(server: Server) -> None:
    for text in ("a " * 2000, "a b c d e f g h i j k l m n o p q r s t u v w x y z 0 1 2 3 4 5 6 7 8 9"):
        body = f'{{"text": "{text}"}}'.encode()
        server.together(8, "POST", "/api/v1/patients/search", body, JSON)
        server.together(8, "POST", "/api/v1/studies/search", body, JSON)
        server.together(8, "GET", f"/dicom-web/studies?PatientName={quote(text)}")


@case("24 who wait for readings")
def _waiting(server: Server) -> None:
    films = {f"{seed}.jpg": as_jpeg(synthetic_film(seed, 3).resize((1500, 1500))) for seed in range(40)}
    server.ask("POST", "/api/v1/studies", _zip(films), "application/zip")
    server.together(24, "GET", f"/api/v1/films/{_newest_film(server)}?wait=30")


@case("recovery page, mail server that does not answer")
def _recovery(server: Server) -> None:
    sender = Sender(server.port)
    fields = {"csrf_token": sender.token("/password/forgotten"), "email": "ada@example.org"}
    for _ in range(8):
        sender.ask("POST", "/password/forgotten", urlencode(fields).encode(), FORM)
    sender.connection.close()


@case("250 MB of FF before a frame header")
def _junk(server: Server) -> None:
    server.upload(b"\xff\xd8" + b"\xff" * (59 * MEGABYTE), "image/jpeg")
    server.ask("POST", "/api/v1/studies", _zip({f"{n}.jpg": b"\xff\xd8" + b"\xff" * (50 * MEGABYTE) for n in range(5)}))


@case("a ZIP of junk, LZMA, and deflated zeros")
def _zips(server: Server) -> None:
    film = as_jpeg(synthetic_film(3, 1).resize((600, 600)))
    junk = film[:2] + b"\xff" * (5 * MEGABYTE) + film[2:]
    server.upload(_zip({f"{n}.jpg": junk for n in range(40)}), "application/zip")
    server.upload(_zip({"f.jpg": b"\xff\xd8\xff" + bytes(55 * MEGABYTE)}, zipfile.ZIP_LZMA), "application/zip")
    server.upload(_zip({f"{n}.jpg": bytes(55 * MEGABYTE) for n in range(5)}), "application/zip")


@case("a deflated DICOM film")
def _deflated(server: Server) -> None:
    plain = dicom_file(np.zeros((4000, 4000), np.uint16), PatientID="1")
    begin = plain.index(b"\x08\x00\x05\x00") if b"\x08\x00\x05\x00" in plain else 400
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    syntax = b"1.2.840.10008.1.2.1.99"
    meta = struct.pack("<HH2sH", 2, 0x10, b"UI", len(syntax)) + syntax
    head = bytes(128) + b"DICM" + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(meta)) + meta
    server.upload(head + packer.compress(plain[begin:] + bytes(200 * MEGABYTE)) + packer.flush(), "application/dicom")
    server.upload(gzip.compress(bytes(100 * MEGABYTE)))


@case("900 connections that send nothing, headers or bodies slowly")
def _half_open(server: Server) -> None:
    with ExitStack() as stack:
        lines = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30)) for _ in range(900)]
        for number, line in enumerate(lines):
            with suppress(OSError):
                line.sendall(_SLOW[number % len(_SLOW)])
        for _second in range(15):
            time.sleep(1)
            for line in lines[::10]:
                with suppress(OSError):
                    line.sendall(b"x")


_SLOW = (
    b"",
    b"GET /healthz HTTP/1.1\r\nX-Slow: ",
    b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n",
    b"POST /sign-in HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
)


@case("20 who read a large answer slowly")
def _slow_readers(server: Server) -> None:
    film = as_jpeg(synthetic_film(9, 3).resize((600, 600))) + bytes(40 * MEGABYTE)
    server.ask("POST", "/api/v1/studies", film, "image/jpeg")
    key = _newest_film(server)
    request = f"GET /api/v1/films/{key}/original HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30)).sendall(request.encode())
        time.sleep(10)


def _newest_film(server: Server) -> str:
    sender = Sender(server.port)
    sender.sign_in()
    study = sender.ask("GET", "/studies")[2].split('href="/studies/', 2)[-1][:20]
    key = sender.ask("GET", f"/studies/{study}")[2].split('"/films/', 1)[-1][:20]
    sender.connection.close()
    return key


def _zip(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


@contextmanager
def _silent_mail_server() -> Iterator[int]:
    """Listen where mail is to be taken, and never say a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def _serving(folder: Path, mail_port: int, mariadb: bool) -> Iterator[Server]:
    port = free_port()
    own = {"port": port, "public_url": f"http://127.0.0.1:{port}", "smtp_host": "127.0.0.1", "smtp_port": mail_port}
    settings = Settings(data_folder=folder).model_copy(update=own)
    with ExitStack() as stack:
        if mariadb:
            database = MariaDb()
            stack.callback(database.remove)
            settings = settings.model_copy(update={"database_url": database.new_database()})
        token = install(settings)
        command = [sys.executable, "-m", "lungwise", "serve"]
        process = stack.enter_context(running(command, settings, ready="Lungwise listens"))
        threading.Thread(target=lambda: list(process.stdout or ()), daemon=True).start()
        yield Server(settings, psutil.Process(process.pid), token)


def _warm_up(server: Server) -> None:
    """Have a film read, so that the model counts for no case."""
    film = dicom_file(np.tile(np.arange(256, dtype=np.uint16) * 16, (300, 1)), PatientID="1", PatientName="a" * 60)
    for data, kind in ((as_jpeg(synthetic_film(1, 2).resize((900, 900))), "image/jpeg"), (film, "application/dicom")):
        server.ask("POST", "/api/v1/studies?wait=30", data, kind)
    server.ask("GET", "/dicom-web/series")


@click.command()
@click.option("--mariadb", is_flag=True, help="On a MariaDB server of its own instead of SQLite.")
@click.option("--only", default="", help="Play only the cases whose name holds this.")
def main(mariadb: bool, only: str) -> None:
    """Play each case and say how the server bore it."""
    well = True
    with (
        tempfile.TemporaryDirectory() as folder,
        _silent_mail_server() as mail_port,
        _serving(Path(folder), mail_port, mariadb) as server,
    ):
        _warm_up(server)
        for said, play in CASES.items():
            if only not in said:
                continue
            began = time.perf_counter()
            with Watch(server) as watch:
                play(server)
                time.sleep(AFTER)
            growth, peak = ((size - watch.before) / 1e6 for size in (server.memory(), watch.peak))
            good = watch.silence <= LONGEST_SILENCE and growth <= MOST_GROWTH_MB
            well = well and good
            took = time.perf_counter() - began
            click.echo(
                f"{said:64} silent {watch.silence:6.2f} s   memory {growth:+6.0f} MB (highest {peak:+5.0f})"
                f"   took {took:5.1f} s{'' if good else '   TOO MUCH'}"
            )
    sys.exit(not well)


if __name__ == "__main__":
    main()
