"""Recognising people: whom it names, whom it leaves alone, whatever voices there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from polyvox.contracts import Diarization, SpeakerEmbedding
from results_api.people.recognition import RECOGNISE_S, Voice, recognise

LENGTH = 4
vectors = st.lists(st.floats(-1, 1), min_size=LENGTH, max_size=LENGTH).filter(lambda v: sum(x * x for x in v) > 0.01)


def heard(*found: list[float], speech_s: float = 60.0) -> Diarization:
    return Diarization(
        media_id="recording",
        duration_s=100.0,
        turns=[],
        speakers=[
            SpeakerEmbedding(speaker=f"S{n}", vector=vector, speech_s=speech_s) for n, vector in enumerate(found)
        ],
        engine="pyannote",
        model="builtin",
    )


def voice(person: str, vector: list[float], model: str = "pyannote/builtin") -> Voice:
    return Voice(person, person.title(), model, vector)


def cosine(one: list[float], other: list[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return float(dot / (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5)


@given(st.lists(vectors, max_size=5), st.lists(vectors, max_size=4), st.floats(-0.9, 0.95))
def test_the_most_alike_go_first_each_once_and_never_below_the_threshold(
    speakers: list[list[float]], people: list[list[float]], threshold: float
) -> None:
    found = recognise(heard(*speakers), [voice(f"p{n}", v) for n, v in enumerate(people)], threshold=threshold)
    assert len({one.person for one in found.values()}) == len(found)
    alike = {
        (f"S{n}", f"p{m}"): cosine(speaker, person)
        for n, speaker in enumerate(speakers)
        for m, person in enumerate(people)
    }
    for speaker, one in found.items():
        assert one.likeness >= threshold
        assert abs(one.likeness - alike[speaker, one.person]) < 1e-6
    chosen = {(speaker, one.person): one.likeness for speaker, one in found.items()}
    for (speaker, person), likeness in alike.items():
        # Whoever is not paired although alike enough gave way to somebody more alike.
        if (speaker, person) not in chosen and likeness > threshold + 1e-9:
            assert any(other >= likeness - 1e-9 for (s, p), other in chosen.items() if s == speaker or p == person)


@given(vectors, st.floats(0.1, 10))
def test_the_length_of_a_vector_says_nothing(vector: list[float], scale: float) -> None:
    louder = [scale * value for value in vector]
    assert recognise(heard(louder), [voice("anna", vector)], threshold=0.99)["S0"].person == "anna"


def test_a_person_with_several_voices_is_their_mean() -> None:
    near, far = [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]
    found = recognise(heard(near), [voice("anna", near), voice("anna", far)], threshold=0.5)
    assert abs(found["S0"].likeness - 0.5**0.5) < 1e-9


def test_voices_of_another_model_and_speakers_who_hardly_speak_are_nobody() -> None:
    vector = [1.0, 0.0, 0.0, 0.0]
    assert recognise(heard(vector), [voice("anna", vector, "pyannote/other")], threshold=0.0) == {}
    assert recognise(heard(vector, speech_s=RECOGNISE_S - 0.1), [voice("anna", vector)], threshold=0.0) == {}
    assert recognise(heard([]), [voice("anna", vector)], threshold=0.0) == {}
