"""The Wan2.2-TI2V backbone: model folders, text, VAE, velocity, sigma grids and solvers."""
