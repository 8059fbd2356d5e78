"""Signal processing: arrays in, arrays out.

Nothing here opens a file, reads a clock, touches hardware or prints.
"""
