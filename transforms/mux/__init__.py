"""
Writers of single-file containers: blocks of samples in, a finished file out.

Every writer is a function of the same shape, so that ``transforms.render`` can keep them in a
table; the file it is given is empty, seekable and stays open.
"""
