"""How the built-in providers sign, written again for tests."""
