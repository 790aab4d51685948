"""Options are judged when they are made, and cost nothing to import."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ipyveo.sandbox import SandboxOptions


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"clip_seconds": 0.05}, "0.1 to 60"),
        ({"clip_seconds": 61}, "0.1 to 60"),
        ({"clip_seconds": float("nan")}, "0.1 to 60"),
        ({"clip_height": 480}, "360 or 720"),
        ({"quota": -1}, "quota"),
        ({"stage_seconds": -1}, "[Ss]tages"),
        ({"api_key": " "}, "key"),
        ({"fault": "nonsense"}, "no fault 'nonsense'.*drop.*html-file"),
        ({"fault": "drop@nowhere"}, "one of starting"),
        ({"fault": "drop@"}, None),
        ({"fault": "status"}, "a value after ="),
        ({"fault": "crlf@credits"}, "crlf"),
        ({"fault": "packs"}, "@credits"),
        ({"fault": "500@credits, 500@histories, packs@credits"}, None),
    ],
)
def test_options_out_of_range_are_refused_with_a_sentence(options, says):
    if says is None:
        assert SandboxOptions(**options).chosen().picks
    else:
        with pytest.raises(ValueError, match=says):
            SandboxOptions(**options)


def test_the_key_is_not_shown():
    assert "s3cret" not in repr(SandboxOptions(api_key="s3cret"))


def test_options_faults_and_the_process_need_no_heavy_package():
    heavy = "{'starlette', 'uvicorn', 'av', 'numpy', 'PIL', 'cv2'}"
    code = (
        "import sys; from ipyveo.sandbox import FAULTS, EmbeddedSandbox, SandboxOptions, shared;"
        "EmbeddedSandbox(SandboxOptions());"
        f"print(' '.join({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")
