"""IQ snippets: for each finding a small SigMF recording of the dwells in which it was heard strongest."""
