"""AIOZ Stream's API of audio: media that are announced, sent in parts, transcoded and played."""
