"Boosted trees, random forests and ridge regression, and the tables that they read."
