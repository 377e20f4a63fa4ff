"""What a timeline shows, before it is drawn: systems, sound, colours, problems, and binary columns."""
