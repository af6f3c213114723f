"""Source-target training pairs: rendered, augmented, audited, in WebDataset shards."""
