"""Buckets that speak S3: one client for the process, and what blobs and origins ask of it."""
