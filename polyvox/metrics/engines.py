"""What models and decoders do, and what it costs.

Children that hold models tell their parents with each result; the parents count.
"""

from __future__ import annotations

from polyvox.metrics.metric import SECONDS, SHARES, Metric

ENGINE_AUDIO = Metric(
    "polyvox_engine_audio_seconds_total",
    "counter",
    "seconds",
    ("stage", "engine", "model"),
    "Audio that an engine worked through. By its busy time this is the real-time factor (RTFx). decoder and its "
    "model flac stand for decoding.",
)
ENGINE_BUSY = Metric(
    "polyvox_engine_busy_seconds_total",
    "counter",
    "seconds",
    ("stage", "engine", "model"),
    "Wall-clock time that an engine worked, loading models left out.",
)
ENGINE_RTFX = Metric(
    "polyvox_engine_rtfx",
    "histogram",
    "ratio",
    ("stage", "engine"),
    "Seconds of audio for each second of an engine's work, of single parts and recordings.",
    (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0),
)
ENGINE_TOKENS = Metric(
    "polyvox_engine_tokens_total",
    "counter",
    "tokens",
    ("engine", "model"),
    "Tokens that a transcriber's engine wrote, those of hypotheses that were thrown away included.",
)
ENGINE_WINDOWS = Metric(
    "polyvox_engine_windows_total",
    "counter",
    "windows",
    ("engine", "model"),
    "Windows of up to 30 s that a transcriber's engine took through its encoder.",
)
ENGINE_DECODES = Metric(
    "polyvox_engine_decodes_total",
    "counter",
    "hypotheses",
    ("engine", "model"),
    "Times that an engine wrote a window's words; more than windows where the first time was not believed.",
)
BATCH_FILL = Metric(
    "polyvox_engine_batch_fill_ratio",
    "histogram",
    "ratio",
    ("engine",),
    "Of a part's places in the encoder (30 s for each window), the share that held audio and no padding.",
    SHARES,
)
MODEL_LOAD = Metric(
    "polyvox_model_load_seconds",
    "histogram",
    "seconds",
    ("stage", "engine", "model"),
    "Time to load a model into a child process.",
    SECONDS,
)
DEVICE_TIME = Metric(
    "polyvox_device_seconds_total",
    "counter",
    "seconds",
    ("stage", "device", "tenant_class"),
    "What work cost: seconds that a device (cpu, cuda; remote is an endpoint elsewhere) worked for a class of tenants.",
)
REMOTE_AUDIO = Metric(
    "polyvox_remote_audio_seconds_total",
    "counter",
    "seconds",
    ("model", "tenant_class"),
    "Audio that was sent to the endpoint of the engine openai and written down there, for a class of tenants: what it "
    "is paid for. What was sent again after a failure is not counted again.",
)
REMOTE_REQUESTS = Metric(
    "polyvox_remote_requests_total",
    "counter",
    "requests",
    ("model", "outcome"),
    "Requests to that endpoint: answered, limited (429, or an account that is used up), unreached, failed (worth "
    "another try) or refused.",
)
OVERFLOWING = Metric(
    "polyvox_overflowing_transcribers",
    "gauge",
    "transcribers",
    (),
    "Transcribers that send parts to that endpoint as well, because too much audio waits for the models here.",
)

ALL = (
    ENGINE_AUDIO,
    ENGINE_BUSY,
    ENGINE_RTFX,
    ENGINE_TOKENS,
    ENGINE_WINDOWS,
    ENGINE_DECODES,
    BATCH_FILL,
    MODEL_LOAD,
    DEVICE_TIME,
    REMOTE_AUDIO,
    REMOTE_REQUESTS,
    OVERFLOWING,
)
