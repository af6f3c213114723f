"""The test set: what is rendered, how, its shipped files and their loader."""
