"""Makes the engine that the settings name: our own pipeline, or a published one."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from pyannote.audio import Model, Pipeline
from pyannote.audio.pipelines import SpeakerDiarization

from diarizer.engines import campplus
from diarizer.engines.builtin import BuiltinEngine
from diarizer.engines.listening import Listener
from diarizer.engines.memory import batches
from diarizer.engines.pyannote import PyannoteEngine
from polyvox.errors import Invalid, Transient

logger = logging.getLogger(__name__)

BUILTIN_MODEL = "segmentation-3.0+campplus"

CPU_BATCHES = (8, 2)
"""Windows per step of segmentation and of embedding. From 3 windows on, the embedding's largest
array exceeds the 32 MB above which the C library maps memory afresh each time: it gets twice as slow."""
GPU_BATCHES = (32, 32)


def load_builtin(
    segmentation: Path, embedding: Path, device: torch.device, memory_bytes: int | None = None
) -> BuiltinEngine:
    """Our own engine with weights from local files.

    Args:
        segmentation: pyannote's segmentation-3.0 checkpoint (``pytorch_model.bin``).
        embedding: CAM++ state dict (``campplus_cn_en_common.pt``).
        device: where it runs.
        memory_bytes: what it may take of a GPU; fewer windows go through at once for it.

    Raises:
        Invalid: the checkpoint is none, or it does not fit into so much memory.
    """
    model = Model.from_pretrained(segmentation)
    if model is None:
        raise Invalid(f"{segmentation} is not a pyannote model", code="diarizer-pipeline")
    sizes = CPU_BATCHES if device.type == "cpu" else batches(memory_bytes, GPU_BATCHES)
    return BuiltinEngine(Listener(model, campplus.load(embedding), device, batch_sizes=sizes), BUILTIN_MODEL)


def load_published(name: str, token: str | None, device: torch.device) -> PyannoteEngine:
    """A pipeline of a local folder or of the Hugging Face hub, as it was published.

    Raises:
        Invalid: there is no such pipeline, or the token may not read it; the text says what to do.
        Transient: the hub does not answer.
    """
    try:
        pipeline: Any = Pipeline.from_pretrained(name, token=token)
    except LocalEntryNotFoundError as error:
        raise Transient(f"the hub did not give the pipeline {name}: {error}") from error
    except HfHubHTTPError as error:
        status = error.response.status_code
        if status >= 500 or status == 429:
            raise Transient(f"the hub did not give the pipeline {name}: {error}") from error
        raise _unusable(name, f"the hub answered {status}") from error
    except OSError as error:
        if Path(name).exists():
            raise _unusable(name, str(error)) from error
        raise Transient(f"the hub did not give the pipeline {name}: {error}") from error
    except Exception as error:
        # What a broken or foreign configuration raises is anybody's guess.
        raise _unusable(name, f"{type(error).__name__}: {error}") from error
    if not isinstance(pipeline, SpeakerDiarization):
        raise _unusable(name, f"it is {type(pipeline).__name__}, not SpeakerDiarization")
    pipeline.to(device)
    return PyannoteEngine(pipeline, name)


def _unusable(name: str, why: str) -> Invalid:
    return Invalid(
        f"The pipeline {name} cannot be loaded ({why}). Accept its conditions on Hugging Face and set "
        "POLYVOX_HF_TOKEN, or give a folder with its config.yaml and weights as POLYVOX_DIARIZER_PIPELINE, "
        "or set that to builtin.",
        code="diarizer-pipeline",
    )
