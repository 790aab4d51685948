"""The foreground sandbox says where it is, keeps its terminal clean, and ends in good order."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

CODE = """
import sys
from ipyveo.sandbox import SandboxOptions, serve
serve(SandboxOptions(clip_seconds=.25, stage_seconds=0), sys.argv[1], 0, lambda url: print(url, flush=True))
print("ended")
"""


@pytest.fixture
def foreground(tmp_path):
    def start(host="127.0.0.1"):
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, host],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        started.append(process)
        return process, process.stdout.readline().strip()

    started = []
    yield start
    for process in started:
        process.kill()
        process.communicate()


def _post(base_url, *faults):
    body = {
        "prompt": f"[sandbox: {', '.join(faults)}]",
        "aspect_ratio": "VIDEO_ASPECT_RATIO_LANDSCAPE",
        "number_of_videos": 1,
    }
    headers = {"Authorization": "Bearer anything"}
    return httpx.stream(
        "POST", f"{base_url}/veo/text-to-video", headers=headers, json=body, timeout=60, trust_env=False
    )


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_takes_any_key_and_ends_at_a_signal_with_a_clean_terminal(foreground, tmp_path, number):
    process, base_url = foreground()
    with _post(base_url) as answer:
        assert answer.read().count(b"event: ") == 3
    for fault in ("drop", "reset", "half-event@complete"):
        with pytest.raises(httpx.RemoteProtocolError), _post(base_url, fault) as answer:
            answer.read()
    with socket.create_connection(("127.0.0.1", httpx.URL(base_url).port)) as half:
        half.sendall(
            b"POST /api/v1/veo/text-to-video HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\n"
            b"Content-Length: 100\r\n\r\nhalf a body"
        )
    with _post(base_url, "silence@starting") as answer:
        pieces = answer.iter_raw()
        assert next(pieces).startswith(b"event")
        process.send_signal(number)
        with pytest.raises(httpx.RemoteProtocolError):
            next(pieces)
    out, err = process.communicate(timeout=60)
    assert (out, err, process.returncode) == ("ended\n", "", 0)
    assert list(Path(tmp_path).iterdir()) == []


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6")
def test_it_listens_on_ipv6_too(foreground):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("no IPv6 on this machine")
    _, base_url = foreground("::1")
    assert base_url.startswith("http://[::1]:")
    assert httpx.get(f"{base_url}/veo/credits", timeout=60, trust_env=False).status_code == 401


def test_a_port_that_is_taken_is_an_os_error():
    from ipyveo.sandbox import SandboxOptions, serve

    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match=r"[Aa]ddress"):
        serve(SandboxOptions(), "127.0.0.1", taken.getsockname()[1], print)
