"""Reports made from stored results: contact sheets, blind sheets with their labels, figures against the truth."""
