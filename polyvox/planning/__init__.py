"""What it takes to transcribe so many hours a day, from measured figures."""
