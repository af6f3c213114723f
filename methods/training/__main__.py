"""`python -m methods.training`: the commands of `bench train`, needing no more than this folder does."""

from methods.training.command import app

if __name__ == "__main__":
    app()
