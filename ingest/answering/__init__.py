"""Routes that answer an upload with what was said: OpenAI's, and simple ones for who comes from a Whisper server.

They take recordings in as every way does and wait for the results API as every client does (ADR 13): the
interactive lane, the same limits, the same results.
"""
