"""Static timelines with matplotlib."""
