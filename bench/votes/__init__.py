"""Human evaluation: studies, blind ballots, ratings, and what they say. The protocol is docs/votes.md."""
