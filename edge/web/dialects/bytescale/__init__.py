"""Bytescale: the job, usage and cache API beside the CDN's own URLs."""
