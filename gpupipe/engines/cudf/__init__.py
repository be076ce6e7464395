"""Engine ``gpu``: cuDF frames on one device; see `gpupipe.engines._pandaslike` for what it shares with ``pandas``."""
