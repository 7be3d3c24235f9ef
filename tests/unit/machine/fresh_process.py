"""Looks at MindSpore as the package starts it in a new process, and prints what it finds as JSON.

Without an argument only the environment is looked at; with one also the speed of convolutions and what Ctrl-C does.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from typing import Any


def interrupted() -> bool:
    """Whether Ctrl-C reaches Python after MindSpore has read a data set."""
    from mindspore import dataset

    from shelfmind.machine.device import restore_interrupts

    assert list(dataset.NumpySlicesDataset([1], shuffle=False).create_tuple_iterator(num_epochs=1, output_numpy=True))
    restore_interrupts()
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(10)
    except KeyboardInterrupt:
        return True
    return False


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent in the background may have it ignored
    from shelfmind.machine.device import all_instructions, start_mindspore

    start_mindspore("CPU")
    with all_instructions():
        other = os.environ.get("ONEDNN_MAX_CPU_ISA")
    found: dict[str, Any] = {"isa": os.environ["ONEDNN_MAX_CPU_ISA"], "isa_of_others": other}
    found["spins"] = os.environ.get("GOMP_SPINCOUNT")
    if len(sys.argv) > 1:
        from shelfmind.machine.doctor import MIN_GFLOPS, convolution_gflops

        found["gflops"] = 0.0
        for _ in range(3):  # a machine that is busy now and then passes
            found["gflops"] = max(found["gflops"], convolution_gflops())
            if found["gflops"] > MIN_GFLOPS:
                break
        found["interrupted"] = interrupted()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
