"""The demo medley: its score (pure Python, seeded) and its rendering through a SoundFont."""
