"""Training of shopedit-mini from scratch: a video VAE, then a flow transformer, on rendered clips."""
