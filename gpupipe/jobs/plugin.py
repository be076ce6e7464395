"""The store of jobs inside a Dask scheduler: reached by one message, and told by the scheduler what becomes of the jobs' tasks.

Any client may put it there; the scheduler itself is started as always. ``scheduler.handlers`` is how Dask's own extensions (semaphores,
events) add messages.
"""

from __future__ import annotations

import tempfile
import time
from typing import Any

from distributed.diagnostics.plugin import SchedulerPlugin

from gpupipe.core.work import WorkFolder
from gpupipe.jobs.record import KEY_PREFIX, QUEUED, Job
from gpupipe.jobs.store import UNSEEN_SECONDS, JobStore

NAME = "gpupipe-jobs"
MESSAGE = "gpupipe_jobs"


class JobsPlugin(SchedulerPlugin):
    """Keeps the jobs of a cluster as long as its scheduler lives."""

    name = NAME
    idempotent = True

    async def start(self, scheduler: Any) -> None:
        """Make the store, and listen."""
        self.scheduler = scheduler
        self.work = WorkFolder(tempfile.gettempdir(), "gpupipe-jobs-")
        self.store = JobStore(self.work.path)
        scheduler.handlers[MESSAGE] = self.answer

    async def close(self) -> None:
        """Let go of the archives with the scheduler."""
        self.store.close()
        self.work.close()

    def answer(self, action: str, **what: Any) -> Any:
        """Return the store's answer to a message."""
        if action == "wanted":
            return self._is_wanted(**what)
        self._find_unseen()
        return getattr(self.store, action)(**what)

    def transition(self, key: Any, start: str, finish: str, *_: Any, **more: Any) -> None:
        """Follow the tasks of jobs."""
        if not (isinstance(key, str) and key.startswith(KEY_PREFIX)):
            return
        name = key.removeprefix(KEY_PREFIX)
        task = self.scheduler.tasks.get(key)
        if finish == "erred":
            self.store.task_ended(name, str(getattr(task, "exception_text", "")) or "its task failed")
        elif finish == "memory":
            self.store.task_ended(name, "its task ended, and nobody said how")
        elif finish == "forgotten":
            self.store.task_ended(name, "Dask has forgotten its task: somebody restarted the workers, or cancelled the task")
        elif start == "processing":
            job = self.store.get(name)
            self.store.task_left(name, str(job and job["worker"]))

    def _is_wanted(self, job_id: str) -> bool:
        """Return whether the scheduler will run the job also when the client is gone."""
        task = self.scheduler.tasks.get(KEY_PREFIX + job_id)
        entry = self.store.get(job_id)
        if entry is not None and (Job.of_json(entry).ended or entry["attempt"]):
            return True
        return task is not None and any(client.client_key == "fire-and-forget" for client in task.who_wants or ())

    def _find_unseen(self) -> None:
        """Note the jobs whose task never came: their client ended between the two."""
        for plain in self.store.listed():
            job = Job.of_json(plain)
            if job.state == QUEUED and job.key not in self.scheduler.tasks and time.time() - job.submitted_at > UNSEEN_SECONDS:
                self.store.task_ended(job.id, "whoever sent it was gone before the scheduler had it")
