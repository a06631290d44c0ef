"""The download, against a real server on the loopback address that can be told to misbehave."""

import gzip
import hashlib
import socket
import socketserver
import threading
from contextlib import closing, suppress

import pytest

from loaders.data.download import DownloadLimits, download
from loaders.data.errors import DataError

CONTENT = {"a.gz": b"first " * 5000, "b.gz": b"second"}
PACKED = {name: gzip.compress(content, mtime=0) for name, content in CONTENT.items()}
FILES = [(name, hashlib.md5(packed).hexdigest()) for name, packed in PACKED.items()]

# Only what must run out is short, so that a busy machine fails no test.
PATIENT = DownloadLimits(answer_s=300, stall_s=300, least_bytes_per_s=1, total_s=300, file_bytes=10**6)
STALL = DownloadLimits(answer_s=300, stall_s=0.2, least_bytes_per_s=1000, total_s=300)


class Handler(socketserver.StreamRequestHandler):
    """Answers as the server's `answer(name, handler)` says; a request's headers are read first."""

    def handle(self):
        name = self.rfile.readline().split()[1].decode().rpartition("/")[2]
        while self.rfile.readline().strip():
            pass
        self.server.requests.append(name)
        with suppress(OSError):  # the client leaves, as it should
            self.server.answer(name, self)

    def send(self, body, *, status="200 OK", length=None):
        length = len(body) if length is None else length
        self.wfile.write(f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n".encode() + body)

    def wait(self, seconds=300):
        return self.server.over.wait(seconds)


@pytest.fixture
def server(monkeypatch):
    """A server; set its `answer`. A proxy from the environment must not come between."""
    monkeypatch.setenv("no_proxy", "*")
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.answer = lambda name, handler: handler.send(PACKED[name])
        server.requests = []
        server.over = threading.Event()
        server.url = f"http://127.0.0.1:{server.server_address[1]}/fashion/"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.over.set()
        server.shutdown()
        thread.join()


def fails(server, folder, says, limits):
    """The download fails in these words, names the URL, and leaves nothing."""
    with pytest.raises(DataError, match=says) as caught:
        download(FILES, server.url, folder / "x" / "raw", staging=folder, limits=limits)
    assert server.url in str(caught.value)
    assert list(folder.iterdir()) == []


def test_all_files_packed_and_unpacked(server, tmp_path):
    """Each file is there as .gz and unpacked beside it, and nothing else."""
    folder = tmp_path / "FashionMNIST" / "raw"
    download(FILES, server.url, folder, staging=tmp_path, limits=PATIENT)
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found == {**PACKED, "a": CONTENT["a.gz"], "b": CONTENT["b.gz"]}
    assert [path.name for path in tmp_path.iterdir()] == ["FashionMNIST"]
    assert folder.stat().st_mode == folder.parent.stat().st_mode


def test_progress_ends_at_the_whole(server, tmp_path):
    """The last call for each file has all bytes, of as many as the server said."""
    last = {}
    download(
        FILES,
        server.url,
        tmp_path / "raw",
        staging=tmp_path,
        limits=PATIENT,
        progress=lambda name, received, total: last.update({name: (received, total)}),
    )
    assert last == {name: (len(packed), len(packed)) for name, packed in PACKED.items()}


def test_size_need_not_be_told(server, tmp_path):
    """A server that closes the connection at the end instead is as good: the MD5 decides."""
    server.answer = lambda name, handler: handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + PACKED[name])
    totals = set()
    download(
        FILES,
        server.url,
        tmp_path / "raw",
        staging=tmp_path,
        limits=PATIENT,
        progress=lambda name, received, total: totals.add(total),
    )
    assert (tmp_path / "raw" / "a").read_bytes() == CONTENT["a.gz"]
    assert totals == {None}


def test_wrong_md5_in_the_last_file(server, tmp_path):
    """One wrong file and none of them appears."""
    server.answer = lambda name, handler: handler.send(PACKED[name] if name == "a.gz" else b"other")
    fails(server, tmp_path, r"b\.gz: found the MD5 \w{32} \(5 bytes\), expected \w{32}", PATIENT)
    assert server.requests == ["a.gz", "b.gz"]


def test_not_found(server, tmp_path):
    """The server's own words."""
    server.answer = lambda name, handler: handler.send(b"", status="404 Not Found")
    fails(server, tmp_path, r"a\.gz: the server answered 404 Not Found", PATIENT)


def test_connection_that_ends_early(server, tmp_path):
    """A body shorter than its Content-Length."""
    server.answer = lambda name, handler: handler.send(b"half", length=8)
    fails(server, tmp_path, r"the connection ended after 4 bytes, expected 8", PATIENT)


def test_answer_that_is_no_http(server, tmp_path):
    """Something else listens there."""
    server.answer = lambda name, handler: handler.wfile.write(b"SSH-2.0\r\n")
    fails(server, tmp_path, r"the server's answer broke off or is no HTTP", PATIENT)


def test_stall(server, tmp_path):
    """A server that stops in the middle. Earlier bytes count for one stretch only."""

    def answer(name, handler):
        handler.send(bytes(1000), length=2000)
        handler.wait()

    server.answer = answer
    fails(server, tmp_path, r"stalled, 0 bytes in 0\.2 s, expected 200", STALL)


def test_drip(server, tmp_path):
    """A server that always sends something, and never enough."""

    def answer(name, handler):
        handler.send(b"", length=10**5)
        while not handler.wait(0.02):
            handler.wfile.write(b"x")

    server.answer = answer
    fails(server, tmp_path, r"stalled, \d+ bytes in 0\.2 s, expected 200", STALL)


def test_dripping_headers(server, tmp_path):
    """Headers that never end, each within any socket's time-out."""

    def answer(name, handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not handler.wait(0.02):
            handler.wfile.write(b"X: y\r\n")

    server.answer = answer
    fails(server, tmp_path, r"no answer within 0\.2 s", DownloadLimits(answer_s=0.2))


def test_no_answer(server, tmp_path):
    """A server that takes the connection and says nothing."""
    server.answer = lambda name, handler: handler.wait()
    fails(server, tmp_path, r"no answer within 0\.2 s", DownloadLimits(answer_s=0.2))


def test_name_look_up_that_hangs(tmp_path, server, monkeypatch):
    """No time-out of a socket ends a look-up: the download's own clock does."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: server.over.wait(300) and [])
    fails(server, tmp_path, r"no answer within 0\.2 s", DownloadLimits(answer_s=0.2))


def test_total_time(server, tmp_path):
    """A server that is fast enough to count as alive, for longer than there is."""

    def answer(name, handler):
        handler.send(b"", length=10**5)
        while not handler.wait(0.01):
            handler.wfile.write(b"x" * 100)

    server.answer = answer
    limits = DownloadLimits(answer_s=300, stall_s=300, total_s=0.3)
    fails(server, tmp_path, r"not done 0\.3 s after the download began", limits)


@pytest.mark.parametrize("told", [True, False], ids=["told", "untold"])
def test_file_larger_than_any_should_be(server, tmp_path, told):
    """The disk isn't filled by a server that has no end."""

    def answer(name, handler):
        head = b"Content-Length: 2000000\r\n" if told else b""
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n" + head + b"\r\n")
        while not told and not handler.wait(0):
            handler.wfile.write(b"x" * 65536)
        handler.wait()

    server.answer = answer
    fails(server, tmp_path, r"more than the 1000000 bytes", PATIENT)


def test_refused_connection(tmp_path, server):
    """Nobody listens at the port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        server.url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    fails(server, tmp_path, "connection refused", PATIENT)


def test_name_that_cannot_be_resolved(tmp_path, server, monkeypatch):
    """The case of a user without a network."""

    def unresolved(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unresolved)
    fails(server, tmp_path, r"name can't be resolved \(Name or service not known; is there a net", PATIENT)


def test_mirror_that_is_no_url(tmp_path, server):
    """An error, not a traceback."""
    server.url = "example.org/data/"
    fails(server, tmp_path, "unknown url type", PATIENT)


def test_folder_with_other_files(server, tmp_path):
    """Files of the user stay untouched, and the server is not asked."""
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "notes").touch()
    with pytest.raises(DataError, match=r"raw: found other files in it, expected an empty folder"):
        download(FILES, server.url, tmp_path / "raw", staging=tmp_path, limits=PATIENT)
    assert server.requests == []


def test_empty_folder_is_filled(server, tmp_path):
    """A folder made in advance is as good as none."""
    (tmp_path / "raw").mkdir()
    download(FILES, server.url, tmp_path / "raw", staging=tmp_path, limits=PATIENT)
    assert len(list((tmp_path / "raw").iterdir())) == 4


def test_slower_of_two_downloads_takes_what_is_there(server, tmp_path):
    """Another process finishes the same files first."""
    folder = tmp_path / "raw"

    def answer(name, handler):
        if name == "b.gz":
            folder.mkdir()
            for other, packed in PACKED.items():
                (folder / other).write_bytes(packed)
        handler.send(PACKED[name])

    server.answer = answer
    download(FILES, server.url, folder, staging=tmp_path, limits=PATIENT)
    assert sorted(path.name for path in folder.iterdir()) == ["a.gz", "b.gz"]
    assert list(tmp_path.iterdir()) == [folder]


def test_place_that_cannot_be_written(server, tmp_path):
    """A file stands where a folder is needed."""
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/raw: can't be written .*expected a place for the download"):
        download(FILES, server.url, tmp_path / "file" / "raw", staging=tmp_path / "file", limits=PATIENT)
