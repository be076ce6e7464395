"""Examples that are made: seeded, and by number, so that example i is the same whoever asks for it, on whatever device."""
