"""What people put right in transcripts, made again on whatever words and speakers there are by now."""
