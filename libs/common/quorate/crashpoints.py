"""Named places at which a test can kill the process, as ``kill -9`` would.

``QUORATE_CRASHPOINT=router.committed:3`` ends the process the third time it comes by. Without the variable a
crashpoint costs one comparison.
"""

import os
import signal

_name, _, _count = os.environ.get("QUORATE_CRASHPOINT", "").partition(":")
_left = int(_count or 1)


def reached(name: str) -> None:
    """Tell that the process has come to the crashpoint ``name``."""
    global _left
    if name != _name:
        return
    _left -= 1
    if _left <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
