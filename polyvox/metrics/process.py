"""What processes use: time, memory, disks, devices; and the requests they answer.

The label ``process`` names the services a process hosts, with + between, whichever host it runs on.
"""

from __future__ import annotations

from polyvox.metrics.metric import ANSWER_SECONDS, STALL_SECONDS, Metric

EVENT_LOOP_STALL = Metric(
    "polyvox_event_loop_stall_seconds",
    "histogram",
    "seconds",
    ("process",),
    "How late the event loop of a process woke up from a short sleep.",
    STALL_SECONDS,
)
PROCESS_CPU = Metric(
    "polyvox_process_cpu_seconds_total",
    "counter",
    "seconds",
    ("process",),
    "CPU time of a process with its children: those that hold models, those that decode.",
)
PROCESS_MEMORY = Metric(
    "polyvox_process_memory_bytes",
    "gauge",
    "bytes",
    ("process", "part"),
    "Resident memory of a process (own) and of the children it has (children).",
)
PROCESS_CHILDREN = Metric(
    "polyvox_process_children", "gauge", "processes", ("process",), "Children that a process has at this moment."
)
PROCESS_FILES = Metric(
    "polyvox_process_open_files", "gauge", "files", ("process",), "Files and connections that a process has open."
)
PROCESS_STARTED = Metric(
    "polyvox_process_start_time_seconds",
    "gauge",
    "seconds",
    ("process",),
    "When a process was started, in seconds since 1970: it changes when one is started again.",
    together="max",
)
DISK_FREE = Metric(
    "polyvox_disk_free_bytes",
    "gauge",
    "bytes",
    ("process", "folder"),
    "Room left on the disk of a folder: data (the embedded log, store and database), scratch or weights.",
    together="max",
)
DISK_SIZE = Metric(
    "polyvox_disk_size_bytes", "gauge", "bytes", ("process", "folder"), "Size of the disk of a folder.", together="max"
)
GPU_MEMORY_USED = Metric(
    "polyvox_gpu_memory_used_bytes",
    "gauge",
    "bytes",
    ("gpu",),
    "Memory in use on a GPU, by whomever; gpu is its number in the machine.",
    together="max",
)
GPU_MEMORY_SIZE = Metric(
    "polyvox_gpu_memory_size_bytes", "gauge", "bytes", ("gpu",), "Memory of a GPU.", together="max"
)
GPU_UTILISATION = Metric(
    "polyvox_gpu_utilisation_ratio",
    "gauge",
    "ratio",
    ("gpu",),
    "Share of the time in which a GPU was computing, from 0 to 1, as its driver says.",
    together="max",
)
CHILD_RESTARTS = Metric(
    "polyvox_child_restarts_total",
    "counter",
    "processes",
    ("child", "cause"),
    "Child processes that were given up and will be replaced, by cause.",
)
HTTP_REQUESTS = Metric(
    "polyvox_http_requests_total",
    "counter",
    "requests",
    ("route", "method", "status"),
    "Requests by the route that answered (its template, or unmatched), method and status.",
)
HTTP_DURATION = Metric(
    "polyvox_http_request_duration_seconds",
    "histogram",
    "seconds",
    ("route", "method"),
    "From the head of a request until its answer begins: an upload's whole body, but no stream's end.",
    ANSWER_SECONDS,
)

ALL = (
    EVENT_LOOP_STALL,
    PROCESS_CPU,
    PROCESS_MEMORY,
    PROCESS_CHILDREN,
    PROCESS_FILES,
    PROCESS_STARTED,
    DISK_FREE,
    DISK_SIZE,
    GPU_MEMORY_USED,
    GPU_MEMORY_SIZE,
    GPU_UTILISATION,
    CHILD_RESTARTS,
    HTTP_REQUESTS,
    HTTP_DURATION,
)
