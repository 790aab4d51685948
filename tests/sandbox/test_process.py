"""The embedded sandbox comes when it is needed, goes with its parent, and keeps quiet."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from ipyveo.errors import VeoError
from ipyveo.sandbox import EmbeddedSandbox, SandboxOptions, shared

posix = pytest.mark.skipif(os.name != "posix", reason="process groups, forks and /proc")
linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")

QUICK = SandboxOptions(clip_seconds=0.25, stage_seconds=0)


@pytest.fixture
def embedded():
    sandbox = EmbeddedSandbox(QUICK)
    yield sandbox
    sandbox.stop()


def _credits(address):
    headers = {"Authorization": f"Bearer {address.api_key}"}
    return httpx.get(
        f"{address.base_url}/veo/credits", headers=headers, timeout=60, trust_env=False
    ).status_code


def _listens(base_url):
    try:
        httpx.get(f"{base_url}/veo/credits", timeout=60, trust_env=False)
    except httpx.TransportError:
        return False
    return True


def _runs(pid):
    try:
        # A process that has ended stays listed as a zombie until somebody collects it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def _until(condition, within=60.0):
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _script(code, **options):
    begin = "import json, os, sys, time\nfrom ipyveo.sandbox import EmbeddedSandbox, SandboxOptions, shared\n"
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "-c", begin + code], stdout=pipe, stderr=pipe, text=True, **options
    )


def test_it_starts_once_answers_and_stops_leaving_nothing(embedded):
    address = embedded.start()
    assert address.base_url.startswith("http://127.0.0.1:")
    assert _credits(address) == 200
    assert embedded.start() == address
    files, pid = embedded._files, embedded.pid
    assert Path(files).is_dir()
    embedded.stop()
    embedded.stop()
    assert embedded.pid is None
    assert not Path(files).exists()
    assert not _listens(address.base_url)
    with pytest.raises(ChildProcessError):
        os.waitpid(pid, 0)


def test_many_threads_start_one(embedded):
    addresses = []
    threads = [threading.Thread(target=lambda: addresses.append(embedded.start())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(addresses) == 8
    assert len(set(addresses)) == 1


def test_equal_options_share_one_and_others_do_not():
    one, two, other = shared(QUICK), shared(SandboxOptions(clip_seconds=0.25, stage_seconds=0)), shared()
    assert one is two
    assert one is not other
    try:
        assert one.start() == two.start()
        assert other.pid is None
    finally:
        one.stop()


def test_one_that_died_is_replaced(embedded):
    first, pid = embedded.start(), embedded.pid
    os.kill(pid, signal.SIGKILL)
    _until(lambda: embedded.pid is None)
    second = embedded.start()
    assert second != first
    assert _credits(second) == 200


def test_the_key_is_its_own_unless_given_and_never_shown(embedded):
    address = embedded.start()
    assert address.api_key not in repr(address)
    assert len(address.api_key) >= 32
    given = EmbeddedSandbox(SandboxOptions(api_key="mine", clip_seconds=0.25))
    try:
        assert given.start().api_key == "mine"
        assert _credits(given.start()) == 200
    finally:
        given.stop()


@linux
def test_neither_key_nor_options_are_in_its_arguments_or_environment(embedded, monkeypatch):
    monkeypatch.setenv("GENAIPRO_API_KEY", "real-money")
    monkeypatch.setenv("GENAIPRO_BASE_URL", "https://example.com")
    address = embedded.start()
    seen = [Path(f"/proc/{embedded.pid}/{name}").read_bytes() for name in ("cmdline", "environ")]
    assert seen[0].split(b"\0")[1:-1] == [b"-P", b"-m", b"ipyveo.sandbox"]
    for secret in (address.api_key, "real-money", "GENAIPRO", "clip_seconds"):
        assert secret.encode() not in b"".join(seen)


def test_one_that_cannot_start_says_so_plainly(embedded, monkeypatch, tmp_path):
    (tmp_path / "starlette.py").write_text("raise ImportError('starlette is broken here')")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    with pytest.raises(VeoError, match=r"did not start.*nothing was charged") as raised:
        embedded.start()
    assert "starlette is broken here" in raised.value.raw
    assert len(str(raised.value)) < 300
    assert not raised.value.maybe_charged
    monkeypatch.undo()
    assert _credits(embedded.start()) == 200


def test_a_module_in_the_working_directory_cannot_pose_as_a_package(embedded, monkeypatch, tmp_path):
    (tmp_path / "av.py").write_text("raise ImportError")
    (tmp_path / "queue.py").write_text("raise ImportError")
    monkeypatch.chdir(tmp_path)
    assert _credits(embedded.start()) == 200


START = "s = EmbeddedSandbox(SandboxOptions(clip_seconds=.25)); a = s.start()\n"
TELL = "print(json.dumps([s.pid, a.base_url, s._files]), flush=True)\n"


@linux
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_its_parent_and_removes_its_files(number):
    with _script(START + TELL + "time.sleep(60)") as parent:
        pid, base_url, files = json.loads(parent.stdout.readline())
        assert _listens(base_url)
        parent.send_signal(number)
    _until(lambda: not _runs(pid))
    assert not _listens(base_url)
    assert not Path(files).exists()


@linux
def test_it_ends_in_the_midst_of_work_when_its_parent_does():
    post = """
import httpx
body = {'prompt': '[sandbox: empty-stream]', 'number_of_videos': 4}
body['aspect_ratio'] = 'VIDEO_ASPECT_RATIO_LANDSCAPE'
httpx.post(a.base_url + '/veo/text-to-video', headers={'Authorization': 'Bearer ' + a.api_key}, json=body)
"""
    long = START.replace("clip_seconds=.25", "clip_seconds=60, stage_seconds=0")
    with _script(long + post + TELL + "time.sleep(60)") as parent:
        pid, _, files = json.loads(parent.stdout.readline())
        _until(lambda: any(Path(files).glob("*.mp4*")))
        parent.kill()
    _until(lambda: not _runs(pid))
    assert not Path(files).exists()


HANGS = """
import asyncio
from ipyveo.sandbox import __main__ as process, serving

async def hang(*_):
    await asyncio.sleep(600)

serving.Server.shutdown = hang
process._GRACE_SECONDS = 0.1
process.main()
"""


@posix
def test_one_that_takes_too_long_to_end_removes_its_files_all_the_same():
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", HANGS], stdin=pipe, stdout=pipe, text=True) as sandbox:
        sandbox.stdin.write(json.dumps({"parent": os.getpid()}) + "\n")
        sandbox.stdin.flush()
        files = Path(json.loads(sandbox.stdout.readline())["files"])
        assert files.is_dir()
        sandbox.stdin.close()
        assert sandbox.wait(60) == 1
    assert not files.exists()


@linux
def test_an_exiting_parent_stops_it_without_a_word():
    with _script(START + TELL) as parent:
        out, err = parent.communicate(timeout=60)
    pid, _, files = json.loads(out)
    assert (parent.returncode, err) == (0, "")
    assert not _runs(pid)
    assert not Path(files).exists()


@posix
def test_an_interrupt_of_the_whole_group_leaves_it_alone():
    wait = (
        f"try:\n    {TELL}    time.sleep(60)\nexcept KeyboardInterrupt:\n    print(s.pid, s.start() == a)\n"
    )
    with _script(START + wait, start_new_session=True) as parent:
        pid, base_url, _ = json.loads(parent.stdout.readline())
        os.killpg(parent.pid, signal.SIGINT)
        os.kill(pid, signal.SIGINT)
        out, err = parent.communicate(timeout=60)
    assert (out.split(), err, parent.returncode) == ([str(pid), "True"], "", 0)
    assert not _listens(base_url)


@posix
def test_a_fork_gets_its_own_and_leaves_its_parents_alone():
    fork = """
s, (out, into) = shared(SandboxOptions(clip_seconds=.25)), os.pipe()
a = s.start()
child = os.fork()
if child == 0:
    b, again = s.start(), shared(SandboxOptions(clip_seconds=.25))
    os.write(into, json.dumps([b != a, again is not s]).encode())
    sys.exit(0)
os.waitpid(child, 0)
print(os.read(out, 100).decode(), s.start() == a)
"""
    with _script(fork) as parent:
        out, err = parent.communicate(timeout=60)
    assert (out.strip(), err, parent.returncode) == ("[true, true] True", "", 0)
