"""What the processes of a service take, as Prometheus names it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from shelfmind.serving.process_metrics import ProcessMetrics, processes_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the system says so in /proc")


def values(metrics):
    return {each.name: each.value for family in metrics.collect() for each in family.samples}


def test_processes_are_added_up():
    program = "print('ready', flush=True); input()"  # Python is in memory once it prints
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        one, two = values(ProcessMetrics()), values(ProcessMetrics(lambda: [os.getpid(), other.pid]))
        assert one["process_resident_memory_bytes"] > 10 * 2**20
        assert two["process_resident_memory_bytes"] > one["process_resident_memory_bytes"] + 2**20
        assert two["process_start_time_seconds"] == one["process_start_time_seconds"]
        assert two["process_max_fds"] <= one["process_max_fds"]
        other.communicate(b"\n")
    assert values(ProcessMetrics(list)) == {}


def test_a_process_that_is_gone_is_passed_over():
    assert values(ProcessMetrics(lambda: [2**22 + 5, os.getpid()]))["process_resident_memory_bytes"] > 0


def test_processes_are_those_that_have_live_files(tmp_path):
    for name in ("gauge_livesum_12.db", "gauge_livemax_12.db", "gauge_livesum_7.db", "counter_9.db", "x"):
        (tmp_path / name).touch()
    assert processes_of(tmp_path) == [7, 12]


def test_they_are_among_the_metrics(make_service, client):
    text = client(make_service()).get("/metrics").text
    assert "\nprocess_resident_memory_bytes " in text
    assert "\nprocess_cpu_seconds_total " in text
