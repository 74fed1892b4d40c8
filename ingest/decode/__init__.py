"""From whatever somebody uploaded to 16 kHz mono FLAC, in a process that can reach nothing else."""
