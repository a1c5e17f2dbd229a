"""The promises of `make run` in time: stopped within 10 s, started again within 10."""

import shutil
import tempfile
from pathlib import Path

from ops.up import valkey
from tests.observer import Observer
from tests.proofs.report import Report
from tests.running import Zenith, is_running, seconds_until

MODEL = "smollm2-135m-instruct"
QUESTION = "What is the capital of France?"


def prove_the_first_answer_and_a_second_start():
    report = Report("start", "Starting, answering, stopping", ["what", "took"])
    folder = Path(tempfile.mkdtemp(prefix="zp-"))
    zenith = Zenith(folder, valkey.free_port())
    observer = Observer(zenith)
    try:
        report.row("first start, dependencies installed", f"{zenith.ready_after_s:.1f} s")
        active_s = seconds_until("a model is active", observer.active_satellites, 600)
        report.row(
            "model uplinked and active on a first satellite, after that", f"{active_s:.1f} s"
        )
        answer = observer.customer.ask(QUESTION, model=MODEL, max_tokens=40)
        assert answer.text == "The capital of France is Paris."

        family = zenith.family()
        zenith.process.terminate()
        stopped_s = seconds_until("it ends", lambda: zenith.process.poll() is not None, 30)
        report.row("stopped by SIGTERM, nothing left", f"{stopped_s:.1f} s")
        assert stopped_s < 10
        assert not [pid for pid in family if is_running(pid)]
        zenith.process.stdout.close()

        zenith = Zenith(folder, zenith.port)
        report.row("second start, its data found again", f"{zenith.ready_after_s:.1f} s")
        assert zenith.ready_after_s < 10
        assert Observer(zenith).active_satellites()
    finally:
        zenith.end()
        shutil.rmtree(folder)
