"""Jobs: pipelines that run inside a cluster, apart from whoever sent them.

The scheduler keeps what is known of a job (`store`, through `plugin`), a task on a worker starts the pipeline's driver and watches it
(`watch`), the driver is ``gpupipe run`` in a process of its own (`driver`), and whoever asks does so through `desk`.
"""
