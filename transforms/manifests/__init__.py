"""Playlists as text, from typed segments; nothing here touches a sample or a file."""
