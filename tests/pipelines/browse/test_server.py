"""Who is let in, and what every answer says to the browser; the command, until Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.cli import mixture
from tests.conftest import Built
from tests.pipelines.browse.serving import Served, serving

_COMMAND = "import sys; from pipelines.cli import mixture; sys.exit(mixture())"


@pytest.fixture(scope="module")
def served(small_built: Built) -> Iterator[Served]:
    with serving(small_built.out) as found:
        yield found


@pytest.mark.parametrize(
    "path",
    [
        *("/", "//", "", "/?{token}", "/{token}", "/{short}/", "/{token}x/", "/x/{token}/"),
        *("/{token}/rows/", "/{token}/../{token}/", "/{upper}/rows", "/nothing/picture?file=0"),
        *("/{token}/picture/x?file=0&row=0&number=0", "/%7Btoken%7D/"),
    ],
)
def test_without_the_token_nothing_is_told(served: Served, path: str) -> None:
    token = served.server.token
    path = path.format(token=token, short=token[:-1], upper=token.swapcase())
    got = served.ask(path)
    assert got.status == 403
    assert token not in got.text and b"magpie" not in got.body and len(got.body) < 100


def test_the_token_is_long_and_new_each_time(small_built: Built, served: Served) -> None:
    with serving(small_built.out) as other:
        assert other.server.token != served.server.token
        assert other.ask(f"/{served.server.token}/").status == 403
    assert len(served.server.token) >= 32


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "0.0.0.0:{port}", ""],
)
def test_other_hosts_are_turned_away(served: Served, host: str) -> None:
    """A name that was made to lead here knows the port, and with the token would know all."""
    said = host.format(port=served.server.server_port)
    assert served.ask(f"/{served.server.token}/", Host=said).status == 403


def test_by_its_other_name(served: Served) -> None:
    host = f"localhost:{served.server.server_port}"
    assert served.ask(f"/{served.server.token}/", Host=host).status == 200


@pytest.mark.parametrize("hosts", ["", "Host: {host}\r\nHost: evil.example\r\n"])
def test_no_host_or_two(served: Served, hosts: str) -> None:
    with socket.create_connection(("127.0.0.1", served.server.server_port), 30) as connection:
        said = hosts.format(host=served.host)
        line = f"GET /{served.server.token}/ HTTP/1.1\r\n{said}Connection: close\r\n\r\n"
        connection.sendall(line.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 403 ")


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "FOO"])
def test_nothing_but_get(served: Served, method: str) -> None:
    got = served.ask(f"/{served.server.token}/", method)
    assert got.status == 405 and got.headers["allow"] == "GET" and got.body == b""


def test_only_loopback(served: Served) -> None:
    assert served.server.server_address[0] == "127.0.0.1"
    assert served.server.socket.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("page", ["", "rows", "thresholds", "browse.css", "browse.js", "nothing"])
def test_what_every_answer_says(served: Served, page: str) -> None:
    got = served.get(page)
    policy = dict(part.split(" ", 1) for part in got.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in got.headers["content-security-policy"]
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["referrer-policy"] == "no-referrer"
    assert got.headers["cross-origin-resource-policy"] == "same-origin"
    assert got.headers["cache-control"] == "no-store"
    # A page that is saved or sent on tells nobody the token.
    assert served.server.token not in got.text


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("rows?fates=kept", "nothing is asked by &#39;fates&#39;; did you mean &#39;fate&#39;?"),
        ("rows?fate=kept&fate=dropped", "fate is said 2 times"),
        ("?page=-1", "page &#39;-1&#39; is no whole number"),
        ("?page=99999999999999999999", "is no whole number"),
        ("?of=num_tokens&low=x", "&#39;x&#39; is no number"),
        ("?of=num_tokens&low=nan", "is no number that a range can end at"),
        ("?of=num_tokes", "did you mean &#39;num_tokens&#39;?"),
        ("?of=" + "&of=".join(["num_tokens"] * 9), "9 ranges are asked for"),
        ("sample?file=0&row=99999", "the build has no row 99999 of file 0"),
        ("sample?file=99&row=0", "the build has no row 0 of file 99"),
        ("sample?row=0", "file &#39;&#39; is no whole number"),
        ("picture?file=0&row=0&number=999", "it is no picture"),
        ("stored?number=77", "no page shows picture 77 now"),
        ("row?source=magpie&file=..%2F..%2Fetc%2Fpasswd&row=0", "the ledger has no row"),
        ("row?source=..%2F..%2Fetc&file=passwd&row=0", "the ledger has no row"),
        ("thresholds?filter=nothing", "no filter &#39;nothing&#39; judged here"),
        ("thresholds?filter=turn_length&min_char=3", "there is no threshold &#39;min_char&#39;"),
        ("thresholds?filter=turn_length&min_chars=3.5", "&#39;3.5&#39; is no whole number"),
        ("thresholds?filter=turn_length&min_chars=-9", "greater than or equal to"),
        ("thresholds?filter=turn_length&setting=4", "has 1 settings"),
        ("?" + "&".join(["page=1"] * 200), "asks for too much"),
    ],
)
def test_bad_words_get_a_sentence(served: Served, page: str, said: str) -> None:
    got = served.ask(f"/{served.server.token}/{page}")
    assert got.status == 400
    assert said in got.text and "Traceback" not in got.text


def test_a_fault_of_ours_ends_one_answer_alone(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(name: str, fields: object) -> object:
        raise ZeroDivisionError(str(served.context.where))

    with monkeypatch.context() as patched:
        patched.setattr(served.server.site, "answer", broken)
        got = served.get()
    assert got.status == 500
    assert "a fault of smolmix" in got.text and "ZeroDivision" not in got.text
    assert served.get().status == 200


def test_the_command_until_ctrl_c(small_built: Built) -> None:
    """It prints one line, answers, and ends well."""
    command = [sys.executable, "-c", _COMMAND, "browse", str(small_built.out)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        assert child.stdout is not None
        line = child.stdout.readline()
        where, _, address = line.partition(": ")
        assert where == str(small_built.out)
        with urllib.request.urlopen(address.split()[0], timeout=60) as answer:
            assert b"Samples" in answer.read()
        os.killpg(child.pid, signal.SIGINT)
        out, error = child.communicate(timeout=60)
    assert (child.returncode, out, error) == (0, "stopped\n", "")


def test_the_command_as_json(small_built: Built) -> None:
    command = [sys.executable, "-c", _COMMAND, "browse", str(small_built.store), "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        assert child.stdout is not None
        said = json.loads("".join(iter(child.stdout.readline, "}\n")) + "}")
        os.killpg(child.pid, signal.SIGINT)
        out, error = child.communicate(timeout=60)
    assert said["address"].startswith("http://127.0.0.1:")
    assert (child.returncode, out, error) == (0, "", "")


def test_what_cannot_be_browsed(
    tmp_path: Path, small_built: Built, served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "store"
    (empty / "rows").mkdir(parents=True)
    taken = str(served.server.server_port)
    cases = [
        ([str(tmp_path)], "is neither a finished build"),
        ([str(empty)], "holds no rows yet"),
        ([str(small_built.store), "--store", str(empty)], "is a store itself; leave --store out"),
        ([str(small_built.out), "--store", str(tmp_path / "none")], "there is no store"),
        ([str(small_built.out), "--port", taken], f"port {taken} cannot be taken"),
        ([str(small_built.out), "--port", "70000"], "port 70000 cannot be taken"),
        ([str(small_built.out), "--port", "x"], "'x' is not a whole number"),
    ]
    for words, said in cases:
        assert mixture(["browse", *words]) == 2
        error = capsys.readouterr().err
        assert said in error and error.count("\n") == 1
