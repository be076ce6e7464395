"""The contracts every other part of gpupipe stands on; imports nobody else in gpupipe."""
