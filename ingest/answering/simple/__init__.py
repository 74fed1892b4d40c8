"""Routes for people and programs that come from a Whisper server of their own."""
