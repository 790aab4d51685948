"""Mends in a kernel of ipykernel 7.3 what would make each test of it a gamble, as 7.4 has it.

It sends replies past the stream that reads from the same socket, and overlooks a request that comes in just
then, for good: https://github.com/ipython/ipykernel/issues/1554. Here it looks again after each reply.
"""

from __future__ import annotations

import sys
from typing import Any


def _mend() -> None:
    import zmq
    from ipykernel.kernelapp import IPKernelApp
    from ipykernel.subshell_manager import SubshellManager

    send = SubshellManager._send_on_shell_channel

    def send_and_look(self: SubshellManager, message: Any) -> None:
        send(self, message)
        stream = IPKernelApp.instance().kernel.shell_stream
        stream.io_loop.add_callback(stream.flush, zmq.POLLIN)

    SubshellManager._send_on_shell_channel = send_and_look


# Of the interpreter's first module: what else it starts must not load a kernel.
if any("ipykernel_launcher" in argument for argument in sys.orig_argv):
    _mend()
