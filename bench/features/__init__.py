"""Features of clips, extracted once and shared by all metrics."""
