"""What engine ``dask-cuda`` cannot do beyond engines ``dask`` and ``gpu``; tried with one device, never with several."""

from __future__ import annotations

from gpupipe.core.limits import Limit

LIMITS = (
    Limit(
        "blocks from worker to worker on the device",
        "todo",
        "cuDF's spilling is on, and dask-cuda then leaves blocks that travel to pickle, through the hosts' memory, over UCX as well. The "
        "ledger counts what its two verbs move, and these journeys (shuffles, gathering, joins' small sides) are not among them.",
    ),
    Limit(
        "text into the devices' memory",
        "todo",
        "Blocks are pieces of files. Row groups of Parquet are read on the device; pieces of text are read by the other engines' reader on "
        "the worker's host, and each crosses once.",
    ),
    Limit(
        "training by workers that share a GPU",
        "upstream",
        "NCCL, through which XGBoost and cuML train together, takes one process a GPU. Where two workers have one, models are trained by "
        "one of them; everything else is done by both.",
    ),
    Limit(
        "a worker lost while cuML trains",
        "todo",
        "XGBoost's training is watched and begun again; cuml.dask's is not, and may wait without end for a worker that is gone.",
    ),
    Limit(
        "models that cuml.dask trains in another way",
        "upstream",
        "LogisticRegression there passes over weights; forests grow each tree from one worker's rows; Lasso and ElasticNet give no model "
        "back that can be saved; neighbours answer only while the cluster lives; least squares of one feature fail. All are trained on one "
        "worker, with a line in the report.",
    ),
    Limit(
        "addresses of UCX",
        "todo",
        "A cluster that listens at ucx:// is given as a client or cluster object of Dask's, or as FILE.py:FUNCTION. A local one uses UCX "
        "where Dask's option distributed.comm.default-scheme says so.",
    ),
    Limit(
        "graphs on many devices",
        "todo",
        "The edges come together on one worker, within its budget, and cuGraph measures them on its device. cugraph.dask is not used: it "
        "takes canonical edges that are spread already, and has no vertices without edges.",
    ),
    Limit("a warning for crossings", "todo", "Workers hold a run to its budget by raising, each by itself; crossings='warn' says nothing."),
)
