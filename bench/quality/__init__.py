"""How well each setting of the AAC encoder sounds, by a model of the ear."""
