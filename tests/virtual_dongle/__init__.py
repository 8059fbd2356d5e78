"""A virtual RTL-SDR dongle: a shared library with librtlsdr's API that serves a synthetic radio scene."""
