from __future__ import annotations

import json
import re

from gpupipe.jobs.record import ENDED, Job, new_id


def test_a_job_travels_as_json() -> None:
    job = Job("flow-1", "flow.py:main", "dask", ("-p", "n=1"), state="running", started_at=5.0, ended_at=7.5)
    assert Job.of_json(json.loads(json.dumps(job.as_json()))) == job
    assert job.seconds == 2.5
    assert (job.key, job.ended) == ("gpupipe-job-flow-1", False)
    assert all(Job("a", "a.py", "cpu", state=state).ended for state in ENDED)


def test_ids_say_what_they_are_of_and_differ() -> None:
    made = {new_id("/flows/My Flow (2).py") for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"my-flow-2-[0-9a-f]{8}", one) for one in made)
    assert new_id("___.py").startswith("job-")
