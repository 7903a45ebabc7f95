"""Public data sets in their own layouts, brought to a table of clips (`slt.data.own`)."""
