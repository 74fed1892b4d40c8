"""Whisper on torch, batched: openai-whisper's weights, our own encoder, decoder and alignment."""
