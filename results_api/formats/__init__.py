"""The forms a transcript is given out in. Pure."""
