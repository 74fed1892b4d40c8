"""One trace for each recording, from its upload to its result.

context.py has the form in which a trace travels, work.py what a task is doing, note.py how a message says what made
it. Spans are kept with the recording (results_api/view/trace.py) and exported where a setting asks for it
(polyvox/adapters/otlp.py).
"""

from polyvox.tracing.context import HEADER, TraceContext, new, of_headers, parse
from polyvox.tracing.note import NOTE, Note, note_of, of_message, read
from polyvox.tracing.work import Spans, Step, Try, Work, begun, current, doing, ended, in_hand, is_on, step, use

__all__ = [
    "HEADER",
    "NOTE",
    "Note",
    "Spans",
    "Step",
    "TraceContext",
    "Try",
    "Work",
    "begun",
    "current",
    "doing",
    "ended",
    "in_hand",
    "is_on",
    "new",
    "note_of",
    "of_headers",
    "of_message",
    "parse",
    "read",
    "step",
    "use",
]
