"""`bench train report`: what a model folder is worth, measured from its weights on held-out scenes.

One line of a journal per measured thing, so that a report that is stopped goes on; the figures are worked out from the
lines alone (`summary`). The text-image model judges here (`judge`), and nothing that trains imports this package.
"""
