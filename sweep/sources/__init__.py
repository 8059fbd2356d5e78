"""Where samples and spectra come from: dongle, network, recording, simulated room."""
