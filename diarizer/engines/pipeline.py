"""pyannote.audio's SpeakerDiarization with weights and clustering of our choice.

Segmentation, speaker counting and reconstruction are pyannote's. Ours are the embedding
(CAM++, once per window instead of once per window and speaker) and a clustering that keeps
to the number of speakers asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pyannote.audio import Inference, Model, Pipeline
from pyannote.audio.pipelines import SpeakerDiarization
from pyannote.audio.pipelines.clustering import BaseClustering
from pyannote.core import SlidingWindowFeature
from pyannote.pipeline.parameter import ParamDict, Uniform
from torch.nn import functional

from diarizer.engines.agglomerate import agglomerate
from diarizer.engines.embedding import VoiceEmbedding
from diarizer.engines.masks import alone_where_possible

SEGMENTATION_STEP = 0.1
"""Of a window of 10 s."""
THRESHOLD = 0.7
"""Distance of centroids; 0.7 to 0.8 give the same error rate."""
MIN_CLUSTER_SIZE = 6
"""Windows that make a speaker. pyannote's 12 misses those with short turns: 14.4 instead of 12.2 % on composites."""
MIN_ALONE_SHARE = 0.2
"""Of a window: who speaks alone for less does not decide how many speakers there are."""
MIN_CLEAN_S = 0.3
"""Speech of one voice alone that is enough for its vector; below it, overlapped speech counts as well."""


class VoicesPipeline(SpeakerDiarization):
    """A SpeakerDiarization that is made of parts that are loaded already."""

    def __init__(self, segmentation: Model, embedding: VoiceEmbedding, *, batch_sizes: tuple[int, int]) -> None:
        """``batch_sizes``: windows per step of segmentation and of embedding."""
        # SpeakerDiarization.__init__ would fetch an embedding and a PLDA model from a hub, whatever it is given.
        Pipeline.__init__(self)
        self.legacy = False
        self.training = False
        self.segmentation_model = segmentation
        self.segmentation_step = SEGMENTATION_STEP
        self._segmentation = Inference(
            segmentation,
            duration=segmentation.specifications.duration,
            step=SEGMENTATION_STEP * segmentation.specifications.duration,
            skip_aggregation=True,
            batch_size=batch_sizes[0],
        )
        self.segmentation = ParamDict(min_duration_off=Uniform(0.0, 1.0))
        self.embedding_batch_size = batch_sizes[1]
        self.embedding_exclude_overlap = True
        self._embedding = embedding
        self.klustering = "BoundedClustering"
        self.clustering = BoundedClustering(metric=embedding.metric)
        self._expects_num_speakers = False
        self.instantiate({"segmentation": {"min_duration_off": 0.0}})

    def get_embeddings(
        self,
        file: Mapping[str, Any],
        binary_segmentations: SlidingWindowFeature,
        exclude_overlap: bool = False,
        hook: Callable[..., None] | None = None,
    ) -> NDArray[np.float32]:
        """Vectors (windows, speakers, 192) of who is active in each window; NaN for the others."""
        window = binary_segmentations.sliding_window
        active = np.nan_to_num(binary_segmentations.data).astype(np.float32)
        masks = alone_where_possible(active, round(MIN_CLEAN_S / window.duration * active.shape[1]))
        vectors = np.full((*masks.shape[::2], self._embedding.dimension), np.nan, np.float32)
        spoken = np.flatnonzero(masks.any(axis=(1, 2)))
        samples = file["waveform"][0]
        rate = self._embedding.sample_rate
        length = round(window.duration * rate)
        for done in range(0, len(spoken), self.embedding_batch_size):
            batch = spoken[done : done + self.embedding_batch_size]
            starts = [round(window[int(index)].start * rate) for index in batch]
            waveforms = [samples[start : start + length] for start in starts]
            padded = torch.stack([functional.pad(waveform, (0, length - len(waveform))) for waveform in waveforms])
            vectors[batch] = self._embedding(padded[:, None], torch.from_numpy(masks[batch].transpose(0, 2, 1)))
            if hook is not None:
                hook("embeddings", None, total=len(spoken), completed=done + len(batch))
        return vectors


class BoundedClustering(BaseClustering):
    """pyannote's clustering interface over ``agglomerate``."""

    def __call__(
        self,
        embeddings: NDArray[np.float32],
        segmentations: SlidingWindowFeature,
        num_clusters: int | None = None,
        min_clusters: int | None = None,
        max_clusters: float | None = None,
        *,
        file: Mapping[str, Any],
        **_: Any,
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """Cluster of each (window, speaker), their closeness to each cluster, the clusters' centres."""
        low = num_clusters or min_clusters or 1
        high = num_clusters or max_clusters
        recorded_s = file["waveform"].shape[1] / file["sample_rate"]
        windows, speakers = self._trusted(embeddings, segmentations, low, recorded_s)
        labels = agglomerate(
            embeddings[windows, speakers],
            threshold=THRESHOLD,
            min_cluster_size=MIN_CLUSTER_SIZE,
            low=low,
            high=int(high) if high is not None and np.isfinite(high) else None,
        )
        return self.assign_embeddings(embeddings, windows, speakers, labels)

    def _trusted(
        self, embeddings: NDArray[np.float32], segmentations: SlidingWindowFeature, wanted: int, recorded_s: float
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Indices of the vectors that decide who is who: of enough speech, unless there are too few."""
        # A window longer than the recording is filled up with silence, in which nobody can speak.
        recorded = min(1.0, recorded_s / segmentations.sliding_window.duration)
        _, windows, speakers = self.filter_embeddings(embeddings, segmentations, MIN_ALONE_SHARE * recorded)
        if len(windows) >= max(wanted, 1):
            return windows, speakers
        windows, speakers = np.nonzero(~np.isnan(embeddings).any(axis=2))
        return windows, speakers
