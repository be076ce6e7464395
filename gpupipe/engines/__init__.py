"""The engines: each knows where the rows live. Only code below here imports a dataframe, model or graph library."""
