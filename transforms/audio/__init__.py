"""Sound itself: opening, surveying, decoding, cutting and encoding it with libav."""
