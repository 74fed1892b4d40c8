"""Makes the engine of a pipeline that was published, as it was published."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
from pyannote.audio import Pipeline
from pyannote.audio.pipelines import SpeakerDiarization

from diarizer.engines.pyannote import PyannoteEngine
from polyvox.errors import Invalid, Transient


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
