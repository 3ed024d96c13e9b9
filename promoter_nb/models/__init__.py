"The networks, one module each, and what they share."
