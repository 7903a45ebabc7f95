"""Commands for those who train and score: runs, data sets, shards, tables of scores."""
