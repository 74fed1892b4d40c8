"""Full text over all transcripts: what is indexed, what may be asked, and what is shown of it."""
