"""Emits runs with the openlineage-python client: synchronous, compressed and asynchronous."""

import os
import sys
from datetime import datetime, timedelta, timezone

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.uuid import generate_new_uuid

sys.path.insert(0, os.path.dirname(__file__))
from ask import ask, same, until  # noqa: E402

BASE = {"url": os.environ["OPENLINEAGE_URL"], "auth": {"type": "api_key", "apiKey": os.environ["OPENLINEAGE_API_KEY"]}}
TRANSPORTS = {
    "http": {"type": "http", **BASE},
    "gzip": {"type": "http", "compression": "gzip", **BASE},
    "async_http": {"type": "async_http", **BASE},
}
RUNS = """query($job: ID!) { workspace(slug: "default") { runs(filter: {pipelines: [$job]}, first: 100) {
  nodes { runId status durationMs inputs { artifactVersion { artifact { name } } } outputs { artifactVersion { artifact { name } } } } } } }"""


def emit(name, transport, runs):
    """Each run reads one dataset and writes another; every third one fails."""
    client = OpenLineageClient(config={"transport": transport})
    start = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    job = Job(namespace="clients", name=name)
    want = {}
    for i in range(runs):
        run = Run(runId=str(generate_new_uuid()))
        end = RunState.FAIL if i % 3 == 2 else RunState.COMPLETE
        reads, writes = [InputDataset("files", f"{name}-in")], [OutputDataset("files", f"{name}-out")]
        for state, at in ((RunState.START, start), (RunState.RUNNING, start + timedelta(seconds=1)), (end, start + timedelta(seconds=5))):
            client.emit(RunEvent(eventType=state, eventTime=at.isoformat(), run=run, job=job, producer="https://example.org/annals/clients", inputs=reads, outputs=writes))
        want[run.runId] = ("FAILED" if end is RunState.FAIL else "SUCCEEDED", "5000", [f"{name}-in"], [f"{name}-out"])
        start += timedelta(minutes=1)
    if hasattr(client, "close"):
        client.close()
    return want


def shown(name):
    """What Annals shows of the runs of a job."""
    workspace = ask(RUNS, job="clients/" + name)["workspace"]
    return {
        r["runId"]: (r["status"], str(r["durationMs"]), [v["artifactVersion"]["artifact"]["name"] for v in r["inputs"]], [v["artifactVersion"]["artifact"]["name"] for v in r["outputs"]])
        for r in workspace["runs"]["nodes"]
    }


for name, transport in TRANSPORTS.items():
    want = emit(name, transport, 12)

    def complete():
        """The runs, once all of them have ended."""
        got = shown(name)
        return got if len(got) == len(want) and all(r[0] in ("SUCCEEDED", "FAILED") for r in got.values()) else None

    same(f"openlineage-python over {name}: {len(want)} runs", until(f"the runs sent over {name} are shown", complete), want)
