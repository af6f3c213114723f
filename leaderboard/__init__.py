"""The board: read side of the store, in a browser. Never imports torch, methods or metrics."""
