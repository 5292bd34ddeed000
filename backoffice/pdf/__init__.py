"""Documents on paper. `letterhead` gathers what stands on them, `document` sets it, `fonts` has the letters."""
