"""A batch of 200 recordings; its kernel is killed twice, and its server once."""

import hashlib
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from call_log import CountedServer
from local_server import sound, wait_until

import speechkit_nb as sk
from speechkit_nb.client.transport.rate_limit import Quota
from speechkit_nb.wire import v3

N = 200
KERNEL = """
import sys
import speechkit_nb as sk

with sk.connect(sys.argv[1], quota=sk.Quota(None, 50)) as client:
    client.submit_many(sys.argv[2], reuse=True, progress=False).wait()
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """Recordings with different words: the text of each is its file name."""
    folder, scripts = tmp_path / "recordings", tmp_path / "scripts"
    folder.mkdir(), scripts.mkdir()
    for number in range(N):
        samples = np.random.default_rng(number).normal(0, 0.1, (1, 2400)).astype(np.float32)
        content = sound(samples, 8000)
        (folder / f"r{number:03}.wav").write_bytes(content)
        script = scripts / f"{hashlib.sha256(content).hexdigest()}.csv"
        script.write_text(f"word,start,end\nr{number:03}.wav,0.05,0.2\n")
    return folder


class Kernel:
    """A process that runs the batch, or continues that of an earlier process."""

    def __init__(self, target: str, folder: Path) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", KERNEL, target, str(folder)])

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        assert self.process.wait(20) == -signal.SIGKILL


def answers(data: Path) -> dict[str, str]:
    """Results of the server: operation id -> text."""
    db = sqlite3.connect(data / "operations.sqlite")
    found = {}
    for operation_id, message in db.execute("SELECT id, message FROM messages ORDER BY id, position"):
        final = v3.StreamingResponse.FromString(message).final
        if final.alternatives:
            found[operation_id] = final.alternatives[0].text
    db.close()
    return found


def settle(job: sk.Job, known: dict[str, str], client: sk.Client) -> None:
    """What a user does with an unknown job: look for it at the service, and decide."""
    there = [operation_id for operation_id, said in known.items() if said == job.recording]
    if there:
        job.abandon()
        client.job(there[0]).result(progress=False)
    else:
        job.resubmit().result(progress=False)


def test_nothing_is_lost_and_nothing_sent_twice(folder, tmp_path):
    """Each recording has its own result in the end, and the server got each once."""
    data, log = tmp_path / "data", tmp_path / "calls"
    models = {"general": f"scripted:{tmp_path / 'scripts'}"}
    server = CountedServer(log, models=models, data_dir=str(data))
    target = f"grpc://{server.address}"

    def sent(n: int) -> None:
        wait_until(lambda: server.count()["RecognizeFile"] >= n)

    kernel = Kernel(target, folder)
    sent(50)
    kernel.kill()
    kernel = Kernel(target, folder)
    sent(100)
    server.kill()
    server = CountedServer(log, models=models, data_dir=str(data), grpc=server.address)
    sent(150)
    kernel.kill()
    kernel = Kernel(target, folder)
    assert kernel.process.wait(100) == 0

    with sk.connect(target, quota=Quota(None, 50)) as client:
        for job in client.resume().unknown:
            settle(job, answers(data), client)
        jobs = client.jobs()
        assert set(jobs.status) <= {"done", "cancelled"}
        done = jobs.operation_id[jobs.status == "done"]
        texts = [client.job(operation_id).result(progress=False).text for operation_id in done]
    server.close()
    names = Counter(path.name for path in folder.iterdir())
    assert len(names) == N
    assert Counter(texts) == names
    assert Counter(answers(data).values()) == names
