"""Measurements against the FFmpeg command line, always as ratios within one run."""
