"""Ring 1, encoders: values to bytes. One file for each format or engine; each names one third-party package at most."""
